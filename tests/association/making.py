"""Instances for the sender's tests, and the files that pydicom brings along."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydicom.data import external_data_sources
from pydicom.data.data_manager import DATA_ROOT

from migrator.core.model import Instance, Node
from migrator.core.settings import SendSettings
from migrator.dicom.association import Timeouts
from migrator.dicom.header import read_header
from migrator.dicom.store import StoreSender

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"


def scan(path: Path) -> Instance:
    """The instance in a file; its path is relative to the file's folder."""
    found = path.stat()
    instance = read_header(str(path.parent), path.name, found.st_size, found.st_mtime_ns)
    assert isinstance(instance, Instance), instance
    return instance


def dataset_of(path: Path) -> bytes:
    """The bytes of a file's data set."""
    return path.read_bytes()[scan(path).offset :]


def quick(node: Node, root: Path, **settings: float) -> StoreSender:
    """A sender that loses patience before its test does, and no sooner unless it is told to."""
    patience = {"acse_timeout": 30.0, "dimse_timeout": 30.0, "network_timeout": 30.0, **settings}
    return StoreSender(node, SendSettings(**patience), str(root))  # type: ignore[arg-type]


def hasten(sender: StoreSender, seconds: float) -> None:
    """Have a sender whose association is open wait no longer than this for anything."""
    sender._association._timeouts = Timeouts(seconds, seconds, seconds)


def await_arrival(sender: StoreSender) -> None:
    """Wait until more has arrived for a sender whose association is open, be it the connection's end."""
    transport = sender._association._transport
    assert transport is not None and transport._can_read(30.0)


def library_files() -> Iterator[Path]:
    """All DICOM objects among pydicom's and pydicom-data's files; nothing is downloaded."""
    folders = [Path(DATA_ROOT) / "test_files"]
    folders += [Path(source.data_path) for source in external_data_sources().values() if source.data_path]
    for folder in folders:
        yield from (path for path in sorted(folder.rglob("*.dcm")) if _is_object(path))


def _is_object(path: Path) -> bool:
    found = path.stat()
    return isinstance(read_header(str(path.parent), path.name, found.st_size, found.st_mtime_ns), Instance)
