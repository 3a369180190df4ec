"""Data sets become PDUs unchanged, whatever their size and the peer's maximum."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.core.errors import ChangedFile
from migrator.dicom import payload
from migrator.dicom.payload import FilePayload, MemoryPayload, Payload, Slab


def sent(source: Payload, slab: Slab, context_id: int = 3) -> bytes:
    """All PDUs of a data set."""
    data = b""
    while True:
        slab.load(source, context_id)
        data += bytes(slab.pdus())
        if not source.remaining:
            return data


def received(pdus: bytes, fragment: int, context_id: int = 3) -> bytes:
    """The data set in PDUs, checking each header."""
    data, position = b"", 0
    while position < len(pdus):
        kind, length, size, context, flags = struct.unpack_from(">BxIIBB", pdus, position)
        part = pdus[position + 12 : position + 6 + length]
        position += 6 + length
        assert (kind, context, size) == (4, context_id, length - 4)
        assert len(part) == size - 2 and len(part) <= fragment
        assert flags == (2 if position == len(pdus) else 0)
        assert flags or len(part) == fragment
        data += part
    return data


@settings(max_examples=60)
@given(
    data=st.binary(max_size=600), fragment=st.integers(1, 60).map(lambda n: 2 * n), size=st.integers(1, 300)
)
def test_what_is_sent_is_what_was_given(data: bytes, fragment: int, size: int) -> None:
    slab = Slab(fragment, size)
    for _ in range(2):
        assert received(sent(MemoryPayload(data), slab), fragment) == data


def test_a_slab_serves_many_data_sets_and_contexts(tmp_path: Path) -> None:
    path = tmp_path / "data"
    content = os.urandom(1_000_001)
    path.write_bytes(content)
    slab = Slab(16378)
    for context_id, offset, end in (
        (1, 0, 1_000_001),
        (255, 5, 17),
        (3, 999_999, 1_000_000),
        (3, 2, 600_000),
    ):
        source = FilePayload(os.open(path, os.O_RDONLY), offset, end)
        assert received(sent(source, slab, context_id), 16378, context_id) == content[offset:end]
        source.close()


def test_the_command_leaves_in_one_piece_with_the_data() -> None:
    slab = Slab(100)
    slab.load(MemoryPayload(b"data"), 1)
    assert bytes(slab.pdus(b"command")).startswith(b"command\4\0")
    assert bytes(slab.pdus()).startswith(b"\4\0")


@pytest.mark.parametrize("reader", ["read_scattered", "read_in_turn"])
def test_a_file_that_became_shorter_is_noticed(
    reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload, "read_scattered", getattr(payload, reader))
    path = tmp_path / "data"
    path.write_bytes(bytes(5000))
    source = FilePayload(os.open(path, os.O_RDONLY), 0, 5000)
    slab = Slab(1000, 2024)
    slab.load(source, 1)
    os.truncate(path, 2500)
    with pytest.raises(ChangedFile):
        slab.load(source, 1)
    source.close()


def test_systems_without_preadv_read_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "read_scattered", payload.read_in_turn)
    path = tmp_path / "data"
    content = os.urandom(300_000)
    path.write_bytes(content)
    source = FilePayload(os.open(path, os.O_RDONLY), 7, 300_000)
    assert received(sent(source, Slab(4090)), 4090) == content[7:]


def test_the_descriptor_is_closed_with_the_last_byte(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(bytes(100))
    descriptor = os.open(path, os.O_RDONLY)
    source = FilePayload(descriptor, 0, 100)
    Slab(1000).load(source, 1)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    source.close()
