"""Making a private environment: alone, in place, and marked complete only when all of it is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from migrator.bootstrap import SetupError, locking, trouble
from migrator.bootstrap.environment import (
    Environment,
    is_complete,
    make_cache,
    mark_complete,
    remove,
    remove_replaced,
)
from migrator.bootstrap.pips import find_pip
from migrator.bootstrap.progress import Progress
from migrator.bootstrap.unpacking import check_carried, unpack_wheels

PIP_LOCK = "pip.lock"  # beside the others
# Settings of pip that would put packages elsewhere; all others (index, proxy, certificates …) are honoured.
_ELSEWHERE = frozenset({"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "PIP_DRY_RUN", "PIP_REPORT"})


def install_alone(environment: Environment, wheelhouse: Path | None) -> None:
    """Make the environment unless another start makes it meanwhile, and remove those it replaces.

    `wheelhouse` is a folder of wheels, or a single file that carries them.
    Raises SetupError.
    """
    cache = environment.folder.parent
    if wheelhouse is not None and wheelhouse.is_file():
        check_carried(wheelhouse, environment.layer)
    with _in_words(cache):
        make_cache(cache)
        claim = locking.claim(environment.lock_file, _say_waiting)
        try:
            if not is_complete(environment):
                _check_space(cache)
                _install(environment, wheelhouse, claim)
                remove_replaced(environment)
        finally:
            claim.release()


def _install(environment: Environment, wheelhouse: Path | None, claim: locking.Hold) -> None:
    started = time.monotonic()
    # The marker is written last: without it, the folder is what an interrupted start left behind.
    remove(environment.folder)
    try:
        progress = Progress(environment, environment.lock.read_text("utf-8").count("=="))
        _make_empty(environment)
        environment.temporary.mkdir()
        if wheelhouse is not None and wheelhouse.is_file():
            wheelhouse = unpack_wheels(wheelhouse, environment.temporary / "wheels")
        pip = find_pip(environment, wheelhouse, environment.lock.with_name(PIP_LOCK))
        _run_pip(pip, _options(environment.lock, wheelhouse), environment, progress, claim)
        shutil.rmtree(environment.temporary, ignore_errors=True)
        mark_complete(environment)
        progress.done(time.monotonic() - started)
    except BaseException:
        with suppress(OSError):
            remove(environment.folder)
        raise


def _make_empty(environment: Environment) -> None:
    # Debian's python3 has venv but, without the package python3-venv, no pip to put into it: we bring one.
    try:
        import venv
    except ImportError as error:
        raise SetupError(trouble.no_venv()) from error
    venv.EnvBuilder(with_pip=False, symlinks=sys.platform != "win32").create(environment.folder)


def _options(lock: Path, wheelhouse: Path | None) -> list[str]:
    fixed = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-input", "--progress-bar", "off"]
    quiet = ["--disable-pip-version-check", "--no-warn-script-location"]
    source = ["--no-index", "--find-links", str(wheelhouse)] if wheelhouse else []
    return ["install", *fixed, *quiet, *source, "--requirement", str(lock)]


def _run_pip(
    pip: Sequence[str],
    options: Sequence[str],
    environment: Environment,
    progress: Progress,
    claim: locking.Hold,
) -> None:
    variables = {key: value for key, value in os.environ.items() if key not in _ELSEWHERE}
    # TMPDIR: on one disk with the environment, so that one check of its space is enough.
    variables |= {"PIP_USER": "0", "TMPDIR": str(environment.temporary), "PYTHONUTF8": "1"}
    heirs = () if claim.descriptor is None else (claim.descriptor,)
    with subprocess.Popen(
        [*pip, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=variables,
        text=True,
        encoding="utf-8",
        errors="replace",
        # If we are killed, pip goes on for a while: the lock is held until it too has ended.
        pass_fds=heirs if sys.platform != "win32" else (),
    ) as process:
        assert process.stdout is not None
        try:
            lines = [progress.follow(line) for line in process.stdout]
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        raise SetupError(trouble.explain("".join(lines), _keep_log(environment, lines)))


def _keep_log(environment: Environment, lines: Sequence[str]) -> Path | None:
    log = environment.folder.parent / "install.log"
    # An index's address may hold a password.
    text = re.sub(r"(://)[^/\s@]+@", r"\1…@", "".join(lines))
    try:
        log.write_text(text, encoding="utf-8")
    except OSError:
        return None
    return log


def _check_space(cache: Path) -> None:
    free = shutil.disk_usage(cache).free
    if free < trouble.NEEDED_BYTES:
        raise SetupError(trouble.no_space(cache, free))


def _say_waiting() -> None:
    print("dicom_migrator: another start is setting up; waiting for it to finish", file=sys.stderr)


@contextmanager
def _in_words(cache: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SetupError(trouble.explain_os_error(error, cache)) from error
