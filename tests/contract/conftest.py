"""The archives that the contract is tried on, all behind the same few methods."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from migrator.core.model import Instance, Node
from migrator.core.outcome import Outcome
from migrator.core.settings import SendSettings
from migrator.dicom.header import read_header
from migrator.dicom.query import StudyFinder
from migrator.dicom.receiver import Receiver
from migrator.dicom.store import StoreSender
from tests.conftest import Start
from tests.peers import Dcmqrscp, Orthanc, ScriptedPacs
from tests.peers.archives import Archive


class Pacs(Protocol):
    """What the contract needs of an archive; `stop` and `start` keep its port and what it holds."""

    @property
    def node(self) -> Node: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


@pytest.fixture(params=["embedded", "scripted", "orthanc", "dcmqrscp"])
def pacs(request: pytest.FixtureRequest, start_peer: Start, tmp_path: Path) -> Iterator[Pacs]:
    if request.param == "orthanc":
        yield start_peer(Orthanc)
    elif request.param == "dcmqrscp":
        yield start_peer(Dcmqrscp)
    elif request.param == "scripted":
        yield start_peer(ScriptedPacs)
    else:
        with Receiver(str(tmp_path / "pacs")) as receiver:
            yield receiver


def instances_of(archive: Archive) -> list[Instance]:
    """The archive's files as the scanner reads them."""
    found = []
    for made in archive.files:
        status = made.path.stat()
        path = str(made.path.relative_to(archive.folder))
        item = read_header(str(archive.folder), path, status.st_size, status.st_mtime_ns)
        assert isinstance(item, Instance)
        found.append(item)
    return found


def send(node: Node, archive: Archive, instances: Collection[Instance]) -> list[Outcome]:
    """Send instances over one association."""
    sender = StoreSender(node, SendSettings(), str(archive.folder))
    try:
        sender.open({instance.pair for instance in instances})
        return [sender.store(instance) for instance in instances]
    finally:
        sender.release()


@pytest.fixture
def finder_for() -> Iterator[Any]:
    """Make finders that are closed at the test's end."""
    with ExitStack() as stack:

        def make(node: Node, **options: Any) -> StudyFinder:
            finder = StudyFinder(node, SendSettings(acse_timeout=30, dimse_timeout=30), **options)
            stack.callback(finder.close)
            return finder

        yield make
