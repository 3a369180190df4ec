"""The embedded PACS: stores anything byte by byte, and finds as PS3.4 says; DCMTK's findscu asks."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from migrator.core.outcome import Fidelity
from migrator.dicom.receiver import Receiver
from migrator.dicom.sample import make_sample
from migrator.dicom.sample_studies import PEOPLE
from tests.conftest import lack
from tests.contract.conftest import instances_of, send
from tests.peers import MissingPeer
from tests.peers.archives import Archive
from tests.peers.processes import program
from tests.peers.storescp import uid_and_dataset

PRIVATE_CLASS = "1.2.826.0.1.3680043.8.498.99"
SYNTAXES = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
)


@pytest.fixture
def pacs(tmp_path: Path) -> Iterator[Receiver]:
    with Receiver(str(tmp_path / "pacs")) as receiver:
        yield receiver


def find(pacs: Receiver, level: str, *keys: str, model: str = "-S") -> list[dict[str, str]]:
    """Ask by findscu; the answers by keyword."""
    try:
        command = [program("findscu", "dcmtk"), model, "-aec", pacs.node.ae_title, "127.0.0.1"]
    except MissingPeer as missing:
        lack(str(missing))
    for key in (f"QueryRetrieveLevel={level}", *keys):
        command += ["-k", key]
    done = subprocess.run([*command, str(pacs.node.port)], capture_output=True, timeout=30)
    text = (done.stdout + done.stderr).decode("utf-8")
    answers = text.split("# Dicom-Data-Set")[1:]
    line = re.compile(r"\((?:\w{4},\w{4})\) \w\w (?:\[(.*?)\]|\(no value available\)|=(\w+)) .* (\w+)$", re.M)
    found = [{m[3]: (m[1] or m[2] or "").strip(" \0") for m in line.finditer(a)} for a in answers]
    assert done.returncode == 0, text
    return found


def test_it_keeps_private_classes_and_every_syntax_byte_by_byte(
    pacs: Receiver, archive: Callable[..., Archive]
) -> None:
    made = archive(studies=1, instances=7, side=64, syntaxes=SYNTAXES, sop_classes=(PRIVATE_CLASS,))
    outcomes = send(pacs.node, made, instances_of(made))
    assert [outcome.fidelity for outcome in outcomes if outcome.is_stored] == [Fidelity.VERBATIM] * 7
    kept = dict(uid_and_dataset(pacs.file_of(uid).read_bytes()) for uid in pacs.uids)
    assert kept == made.datasets
    assert find(pacs, "IMAGE", f"StudyInstanceUID={made.files[0].study_uid}", "SOPInstanceUID")


def test_an_instance_that_comes_again_replaces_the_first(
    pacs: Receiver, archive: Callable[..., Archive]
) -> None:
    first, second = archive(studies=1, instances=2), archive(studies=1, instances=2, side=8)
    assert first.uids == second.uids
    for made in (first, second):
        send(pacs.node, made, instances_of(made))
    assert (len(pacs.uids), pacs.stored) == (2, 4)
    kept = dict(uid_and_dataset(pacs.file_of(uid).read_bytes()) for uid in pacs.uids)
    assert kept == second.datasets


def test_file_names_do_not_follow_uids_from_outside(pacs: Receiver, tmp_path: Path) -> None:
    for uid in ("../../etc/passwd", "1.2/3", "x" * 300, "..", "1.2.3"):
        assert tmp_path / "pacs" in pacs.file_of(uid).resolve().parents


@pytest.mark.parametrize("model", ["-S", "-P"])
def test_studies_are_found_by_name_date_and_uid(
    pacs: Receiver, archive: Callable[..., Archive], model: str
) -> None:
    made = archive(studies=3, series=2, instances=2)
    send(pacs.node, made, instances_of(made))
    uids = list(made.studies)

    def studies(*keys: str) -> list[str]:
        return sorted(
            a["StudyInstanceUID"] for a in find(pacs, "STUDY", "StudyInstanceUID", *keys, model=model)
        )

    assert studies() == sorted(uids)
    assert studies("PatientName=test^pat*2") == uids[1:2]
    assert studies("PatientID=P?") == sorted(uids)
    assert studies("PatientID=P") == []
    assert studies("StudyDate=20240103-") == uids[1:]
    assert studies("StudyDate=-20240102") == uids[:1]
    assert studies("StudyDate=20240102-20240103") == uids[:2]
    assert studies("AccessionNumber=A[1]") == []
    listed = find(pacs, "STUDY", f"StudyInstanceUID={uids[0]}\\{uids[2]}", "NumberOfStudyRelatedInstances")
    assert [answer["NumberOfStudyRelatedInstances"] for answer in listed] == ["4", "4"]


def test_series_and_patients_are_counted(pacs: Receiver, archive: Callable[..., Archive]) -> None:
    made = archive(studies=2, series=2, instances=3)
    send(pacs.node, made, instances_of(made))
    study = made.files[0].study_uid
    series = find(
        pacs, "SERIES", f"StudyInstanceUID={study}", "SeriesInstanceUID", "NumberOfSeriesRelatedInstances"
    )
    assert [answer["NumberOfSeriesRelatedInstances"] for answer in series] == ["3", "3"]
    patients = find(pacs, "PATIENT", "PatientID", "PatientName", model="-P")
    assert {answer["PatientID"] for answer in patients} == {"P1", "P2"}


def test_names_come_back_in_unicode(pacs: Receiver, tmp_path: Path) -> None:
    truth = make_sample(str(tmp_path / "sample"))
    _send_folder(pacs, Path(truth.folder))
    asked = ("PatientName", "SpecificCharacterSet=ISO_IR 100")  # of the question alone
    names = {answer["PatientName"].rstrip("=") for answer in find(pacs, "STUDY", *asked)}
    assert names <= {person.name.rstrip("=") for person in PEOPLE}
    assert len(names) > 8


def _send_folder(pacs: Receiver, folder: Path) -> None:
    try:
        command = [program("dcmsend", "dcmtk"), "-aec", pacs.node.ae_title, "+sd", "+r", "-nh", "-nuc", "-dn"]
    except MissingPeer as missing:
        lack(str(missing))
    command += ["127.0.0.1", str(pacs.node.port), str(folder)]
    subprocess.run(command, capture_output=True, timeout=60, env={**os.environ, "TCP_NODELAY": "1"})
