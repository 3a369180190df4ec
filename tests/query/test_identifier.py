"""Identifiers are read alike by the quick way and by pydicom."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from migrator.core.errors import DamagedFile
from migrator.dicom.identifier import (
    LEVEL,
    PATIENT_ID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCES,
    STUDY_UID,
    decode_keys,
    encode_keys,
)

UIDS = st.from_regex(r"[12](\.[1-9][0-9]{0,9}){1,5}", fullmatch=True)


def encoded(ds: Dataset) -> bytes:
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, True
    write_dataset(stream, ds)
    return stream.getvalue()


@given(UIDS, UIDS)
def test_pydicom_reads_what_is_encoded(study: str, instance: str) -> None:
    data = encode_keys({STUDY_UID: study, SOP_INSTANCE_UID: instance, LEVEL: "IMAGE", STUDY_INSTANCES: ""})
    ds = read_dataset(BytesIO(data), is_implicit_VR=True, is_little_endian=True)
    assert (ds.StudyInstanceUID, ds.SOPInstanceUID, ds.QueryRetrieveLevel) == (study, instance, "IMAGE")
    assert len(data) % 2 == 0
    assert decode_keys(data)[STUDY_UID] == study


@given(UIDS, st.integers(0, 10**9), st.booleans())
def test_what_pydicom_encodes_is_read_also_behind_sequences(uid: str, count: int, is_undefined: bool) -> None:
    ds, item = Dataset(), Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3"
    ds.SOPInstanceUID = uid
    ds.ReferencedSeriesSequence = [item]
    ds["ReferencedSeriesSequence"].is_undefined_length = is_undefined
    ds.PatientID = "P 1"
    ds.NumberOfStudyRelatedInstances = count
    expected = {SOP_INSTANCE_UID: uid, PATIENT_ID: "P 1", STUDY_INSTANCES: str(count)}
    assert decode_keys(encoded(ds)) == expected


@given(st.binary(max_size=64))
def test_garbage_is_refused_or_read_but_never_breaks(data: bytes) -> None:
    try:
        decode_keys(data)
    except DamagedFile as error:
        assert "C-FIND" in str(error)


def test_an_answer_that_ends_early_is_damaged() -> None:
    data = encode_keys({SOP_INSTANCE_UID: "1.2.3.4.5.6"})
    with pytest.raises(DamagedFile):
        decode_keys(data[:10])
