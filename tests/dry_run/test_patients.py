"""Whom the destination knows a study under, and what a conflict would come to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dry_run.running import Rehearsal
from tests.migrate.running import Command
from tests.peers import Known, Rule, ScriptedPacs
from tests.peers.archives import Archive
from tests.peers.scripted_rules import patient_is_not

Make = Callable[..., Archive]
Pacs = Callable[..., ScriptedPacs]

OTHER_ID = Known("PACS-1", "Test^Patient1", "19700101")
OTHER_PERSON = Known("PACS-1", "Somebody^Else", "19500505")
TWO = (Known("PACS-1"), Known("PACS-2"))


@pytest.mark.parametrize(
    ("known", "options", "differs", "words", "state"),
    [
        ((OTHER_ID,), (), ["patient ID"], "sent again, patient remapped", "sent"),
        ((OTHER_ID,), ("--no-remap",), ["patient ID"], "sent again, patient ID suffixed", "sent"),
        ((OTHER_ID,), ("--no-remap", "--no-suffix"), ["patient ID"], "failed", "failed"),
        ((OTHER_ID,), ("--recovery", "strict"), ["patient ID"], "held: ", "held"),
        ((OTHER_PERSON,), (), ["patient ID", "name", "birth date"], "held: ", "held"),
        (TWO, (), ["known under 2 patients"], "held: ", "held"),
    ],
)
def test_what_would_become_of_a_study_known_under_another_patient(
    archive: Make,
    scripted_pacs: Pacs,
    migrate: Command,
    rehearse: Rehearsal,
    known: tuple[Known, ...],
    options: tuple[str, ...],
    differs: list[str],
    words: str,
    state: str,
) -> None:
    source = archive(studies=2, instances=2)
    study = source.files[0].study_uid
    wants = "P1_MIG" if "--no-remap" in options else "PACS-1"
    refuses = patient_is_not(wants)
    rule = Rule(0xFFFB, when=lambda arrived: arrived.uid in source.study(study) and refuses(arrived))
    peer = scripted_pacs(rule, patients={study: known})
    dry = rehearse(source.folder, peer.node, *options)
    assert not peer.arrived
    (told,) = dry.json["other_patients"]
    assert (told["study"], told["instances"], told["differs"]) == (study, 2, differs)
    assert told["if_refused"].startswith(words)
    assert dry.counts("sent", "held", "failed") == (4, 0, 0)
    real = migrate(source.folder, peer.node, *options)
    assert real.json[state] == (4 if state == "sent" else 2)


def test_a_crosswalk_that_makes_the_patients_agree_is_seen(
    archive: Make, scripted_pacs: Pacs, rehearse: Rehearsal, tmp_path: Path
) -> None:
    source = archive(studies=1, instances=2)
    peer = scripted_pacs(patients={source.files[0].study_uid: (OTHER_ID,)})
    assert rehearse(source.folder, peer.node).json["other_patients"]
    (tmp_path / "table.csv").write_text("old_id,new_id\nP1,PACS-1\n")
    dry = rehearse(source.folder, peer.node, "--crosswalk", str(tmp_path / "table.csv"))
    assert dry.json["other_patients"] == []


def test_the_same_patient_written_otherwise_is_no_conflict(
    archive: Make, scripted_pacs: Pacs, rehearse: Rehearsal
) -> None:
    source = archive(studies=1, instances=2)
    known = Known("P1", "TEST^PATIENT1^^^", "19700101")
    dry = rehearse(source.folder, scripted_pacs(patients={source.files[0].study_uid: (known,)}).node)
    assert (dry.json["other_patients"], dry.json["studies_asked"]) == ([], 1)
