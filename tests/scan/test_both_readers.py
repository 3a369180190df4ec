"""The quick reader and pydicom must say the same of every file, however broken."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.core.model import Instance
from tests.scan.making import aged, dataset, read, read_slowly, write

_MOST_BYTES_TO_MUTATE = 60_000
_PIXEL_ELEMENT = 44  # bytes at the end of the made files
_HEADER = 1400  # most changes go where they matter
_TELLING = (
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\xfe\xff\x00\xe0",
    b"\xfe\xff\xdd\xe0\0\0\0\0",
    b"\xfe\xff\x0d\xe0\0\0\0\0",
    b"SQ\0\0",
    b"UN\0\0\xff\xff\xff\xff",
    b"\x08\x00\x18\x00",
    b"\x20\x00\x0d\x00",
    b"\xe0\x7f\x10\x00",
    b"\x02\x00\x10\x00",
    b"\x1b$)C",
    b"\\ISO 2022 IR 87",
)


def _shipped() -> list[Path]:
    """Every file that pydicom and pydicom-data bring along; nothing is downloaded."""
    folders = [Path(pydicom.__file__).parent / "data"]
    spec = find_spec("data_store")
    if spec is not None and spec.submodule_search_locations:
        folders += [Path(folder) / "data" for folder in spec.submodule_search_locations]
    return sorted(
        path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"
    )


SHIPPED = _shipped()
SMALL = [path for path in SHIPPED if path.stat().st_size < _MOST_BYTES_TO_MUTATE]


def test_there_are_files_to_compare() -> None:
    assert len(SHIPPED) > 150
    assert len(SMALL) > 100


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_both_readers_agree_on_every_shipped_file(path: Path) -> None:
    assert read(path) == read_slowly(path)


def test_most_shipped_instances_do_not_need_pydicom(monkeypatch: pytest.MonkeyPatch) -> None:
    instances = [path for path in SHIPPED if isinstance(read(path), Instance)]
    slow: list[object] = []
    monkeypatch.setattr("migrator.dicom.header.read_with_pydicom", lambda _, file: slow.append(file))
    for path in instances:
        read(path)
    assert len(slow) < len(instances) / 5


Change = Callable[[bytes], bytes]


def _changes() -> st.SearchStrategy[Change]:
    place = st.one_of(st.integers(0, _HEADER), st.integers(0, _MOST_BYTES_TO_MUTATE))
    return st.one_of(
        st.builds(
            lambda at, byte: lambda data: data[:at] + bytes([byte]) + data[at + 1 :],
            place,
            st.integers(0, 255),
        ),
        st.builds(lambda at: lambda data: data[:at], place),
        st.builds(lambda at, count: lambda data: data[:at] + data[at + count :], place, st.integers(1, 40)),
        st.builds(lambda at, new: lambda data: data[:at] + new + data[at:], place, st.binary(max_size=12)),
        st.builds(
            lambda at, new: lambda data: data[:at] + new + data[at + len(new) :],
            place,
            st.sampled_from(_TELLING),
        ),
        st.builds(
            lambda at, source, count: lambda data: data[:at] + data[source : source + count] + data[at:],
            place,
            place,
            st.integers(1, 60),
        ),
    )


@settings(max_examples=1500, suppress_health_check=list(HealthCheck))
@given(source=st.sampled_from(SMALL), changes=st.lists(_changes(), min_size=1, max_size=3))
def test_both_readers_agree_on_mutated_files(
    tmp_path_factory: pytest.TempPathFactory, source: Path, changes: list[Change]
) -> None:
    data = source.read_bytes()
    for change in changes:
        data = change(data)
    if not data:
        return
    path = tmp_path_factory.getbasetemp() / "mutant"
    path.write_bytes(data)
    assert read(path) == read_slowly(path)


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(
    lengths=st.lists(st.integers(0, 30), min_size=4, max_size=4),
    syntax=st.sampled_from(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]),
)
def test_files_of_one_kind_with_other_lengths_are_not_confused(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], syntax: str
) -> None:
    """The quick reader remembers layouts; each of these files has nearly, or exactly, that of another."""
    accession, study, series, name = lengths
    ds = dataset(
        AccessionNumber="a" * min(accession, 16),
        StudyDescription="s" * study,
        SeriesDescription="r" * series,
        PatientName="n" * name,
    )
    path = write(tmp_path_factory.getbasetemp() / "kind.dcm", ds, syntax=syntax)
    item = read(path)
    assert isinstance(item, Instance)
    assert item == read_slowly(path)
    assert len(item.study.patient.name) == name
    assert len(item.study.description) == study


@pytest.mark.parametrize("cut", range(1, 400, 7))
def test_both_readers_agree_on_a_file_cut_anywhere(tmp_path: Path, cut: int) -> None:
    """Cut inside an element it is truncated; a cut between two elements leaves no trace."""
    path = write(tmp_path / "whole.dcm")
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    aged(path)
    assert read(path) == read_slowly(path)
    if cut < _PIXEL_ELEMENT:
        assert not isinstance(read(path), Instance)
