"""What happens between us and a PACS is healed or recorded: through the scripted PACS."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from migrator.core.errors import MigratorError
from migrator.engine.breaker import Breaker
from tests.migrate.running import Command
from tests.peers import Act, Greeting, Known, Rule, Script, ScriptedPacs
from tests.peers.archives import Archive
from tests.peers.scripted_rules import CALLED_AE_NOT_RECOGNISED, CONGESTION, Proposal, patient_is_not

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"

Make = Callable[..., Archive]
Start = Callable[..., ScriptedPacs]

QUICK = ("--acse-timeout", "2", "--dimse-timeout", "1", "--network-timeout", "1")


@pytest.mark.parametrize(
    "act",
    [
        Act.ABORT,
        Act.CLOSE,
        Act.RESET,
        Act.HALF_ANSWER,
        Act.GARBAGE,
        Act.WRONG_MESSAGE_ID,
        Act.CUT_REQUEST,
        Act.SILENCE,
        Act.STOP_READING,
    ],
)
def test_a_conversation_that_breaks_costs_nothing(
    archive: Make, scripted_pacs: Start, migrate: Command, act: Act
) -> None:
    source = archive(studies=3, instances=10, side=256)
    pacs = scripted_pacs(Rule(act=act, every=9, first=27), receive_buffer=16384)
    # Only who says nothing is waited for; all others are waited for as long as they may need.
    patience = QUICK if act in (Act.SILENCE, Act.STOP_READING) else ()
    ran = migrate(source.folder, pacs.node, "--workers", "2", "--verify", *patience)
    assert ran.code == 0, ran.told
    assert pacs.uids == source.uids
    assert ran.counts("sent", "failed", "unknown", "pending") == (30, 0, 0, 0)
    broken = {uid for uid, count in pacs.counts.items() if count > 1}
    assert not broken, "what was stored without an answer was asked about, not sent again"


@pytest.mark.parametrize("manners", [{"close_after": 3}, {"close_after": 3, "close_by": Act.ABORT}])
def test_a_peer_that_ends_associations_after_some_files_gets_all_of_them_once(
    archive: Make, scripted_pacs: Start, migrate: Command, manners: dict[str, object]
) -> None:
    source = archive(studies=2, instances=10)
    pacs = scripted_pacs(**manners)
    ran = migrate(source.folder, pacs.node, "--workers", "2")
    assert ran.code == 0
    assert pacs.uids == source.uids
    assert set(pacs.counts.values()) == {1}


def test_a_peer_that_ends_idle_associations_is_associated_with_again(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=4)
    pacs = scripted_pacs(close_idle=0.2)
    ran = migrate(source.folder, pacs.node, "--workers", "1", "--peak", "00:00-23:59", "--peak-delay", "0.5")
    assert ran.code == 0
    assert set(pacs.counts.values()) == {1}
    assert pacs.uids == source.uids


def test_a_destination_out_of_resources_for_a_moment_is_waited_for(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=5)
    pacs = scripted_pacs(Rule(0xA700, first=3))
    ran = migrate(source.folder, pacs.node, "--workers", "1")
    assert ran.code == 0
    assert ran.json["healed"] == 1
    assert ran.json["remedies"] == {"backed off": 3}


def test_what_passes_only_later_has_its_turn_in_a_wave_without_multiplying_tries(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=6)
    (stubborn, *_) = sorted(source.uids)
    pacs = scripted_pacs(Rule(0x0110, uids=(stubborn,)))
    ran = migrate(source.folder, pacs.node, "--workers", "1", "--retries", "2", "--waves", "3")
    assert ran.code == 1
    assert ran.counts("sent", "failed") == (5, 1)
    assert len(pacs.received[stubborn]) == 1 + 2 + 3

    pacs.script = Script(rules=(Rule(0x0110, uids=(stubborn,), first=3),))
    ran = migrate(source.folder, pacs.node, "--workers", "1", "--retry-failed")
    assert ran.code == 0
    assert ran.json["remedies"] == {"wave 1": 1, "wave 2": 1} or ran.json["healed"] == 1


def test_what_fails_for_good_has_no_wave(archive: Make, scripted_pacs: Start, migrate: Command) -> None:
    source = archive(studies=1, instances=3)
    pacs = scripted_pacs(Rule(0x0106))
    ran = migrate(source.folder, pacs.node, "--workers", "1")
    assert ran.counts("failed") == (3,)
    assert all(len(arrived) == 1 for arrived in pacs.received.values())


def test_a_destination_that_goes_down_leaves_everything_pending_until_it_is_back(
    archive: Make, scripted_pacs: Start, migrate: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = archive(studies=4, instances=10)
    pacs = scripted_pacs(Rule(act=Act.GO_DOWN, numbers=(15,)))
    failed = Breaker.failed

    def back_when_left_alone(breaker: Breaker, error: MigratorError) -> bool:
        is_left_alone = failed(breaker, error)
        if is_left_alone and not pacs.is_listening:
            pacs.start()
        return is_left_alone

    monkeypatch.setattr(Breaker, "failed", back_when_left_alone)
    ran = migrate(source.folder, pacs.node, "--workers", "3", "--verify")
    assert ran.code == 0, ran.told
    assert ran.counts("sent", "failed", "unknown") == (40, 0, 0)
    assert pacs.uids == source.uids
    assert "left alone" in ran.told


def test_a_destination_that_stays_down_is_given_up_after_the_time_that_was_set(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=4, instances=10)
    # Whatever comes while it is going down has no answer either.
    pacs = scripted_pacs(Rule(act=Act.GO_DOWN, numbers=range(15, 41)))
    ran = migrate(source.folder, pacs.node, "--workers", "2", "--give-up-after", "1s")
    assert ran.code == 5
    assert ran.json["failed"] == 0
    assert ran.json["pending"] >= 20
    assert "down" in ran.json["stopped"]
    pacs.stop()
    pacs.script = Script()
    pacs.start()
    assert migrate(source.folder, pacs.node).code == 0
    assert pacs.uids == source.uids


def test_a_limit_on_associations_is_settled_for_and_told(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=8, instances=10)
    # Refused at once, one may hear of it before another of ours has heard that it is accepted.
    pacs = scripted_pacs(most_associations=2, refusal_delay=1.0, delay=0.08)
    ran = migrate(source.folder, pacs.node, "--workers", "6")
    assert ran.code == 0
    assert pacs.uids == source.uids
    assert "accepts 2 associations" in ran.told
    assert ran.counts("failed") == (0,)


def test_a_congested_peer_is_asked_again(archive: Make, scripted_pacs: Start, migrate: Command) -> None:
    source = archive(studies=2, instances=3)
    pacs = scripted_pacs(Rule(act=Act.CLOSE, numbers=(2,)))

    def recover() -> None:
        pacs.script = Script()

    pacs.script = Script(rules=(Rule(act=Act.CLOSE, numbers=(2,)),), accept_delay=0.05)
    timer = threading.Timer(1.0, recover)

    def congest(*_: object) -> bool:
        pacs.script = Script(reject=CONGESTION)
        timer.start()
        return True

    pacs.script = Script(rules=(Rule(act=Act.CLOSE, numbers=(2,), when=congest),))
    ran = migrate(source.folder, pacs.node, "--workers", "1")
    timer.join()
    assert ran.code == 0
    assert pacs.uids == source.uids


def test_a_wrong_ae_title_stops_at_once_with_words(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=2, instances=10)
    pacs = scripted_pacs()

    def rename(*_: object) -> bool:
        pacs.script = Script(reject=CALLED_AE_NOT_RECOGNISED)
        return True

    pacs.script = Script(rules=(Rule(act=Act.CLOSE, numbers=(5,), when=rename),))
    ran = migrate(source.folder, pacs.node, "--workers", "1")
    assert ran.code == 1
    assert "called AE title" in ran.json["stopped"]
    assert ran.json["failed"] == 0
    assert ran.json["pending"] >= 15


def test_a_half_open_peer_is_noticed_and_waited_for(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=2, instances=5)
    pacs = scripted_pacs()
    timer = threading.Timer(3.0, lambda: setattr(pacs, "script", Script()))

    def fall_silent(*_: object) -> bool:
        pacs.script = Script(greeting=Greeting.SILENCE)
        timer.start()
        return True

    pacs.script = Script(rules=(Rule(act=Act.CLOSE, numbers=(3,), when=fall_silent),))
    ran = migrate(source.folder, pacs.node, "--workers", "1", *QUICK)
    timer.join()
    assert ran.code == 0
    assert ran.counts("sent", "failed", "unknown") == (10, 0, 0)
    assert pacs.uids == source.uids


def test_a_liar_is_found_out_and_sent_to_again(archive: Make, scripted_pacs: Start, migrate: Command) -> None:
    source = archive(studies=2, instances=5)
    pacs = scripted_pacs(Rule(every=3, keeps=False))
    ran = migrate(source.folder, pacs.node, "--verify")
    assert ran.code == 1
    assert ran.json["sent"] == 10
    assert ran.json["verify"]["missing"] == 3
    pacs.script = Script()
    assert migrate(source.folder, pacs.node, "--resend-missing").code == 0
    assert pacs.uids == source.uids


def test_what_is_sent_again_after_verifying_begins_a_pass_of_its_own(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=4)
    late, lost, *_ = sorted(source.uids)
    pacs = scripted_pacs(Rule(0x0110, uids=(late,), first=2), Rule(uids=(lost,), first=1, keeps=False))
    ran = migrate(source.folder, pacs.node, "--workers", "1", "--resend-missing")
    assert ran.code == 0
    assert ran.json["remedies"] == {"tried again": 1, "wave 1": 1}
    assert ran.json["healed"] == 1, "what a liar lost was healed by nothing but another send"


def test_how_an_object_was_sent_whose_answer_was_lost_is_recorded(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=3, syntaxes=(RLELossless,))
    pacs = scripted_pacs(Rule(act=Act.CLOSE, numbers=(2,)), syntaxes=(ExplicitVRLittleEndian,))
    ran = migrate(source.folder, pacs.node, "--workers", "1")
    assert ran.code == 0
    assert ran.json["remedies"] == {"uncompressed": 3, "asked": 1}
    assert ran.json["fidelity"] == {"decompressed": 3}


def test_a_destination_of_one_association_gets_what_needs_one_of_its_own(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=2, instances=6, sop_classes=(CT, MR))

    def takes(sop_class: str, syntax: str, proposal: Proposal) -> bool:
        return sop_class == CT or len(proposal.sop_classes) == 1

    pacs = scripted_pacs(accepts=takes, most_associations=1)
    ran = migrate(source.folder, pacs.node, "--workers", "1", "--give-up-after", "20s")
    assert ran.code == 0, ran.told
    assert pacs.uids == source.uids
    assert set(pacs.counts.values()) == {1}


def test_the_log_tells_of_every_heal_by_what_and_how_faithful(
    archive: Make, scripted_pacs: Start, migrate: Command, data_directory: Path
) -> None:
    source = archive(studies=1, instances=2, syntaxes=(RLELossless,))
    pacs = scripted_pacs(Rule(0x0110, first=1), syntaxes=(ExplicitVRLittleEndian,))
    assert migrate(source.folder, pacs.node, "--workers", "1").code == 0
    told = "".join(log.read_text("utf-8") for log in data_directory.rglob("*.log"))
    (first, second) = [line for line in told.splitlines() if "healed: " in line]
    assert first.endswith("healed: uncompressed, tried again (decompressed)")
    assert second.endswith("healed: uncompressed (decompressed)")


def test_a_peer_that_cannot_be_asked_gets_a_lost_answers_object_once_more(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=5)
    pacs = scripted_pacs(Rule(act=Act.CLOSE, numbers=(2,)), finds=False)
    ran = migrate(source.folder, pacs.node, "--workers", "1")
    assert ran.code == 0
    assert sorted(pacs.counts.values()) == [1, 1, 1, 1, 2]
    assert ran.json["remedies"] == {"resent blindly": 1}


def known_only_as(patient_id: str, source: Archive) -> Script:
    known = {
        study: (Known(patient_id, f"Test^Patient{number}"),) for number, study in enumerate(source.studies)
    }
    return Script(rules=(Rule(0xFFFB, when=patient_is_not(patient_id)),), patients=known)


@pytest.mark.parametrize(("most", "lingering"), [(1, 0.0), (2, 0.0), (1, 0.05)])
def test_a_peer_without_room_for_a_question_gets_it_in_the_place_of_an_association_of_ours(
    archive: Make, scripted_pacs: Start, migrate: Command, most: int, lingering: float
) -> None:
    source = archive(studies=3, instances=4)
    pacs = scripted_pacs()
    pacs.script = replace(known_only_as("NEW-1", source), most_associations=most, lingering=lingering)
    ran = migrate(source.folder, pacs.node, "--workers", "2", "--verify")
    assert ran.code == 0, ran.told
    assert ran.json["fidelity"] == {"remapped": 12}
    assert set(pacs.counts.values()) == {1}


def test_a_lost_answer_is_asked_about_where_there_is_room_for_one_association_only(
    archive: Make, scripted_pacs: Start, migrate: Command
) -> None:
    source = archive(studies=2, instances=5)
    pacs = scripted_pacs(Rule(act=Act.CLOSE, numbers=(3, 7)), most_associations=1)
    ran = migrate(source.folder, pacs.node, "--workers", "1")
    assert ran.code == 0
    assert pacs.uids == source.uids
    assert set(pacs.counts.values()) == {1}
    rejected = [log for log in pacs.associations if log.answer.startswith("rejected")]
    assert len(rejected) < 10, "what asks leaves its place to what sends"
