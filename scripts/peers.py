"""What tests and benchmarks need of the system: which peers and libraries are missing, and installing them.

python scripts/peers.py [--benchmarks]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from migrator.bootstrap import libraries  # noqa: E402

# Programs, and the Debian package that brings them.
FOR_TESTS = {
    "Orthanc": "orthanc",
    "Xvfb": "xvfb",
    "chromium": "chromium",
    "dcmqrscp": "dcmtk",
    "dcmsend": "dcmtk",
    "objdump": "binutils",  # by which PyInstaller finds what a library needs
    "storescp": "dcmtk",
    "strace": "strace",
    "xdotool": "xdotool",  # which presses keys in a window of another process
}
# Libraries of Qt, and a font, without which a window shows no text.
FOR_WINDOW = libraries.DEBIAN | {"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf": "fonts-dejavu-core"}
# Debian links its Python statically; PyInstaller needs it as a library.
_PYTHON = "{}.{}".format(*sys.version_info)
FOR_EXE = {f"libpython{_PYTHON}.so.1.0": f"libpython{_PYTHON}"} if sys.base_prefix == "/usr" else {}
FOR_BENCHMARKS = {"gdcmscanner": "libgdcm-tools"}

# Debian asks this program whether a package may start its service (policy-rc.d, invoke-rc.d); 101 forbids.
_POLICY = Path("/usr/sbin/policy-rc.d")
_FORBID = "#!/bin/sh\nexit 101\n"


def wanted(benchmarks: bool) -> dict[str, str]:
    window = FOR_WINDOW | FOR_EXE if sys.platform == "linux" else {}
    return FOR_TESTS | window | (FOR_BENCHMARKS if benchmarks else {})


def missing(peers: dict[str, str]) -> list[str]:
    """The programs, libraries and files among `peers` that this machine lacks."""
    return [name for name in peers if not _is_here(name)]


def _is_here(name: str) -> bool:
    if name.startswith("/"):
        return Path(name).exists()
    if ".so." in name:
        return libraries.is_here(name)
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
    return shutil.which(name, path=places) is not None


def install(peers: dict[str, str]) -> None:
    """Install the missing peers where that is possible: as root, on Debian and its relatives."""
    lacking = missing(peers)
    can_install = shutil.which("apt-get") and Path("/etc/debian_version").exists() and os.geteuid() == 0
    if not lacking or not can_install:
        return
    packages = sorted({peers[name] for name in lacking})
    print(f"installing {', '.join(packages)} with apt-get", flush=True)
    with _no_services():
        _apt("update")
        _apt("install", "--yes", "--no-install-recommends", *packages)
    if "orthanc" in packages and shutil.which("systemctl"):
        # Tests start their own, on a free port: none shall hold Debian's ports from the next boot on.
        subprocess.run(["systemctl", "disable", "orthanc"], check=False, capture_output=True)


def _apt(*words: str) -> None:
    command = ["apt-get", "--quiet", "--quiet", "--option", "DPkg::Lock::Timeout=300", *words]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL)
    if done.returncode:
        print(f"apt-get {words[0]} failed; what is missing is told below", file=sys.stderr)


@contextmanager
def _no_services() -> Iterator[None]:
    """Keep packages from starting their services while they are installed."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text(_FORBID)
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def main() -> int:
    peers = wanted("--benchmarks" in sys.argv[1:])
    install(peers)
    lacking = missing(peers)
    print(f"missing: {', '.join(lacking)}" if lacking else f"all here: {', '.join(peers)}")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
