"""Edited instances on the wire: at a byte-keeping SCP, at Orthanc and at storescp."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from migrator.core.edits import (
    Clean,
    Edit,
    Reclassify,
    RemapPatient,
    StripPrivate,
    SuffixPatientId,
    Uncompress,
)
from migrator.core.model import ContextPair, Patient
from migrator.core.outcome import Cause, Fidelity, Outcome, State
from migrator.core.rules import ApplyCrosswalk, ApplyRules, parse_rules
from migrator.dicom.editing.edits import Editor
from migrator.dicom.editing.edits_patient import suffix_id
from migrator.dicom.editing.original_attributes import add_originals
from migrator.dicom.editing.secondary_capture import copy_uid
from migrator.dicom.editing.splice_elements import elements_of, items_of
from tests.association.making import library_files, quick, scan
from tests.edits.making import (
    BIG,
    CT,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    NOW,
    RLE,
    a_dataset,
    draft_of,
    encoded_as,
    joined,
    original_of,
    read,
    write,
)
from tests.peers import KeepingScp, Orthanc, Storescp
from tests.peers.keeping import Kept

Keeping = Callable[..., KeepingScp]
JPEG_2000 = "1.2.840.10008.1.2.4.91"
SC = "1.2.840.10008.5.1.4.1.1.7"


def rules(text: str) -> ApplyRules:
    found, faults = parse_rules(text)
    assert not faults
    return ApplyRules(tuple(found))


def store(
    scp: KeepingScp, path: Path, *edits: Edit, pairs: tuple[ContextPair, ...] = ()
) -> tuple[Outcome, Kept | None]:
    """Send one file; what the SCP kept of it."""
    instance = scan(path)
    sender = quick(scp.node, path.parent)
    sender.open(pairs or [instance.pair])
    before = len(scp.kept)
    outcome = sender.store(instance, edits)
    sender.release()
    return outcome, scp.kept[-1] if len(scp.kept) > before else None


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED, JPEG])
def test_header_edits_travel_in_the_files_own_syntax(
    keeping_scp: Keeping, tmp_path: Path, syntax: str
) -> None:
    path = write(tmp_path / "a.dcm", a_dataset(), syntax)
    outcome, kept = store(keeping_scp(), path, rules('PatientID prefix "A-"'))
    assert kept is not None and outcome.is_stored, outcome
    assert (kept.transfer_syntax, kept.uid) == (syntax, "1.2.3.4.5")
    assert outcome.fidelity is Fidelity.EDITED
    assert (outcome.changes, outcome.sent_uid) == ((), "")
    data = zlib.decompress(kept.data, -zlib.MAX_WBITS) if syntax == DEFLATED else kept.data
    before = original_of(path)
    before = zlib.decompress(before, -zlib.MAX_WBITS) if syntax == DEFLATED else before
    assert len(kept.data) % 2 == 0
    found, expected = (read(bytes_, EXPLICIT if syntax == DEFLATED else syntax) for bytes_ in (data, before))
    assert found.PatientID == "A-P1"
    expected.PatientID = "A-P1"
    assert found == expected


def test_rules_without_effect_send_the_file_verbatim(keeping_scp: Keeping, tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", a_dataset())
    outcome, kept = store(keeping_scp(), path, rules('PatientID set "P1"\nAccessionNumber delete'))
    assert kept is not None and kept.data == original_of(path)
    assert outcome.fidelity is Fidelity.VERBATIM


def test_private_elements_are_left_out_everywhere_and_named(keeping_scp: Keeping, tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", a_dataset())
    outcome, kept = store(keeping_scp(), path, StripPrivate())
    assert kept is not None
    found = read(kept.data)
    tags = [element.tag for element in found.iterall()]
    assert tags and not any(tag.is_private for tag in tags)
    assert "OriginalAttributesSequence" not in found
    assert outcome.fidelity is Fidelity.EDITED
    assert "(0009,1001)" in {change.keyword for change in outcome.changes}
    assert any("ACME 1.1" in change.before for change in outcome.changes)


def test_many_removed_elements_are_counted_not_listed(keeping_scp: Keeping, tmp_path: Path) -> None:
    ds = a_dataset()
    block = ds.private_block(0x0019, "MANY", create=True)
    for number in range(100):
        block.add_new(number, "LO", "x")
    outcome, _ = store(keeping_scp(), write(tmp_path / "a.dcm", ds), StripPrivate())
    assert len(outcome.changes) == 51
    assert outcome.changes[-1].keyword.startswith("and ")


def test_a_remapped_patient_is_told_of_in_the_object_and_in_the_outcome(
    keeping_scp: Keeping, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.dcm", a_dataset(IssuerOfPatientID="OLD"))
    there = Patient("Q7", "", "Roe^Jane")
    outcome, kept = store(keeping_scp(), path, RemapPatient(there))
    assert kept is not None and outcome.fidelity is Fidelity.REMAPPED
    found = read(kept.data)
    assert (found.PatientID, str(found.PatientName), found.PatientBirthDate) == ("Q7", "Roe^Jane", "19700101")
    assert "IssuerOfPatientID" not in found
    (item,) = found.OriginalAttributesSequence
    assert (item.ReasonForTheAttributeModification, item.ModifyingSystem) == ("COERCE", "DICOM_MIGRATOR")
    assert item.SourceOfPreviousValues == ""
    # With the offset from UTC: else Timezone Offset From UTC (0008,0201) of the object would rule it.
    assert re.fullmatch(r"\d{14}[+-]\d{4}", str(item.AttributeModificationDateTime))
    (old,) = item.ModifiedAttributesSequence
    assert (old.PatientID, str(old.PatientName), old.IssuerOfPatientID) == ("P1", "Doe^Jane", "OLD")
    assert set(outcome.changes) == {
        ("PatientID", "P1", "Q7"),
        ("PatientName", "Doe^Jane", "Roe^Jane"),
        ("IssuerOfPatientID", "OLD", ""),
    }


def test_the_issuer_of_an_id_stays_where_the_destination_only_does_not_tell_it(
    keeping_scp: Keeping, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.dcm", a_dataset(IssuerOfPatientID="OLD"))
    outcome, kept = store(keeping_scp(), path, RemapPatient(Patient("P1", "", "Roe^Jane")))
    assert kept is not None
    found = read(kept.data)
    assert (found.PatientID, found.IssuerOfPatientID, str(found.PatientName)) == ("P1", "OLD", "Roe^Jane")
    assert outcome.changes == (("PatientName", "Doe^Jane", "Roe^Jane"),)


def test_old_values_are_told_of_in_the_character_set_that_the_object_ends_with(
    keeping_scp: Keeping, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.dcm", a_dataset(SpecificCharacterSet="ISO_IR 100", PatientName="Jörg^É"))
    crosswalk = ApplyCrosswalk({("P1", ""): Patient("N1", "", "Jürg^É")})
    outcome, kept = store(keeping_scp(), path, crosswalk, RemapPatient(Patient("N1", "", "山田^太郎")))
    assert kept is not None, outcome
    found = read(kept.data)
    assert (found.SpecificCharacterSet, str(found.PatientName)) == ("ISO_IR 192", "山田^太郎")
    found.decode()
    (old,) = found.OriginalAttributesSequence[0].ModifiedAttributesSequence
    assert str(old.PatientName) == "Jörg^É"


def test_a_modification_is_appended_to_a_sequence_that_was_stored_as_of_unknown_vr() -> None:
    first = Dataset()
    first.ModifiedAttributesSequence = [a_dataset(PixelData=None)]
    first.ModifyingSystem, first.ReasonForTheAttributeModification = "FIRST", "COERCE"
    value = draft_of(encoded_as(Dataset(), IMPLICIT, OriginalAttributesSequence=[first]), IMPLICIT).raw(
        0x04000561
    )
    draft = draft_of(encoded_as(a_dataset(PixelData=None), EXPLICIT))
    draft.set_raw(0x04000561, "UN", value)
    draft.is_traced = True
    suffix_id(draft, "_MIG")
    add_originals(draft, {}, NOW)
    data = joined(draft)
    found = draft_of(data)
    element = found.get(0x04000561)
    assert element is not None and element.vr == b"SQ"
    items = read(data).OriginalAttributesSequence
    assert [item.ModifyingSystem for item in items] == ["FIRST", "DICOM_MIGRATOR"]
    assert items[0].ModifiedAttributesSequence[0].StudyDescription == "Thorax"
    assert len(items[0].ModifiedAttributesSequence[0].ReferencedStudySequence) == 2
    for item in items_of(element):  # in one encoding, all of it
        assert all(one.vr for one in elements_of(element.source, item.coding, item.start, item.stop))


def test_a_second_modification_is_appended_to_the_first(keeping_scp: Keeping, tmp_path: Path) -> None:
    first = Dataset()
    first.ModifyingSystem = "EARLIER"
    for is_undefined in (False, True):
        ds = a_dataset(OriginalAttributesSequence=[first])
        ds["OriginalAttributesSequence"].is_undefined_length = is_undefined
        path = write(tmp_path / f"{is_undefined}.dcm", ds)
        outcome, kept = store(keeping_scp(), path, SuffixPatientId("_MIG"))
        assert kept is not None
        found = read(kept.data)
        assert found.PatientID == "P1_MIG"
        systems = [item.ModifyingSystem for item in found.OriginalAttributesSequence]
        assert systems == ["EARLIER", "DICOM_MIGRATOR"]
        assert outcome.changes == (("PatientID", "P1", "P1_MIG"),)


@pytest.mark.parametrize(
    ("before", "after"), [("P1_MIG", "P1_MIG"), ("X" * 64, "X" * 60 + "_MIG"), ("é" * 63, "é" * 60 + "_MIG")]
)
def test_a_suffix_is_appended_once_and_within_64_letters(
    keeping_scp: Keeping, tmp_path: Path, before: str, after: str
) -> None:
    path = write(tmp_path / "a.dcm", a_dataset(SpecificCharacterSet="ISO_IR 192", PatientID=before))
    outcome, kept = store(keeping_scp(), path, SuffixPatientId("_MIG"))
    assert kept is not None and read(kept.data).PatientID == after
    assert outcome.fidelity is (Fidelity.VERBATIM if before == after else Fidelity.REMAPPED)


def test_without_a_patient_id_there_is_nothing_to_append_to(keeping_scp: Keeping, tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", a_dataset(PatientID=""))
    outcome, kept = store(keeping_scp(), path, SuffixPatientId("_MIG"))
    assert kept is None
    assert (outcome.state, outcome.cause, outcome.attempts) == (State.FAILED, Cause.ENCODING, 0)
    assert "no patient ID" in outcome.reason


def test_a_crosswalk_gives_listed_patients_alone_another_identity(
    keeping_scp: Keeping, tmp_path: Path
) -> None:
    crosswalk = ApplyCrosswalk({("P1", ""): Patient("N1", "NEW", "Neu^Jörg")})
    scp = keeping_scp()
    outcome, kept = store(scp, write(tmp_path / "a.dcm", a_dataset()), crosswalk)
    assert kept is not None and outcome.fidelity is Fidelity.EDITED and outcome.changes == ()
    found = read(kept.data)
    assert (found.PatientID, found.IssuerOfPatientID, str(found.PatientName)) == ("N1", "NEW", "Neu^Jörg")
    assert found.OriginalAttributesSequence[0].ModifiedAttributesSequence[0].PatientID == "P1"
    other = write(tmp_path / "b.dcm", a_dataset(IssuerOfPatientID="OTHER"))
    outcome, kept = store(scp, other, crosswalk)
    assert kept is not None and kept.data == original_of(other)
    assert outcome.fidelity is Fidelity.VERBATIM


def test_edits_apply_in_order_and_the_farthest_fidelity_counts(keeping_scp: Keeping, tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", a_dataset())
    edits = (rules('PatientID set "R"'), StripPrivate(), SuffixPatientId("_MIG"))
    outcome, kept = store(keeping_scp(), path, *edits)
    assert kept is not None
    found = read(kept.data)
    assert found.PatientID == "R_MIG" and "RequestAttributesSequence" in found
    assert outcome.fidelity is Fidelity.REMAPPED
    assert ("PatientID", "R", "R_MIG") in outcome.changes
    assert found.OriginalAttributesSequence[0].ModifiedAttributesSequence[0].PatientID == "R"


def rle_file(path: Path, **attributes: object) -> Path:
    ds = a_dataset(**attributes)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(EXPLICIT)
    ds.compress(UID(RLE), generate_instance_uid=False)
    ds.save_as(path, enforce_file_format=True)
    return path


def test_an_edited_object_is_decoded_where_only_uncompressed_is_accepted(
    keeping_scp: Keeping, tmp_path: Path
) -> None:
    path = rle_file(tmp_path / "a.dcm")
    scp = keeping_scp(syntaxes=(EXPLICIT, IMPLICIT))
    outcome, kept = store(scp, path, Clean(), Uncompress(keeps_lossy=True))
    assert kept is not None and outcome.fidelity is Fidelity.EDITED, outcome
    found = read(kept.data)
    assert found.PixelData == numpy.arange(16, dtype="<u2").tobytes()
    assert kept.uid == found.SOPInstanceUID == "1.2.3.4.5"
    assert not any(element.tag.is_private for element in found)
    outcome, kept = store(scp, path, Uncompress())
    assert outcome.fidelity is Fidelity.DECOMPRESSED and kept is not None


@pytest.mark.parametrize("edits", [(), (StripPrivate(),)])
def test_what_was_compressed_with_loss_is_refused_where_it_is_to_be_kept(
    keeping_scp: Keeping, tmp_path: Path, edits: tuple[Edit, ...]
) -> None:
    scp = keeping_scp(syntaxes=(EXPLICIT, IMPLICIT))
    for name, syntax in (("jpeg", JPEG), ("j2k", JPEG_2000)):
        path = write(tmp_path / name, a_dataset(), syntax)
        outcome, kept = store(scp, path, *edits, Uncompress(keeps_lossy=True))
        assert kept is None
        assert (outcome.cause, outcome.attempts) == (Cause.ENCODING, 0)
        assert "loss" in outcome.reason


@pytest.mark.filterwarnings("ignore")
def test_lossy_flags_stay_when_a_lossy_image_is_decoded(keeping_scp: Keeping) -> None:
    path = next(p for p in library_files() if p.name == "SC_rgb_jpeg_dcmtk.dcm")
    outcome, kept = store(keeping_scp(syntaxes=(EXPLICIT,)), path, Uncompress())
    assert kept is not None and outcome.fidelity is Fidelity.DECOMPRESSED
    before = read(original_of(path))
    assert read(kept.data).get("LossyImageCompression") == before.get("LossyImageCompression")


def test_rules_on_every_file_do_not_cost_the_overlap(keeping_scp: Keeping, tmp_path: Path) -> None:
    """The file that follows is edited and opened before the answer to the one before is waited for."""
    paths = [
        write(tmp_path / f"{number}.dcm", a_dataset(SOPInstanceUID=f"1.2.3.4.{number + 1}"))
        for number in range(3)
    ]
    instances = [scan(path) for path in paths]
    scp, standing = keeping_scp(), rules('PatientID suffix "-N"')
    sender = quick(scp.node, tmp_path)
    sender.open([instances[0].pair])
    for instance, then in zip(instances, [*instances[1:], None], strict=True):
        outcome = sender.store(instance, (standing,), then)
        assert outcome.fidelity is Fidelity.EDITED
        ahead = sender._ahead
        assert (ahead is None) is (then is None)
        assert ahead is None or ahead.instance is then
    # Prepared with the rule alone, but sent with more: what stood ready is dropped.
    sender.store(instances[0], (standing,), instances[1])
    sender.store(instances[1], (standing, SuffixPatientId("_MIG")))
    sender.release()
    found = [read(kept.data).PatientID for kept in scp.kept]
    assert found == ["P1-N", "P1-N", "P1-N", "P1-N", "P1-N_MIG"]


def test_a_file_that_changed_since_the_scan_is_not_edited(keeping_scp: Keeping, tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", a_dataset())
    instance = scan(path)
    path.write_bytes(path.read_bytes() + b"more")
    sender = quick(keeping_scp().node, tmp_path)
    sender.open([instance.pair])
    outcome = sender.store(instance, (StripPrivate(),))
    sender.release()
    assert (outcome.cause, outcome.attempts) == (Cause.FILE, 0)


def test_a_context_that_is_not_accepted_stays_a_matter_of_the_context(
    keeping_scp: Keeping, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.dcm", a_dataset(), JPEG)
    outcome, _ = store(keeping_scp(syntaxes=(EXPLICIT,)), path, StripPrivate())
    assert (outcome.cause, outcome.attempts) == (Cause.CONTEXT, 0)


def test_orthanc_reads_what_was_edited(orthanc: Orthanc, tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", a_dataset(SpecificCharacterSet="ISO_IR 100"))
    instance = scan(path)
    sender = quick(orthanc.node, tmp_path)
    sender.open([instance.pair, *(ContextPair(f"{SC}{leaf}", EXPLICIT) for leaf in ("", ".3"))])
    edits = (StripPrivate(), RemapPatient(Patient("Q7", "NEW", "山田^太郎")))
    assert sender.store(instance, edits).is_stored
    assert sender.store(instance, (Reclassify(),)).sent_uid == copy_uid("1.2.3.4.5")
    sender.release()
    assert orthanc.uids() == {"1.2.3.4.5", copy_uid("1.2.3.4.5")}
    found = dcmread(BytesIO(orthanc.datasets()["1.2.3.4.5"]))
    assert (found.PatientID, str(found.PatientName)) == ("Q7", "山田^太郎")


def test_storescp_keeps_the_very_bytes_that_were_made(
    storescp: Storescp, keeping_scp: Keeping, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.dcm", a_dataset())
    edit = rules('PatientName set "New^Name"\nInstitutionName set "Odd"')
    _, kept = store(keeping_scp(), path, edit)
    instance = scan(path)
    sender = quick(storescp.node, tmp_path)
    sender.open([instance.pair])
    assert sender.store(instance, (edit,)).is_stored
    sender.release()
    assert kept is not None
    assert storescp.datasets()["1.2.3.4.5"] == kept.data


_BIG_FILE = 1 << 30
_SEND_BIG = """
import hashlib, resource, sys, threading, socket
from pathlib import Path
from migrator.core.rules import ApplyRules, parse_rules
from migrator.dicom.editing.edits import Editor
from migrator.dicom.editing.edits_patient import suffix_id
from migrator.dicom.editing.original_attributes import add_originals
from tests.association.making import scan
path = Path(sys.argv[1])
instance = scan(path)
edits = (ApplyRules(tuple(parse_rules('PatientID set "CHANGED"\\nstrip_private')[0])),)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
payload = Editor().edit(str(path), instance, edits).open()
size, digest, buffer = payload.remaining, hashlib.sha256(), memoryview(bytearray(1 << 18))
head = bytearray()
while payload.remaining:
    piece = buffer[: min(payload.remaining, len(buffer))]
    payload.fill([piece])
    if len(head) < 1 << 12:
        head += piece
    digest.update(piece)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert b"CHANGED" in head
print(size, grown, digest.hexdigest())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory in KiB, and sparse files, are Linux's")
def test_a_gigabyte_with_a_rule_streams_from_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "big.dcm", a_dataset(NumberOfFrames=4, PixelData=b"\1\2"))
    with path.open("r+b") as file:
        content = file.read()
        place = content.index(b"\xe0\x7f\x10\0OW") + 8
        length = _BIG_FILE
        file.seek(place)
        file.write(length.to_bytes(4, "little"))
        file.truncate(place + 4)
        file.truncate(place + 4 + length)
        file.seek(place + 4 + length // 2)
        file.write(b"in the middle")
    run = subprocess.run(
        [sys.executable, "-c", _SEND_BIG, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert run.returncode == 0, run.stderr
    size, grown, found = run.stdout.split()
    assert int(size) > _BIG_FILE
    assert int(grown) < 16 << 10, f"{grown} KiB more"
    digest = hashlib.sha256()
    edited_head = _edited_head(path, int(size) - length)
    digest.update(edited_head)
    with path.open("rb") as file:
        file.seek(place + 4)
        while piece := file.read(1 << 20):
            digest.update(piece)
    assert digest.hexdigest() == found


def _edited_head(path: Path, length: int) -> bytes:
    edits = (rules('PatientID set "CHANGED"\nstrip_private'),)
    payload = Editor().edit(str(path), scan(path), edits).open()
    head = bytearray(length)
    payload.fill([memoryview(head)])
    payload.close()
    return bytes(head)


@pytest.mark.filterwarnings("ignore")
def test_values_that_were_cleaned_away_are_told_of_where_they_do_no_harm(
    keeping_scp: Keeping, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.dcm", a_dataset(PatientSex="female!", StudyTime="10:15:00"))
    outcome, kept = store(keeping_scp(), path, Clean())
    assert kept is not None and outcome.fidelity is Fidelity.EDITED
    found = read(kept.data)
    assert (found.PatientSex, found.StudyTime) == ("", "101500")
    assert ("PatientSex", "female!", "") in outcome.changes
    (item,) = found.OriginalAttributesSequence
    values = {
        one.SelectorAttribute: one.NonconformingDataElementValue
        for one in item.NonconformingModifiedAttributesSequence
    }
    assert values == {0x00100040: b"female! ", 0x00080030: b"10:15:00"}


def test_the_class_of_an_object_is_untouched_by_all_but_reclassifying(
    keeping_scp: Keeping, tmp_path: Path
) -> None:
    _, kept = store(keeping_scp(), write(tmp_path / "a.dcm", a_dataset()), Clean(), SuffixPatientId("_M"))
    assert kept is not None and kept.sop_class == CT
