"""Make the single file: the whole program as dist/dicom_migrator.pyz, which any supported Python runs.

    python scripts/make_pyz.py                        dist/dicom_migrator.pyz
    python scripts/make_pyz.py --offline              with all packages, for a machine without internet
    python scripts/make_pyz.py --offline --window --python 3.12 --platform windows-x86_64

Standard library only. The same tree gives the same bytes, on every machine and with every Python: files are
stored in order, uncompressed, with a fixed time. SHA-256 of what is made stands in dist/SHA256SUMS.
How the file runs: migrator/bootstrap/unpacking.py.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import io
import json
import os
import platform
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dicom_migrator import NEWEST, OLDEST, complaint  # noqa: E402
from migrator.bootstrap.unpacking import CONTENTS, WHEELS, WHEELS_FOR  # noqa: E402
from scripts import digests  # noqa: E402

PROGRAM = (
    *("dicom_migrator.py", "logo.png", "LICENSE", "README.md", "THIRD_PARTY_NOTICES.md", "migrator"),
    *(f"requirements/{name}.lock" for name in ("base", "window", "pip")),
)
# What a checkout holds of migrator, where no git tells.
_SUFFIXES = {".css", ".html", ".js", ".json", ".png", ".py", ".svg", ".typ", ".webmanifest"}
_MOMENT = (2020, 1, 1, 0, 0, 0)

MAIN = '''\
"""DICOM PACS Migrator as a single file; every Python from 2.7 on understands this."""

import os
import sys

from dicom_migrator import complaint


def main():
    in_place = os.environ.get("DICOM_MIGRATOR_NO_BOOTSTRAP") == "1"
    sentence = complaint(tuple(sys.version_info), in_place)
    if sentence:
        sys.stderr.write(sentence + "\\n")
        return 2
    from migrator.bootstrap.unpacking import run

    return run(os.path.dirname(os.path.abspath(__file__)))


if __name__ == "__main__":
    sys.exit(main())
'''


def _linux(machine: str) -> list[str]:
    return [f"manylinux{old}_{machine}" for old in ("2014", "_2_17", "2010", "_2_12", "1", "_2_5")]


def _mac(machine: str, oldest: int) -> list[str]:
    versions = [f"10_{minor}" for minor in range(oldest, 17)] if oldest else []
    versions += [f"{major}_0" for major in (11, 12, 13)]
    return [f"macosx_{version}_{kind}" for version in reversed(versions) for kind in (machine, "universal2")]


# By platform: the tags of its wheels, and what the markers of a lock ask for.
PLATFORMS: dict[str, tuple[list[str], dict[str, str]]] = {
    "linux-x86_64": (_linux("x86_64"), {"sys_platform": "linux", "platform_machine": "x86_64"}),
    "windows-x86_64": (["win_amd64"], {"sys_platform": "win32", "platform_machine": "AMD64"}),
    "macos-arm64": (_mac("arm64", 0), {"sys_platform": "darwin", "platform_machine": "arm64"}),
    "macos-x86_64": (_mac("x86_64", 9), {"sys_platform": "darwin", "platform_machine": "x86_64"}),
}
_OF_SYSTEM = {
    "linux": {"os_name": "posix", "platform_system": "Linux"},
    "win32": {"os_name": "nt", "platform_system": "Windows"},
    "darwin": {"os_name": "posix", "platform_system": "Darwin"},
}


def main() -> int:
    arguments = read_arguments()
    arguments.dist.mkdir(parents=True, exist_ok=True)
    members = dict(program(ROOT))
    name = "dicom_migrator.pyz"
    if arguments.offline:
        tag = f"cp{arguments.python.replace('.', '')}"
        window = "-window" if arguments.window else ""
        name = f"dicom_migrator-offline{window}-{arguments.platform}-{tag}.pyz"
        members |= packages(arguments)
    archive = arguments.dist / name
    unfinished = archive.with_suffix(".part")
    unfinished.write_bytes(packed(members))
    unfinished.chmod(0o755)
    unfinished.replace(archive)
    (line,) = digests.note(archive.parent, [archive])
    print(f"{archive}: {archive.stat().st_size / 1e6:,.1f} MB, SHA-256 {line.partition(' ')[0]}")
    return 0


def read_arguments() -> argparse.Namespace:
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    pythons = [f"3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)]
    parser = argparse.ArgumentParser(description="make the single file dicom_migrator.pyz")
    parser.add_argument(
        "--offline", action="store_true", help="with all packages, for a machine without internet"
    )
    parser.add_argument("--window", action="store_true", help="with --offline: the window's packages too")
    parser.add_argument(
        "--python", choices=pythons, default=here, help="with --offline: for this Python (default: this one)"
    )
    parser.add_argument(
        "--platform",
        choices=PLATFORMS,
        default=this_platform(),
        help="with --offline: for this system (default: this one)",
    )
    parser.add_argument(
        "--dist", type=Path, default=ROOT / "dist", metavar="DIR", help="where it is put (default: dist)"
    )
    arguments = parser.parse_args()
    if arguments.offline and arguments.platform is None:
        parser.error("there is no lock for this system; name one with --platform")
    if arguments.offline and arguments.python not in pythons:
        parser.error(f"there is no lock for Python {here}; name one with --python")
    return arguments


def this_platform() -> str | None:
    """The name of this machine's platform; None where no packages are locked for it."""
    for name, (_, markers) in PLATFORMS.items():
        if (sys.platform, platform.machine()) == (markers["sys_platform"], markers["platform_machine"]):
            return name
    return None


def program(root: Path) -> Iterator[tuple[str, bytes]]:
    """The members of the archive: how it starts, the program's files, and a list of these."""
    files = {name: (root / name).read_bytes() for name in tracked(root)}
    if missing := [name for name in PROGRAM if not any(f"{file}/".startswith(f"{name}/") for file in files)]:
        raise SystemExit(f"this checkout lacks {', '.join(missing)}")
    lines = (
        f"{hashlib.sha256(data).hexdigest()} {len(data)} {name}\n" for name, data in sorted(files.items())
    )
    contents = "".join(lines).encode()
    yield from files.items()
    yield "__main__.py", MAIN.encode()
    yield CONTENTS, contents


def tracked(root: Path) -> list[str]:
    """The program's files, relative to the root: those that git tracks, or without git all of their kinds."""
    if (root / ".git").exists() and (names := of_git(root)):
        if strangers := of_git(root, "--others", "--exclude-standard"):
            print(f"left out, since git does not track it: {', '.join(strangers)}", file=sys.stderr)
        return sorted(name for name in names if (root / name).is_file())
    found = [root / name for name in PROGRAM if (root / name).is_file()]
    found += [file for file in (root / "migrator").rglob("*") if file.suffix in _SUFFIXES and file.is_file()]
    return sorted(file.relative_to(root).as_posix() for file in found)


def of_git(root: Path, *options: str) -> list[str]:
    """What git lists of the program; nothing where there is no git."""
    command = ["git", "-C", str(root), "ls-files", "-z", *options, "--", *PROGRAM]
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8")
    except (OSError, subprocess.CalledProcessError):
        return []
    return [name for name in listed.split("\0") if name]


def packages(arguments: argparse.Namespace) -> dict[str, bytes]:
    """The wheels of the locks, each as its lock names it, and for whom they are."""
    layers = ["base", "window"] if arguments.window else ["base"]
    lock = (ROOT / "requirements" / f"{layers[-1]}.lock").read_text("utf-8")
    pip = (ROOT / "requirements" / "pip.lock").read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(applying(lock + pip, arguments.platform, arguments.python), encoding="utf-8")
        wheels = Path(folder) / "wheels"
        download(wanted, wheels, arguments)
        members = {f"{WHEELS}{wheel.name}": wheel.read_bytes() for wheel in wheels.glob("*.whl")}
    told = {"python": arguments.python, "platform": arguments.platform, "layers": layers}
    told |= PLATFORMS[arguments.platform][1]
    print(f"{len(members)} packages for Python {arguments.python} on {arguments.platform}")
    return members | {WHEELS_FOR: json.dumps(told, sort_keys=True).encode()}


def applying(lock: str, target: str, python: str) -> str:
    """The packages of a lock whose markers hold there; pip would judge them by where it runs itself."""
    marker_of = _markers()
    asked = PLATFORMS[target][1]
    there = {
        **asked,
        **_OF_SYSTEM[asked["sys_platform"]],
        "python_version": python,
        "python_full_version": f"{python}.99",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }
    blocks = lock.replace("\\\n", "\0").splitlines()
    kept = []
    for block in blocks:
        requirement, *hashes = block.split("\0")
        pin, _, marker = requirement.partition(";")
        if pin.startswith("#") or not pin.strip():
            continue
        if not marker.strip() or marker_of(marker.strip()).evaluate(there):
            kept.append(" \\\n".join([pin.strip(), *(one.rstrip() for one in hashes)]))
    return "\n".join(kept) + "\n"


def _markers() -> Any:
    """What judges markers: pip brings it along."""
    for name in ("pip._vendor.packaging.markers", "packaging.markers"):
        with suppress(ImportError):
            return importlib.import_module(name).Marker
    raise SystemExit("this Python has no pip, which fetches the packages: install it")


def download(wanted: Path, wheels: Path, arguments: argparse.Namespace) -> None:
    """Fetch the wheels with pip, which checks their hashes. Raises SystemExit where that fails."""
    tags = [word for tag in PLATFORMS[arguments.platform][0] for word in ("--platform", tag)]
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-input", "--dest", str(wheels)),
        *("--implementation", "cp", "--python-version", arguments.python, *tags),
        *("--requirement", str(wanted)),
    ]
    if subprocess.run(command, env=os.environ | {"PIP_USER": "0"}, check=False).returncode:
        raise SystemExit("the packages could not be fetched; pip's words are above")


def packed(members: dict[str, bytes]) -> bytes:
    """An archive of these members that Python runs, by itself too where a system heeds the first line."""
    buffer = io.BytesIO()
    buffer.write(b"#!/usr/bin/env python3\n")
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _MOMENT)
            info.create_system = 3  # POSIX, on every system that makes it
            info.external_attr = 0o100644 << 16
            archive.writestr(info, members[name])
    return buffer.getvalue()


if __name__ == "__main__":
    if sentence := complaint(tuple(sys.version_info), in_place=True):
        print(sentence, file=sys.stderr)
        sys.exit(2)
    sys.exit(main())
