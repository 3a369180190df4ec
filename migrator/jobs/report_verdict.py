"""What a migration came to, in one word and one sentence; never more than what is recorded bears out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from migrator.core.outcome import State
from migrator.records.words import counted

_ROUNDING = 0.001  # the manifest keeps times to a millisecond


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a job is. `totals` are its paths by state; `unfinished` says why its runs are no whole yet."""

    totals: Mapping[str, int]
    unfinished: str = ""
    left_out: int = 0
    """Paths that a filter or a limit left out on request."""

    def count(self, *states: State) -> int:
        return sum(self.totals.get(state.value, 0) for state in states)

    @property
    def stored(self) -> int:
        return self.count(State.SENT, State.WARNED)

    @property
    def spoiled(self) -> int:
        return self.count(*(state for state in State if state.spoils))


@dataclass(frozen=True, slots=True)
class ProofState:
    """What the last verification is worth for what is recorded now; `at` is its time, None for none.

    `per_study` has the verification's own lines by study UID. `by_count` counts the studies of which only
    the number of instances is known; `different` those that are not as they were sent, and
    `retrieved_different` the objects of a sample that came back with other contents.
    """

    words: str = "not verified"
    at: float | None = None
    is_current: bool = False
    is_proven: bool = False
    missing: int = 0
    studies: int = 0
    by_count: int = 0
    different: int = 0
    retrieved_different: int = 0
    per_study: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`word` is the headline, `sentence` says why; `tone` is good, warn or bad."""

    word: str
    sentence: str
    tone: str


def proof_of(kept: tuple[dict[str, Any], float] | None, last_outcome: float) -> ProofState:
    """Judge a kept verification: what was recorded after it, it cannot prove."""
    if kept is None:
        return ProofState()
    value, at = kept
    deep, found = value.get("deep"), value.get("per_study")
    studies = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    proofs = Counter(str(one.get("proof", "")) for one in studies)
    state = ProofState(
        at=at,
        is_current=last_outcome <= at + _ROUNDING,
        is_proven=value.get("proven") is True and bool(studies),
        missing=number_in(value, "missing"),
        studies=len(studies),
        by_count=proofs["count"],
        different=sum(1 for one in studies if is_different(one)),
        retrieved_different=number_in(deep, "different") if isinstance(deep, dict) else 0,
        per_study={str(one.get("study", "")): one for one in studies},
    )
    return replace(state, words=_words(state))


def _words(proof: ProofState) -> str:
    if not proof.is_current:
        return "verified before the newest outcomes were recorded"
    if proof.missing:
        return f"verified: {proof.missing:,} missing"
    if not proof.is_proven:
        return "verified, not proven"
    parts = ["proven"]
    if proof.by_count:
        parts.append(f"{counted(proof.by_count, 'study')} by count only")
    if proof.different:
        parts.append(f"{counted(proof.different, 'study')} with differences")
    return ", ".join(parts)


def is_different(study: Mapping[str, Any]) -> bool:
    """Whether a verified study has other attributes than were sent, or instances under other series."""
    attributes = study.get("attributes")
    differs = isinstance(attributes, dict) and bool(attributes.get("differences"))
    return differs or number_in(study, "elsewhere_count") > 0


def number_in(values: Mapping[str, Any], name: str) -> int:
    """A count from JSON that another version may have written; 0 where there is none."""
    value = values.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def verdict_of(standing: Standing, proof: ProofState) -> Verdict:
    """The verdict on a job, from what is recorded and what was proven of it."""
    if not standing.count(*State):
        return Verdict("NOTHING RECORDED", "No path of the source has been recorded yet.", "warn")
    if (proof.is_current and proof.missing) or standing.spoiled or standing.unfinished:
        return Verdict("INCOMPLETE", " ".join(_lacking(standing, proof)), "bad")
    verdict = _complete(standing, proof)
    if not standing.left_out:
        return verdict
    tone = "warn" if verdict.tone == "good" else verdict.tone
    return Verdict(f"IN PART ONLY: {verdict.word}", verdict.sentence, tone)


def _complete(standing: Standing, proof: ProofState) -> Verdict:
    """As if nothing had been left out of what the source holds, but for the sentence."""
    aside = ""
    if standing.left_out:
        aside = f" {standing.left_out:,} paths were left out by filters, limits or --retry-failed."
    stored = f"Every path found is settled; {counted(standing.stored, 'instance')} stored by the destination"
    if not proof.at:
        return Verdict(
            "COMPLETE, NOT PROVEN", f"{stored}, by its own word. Nobody verified it.{aside}", "warn"
        )
    if not proof.is_current:
        sentence = f"{stored}; the last verification is older than the newest of them.{aside}"
        return Verdict("COMPLETE, NOT PROVEN", sentence, "warn")
    if proof.retrieved_different:
        count = f"{proof.retrieved_different:,}"
        sentence = f"{stored}, but of those retrieved {count} came back with other contents."
        return Verdict("COMPLETE, WITH DIFFERENCES", sentence + aside, "bad")
    if proof.different:
        differing = counted(proof.different, "study")
        sentence = f"{stored} and found there, but not as it was sent, in {differing}."
        return Verdict("COMPLETE, WITH DIFFERENCES", sentence + aside, "warn")
    if not proof.is_proven:
        return Verdict(
            "COMPLETE, NOT PROVEN", f"{stored}; the verification could not prove all.{aside}", "warn"
        )
    if proof.by_count:
        studies = counted(proof.by_count, "study")
        sentence = f"{stored}, and it holds them; of {studies} it told only the number.{aside}"
        return Verdict("COMPLETE, PROVEN IN PART BY COUNT", sentence, "warn")
    sentence = f"{stored}, and it was asked study by study and named every one of them.{aside}"
    return Verdict("COMPLETE AND PROVEN", sentence, "good")


def _lacking(standing: Standing, proof: ProofState) -> Iterator[str]:
    parts = [
        f"{count:,} {state.value}"
        for state in (State.PENDING, State.FAILED, State.HELD, State.QUARANTINED, State.UNKNOWN)
        if (count := standing.count(state))
    ]
    if parts:
        yield f"Of {standing.count(*State):,} paths found, {', '.join(parts)}."
    if proof.is_current and proof.missing:
        yield f"The destination lacks {counted(proof.missing, 'instance')} that it said it stored."
    if standing.unfinished:
        yield f"{standing.unfinished} The migrate command, given again, goes on."
