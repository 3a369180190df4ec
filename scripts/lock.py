"""Make the locks in requirements/ from the pins in pyproject.toml, and check that every wheel exists.

    python scripts/lock.py            make them anew
    python scripts/lock.py --check    only check the wheels of the locks that are there

Runs the pinned uv: `uv` beside this interpreter or on the PATH. The index is PyPI, whatever this machine's
settings are, so that a lock made anywhere is the same; no address of an index is written.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {
    "base": ["pyproject.toml"],
    "window": ["pyproject.toml", "--extra", "window", "--constraint", "requirements/base.lock"],
    "dev": [
        *("pyproject.toml", "--extra", "window", "--group", "dev"),
        *("--constraint", "requirements/base.lock", "--constraint", "requirements/window.lock"),
    ],
    "exe": [
        *("pyproject.toml", "--extra", "window", "--group", "exe"),
        *("--constraint", "requirements/base.lock", "--constraint", "requirements/window.lock"),
    ],
    "pip": ["--group", "pip"],
}
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
PLATFORMS = ("x86_64-manylinux2014", "x86_64-pc-windows-msvc", "aarch64-apple-darwin", "x86_64-apple-darwin")
HEADER = "# Made by scripts/lock.py from pyproject.toml. Do not edit.\n"
COMPILE = ("pip", "compile", "--quiet", "--no-config", "--default-index", "https://pypi.org/simple")


def main() -> int:
    parser = argparse.ArgumentParser(description="make the locks in requirements/ and check their wheels")
    parser.add_argument("--check", action="store_true", help="only check the wheels of the existing locks")
    arguments = parser.parse_args()
    if not arguments.check:
        for name, what in LOCKS.items():
            make(name, what)
    return 1 if sum(map(missing_wheels, LOCKS)) else 0


def make(name: str, what: list[str]) -> None:
    """Resolve one lock for all supported Pythons and systems at once."""
    lock = ROOT / "requirements" / f"{name}.lock"
    options = ("--universal", "--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url")
    text = uv(*COMPILE, *options, "--python-version", PYTHONS[0], *what)
    for forbidden in ("://", "file:", str(ROOT)):
        if forbidden in text:
            raise SystemExit(f"{lock.name} would hold {forbidden!r}: an address has no place in a lock")
    lock.write_text(HEADER + text, encoding="utf-8", newline="\n")
    print(f"{lock.relative_to(ROOT)}: {text.count('==')} packages")


def missing_wheels(name: str) -> int:
    """Say where a locked package has no wheel; returns how many combinations lack one."""
    missing = 0
    for python, platform in itertools.product(PYTHONS, PLATFORMS):
        target = ("--python-version", python, "--python-platform", platform)
        try:
            uv(*COMPILE, "--no-deps", "--only-binary", ":all:", *target, f"requirements/{name}.lock")
        except subprocess.CalledProcessError as error:
            missing += 1
            print(f"{name}.lock on Python {python}, {platform}:\n{error.stderr}", file=sys.stderr)
    print(
        f"{name}.lock: wheels for {len(PYTHONS) * len(PLATFORMS) - missing} of "
        f"{len(PYTHONS) * len(PLATFORMS)} combinations of Python and platform"
    )
    return missing


def uv(*arguments: str) -> str:
    """Run uv in the project's root; returns what it printed. Raises CalledProcessError."""
    program = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if program is None:
        raise SystemExit(
            "uv is missing: pip install the version that pyproject.toml names in its group 'lock'"
        )
    done = subprocess.run([program, *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
