"""Make the portable executables: dist/DICOMPACSMigrator, a folder with both programs, and an archive of it.

    python scripts/build_exe.py                      build, try what was built, pack, write dist/SHA256SUMS
    python scripts/build_exe.py --no-archive         without packing the folder

Standard library only: PyInstaller and all packages come from a private environment that holds exactly
requirements/exe.lock, made once and kept in the cache. What is built stands in release/dicom_migrator.spec. A
program runs on the kind of system that it was built on, so each system builds its own; a Linux needs at least
the glibc of the one where it was built.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dicom_migrator import complaint  # noqa: E402
from migrator import __version__  # noqa: E402
from migrator.bootstrap import SetupError  # noqa: E402
from migrator.bootstrap.launch import SETUP_FAILED, prepare  # noqa: E402
from migrator.bootstrap.layers import Layer  # noqa: E402
from scripts import digests  # noqa: E402

NAME = "DICOMPACSMigrator"
EXE = Layer("exe", "requirements/exe.lock")
SPEC = ROOT / "release" / "dicom_migrator.spec"
NOTICES = ("LICENSE", "THIRD_PARTY_NOTICES.md")
SYSTEM = {"win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)


def main() -> int:
    arguments = read_arguments()
    if sys.platform == "linux" and shutil.which("objdump") is None:
        print("build_exe: PyInstaller needs objdump, of the package binutils", file=sys.stderr)
        return 1
    dist: Path = arguments.dist.absolute()
    try:
        build(prepare(EXE, ROOT, arguments.wheelhouse), dist)
        try_out(dist)
    except SetupError as error:
        print(f"build_exe: {error}", file=sys.stderr)
        return SETUP_FAILED
    except subprocess.CalledProcessError as error:
        print(f"build_exe: {' '.join(map(str, error.cmd))} ended with {error.returncode}", file=sys.stderr)
        return 1
    made = [program(dist, NAME), program(dist, f"{NAME}-cli")]
    if not arguments.no_archive:
        made.append(pack(dist))
    for line in digests.note(dist, made):
        print(line)
    return 0


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="make the portable executables of this system")
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", metavar="DIR", help="default: dist")
    parser.add_argument("--no-archive", action="store_true", help="leave the folder unpacked")
    parser.add_argument("--wheelhouse", type=Path, metavar="DIR", help="set up from a folder of wheels")
    return parser.parse_args()


def build(python: Path, dist: Path) -> None:
    """Run PyInstaller by this Python. Raises CalledProcessError; its words are shown then."""
    started = time.monotonic()
    print("building, which takes a minute or two", flush=True)
    with tempfile.TemporaryDirectory(prefix="dicom-migrator-exe-") as work:
        places = ["--distpath", str(dist), "--workpath", work]
        # -I: nothing of the user's own packages, nor of the folder that this was started in.
        command = [str(python), "-I", "-m", "PyInstaller", "--noconfirm", *places, str(SPEC)]
        done = subprocess.run(command, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout.decode("utf-8", "replace"))
        done.check_returncode()
    for name in NOTICES:
        shutil.copyfile(ROOT / name, dist / NAME / name)
    print(f"built in {time.monotonic() - started:.0f} s: {folder_of(dist)}", flush=True)


def folder_of(dist: Path) -> Path:
    """What users get: a folder; on macOS an application."""
    return dist / (f"{NAME}.app" if sys.platform == "darwin" else NAME)


def program(dist: Path, name: str) -> Path:
    """One of the two programs."""
    if sys.platform == "darwin":
        return folder_of(dist) / "Contents" / "MacOS" / name
    return folder_of(dist) / (f"{name}.exe" if sys.platform == "win32" else name)


def try_out(dist: Path) -> None:
    """Let what was built prove itself, with an empty home and no program to be found.

    Raises CalledProcessError.
    """
    with tempfile.TemporaryDirectory(prefix="dicom-migrator-exe-") as home:
        nothing = {"HOME": home, "USERPROFILE": home, "PATH": home}
        # Windows itself needs some of the others: where it is, and where temporary files go.
        kept = os.environ if sys.platform == "win32" else {}
        bare = {name: text for name, text in kept.items() if not name.startswith(("PYTHON", "DICOM_"))}
        for words in ([f"{NAME}-cli", "self-test"], [f"{NAME}-cli", "demo"], [NAME, "--version"]):
            _run([str(program(dist, words[0])), *words[1:]], bare | nothing)


def _run(command: Sequence[str], variables: dict[str, str]) -> None:
    started = time.monotonic()
    done = subprocess.run(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode:
        sys.stderr.write(done.stdout.decode("utf-8", "replace"))
    done.check_returncode()
    print(
        f"{Path(command[0]).name} {' '.join(command[1:])}: good, {time.monotonic() - started:.1f} s",
        flush=True,
    )


def pack(dist: Path) -> Path:
    """An archive of the folder, in the form that the system unpacks by itself."""
    form = "zip" if sys.platform == "win32" else "gztar"
    name = f"{NAME}-{__version__}-{SYSTEM}-{platform.machine().lower()}"
    if sys.platform != "darwin":
        return Path(shutil.make_archive(str(dist / name), form, dist, NAME))
    with tempfile.TemporaryDirectory(prefix="dicom-migrator-exe-") as folder:
        whole = Path(folder) / NAME
        shutil.copytree(folder_of(dist), whole / folder_of(dist).name, symlinks=True)
        for notice in NOTICES:
            shutil.copyfile(ROOT / notice, whole / notice)
        return Path(shutil.make_archive(str(dist / name), form, folder, NAME))


if __name__ == "__main__":
    if sentence := complaint(tuple(sys.version_info), False):
        print(sentence, file=sys.stderr)
        sys.exit(2)
    sys.exit(main())
