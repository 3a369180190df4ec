"""The cap and the pause where the bytes leave: in the sender, on a real association."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.core.control import Control
from migrator.core.model import Instance
from migrator.core.settings import PaceSettings, SendSettings
from migrator.dicom.header import read_header
from migrator.dicom.store import StoreSender
from migrator.engine.pacing import Pacing
from tests.peers import KeepingScp
from tests.peers.archives import Archive

LIMIT = 60.0


@pytest.fixture
def large(archive: Callable[..., Archive]) -> tuple[Instance, Path]:
    """An image of 3 MB, and the folder it is in."""
    made = archive(studies=1, instances=1, side=1225)
    path = made.files[0].path
    found = path.stat()
    name = str(path.relative_to(made.folder))
    item = read_header(str(made.folder), name, found.st_size, found.st_mtime_ns)
    assert isinstance(item, Instance)
    return item, made.folder


def test_an_object_takes_as_long_as_the_cap_says_and_arrives_whole(
    large: tuple[Instance, Path], keeping_scp: Callable[..., KeepingScp]
) -> None:
    instance, root = large
    scp = keeping_scp()
    pacing = Pacing(PaceSettings(bandwidth=1.5), 1, Control())
    sender = StoreSender(scp.node, SendSettings(), str(root), pacing.pace)
    sender.open([instance.pair])
    began = time.monotonic()
    assert sender.store(instance).is_stored
    took = time.monotonic() - began
    sender.release()
    assert instance.size / 1.5e6 * 0.85 < took < LIMIT
    assert scp.kept[0].data == (root / instance.path).read_bytes()[instance.offset :]


def test_an_object_under_way_follows_a_cap_that_is_lifted(
    large: tuple[Instance, Path], keeping_scp: Callable[..., KeepingScp]
) -> None:
    instance, root = large
    scp = keeping_scp()
    pacing = Pacing(PaceSettings(bandwidth=0.01), 1, Control())  # it would take five minutes
    sender = StoreSender(scp.node, SendSettings(), str(root), pacing.pace)
    sender.open([instance.pair])
    began = time.monotonic()
    threading.Timer(0.3, lambda: pacing.set("bandwidth", "off")).start()
    assert sender.store(instance).is_stored
    assert 0.3 <= time.monotonic() - began < LIMIT
    sender.release()


def test_an_object_under_way_ends_quickly_when_the_job_is_cancelled(
    large: tuple[Instance, Path], keeping_scp: Callable[..., KeepingScp]
) -> None:
    instance, root = large
    scp = keeping_scp()
    control = Control()
    pacing = Pacing(PaceSettings(bandwidth=0.01), 1, control)
    sender = StoreSender(scp.node, SendSettings(), str(root), pacing.pace)
    sender.open([instance.pair])
    threading.Timer(0.3, control.cancel).start()
    began = time.monotonic()
    assert sender.store(instance).is_stored
    assert time.monotonic() - began < LIMIT
    sender.release()
