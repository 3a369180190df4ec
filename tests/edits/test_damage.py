"""Whatever bytes a file holds, editing it ends with a data set or with words."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.core.edits import Clean, Edit, Reclassify, RemapPatient, StripPrivate, SuffixPatientId
from migrator.core.errors import CannotEncode, InstanceError
from migrator.core.model import Instance, Patient, Series
from migrator.dicom.editing.edits import Editor
from migrator.dicom.transcoding import transcode
from tests.association.making import scan
from tests.edits.making import (
    BIG,
    CT,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    RLE,
    a_dataset,
    original_of,
    sent_bytes,
    write,
)

EDITS: tuple[Edit, ...] = (
    StripPrivate(),
    Clean(),
    RemapPatient(Patient("N", "I", "Ñ^山")),
    SuffixPatientId("_M"),
    Reclassify(),
)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_damaged_data_sets_are_edited_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    syntax = data.draw(st.sampled_from((IMPLICIT, EXPLICIT, BIG, JPEG, DEFLATED)))
    content = bytearray(whole(tmp_path_factory, syntax))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content)
    found = path.stat()
    instance = Instance(
        str(path), found.st_size, found.st_mtime_ns, 0, syntax, CT, "1.2.3.4.5", Series("1.2.3.4")
    )
    edits = data.draw(st.lists(st.sampled_from(EDITS), min_size=1, max_size=3))
    try:
        edited = Editor().edit(str(path), instance, edits)
        size = len(sent_bytes(edited))
        assert size == (edited.segments.size if edited.segments and syntax != DEFLATED else size)
    except InstanceError as error:
        assert str(error)


_MADE: dict[str, bytes] = {}


def whole(factory: pytest.TempPathFactory, syntax: str) -> bytes:
    if syntax not in _MADE:
        path: Path = factory.mktemp("whole") / "file.dcm"
        _MADE[syntax] = original_of(write(path, a_dataset(), syntax))
    return _MADE[syntax]


@pytest.mark.parametrize("syntax", [IMPLICIT, RLE, DEFLATED])
def test_a_file_beyond_the_budget_is_refused_before_it_is_read(tmp_path: Path, syntax: str) -> None:
    """The file is sparse: reading it would take its 8 GiB of memory."""
    path = write(tmp_path / "a.dcm", a_dataset(), syntax)
    instance = scan(path)
    os.truncate(path, 8 << 30)
    found = path.stat()
    large = replace(instance, size=found.st_size, mtime_ns=found.st_mtime_ns)
    with pytest.raises(CannotEncode, match="allowed here"):
        transcode(str(path), large, EXPLICIT, 1 << 20)
    if syntax == DEFLATED:
        with pytest.raises(CannotEncode, match="allowed here"):
            Editor(budget=1 << 20).edit(str(path), large, [StripPrivate()])
