"""Every start: find the private environment, have it made where it is missing, and hand over to it."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from migrator.bootstrap import SETUP_FAILED, SetupError, libraries, locking
from migrator.bootstrap.environment import (
    Environment,
    cache_folder,
    environment_for,
    is_complete,
    share_program,
)
from migrator.bootstrap.layers import BASE, DEV, WINDOW, Layer

NO_WINDOW = 2
INTERRUPTED = 130


def launch(root: str, arguments: Sequence[str]) -> int:
    """Run migrator from the clone at `root`; returns its exit code, or does not return (exec).

    6 says that the environment could not be made, 2 that --wheelhouse lacks its folder, or that a window is
    asked for and cannot be shown here.
    """
    try:
        rest, wheelhouse = _take_wheelhouse(arguments)
        if wants_window(rest) and (trouble := _no_window()):
            print(f"dicom_migrator: {trouble}", file=sys.stderr)
            return NO_WINDOW
        environment = _wanted(Path(root), wants_window(rest))
        own = _own_environment(Path(root))
        if os.environ.get("DICOM_MIGRATOR_NO_BOOTSTRAP") == "1" or own == environment:
            # What a window starts has not inherited the locks that keep its environment and its program.
            hold = locking.share(own.lock_file) if own is not None else None
            share_program(Path(root))
            return _run_here(root, rest)
        hold = ensure(environment, wheelhouse)
    except SetupError as error:
        print(f"dicom_migrator: {error}", file=sys.stderr)
        return SETUP_FAILED
    except KeyboardInterrupt:
        print("\ndicom_migrator: set-up was interrupted; the next start begins it anew", file=sys.stderr)
        return INTERRUPTED
    hold.keep()
    return _hand_over(environment.python, [str(Path(root) / "dicom_migrator.py"), *rest])


def wants_window(arguments: Sequence[str]) -> bool:
    """Whether these arguments open the window: there is no command among them, and no question."""
    is_value = False
    for word in arguments:
        if is_value:
            is_value = False
        elif word in ("--home", "--log-level"):
            is_value = True
        elif not word.startswith(("--home=", "--log-level=")):
            return False
    return True


def _wanted(root: Path, is_window: bool) -> Environment:
    """The environment to run in. Where only the window's is there, commands use it: it holds theirs too."""
    base = environment_for(BASE.name, BASE.lock_in(root), cache_folder())
    if not is_window and (is_complete(base) or not WINDOW.lock_in(root).exists()):
        return base
    window = environment_for(WINDOW.name, WINDOW.lock_in(root), cache_folder())
    return window if is_window or is_complete(window) else base


def _no_window() -> str:
    """Why no window can be shown on this machine, in words; empty where one can."""
    if not libraries.has_display():
        return libraries.NO_DISPLAY
    missing = libraries.missing_libraries()
    return libraries.explain(missing) if missing else ""


def _own_environment(root: Path) -> Environment | None:
    """The private environment that this very interpreter is of, if it is of one of this clone's."""
    for layer in (BASE, WINDOW, DEV):
        lock = layer.lock_in(root)
        if lock.exists():
            environment = environment_for(layer.name, lock, cache_folder())
            if Path(sys.prefix).name == environment.folder.name:
                return environment
    return None


def prepare(layer: Layer, root: Path, wheelhouse: Path | None = None) -> Path:
    """Make a layer's environment where it is missing; returns its python. Raises SetupError.

    The environment stays in use, and so is not removed, until this process ends.
    """
    environment = environment_for(layer.name, layer.lock_in(root), cache_folder())
    ensure(environment, wheelhouse)
    return environment.python


def ensure(environment: Environment, wheelhouse: Path | None = None) -> locking.Hold:
    """Return once the environment is complete, with the lock that keeps it from being removed.

    Raises SetupError.
    """
    while True:
        hold = locking.share(environment.lock_file)
        if hold is not None:
            if is_complete(environment):
                return hold
            hold.release()
        # Imported late: a start that finds its environment needs none of it.
        from migrator.bootstrap.install import install_alone

        install_alone(environment, wheelhouse)


def _take_wheelhouse(arguments: Sequence[str]) -> tuple[list[str], Path | None]:
    rest = list(arguments)
    for index, word in enumerate(rest):
        option, equals, value = word.partition("=")
        if option != "--wheelhouse":
            continue
        if not equals:
            value = rest.pop(index + 1) if index + 1 < len(rest) else ""
        del rest[index]
        folder = Path(value).expanduser().absolute()
        if not value or not folder.exists():
            print("dicom_migrator: --wheelhouse needs a folder that holds wheels", file=sys.stderr)
            raise SystemExit(2)
        return rest, folder
    return rest, None


def _run_here(root: str, arguments: Sequence[str]) -> int:
    sys.argv[1:] = arguments
    # By name: this room imports nothing of ours, and needs the packages only from here on.
    return cast(int, importlib.import_module("migrator.__main__").main())


def _hand_over(python: Path, arguments: list[str]) -> int:
    """Become `python` with these arguments; where the system has no exec, run it as a child."""
    # Another Python's packages on PYTHONPATH would take precedence over ours.
    variables = {key: text for key, text in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    if sys.platform != "win32":
        sys.stderr.flush()
        os.execve(python, [str(python), *arguments], variables)
    import signal
    import subprocess

    # Ctrl-C and Ctrl-Break reach the child by themselves, which finishes in its own way.
    for name in ("SIGINT", "SIGBREAK"):
        signal.signal(getattr(signal, name), lambda *_: None)
    return subprocess.Popen([str(python), *arguments], env=variables).wait()
