"""The chain, decision by decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from migrator.core.edits import (
    Clean,
    Edit,
    Reclassify,
    RemapPatient,
    StripPrivate,
    SuffixPatientId,
    Uncompress,
)
from migrator.core.errors import Unreachable
from migrator.core.model import Patient
from migrator.core.outcome import Cause, Outcome, Refusal, State
from migrator.engine.learning import Learning
from migrator.engine.recovery import (
    MOST_SENDS,
    Attempt,
    Decision,
    Hold,
    Retry,
    Route,
    Settle,
    after_retry,
    decide,
)
from migrator.engine.remedies.chain import Questions, remedies_of
from migrator.engine.remedies.patient import is_another_person
from tests.engine.making import RLE, make_instance, make_series, settings_of

INSTANCE = make_instance(transfer_syntax=RLE)
OWN = INSTANCE.study.patient


def refused(refusal: Refusal, status: int, *, may_retry: bool = False) -> Outcome:
    return Outcome(State.FAILED, status=status, refusal=refusal, reason="no", may_retry=may_retry)


CONTEXT = Outcome(State.FAILED, Cause.CONTEXT, attempts=0, reason="not accepted")
ENCODING = Outcome(State.FAILED, Cause.ENCODING, attempts=0, reason="no decoder")
NOT_UNDERSTOOD = refused(Refusal.NOT_UNDERSTOOD, 0xC000)
MISMATCH = refused(Refusal.MISMATCH, 0xA900)
CONFLICT = refused(Refusal.PATIENT, 0xFFFB)
BUSY = refused(Refusal.RESOURCES, 0xA700, may_retry=True)


class Chain:
    """Follows the chain where every try comes to the same outcome."""

    def __init__(
        self,
        patients: Callable[[str], tuple[Patient, ...] | None] = lambda study: (),
        is_hopeless: bool = False,
        **settings: object,
    ) -> None:
        questions = Questions(lambda instance: None, patients, lambda pair: is_hopeless)
        self.remedies = remedies_of(settings_of(**settings), questions)

    def steps(self, outcome: Outcome, attempt: Attempt | None = None) -> list[Decision]:
        attempt = attempt or Attempt(INSTANCE, sends=outcome.attempts)
        found: list[Decision] = []
        while (decision := decide(self.remedies, attempt, outcome)) is not None:
            found.append(decision)
            if not isinstance(decision, Retry):
                break
            attempt = replace(
                attempt,
                edits=decision.edits,
                route=decision.route,
                remedies=(*attempt.remedies, decision.remedy),
                sends=attempt.sends + outcome.attempts,
            )
        return found

    def route(self, outcome: Outcome) -> list[tuple[tuple[type[Edit], ...], Route]]:
        steps = self.steps(outcome)
        assert all(isinstance(step, Retry) for step in steps)
        return [
            (tuple(type(edit) for edit in step.edits), step.route)
            for step in steps
            if isinstance(step, Retry)
        ]


def test_a_rejected_context_is_uncompressed_then_targeted_then_uncompressed_only() -> None:
    assert Chain().route(CONTEXT) == [
        ((Uncompress,), Route.SAME),
        ((), Route.TARGETED),
        ((Uncompress,), Route.TARGETED),
        ((Uncompress,), Route.UNCOMPRESSED),
    ]


def test_what_cannot_be_decoded_may_still_be_accepted_as_it_is_elsewhere() -> None:
    attempt = Attempt(INSTANCE, (Uncompress(),), remedies=("uncompressed",))
    first = Chain().steps(ENCODING, attempt)[0]
    assert isinstance(first, Retry)
    assert (first.edits, first.route) == ((), Route.TARGETED)


@pytest.mark.parametrize(
    ("switches", "left"),
    [
        ({"targeted": False}, [((Uncompress,), Route.SAME)]),
        ({"decompress": False}, [((), Route.TARGETED)]),
        ({"decompress": False, "targeted": False}, []),
    ],
)
def test_each_step_for_contexts_has_its_switch(switches: dict[str, object], left: list[object]) -> None:
    assert Chain(**switches).route(CONTEXT) == left


def test_further_associations_are_not_asked_for_once_they_are_known_not_to_help() -> None:
    assert Chain(is_hopeless=True).route(CONTEXT) == [((Uncompress,), Route.SAME)]


def test_lossy_images_are_kept_as_they_are_where_the_switch_says_so() -> None:
    (first, *_) = Chain(decompress_lossy=False).steps(CONTEXT)
    assert isinstance(first, Retry)
    assert first.edits == (Uncompress(keeps_lossy=True),)


def test_what_is_not_understood_loses_private_elements_then_irregular_values() -> None:
    assert Chain().route(NOT_UNDERSTOOD) == [
        ((StripPrivate,), Route.SAME),
        ((Clean, Uncompress), Route.SAME),
        ((Clean, Uncompress), Route.UNCOMPRESSED),
    ]


def test_each_step_for_contents_has_its_switch() -> None:
    assert Chain(clean=False).route(NOT_UNDERSTOOD) == [((StripPrivate,), Route.SAME)]
    assert Chain(strip_private=False, targeted=False).route(NOT_UNDERSTOOD) == [
        ((Clean, Uncompress), Route.SAME)
    ]
    assert Chain(reclassify=False).route(MISMATCH) == []


def test_what_does_not_match_its_class_goes_as_a_secondary_capture_over_an_association_of_its_own() -> None:
    assert Chain().route(MISMATCH) == [((Reclassify,), Route.TARGETED)]


def test_a_secondary_capture_that_no_context_takes_compressed_is_uncompressed() -> None:
    attempt = Attempt(INSTANCE, (Reclassify(),), Route.TARGETED, 1, ("as a Secondary Capture copy",))
    (step, *_) = Chain().steps(CONTEXT, attempt)
    assert isinstance(step, Retry)
    assert step.edits == (Reclassify(), Uncompress())
    assert step.route is Route.TARGETED


@pytest.mark.parametrize("outcome", [NOT_UNDERSTOOD, MISMATCH, CONFLICT])
def test_strict_holds_what_only_a_change_of_contents_could_heal(outcome: Outcome) -> None:
    (decision,) = Chain(recovery="strict").steps(outcome)
    assert isinstance(decision, Hold)


def test_strict_decompresses_what_is_lossless_and_holds_nothing_for_it() -> None:
    steps = Chain(recovery="strict").steps(CONTEXT)
    assert isinstance(steps[0], Retry)
    assert steps[0].edits == (Uncompress(keeps_lossy=True),)
    assert len(steps) == 4


def test_a_step_that_was_turned_on_is_taken_in_strict_too() -> None:
    (first, *_) = Chain(recovery="strict", strip_private=True).steps(NOT_UNDERSTOOD)
    assert isinstance(first, Retry)


def test_out_of_resources_waits_2_4_and_8_seconds_and_is_not_tried_again_after_that() -> None:
    steps = Chain(retries=5).steps(BUSY)
    assert [step.after for step in steps if isinstance(step, Retry)] == [2, 4, 8]


def test_in_a_wave_nothing_is_repeated() -> None:
    last = Attempt(INSTANCE, sends=1, is_last_try=True)
    again = Outcome(State.FAILED, status=0x0110, may_retry=True)
    assert Chain(retries=5).steps(BUSY, last) == []
    assert Chain(retries=5).steps(again, last) == []
    assert Chain().steps(MISMATCH, last) != [], "but remedies still heal"


def test_no_chain_sends_more_often_than_the_cap() -> None:
    statuses = [NOT_UNDERSTOOD, MISMATCH, CONFLICT, BUSY]
    chain = Chain(patients=lambda study: (replace(OWN, id="X"),), retries=10)
    attempt, sends = Attempt(INSTANCE, sends=1), 1
    for number in range(100):
        decision = decide(chain.remedies, attempt, statuses[number % 4])
        if not isinstance(decision, Retry):
            continue
        sends += 1
        attempt = replace(
            attempt, edits=decision.edits, sends=sends, remedies=(*attempt.remedies, decision.remedy)
        )
    assert sends == MOST_SENDS


THERE = Patient("NEW1", "HOSP", OWN.name, OWN.birth_date, OWN.sex)


def test_a_patient_conflict_takes_over_the_destinations_patient_and_else_gets_a_suffix() -> None:
    first, second = Chain(patients=lambda study: (THERE,)).steps(CONFLICT)
    assert isinstance(first, Retry)
    assert first.edits == (RemapPatient(THERE),)
    assert isinstance(second, Retry)
    assert second.edits == (SuffixPatientId("_MIG"),)


@pytest.mark.parametrize("answer", [(), None])
def test_a_patient_whom_the_destination_cannot_name_gets_the_suffix(answer: tuple[()] | None) -> None:
    (only,) = Chain(patients=lambda study: answer, conflict_suffix="_OLD").steps(CONFLICT)
    assert isinstance(only, Retry)
    assert only.edits == (SuffixPatientId("_OLD"),)


def test_several_patients_of_one_study_are_for_a_person_to_decide() -> None:
    (held,) = Chain(patients=lambda study: (THERE, replace(THERE, id="NEW2"))).steps(CONFLICT)
    assert isinstance(held, Hold)
    assert "2 patients" in held.reason


def test_another_person_is_held() -> None:
    other = Patient("NEW1", "", "Smith^John", "19501231", "M")
    (held,) = Chain(patients=lambda study: (other,)).steps(CONFLICT)
    assert isinstance(held, Hold)


def test_a_destination_that_could_not_be_asked_postpones_and_invents_no_identity() -> None:
    def ask(study: str) -> None:
        raise Unreachable("down")

    (settled,) = Chain(patients=ask).steps(CONFLICT)  # type: ignore[arg-type]
    assert isinstance(settled, Settle)
    assert settled.outcome.may_retry
    assert settled.outcome.state is State.FAILED


def test_remapping_and_the_suffix_have_their_switches() -> None:
    (suffixed,) = Chain(patients=lambda study: (THERE,), remap=False).steps(CONFLICT)
    assert isinstance(suffixed, Retry)
    assert suffixed.edits == (SuffixPatientId("_MIG"),)
    (remapped,) = Chain(patients=lambda study: (THERE,), suffix=False).steps(CONFLICT)
    assert isinstance(remapped, Retry)
    assert remapped.edits == (RemapPatient(THERE),)


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        (("Doe^Jane", "19700101"), ("Smith^John", "19501231"), True),
        (("Doe^Jane", "19700101"), ("Smith^Jane", "19700101"), False),
        (("Doe^Jane", "19700101"), ("Doe^Jane", "19700102"), False),
        (("Doe^Jane", ""), ("Smith^John", "19501231"), False),
        (("", "19700101"), ("Smith^John", "19501231"), False),
        (("DOE^JANE^^Dr", "19700101"), ("Doe^Jane", "19991231"), False),
        (("Müller^Jörg", "1970.01.01"), ("MULLER^JORG", "19700102"), False),
        (("Yamada^Tarou=山田^太郎", "19700101"), ("YAMADA^TAROU", "19800101"), False),
    ],
)
def test_another_person_differs_in_name_and_birth_date_where_both_sides_have_both(
    one: tuple[str, str], other: tuple[str, str], differ: bool
) -> None:
    first, second = (Patient("1", "", name, date) for name, date in (one, other))
    assert is_another_person(first, second) is differ


STORED = Outcome(State.SENT, status=0)


def test_a_heal_without_a_change_of_values_is_learnt_after_three_of_its_kind() -> None:
    learning = Learning()
    healed = Attempt(INSTANCE, (Uncompress(),), remedies=("uncompressed",))
    assert learning.ended(healed, STORED) is None
    assert learning.lesson(INSTANCE) is None
    assert learning.ended(healed, STORED) is None
    lesson = learning.ended(healed, STORED)
    assert lesson is not None
    assert learning.lesson(INSTANCE) == lesson
    assert learning.lesson(make_instance()) is None, "another transfer syntax"
    assert learning.ended(healed, STORED) is None, "it is told once"


@pytest.mark.parametrize(
    "after", ["tried again", "backed off", "resent blindly", "wave 2", "patient remapped"]
)
def test_a_lesson_names_what_healed_all_and_not_what_came_after_it_once(after: str) -> None:
    learning = Learning()
    edits = (Uncompress(),) if after != "patient remapped" else (Uncompress(), RemapPatient(THERE))
    for _ in range(3):
        learning.ended(Attempt(INSTANCE, edits, remedies=("uncompressed", after)), STORED)
    elsewhere = make_series(7)
    lesson = learning.lesson(make_instance(1, elsewhere, transfer_syntax=RLE))
    assert lesson is not None
    assert lesson.remedies == ("uncompressed",)


def test_who_has_another_patient_there_and_another_encoding_is_told_of_both() -> None:
    learning = Learning()
    for _ in range(3):
        learning.ended(Attempt(INSTANCE, (Uncompress(),), remedies=("uncompressed",)), STORED)
    learning.ended(Attempt(INSTANCE, (RemapPatient(THERE),), remedies=("patient remapped",)), STORED)
    lesson = learning.lesson(INSTANCE)
    assert lesson is not None
    assert lesson.remedies == ("uncompressed", "patient remapped")


def test_nothing_is_decompressed_to_clean_it_where_that_is_off() -> None:
    for step in Chain(decompress=False).steps(NOT_UNDERSTOOD):
        assert isinstance(step, Retry)
        assert not any(isinstance(edit, Uncompress) for edit in step.edits)


def test_a_try_that_could_not_be_made_for_now_is_no_final_verdict() -> None:
    busy = replace(CONTEXT, may_retry=True, reason="congestion")
    assert after_retry(NOT_UNDERSTOOD, busy).may_retry
    assert not after_retry(NOT_UNDERSTOOD, CONTEXT).may_retry


def test_a_change_of_contents_is_not_learnt_for_other_objects() -> None:
    learning = Learning()
    for _ in range(10):
        learning.ended(Attempt(INSTANCE, (StripPrivate(),), remedies=("x",)), STORED)
    assert learning.lesson(INSTANCE) is None


def test_a_patient_is_learnt_for_the_rest_of_the_study_and_no_other() -> None:
    learning = Learning()
    learning.ended(Attempt(INSTANCE, (RemapPatient(THERE),), remedies=("patient remapped",)), STORED)
    follower = make_instance(2)
    lesson = learning.lesson(follower)
    assert lesson is not None
    assert lesson.edits == (RemapPatient(THERE),)
    series = follower.series
    other_patient = replace(series, study=replace(series.study, patient=Patient("Q")))
    assert learning.lesson(replace(follower, series=other_patient)) is None


def test_what_no_association_helps_is_known_after_three_failures() -> None:
    learning = Learning()
    for _ in range(3):
        assert not learning.is_hopeless(INSTANCE.pair)
        learning.ended(Attempt(INSTANCE, remedies=("uncompressed", "targeted")), CONTEXT)
    assert learning.is_hopeless(INSTANCE.pair)
