"""Where data lives: the data directory, a job's folder in it, the log; never at the source."""

from __future__ import annotations

import getpass
import hashlib
import logging
import os
import re
import subprocess
from collections.abc import Iterator
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from migrator.core.errors import SourceError, UsageError
from migrator.core.model import Node
from migrator.engine.manifest_rows import header_of
from migrator.records.writing import write_whole

_LOG_BYTES = 10_000_000
_LOG_FILES = 5


def home_path(option: str | None = None) -> Path:
    """Where the data directory is, or would be made."""
    return Path(option or os.environ.get("DICOM_MIGRATOR_HOME") or Path.home() / ".dicom_migrator").absolute()


def data_home(option: str | None = None, source: Path | None = None) -> Path:
    """The data directory, made if need be and readable by its owner only.

    `option` goes before the environment's DICOM_MIGRATOR_HOME, which goes before ~/.dicom_migrator.
    Raises UsageError when it cannot be made, or would lie inside `source`.
    """
    home = home_path(option)
    if source is not None:
        refuse_inside(home, source, "the data directory")
    try:
        if not home.is_dir():
            home.mkdir(parents=True, mode=0o700)
            _keep_others_out(home)
    except OSError as error:
        raise UsageError(f"cannot make the data directory {home}: {error.strerror}") from error
    return home


def keep_private(file: Path, data: bytes) -> None:
    """Write a file into a folder of the data directory, which is made if need be; both for their owner only.

    Raises UsageError.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make {file.parent}: {error.strerror}") from error
    write_whole(file, data)


def _keep_others_out(folder: Path) -> None:
    """On Windows, where modes mean nothing, leave the folder to its owner by its access list."""
    if os.name == "nt":
        user = f"{os.environ.get('USERDOMAIN', '.')}\\{getpass.getuser()}"
        command = ["icacls", str(folder), "/inheritance:r", "/grant:r", f"{user}:(OI)(CI)F"]
        subprocess.run(command, check=False, capture_output=True)


def source_folder(source: str) -> Path:
    """The source's real path. Raises SourceError when it is not a readable folder."""
    folder = Path(os.path.realpath(source))
    if not folder.exists():
        raise SourceError(f"the source {source} does not exist")
    if not folder.is_dir():
        raise SourceError(f"the source {source} is not a folder")
    try:
        with os.scandir(folder):
            pass
    except OSError as error:
        raise SourceError(f"the source {source} cannot be read: {error.strerror}") from error
    return folder


def usable_source(source: str, home: Path) -> Path:
    """The same of a folder that can be migrated from with this data directory.

    Raises SourceError, and UsageError where the data directory would lie inside.
    """
    folder = source_folder(source)
    refuse_inside(home, folder, "the data directory")
    return folder


def job_folder(home: Path, source: Path | str, node: Node) -> Path:
    """The folder of the job that copies this source to this node."""
    identity = f"{os.path.normcase(source)}\n{node}"
    digest = hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{node.ae_title}-{node.host}-{node.port}")
    return home / "jobs" / f"{name}-{digest}"


def known_source(option: str, home: Path, node: Node) -> str:
    """The path under which a job of this node knows its source, for a path that a person wrote.

    Raises UsageError, naming the sources that are known, when no job knows this one.
    """
    # As written too: what another machine or a vanished mount called it need not resolve here.
    for path in (os.path.realpath(option), option):
        if (job_folder(home, path, node) / "manifest.jsonl").exists():
            return path
    known = "; ".join(_sources_of(home, node)) or "none"
    raise UsageError(f"nothing was migrated from {option} to {node} yet; sources that were: {known}")


def _sources_of(home: Path, node: Node) -> Iterator[str]:
    for folder in jobs_of_node(home, node):
        header = header_of(folder / "manifest.jsonl")
        if header is not None and header.get("destination") == str(node):
            yield str(header.get("source", ""))


def refuse_inside(folder: Path, source: Path, what: str) -> None:
    """Raise UsageError when something would be written inside the source."""
    # Of a link inside that leads out, the link itself would be replaced.
    for place in (folder, folder.absolute().parent):
        real = Path(os.path.realpath(place))
        if real == source or source in real.parents:
            raise UsageError(f"{what} {folder} lies inside the source; nothing is ever written there")


def jobs_of_node(home: Path, node: Node) -> Iterator[Path]:
    """The folders of all jobs that have this node as their destination."""
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{node.ae_title}-{node.host}-{node.port}")
    yield from sorted((home / "jobs").glob(f"{name}-*"))


class _PrivateFile(RotatingFileHandler):
    """Rotates; every file is readable by its owner only."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        return os.fdopen(descriptor, "a", encoding=self.encoding, errors="backslashreplace")


def start_logging(home: Path, level: str) -> logging.Handler:
    """Write the program's own log to the data directory; return the handler for `stop_logging`."""
    folder = home / "logs"
    folder.mkdir(exist_ok=True, mode=0o700)
    file = folder / "migrator.log"
    handler = _PrivateFile(file, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.getLogger("migrator")
    log.setLevel(level.upper())
    log.addHandler(handler)
    log.propagate = False
    return handler


def stop_logging(handler: logging.Handler) -> None:
    logging.getLogger("migrator").removeHandler(handler)
    handler.close()
