"""What a PACS refuses is healed as far as the settings allow, and told: through the scripted PACS."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from tests.migrate.running import Command, Ran
from tests.peers import Known, Rule, ScriptedPacs
from tests.peers.archives import Archive
from tests.peers.scripted_rules import Arrived, Proposal, has_private_elements, is_compressed, patient_is_not

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"

Make = Callable[..., Archive]
Start = Callable[..., ScriptedPacs]


def lines_of(ran: Ran) -> list[dict[str, object]]:
    """The outcomes in the manifest."""
    manifest = Path(ran.json["manifest"])
    lines = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
    return [line for line in lines if line["t"] == "o"]


def stored_once(pacs: ScriptedPacs, source: Archive) -> bool:
    return set(pacs.counts) == source.uids and set(pacs.counts.values()) == {1}


def is_alone(sop_class: str, syntax: str, proposal: Proposal) -> bool:
    return len(proposal.sop_classes) == 1


def is_uncompressed_only(sop_class: str, syntax: str, proposal: Proposal) -> bool:
    plain = {ExplicitVRLittleEndian, ImplicitVRLittleEndian}
    return all(one in plain for _, one in proposal.pairs)


@pytest.mark.parametrize("taken", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_what_is_not_taken_compressed_arrives_decompressed_under_its_own_uid(
    archive: Make, scripted_pacs: Start, migrate: Command, taken: str, data_directory: Path
) -> None:
    source = archive(
        studies=2,
        instances=5,
        side=64,
        syntaxes=(RLELossless, JPEGLSLossless, JPEG2000Lossless),
    )
    pacs = scripted_pacs(syntaxes=(taken,))
    ran = migrate(source.folder, pacs.node, "--verify")
    assert ran.code == 0
    assert ran.json["healed"] == 10
    assert ran.json["fidelity"] == {"decompressed": 10}
    assert ran.json["remedies"] == {"uncompressed": 10}
    assert stored_once(pacs, source)
    for made in source.files:
        (arrived,) = pacs.received[made.uid]
        assert arrived.dataset.pixel_array.tobytes() == dcmread(made.path).pixel_array.tobytes()
    log = (data_directory / "logs" / "migrator.log").read_text("utf-8")
    assert "CT Image Storage (1.2.840.10008.5.1.4.1.1.2) in RLE Lossless" in log
    assert log.count("goes uncompressed from now on") == 3, "once for each transfer syntax"


def test_a_class_that_is_only_accepted_alone_goes_verbatim_over_a_targeted_association(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=8, sop_classes=(CT, MR))
    pacs = scripted_pacs(accepts=is_alone)
    ran = migrate(source.folder, pacs.node, "--workers", "1")
    assert ran.code == 0
    assert ran.json["fidelity"] == {"verbatim": 8}
    assert ran.json["remedies"]["targeted"] == 8
    assert stored_once(pacs, source)


def test_a_peer_that_takes_no_compressed_proposal_gets_an_uncompressed_one(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=6, syntaxes=(RLELossless,))
    pacs = scripted_pacs(accepts=is_uncompressed_only)
    ran = migrate(source.folder, pacs.node, "--workers", "1")
    assert ran.code == 0
    assert ran.json["fidelity"] == {"decompressed": 6}
    assert ran.json["remedies"]["uncompressed only"] == 6
    assert stored_once(pacs, source)
    assert len(pacs.associations) <= 15, "learnt after three, and kept open"


def test_a_class_that_is_accepted_nowhere_fails_in_words_and_costs_few_associations(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=40, sop_classes=(CT, MR))
    pacs = scripted_pacs(sop_classes=(CT,))
    ran = migrate(source.folder, pacs.node, "--workers", "1", "--batch-size", "0")
    assert ran.code == 1
    assert ran.counts("sent", "failed") == (20, 20)
    assert "MR Image Storage" in ran.json["problems"][0]["reason"]
    assert len(pacs.associations) <= 15
    assert pacs.received.keys() == {made.uid for made in source.files if made.sop_class == CT}


def test_a_compressed_object_stays_where_decompression_is_off(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=2, syntaxes=(RLELossless,))
    pacs = scripted_pacs(syntaxes=(ExplicitVRLittleEndian,))
    ran = migrate(source.folder, pacs.node, "--no-decompress")
    assert ran.code == 1
    assert ran.counts("failed") == (2,)
    assert "RLE Lossless" in ran.json["problems"][0]["reason"]
    assert not pacs.arrived


def study_of(source: Archive, number: int = 0) -> str:
    return sorted(source.studies)[number]


def test_a_patient_conflict_is_healed_by_the_destinations_patient_asking_once_per_study(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=12)
    known = Known("NEW-1", "Test^Patient1", "19700101", "O", "HOSPITAL")
    pacs = scripted_pacs(Rule(0xFFFB, when=patient_is_not("NEW-1")), patients={study_of(source): (known,)})
    ran = migrate(source.folder, pacs.node, "--workers", "1", "--verify")
    assert ran.code == 0
    assert ran.json["fidelity"] == {"remapped": 12}
    assert stored_once(pacs, source)
    assert sum(log.finds for log in pacs.associations if log.files == 0) <= 1 + 3, "once, then to verify"
    assert len(pacs.arrived) == 13, "only the first is refused: the rest of the study has the same patient"
    for arrived in pacs.arrived[1:]:
        ds = arrived.dataset
        assert (ds.PatientID, ds.IssuerOfPatientID) == ("NEW-1", "HOSPITAL")
        (original,) = ds.OriginalAttributesSequence
        (before,) = original.ModifiedAttributesSequence
        assert before.PatientID == "P1"
    (line, *_) = lines_of(ran)
    assert ["PatientID", "P1", "NEW-1"] in line["changes"]


def test_another_person_is_held_and_not_stored(archive: Make, scripted_pacs: Start, migrate: Command) -> None:
    source = archive(studies=1, instances=3)
    known = Known("NEW-1", "Somebody^Else", "19300303")
    pacs = scripted_pacs(Rule(0xFFFB), patients={study_of(source): (known,)})
    ran = migrate(source.folder, pacs.node)
    assert ran.code == 1
    assert ran.counts("held") == (3,)
    assert "another person" in ran.json["problems"][0]["reason"]
    assert "Else" not in ran.json["problems"][0]["reason"]
    assert not pacs.uids


def test_a_patient_whom_nobody_knows_gets_the_suffix(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=3)
    pacs = scripted_pacs(Rule(0xFFFB, when=patient_is_not("P1_OLD")))
    ran = migrate(source.folder, pacs.node, "--workers", "1", "--conflict-suffix", "_OLD")
    assert ran.code == 0
    assert ran.json["remedies"] == {"patient ID suffixed": 3}
    assert stored_once(pacs, source)
    assert {str(arrived.dataset.PatientID) for arrived in pacs.arrived[1:]} == {"P1_OLD"}


def test_a_status_means_what_the_settings_say_of_this_destination(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=2)
    known = Known("NEW-1", "Test^Patient1")
    pacs = scripted_pacs(Rule(0xA778, when=patient_is_not("NEW-1")), patients={study_of(source): (known,)})
    ran = migrate(source.folder, pacs.node, "--workers", "1", "--status", "A778=patient-conflict")
    assert ran.code == 0
    assert ran.json["fidelity"] == {"remapped": 2}


def with_private_elements(source: Archive) -> Archive:
    for made in source.files:
        ds = dcmread(made.path)
        block = ds.private_block(0x0019, "ACME 1.0", create=True)
        block.add_new(0x01, "LO", "secret sauce")
        ds.save_as(made.path)
    return source


def test_what_is_not_understood_with_private_elements_goes_without(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = with_private_elements(archive(studies=1, instances=3))
    pacs = scripted_pacs(Rule(0xC000, when=has_private_elements))
    ran = migrate(source.folder, pacs.node)
    assert ran.code == 0
    assert ran.json["fidelity"] == {"edited": 3}
    assert ran.json["remedies"] == {"without private elements": 3}
    assert stored_once(pacs, source)
    assert all(len(arrived) == 2 for arrived in pacs.received.values()), "each was tried as it is"


def test_what_is_not_understood_compressed_is_decompressed_and_cleaned(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=3, syntaxes=(RLELossless,))
    pacs = scripted_pacs(Rule(0xC123, when=is_compressed))
    ran = migrate(source.folder, pacs.node)
    assert ran.code == 0
    assert ran.json["remedies"] == {"without private elements": 3, "cleaned": 3}
    assert stored_once(pacs, source)


def test_what_is_understood_over_an_uncompressed_association_only_arrives_there(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=2, syntaxes=(DeflatedExplicitVRLittleEndian, RLELossless))
    pacs = scripted_pacs()

    def came_with_others(arrived: Arrived) -> bool:
        proposal = pacs.associations[arrived.association - 1].proposal
        return proposal is not None and not is_uncompressed_only("", "", proposal)

    pacs.script = pacs.script.__class__(rules=(Rule(0xC000, when=came_with_others),))
    ran = migrate(source.folder, pacs.node, "--workers", "1")
    assert ran.code == 0
    assert ran.json["remedies"]["cleaned, uncompressed only"] == 2
    assert stored_once(pacs, source)


def test_what_does_not_match_its_class_arrives_as_a_secondary_capture_that_verify_knows(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=3)
    pacs = scripted_pacs(Rule(0xA900, sop_classes=(CT,)))
    ran = migrate(source.folder, pacs.node, "--verify")
    assert ran.code == 0
    assert ran.json["fidelity"] == {"reclassified": 3}
    assert ran.json["verify"]["proven"]
    copies = [arrived for arrived in pacs.arrived if arrived.sop_class == SECONDARY_CAPTURE]
    assert len(copies) == 3
    assert not pacs.uids & source.uids
    for copy in copies:
        (image,) = copy.dataset.SourceImageSequence
        assert image.ReferencedSOPClassUID == CT
        assert image.ReferencedSOPInstanceUID in source.uids
    assert {line["sent_uid"] for line in lines_of(ran)} == pacs.uids

    again = migrate(source.folder, pacs.node, "--restart", "--verify")
    assert again.code == 0
    assert len(pacs.uids) == 3, "a copy made again has the same UID"
    third = migrate(source.folder, pacs.node)
    assert third.counts("sent", "skipped") == (0, 3)


@pytest.mark.parametrize(
    ("rule", "switch", "step"),
    [
        (Rule(0xFFFB), "--no-suffix", "patient"),
        (Rule(0xC000, when=has_private_elements), "--no-strip-private", "private"),
        (Rule(0xA900, sop_classes=(CT,)), "--no-reclassify", "Secondary"),
    ],
)
def test_every_remedy_has_its_switch(
    archive: Make, scripted_pacs: Start, migrate: Command, rule: Rule, switch: str, step: str
) -> None:
    source = with_private_elements(archive(studies=1, instances=2))
    pacs = scripted_pacs(rule)
    ran = migrate(source.folder, pacs.node, switch, "--no-clean")
    assert ran.code == 1
    assert ran.counts("failed") == (2,)
    assert not any(step in remedy for remedy in ran.json["remedies"])


def test_strict_holds_what_standard_would_change_and_a_person_can_release_it(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = with_private_elements(archive(studies=1, instances=3))
    pacs = scripted_pacs(Rule(0xC000, when=has_private_elements))
    ran = migrate(source.folder, pacs.node, "--recovery", "strict")
    assert ran.code == 1
    assert ran.counts("held") == (3,)
    assert "strict" in ran.json["problems"][0]["reason"]
    assert migrate(source.folder, pacs.node).counts("held", "skipped") == (0, 3), "held stays held"

    released = migrate(source.folder, pacs.node, "--retry-failed")
    assert released.code == 0
    assert released.counts("sent") == (3,)


@pytest.mark.parametrize("text", ["A778", "A778=nonsense", "XYZ=failed", "0000=failed"])
def test_a_wrong_status_meaning_is_refused_before_anything_is_sent(
    archive: Make, scripted_pacs: Start, migrate: Command, text: str
) -> None:
    source = archive(studies=1, instances=1)
    ran = migrate(source.folder, scripted_pacs().node, "--status", text)
    assert ran.code == 2
    assert "--status" in ran.told


def test_a_patient_whom_rules_have_renamed_is_compared_as_sent(
    archive: Make, scripted_pacs: Start, migrate: Command, tmp_path: Path
) -> None:
    """The file's own patient differs in name and birth date from whom the destination knows."""
    source = archive(studies=1, instances=2)
    rules = tmp_path / "rules.txt"
    rules.write_text('PatientName set "New^Name"\nPatientBirthDate set "20010203"\n')
    known = Known("NEW-1", "New^Name", "20010203")
    pacs = scripted_pacs(Rule(0xFFFB, when=patient_is_not("NEW-1")), patients={study_of(source): (known,)})
    ran = migrate(source.folder, pacs.node, "--workers", "1", "--rules", str(rules))
    assert ran.code == 0
    assert ran.json["fidelity"] == {"remapped": 2}
    assert {str(arrived.dataset.PatientName) for arrived in pacs.arrived[1:]} == {"New^Name"}


def test_a_copy_is_not_decompressed_where_that_is_off(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=2, syntaxes=(RLELossless,))
    takes_copies_plain = {"accepts": lambda sop, syntax, proposal: sop == CT or syntax != RLELossless}
    pacs = scripted_pacs(Rule(0xA900, sop_classes=(CT,)), **takes_copies_plain)
    ran = migrate(source.folder, pacs.node, "--no-decompress")
    assert ran.counts("failed") == (2,)
    assert "does not match its SOP class" in ran.json["problems"][0]["reason"]
    assert migrate(source.folder, pacs.node, "--retry-failed").json["fidelity"] == {"reclassified": 2}
