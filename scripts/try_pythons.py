"""Try the launcher as a new user would: a fresh clone or a single file, an empty home directory, one Python
after the other.

    python scripts/try_pythons.py                     dicom_migrator.py --version
    python scripts/try_pythons.py -- demo             another command
    python scripts/try_pythons.py --python /usr/bin/python3 --without-ensurepip
    python scripts/try_pythons.py --file dist/dicom_migrator.pyz -- self-test
    python scripts/try_pythons.py --file dist/dicom_migrator-offline-….pyz --without-network --python PYTHON

Each Python starts the command twice: the first start sets up, the second shows what a start costs. That takes
minutes; run it by hand before a release.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MINORS = ("3.10", "3.11", "3.12", "3.13")

# In a mount namespace of its own: hides what Debian's python3 lacks without python3-venv and python3-pip.
HIDE = """
for folder in {lib}/ensurepip /usr/share/python-wheels /usr/lib/python3/dist-packages/pip; do
    if [ -d "$folder" ]; then mount -t tmpfs none "$folder"; fi
done
export PATH=/usr/bin:/bin
exec "$@"
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="try the launcher with every Python at hand")
    parser.add_argument("--python", action="append", help="only this one; may be given several times")
    parser.add_argument(
        "--without-ensurepip", action="store_true", help="hide every pip from it (Linux, root)"
    )
    parser.add_argument("--file", type=Path, help="start this single file instead of a fresh clone")
    parser.add_argument("--without-network", action="store_true", help="take it away (Linux, root)")
    parser.add_argument("command", nargs="*", help="after --: what to run (default: --version)")
    arguments = parser.parse_args()
    pythons = arguments.python or list(installed())
    good = [attempt(python, arguments) for python in pythons]
    return 0 if good and all(good) else 1


def installed() -> Iterator[str]:
    """The supported Pythons of this machine: pyenv's, those on the PATH, and the system's own."""
    for minor in MINORS:
        of_pyenv = sorted(Path.home().glob(f".pyenv/versions/{minor}.*/bin/python{minor}"))
        found = str(of_pyenv[-1]) if of_pyenv else shutil.which(f"python{minor}")
        if found:
            yield found
        else:
            print(f"Python {minor}: none found", flush=True)
    if Path("/usr/bin/python3").exists():
        yield "/usr/bin/python3"


def attempt(python: str, arguments: argparse.Namespace) -> bool:
    """Start twice with an empty home, and tell how long each took; returns whether both succeeded."""
    with tempfile.TemporaryDirectory(prefix="try-") as folder:
        clone, home = Path(folder, "clone"), Path(folder, "home")
        if arguments.file is None:
            subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        home.mkdir()
        program = arguments.file.absolute() if arguments.file else clone / "dicom_migrator.py"
        start = [python, str(program), *(arguments.command or ["--version"])]
        if arguments.without_ensurepip:
            start = hidden(python, start)
        if arguments.without_network:
            # Only the loopback interface is left, which our own tests of a node need.
            start = ["unshare", "--net", "sh", "-ec", 'ip link set lo up; exec "$@"', "sh", *start]
        codes = []
        for _ in range(2):
            began = time.monotonic()
            done = subprocess.run(start, env=bare_environment(home), cwd=home, check=False)
            codes.append(done.returncode)
            print(f"{python}: exit {done.returncode} after {time.monotonic() - began:.2f} s", flush=True)
        return codes == [0, 0]


def bare_environment(home: Path) -> dict[str, str]:
    """This process's environment with another home, and nothing that moves our folders."""
    moved = ("DICOM_MIGRATOR_", "XDG_", "PYTHON", "VIRTUAL_ENV")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(moved)}
    return kept | {"HOME": str(home), "USERPROFILE": str(home)}


def hidden(python: str, start: list[str]) -> list[str]:
    library = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    return ["unshare", "--mount", "sh", "-ec", HIDE.format(lib=library), "sh", *start]


if __name__ == "__main__":
    sys.exit(main())
