"""Folders of the data directory that live as long as one run; a dry run has a copy of the manifest there."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from migrator.core.errors import UsageError
from migrator.core.model import Node
from migrator.jobs.home import job_folder

DRY_RUN = "dry-run-"
_LOCK = ".lock"


@contextmanager
def throw_away_home(home: Path, prefix: str = DRY_RUN) -> Iterator[Path]:
    """An empty folder inside `home`, for the owner only; removed at the end.

    What runs that were killed have left there under this prefix is removed first. Raises UsageError.
    """
    _clear_away(home, prefix)
    folder = home / f"{prefix}{secrets.token_hex(8)}"
    # Held before the folder is there, so that nobody takes it for one that was left behind.
    hold = FileLock(f"{folder}{_LOCK}", mode=0o600)
    try:
        hold.acquire(timeout=0)
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise UsageError(f"cannot make {folder}: {error.strerror}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _let_go(hold)


def _clear_away(home: Path, prefix: str) -> None:
    for lock in home.glob(f"{prefix}*{_LOCK}"):
        hold = FileLock(str(lock), mode=0o600)
        try:
            hold.acquire(timeout=0)
        except (Timeout, OSError):
            continue  # of a run that is on
        shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
        _let_go(hold)


def _let_go(hold: FileLock) -> None:
    hold.release()
    with suppress(OSError):
        Path(hold.lock_file).unlink(missing_ok=True)


def copy_record(home: Path, known_as: str, node: Node, to: Path) -> None:
    """Copy the manifest of a job, if there is one, to where it would be in another data directory.

    A run that is on may be writing it: a line that is not whole yet counts as not written. Raises UsageError.
    """
    manifest = job_folder(home, known_as, node) / "manifest.jsonl"
    folder = job_folder(to, known_as, node)
    try:
        folder.mkdir(parents=True, mode=0o700)
        with suppress(FileNotFoundError):
            shutil.copyfile(manifest, folder / manifest.name)
            (folder / manifest.name).chmod(0o600)
    except OSError as error:
        raise UsageError(f"cannot copy the record {manifest}: {error.strerror}") from error
