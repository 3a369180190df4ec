"""Finding a pip that can fill the environment, wherever this machine has one.

A wheel of pip runs as it is, without being installed: the environment stays without pip, and is made sooner.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from migrator.bootstrap import SetupError, trouble
from migrator.bootstrap.environment import Environment

_RUN_WHEEL = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('pip', run_name='__main__')"
)
_FIRST_WITH_PYTHON_OPTION = (22, 3)


def find_pip(environment: Environment, wheelhouse: Path | None, pip_lock: Path) -> list[str]:
    """The start of a command that runs pip for the environment. Raises SetupError where there is none."""
    for wheel in _wheels(wheelhouse):
        return _of_wheel(environment, wheel)
    for command in _installed():
        return [*command, "--python", str(environment.python)]
    if wheelhouse is not None:
        raise SetupError(trouble.no_pip("or put a wheel of pip into the wheelhouse"))
    # Imported late: hardly any machine needs it.
    from migrator.bootstrap.fetch_pip import fetch_pip

    return _of_wheel(environment, fetch_pip(pip_lock, environment.temporary))


def _of_wheel(environment: Environment, wheel: Path) -> list[str]:
    return [str(environment.python), "-I", "-X", "utf8", "-c", _RUN_WHEEL, str(wheel)]


def _wheels(wheelhouse: Path | None) -> Iterator[Path]:
    folders = [wheelhouse] if wheelhouse else []
    ensurepip = importlib.util.find_spec("ensurepip")
    if ensurepip is not None and ensurepip.origin is not None:
        folders.append(Path(ensurepip.origin).parent / "_bundled")
    # Where Linux distributions keep the wheels that ensurepip installs.
    folders.append(Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or "/usr/share/python-wheels"))
    for folder in folders:
        yield from sorted(folder.glob("pip-*.whl"), key=_version, reverse=True)


def _version(wheel: Path) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", wheel.name.split("-")[1])))


def _installed() -> Iterator[list[str]]:
    programs = [found for name in ("pip3", "pip") if (found := shutil.which(name))]
    for command in ([sys.executable, "-m", "pip"], *([program] for program in programs)):
        asked = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
        version = re.match(r"pip (\d+)\.(\d+)", asked.stdout)
        if version and (int(version[1]), int(version[2])) >= _FIRST_WITH_PYTHON_OPTION:
            yield command
