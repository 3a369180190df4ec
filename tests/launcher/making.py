"""Tiny wheels, locks and clones, so that a whole set-up takes about a second."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

COMMANDS = ("scan", "demo")

# Stands in for migrator: tells how it was started.
PROGRAM = """
import json, sys
def main():
    try:
        import tiny_a
        packages = tiny_a.VERSION
    except ImportError:
        packages = None
    told = {"arguments": sys.argv[1:], "prefix": sys.prefix, "path": sys.path, "packages": packages}
    print(json.dumps(told))
    return 17
"""


def make_wheel(folder: Path, name: str, version: str, code: str = "", module: str = "__init__") -> Path:
    """A wheel of one package, `name` with underscores, whose `module` holds `code`."""
    package = name.replace("-", "_")
    info = f"{package}-{version}.dist-info"
    wheel = folder / f"{package}-{version}-py3-none-any.whl"
    members = {
        f"{package}/__init__.py": f"VERSION = {version!r}\n",
        f"{package}/{module}.py": code or f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{member},,\n" for member in members) + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        for member, text in members.items():
            archive.writestr(member, text)
        archive.writestr(f"{info}/RECORD", record)
    return wheel


def write_lock(lock: Path, *wheels: Path) -> Path:
    lock.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for wheel in wheels:
        name, version, *_ = wheel.name.split("-")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines.append(f"{name.replace('_', '-')}=={version} \\\n    --hash=sha256:{digest}\n")
    lock.write_text("".join(lines), encoding="utf-8")
    return lock


def heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class TinyClone:
    """A clone with the real launcher, a stand-in for migrator, and a lock of one tiny package."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "clone"
        self.cache = folder / "cache"
        self.home = folder / "home"
        self.wheelhouse = folder / "wheelhouse"
        for made in (self.root / "migrator", self.home, self.wheelhouse):
            made.mkdir(parents=True)
        shutil.copy(ROOT / "dicom_migrator.py", self.root)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "migrator" / "bootstrap", self.root / "migrator" / "bootstrap", ignore=ignored)
        (self.root / "migrator" / "__init__.py").write_text("")
        (self.root / "migrator" / "__main__.py").write_text(PROGRAM)
        self.lock = self.root / "requirements" / "base.lock"
        self.pin("1.0")

    def pin(self, version: str) -> None:
        """Put one version into the wheelhouse and the lock."""
        write_lock(self.lock, make_wheel(self.wheelhouse, "tiny-a", version))

    @property
    def launcher(self) -> Path:
        return self.root / "dicom_migrator.py"

    def environments(self) -> list[Path]:
        return [path for path in self.cache.glob("env-*") if path.is_dir()]

    def variables(self, **more: str) -> dict[str, str]:
        ours = ("DICOM_MIGRATOR_", "PIP_", "XDG_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        home = {"HOME": str(self.home), "USERPROFILE": str(self.home), "PIP_CONFIG_FILE": os.devnull}
        return kept | home | {"DICOM_MIGRATOR_CACHE": str(self.cache)} | more

    def popen(self, *arguments: str, launcher: Path | None = None, **more: str) -> subprocess.Popen[str]:
        """Start it in the home directory, without a window; `more` are environment variables."""
        command = () if any(word in COMMANDS for word in arguments) else COMMANDS[:1]
        return subprocess.Popen(
            [sys.executable, str(launcher or self.launcher), *arguments, *command],
            cwd=self.home,
            env=self.variables(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Tests that run in the background of a shell have inherited that Ctrl-C is ignored.
            preexec_fn=None if sys.platform == "win32" else heed_interrupts,
        )

    def run_bare(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run it with these arguments and no others: without a command, it opens the window."""
        return subprocess.run(
            [sys.executable, str(self.launcher), *arguments],
            cwd=self.home,
            env=self.variables(**more),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, *arguments: str, launcher: Path | None = None, **more: str) -> tuple[int, str, str]:
        """Run it to its end; exit code, standard output and standard error."""
        with self.popen(*arguments, launcher=launcher, **more) as process:
            output, errors = process.communicate(timeout=120)
        return process.returncode, output, errors

    def start_offline(self, *arguments: str, **more: str) -> tuple[int, str, str]:
        return self.start("--wheelhouse", str(self.wheelhouse), *arguments, **more)
