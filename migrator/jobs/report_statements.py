"""What the other checks of a job kept, as statements for its report. What was not done is said too.

Everything kept is read as if another version had written it: what is not there is not said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from migrator.engine.manifest_runs import Journal, Run
from migrator.jobs.recorded import COMMITMENT, INTEGRITY, VERIFICATION
from migrator.jobs.report_verdict import ProofState, Standing, Verdict, number_in, proof_of, verdict_of
from migrator.records.report_model import Statement
from migrator.records.words import counted

_NOT_DONE = "NOT DONE"

Kept = Callable[[str], tuple[dict[str, Any], float] | None]
"""What a check kept under a name, and when."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a job came to, with what was checked of it; `copy_only` is what its runs saw of the source."""

    verdict: Verdict
    proof: ProofState
    checks: tuple[Statement, ...]
    copy_only: Statement


def judge(kept: Kept, standing: Standing, runs: Sequence[Run], last: float) -> Judgement:
    """Judge a job by its record and by all that was kept of it; `last` is the newest outcome's time.

    The verdict names what speaks against a good one.
    """
    verified = kept(VERIFICATION)
    proof = proof_of(verified, last)
    checks = (
        verification(verified, proof),
        deep(verified, proof),
        commitment(kept(COMMITMENT), last, standing.stored),
        integrity(kept(INTEGRITY), last),
    )
    untouched = copy_only(runs)
    against = [f"{one.title}: {one.word}" for one in (*checks, untouched) if one.tone == "bad"]
    return Judgement(_reserved(verdict_of(standing, proof), against), proof, checks, untouched)


def _reserved(verdict: Verdict, against: Sequence[str]) -> Verdict:
    if verdict.tone == "bad" or not against:
        return verdict
    sentence = f"{verdict.sentence} But see {'; '.join(against)}."
    return Verdict(f"{verdict.word}, WITH RESERVATIONS", sentence, "warn")


def verification(kept: tuple[dict[str, Any], float] | None, proof: ProofState) -> Statement:
    title = "Verification by C-FIND"
    if kept is None:
        text = "Nobody asked the destination what it holds. The command verify does."
        return Statement(title, _NOT_DONE, "none", text)
    value, at = kept
    expected, matched, missing, extra = (
        number_in(value, name) for name in ("expected", "matched", "missing", "extra")
    )
    text = (
        f"The destination was asked for {counted(proof.studies, 'study')}. Of {expected:,} instances that it "
        f"should hold, {matched:,} are there and {missing:,} are missing; it holds {extra:,} more in these "
        "studies."
    )
    unknown = expected - matched - missing - number_in(value, "elsewhere")
    if unknown > 0:
        text += f" Of {counted(unknown, 'instance')} its answers do not tell."
    if proof.by_count:
        text += f" Of {counted(proof.by_count, 'study')} it told only the number of instances."
    if number_in(value, "elsewhere"):
        text += f" {number_in(value, 'elsewhere'):,} instances stand there under another series."
    if differing := number_in(value, "attribute_differences"):
        differs = "differs" if differing == 1 else "differ"
        text += f" {counted(differing, 'attribute')} of patients or studies {differs} from what was sent."
    if not proof.is_current:
        text += " What was recorded after it, it does not cover."
        return Statement(title, "OUT OF DATE", "warn", text, _done(value, at))
    if proof.missing:
        return Statement(title, "INSTANCES MISSING", "bad", text, _done(value, at))
    if not proof.is_proven:
        return Statement(title, "NOT PROVEN", "warn", text, _done(value, at))
    word, tone = ("PROVEN IN PART BY COUNT", "warn") if proof.by_count else ("PROVEN", "good")
    if proof.different:
        word, tone = "PROVEN, WITH DIFFERENCES", "warn"
    return Statement(title, word, tone, text, _done(value, at))


def deep(kept: tuple[dict[str, Any], float] | None, proof: ProofState) -> Statement:
    title = "Comparison of retrieved objects"
    sample = _part(kept[0], "deep") if kept is not None else {}
    if kept is None or not sample:
        text = "No object was retrieved back and compared. verify --deep does that with a sample."
        return Statement(title, _NOT_DONE, "none", text)
    counts = {
        name: number_in(sample, name)
        for name in ("asked", "identical", "different", "unretrieved", "uncompared")
    }
    text = (
        f"A random sample of {counted(counts['asked'], 'object')} was asked back: "
        f"{counts['identical']:,} came back as they were sent, {counts['different']:,} with differences, "
        f"{counts['unretrieved']:,} did not come back and {counts['uncompared']:,} could not be compared."
    )
    if counts["different"]:
        word, tone = "DIFFERENCES", "bad"
    elif counts["identical"] and counts["identical"] == counts["asked"]:
        word, tone = "IDENTICAL", "good"
    else:
        word, tone = "NOT ALL COMPARED", "warn"
    facts = (
        *_done(*kept),
        ("Percent", str(sample.get("percent", ""))),
        ("Seed", str(sample.get("seed", ""))),
    )
    if not proof.is_current:
        word, tone, text = "OUT OF DATE", "warn", text + " What was recorded after it, it does not cover."
    return Statement(title, word, tone, text, facts)


def commitment(kept: tuple[dict[str, Any], float] | None, last: float, stored: int) -> Statement:
    title = "Storage Commitment (PS3.4 Annex J)"
    if kept is None:
        text = "The destination was not asked to take over responsibility. The command commit does."
        return Statement(title, _NOT_DONE, "none", text)
    value, at = kept
    requested, committed, failed, unanswered = (
        number_in(value, name) for name in ("requested", "committed", "failed", "unanswered")
    )
    text = (
        f"The destination was asked to take over responsibility for {counted(requested, 'instance')}. "
        f"It committed to {committed:,}, refused {failed:,}, and left {unanswered:,} without an answer"
    )
    found = number_in(value, "found_by_cfind")
    text += f", of which C-FIND found {found:,}; to be found is no commitment." if unanswered else "."
    if value.get("offered") is False:
        text += " It does not offer the service."
    word, tone = (
        ("COMMITTED", "good") if requested and committed == requested else ("NOT ALL COMMITTED", "warn")
    )
    if failed:
        word, tone = "REFUSED FOR SOME", "bad"
    elif last > at or requested < stored:
        word, tone, text = "OUT OF DATE", "warn", text + " It does not cover everything recorded now."
    return Statement(title, word, tone, text, _done(value, at))


def integrity(kept: tuple[dict[str, Any], float] | None, last: float) -> Statement:
    title = "Integrity of the source"
    if kept is None:
        text = "No snapshot of the source's contents was made around the migration. migrate --integrity does."
        return Statement(title, _NOT_DONE, "none", text)
    value, at = kept
    before, after, verdict = _part(value, "before"), _part(value, "after"), str(value.get("verdict", ""))
    text = (
        f"The SHA-256 of each of {number_in(before, 'files'):,} files was taken before a run"
        f"{_on(before)}. The list of them has one of its own, below."
    )
    changes = {
        name: number_in(value, name) for name in ("changed", "corrupted", "vanished", "unreadable", "new")
    }
    told = ", ".join(f"{count:,} {name}" for name, count in changes.items() if count) or "nothing changed"
    if verdict == "intact":
        text = f"{text} At its end{_on(after)} every file had the same content ({told})."
        word, tone = "INTACT", "good"
        if last > at:
            word, tone, text = "OUT OF DATE", "warn", f"{text} Later runs it does not cover."
    elif verdict == "not intact":
        word, tone, text = (
            "NOT INTACT",
            "bad",
            f"{text} At its end{_on(after)}: {told}. This program never writes to the source.",
        )
    elif verdict == "unfinished":
        word, tone, text = (
            "NOT CHECKED YET",
            "warn",
            f"{text} The check after the migration was not done yet.",
        )
    else:
        word, tone, text = (
            "NOT KNOWN",
            "warn",
            f"{text} The check could not be done: {value.get('trouble', '')}",
        )
    facts = [*_done(value, at)]
    for name, part in (("before", before), ("after", after)):
        if part.get("list_sha256"):
            facts.append((f"SHA-256 of the list {name}", str(part["list_sha256"])))
    return Statement(title, word, tone, text, tuple(facts))


def audit(journal: Journal) -> Statement:
    title = "Audit log"
    if not journal.audit:
        text = "No audit log was written. migrate --audit writes one whose lines are chained by hashes."
        return Statement(title, _NOT_DONE, "none", text)
    runs, audited = len(journal.runs), len(journal.audited)
    text = (
        f"{audited:,} of {runs:,} runs wrote their events to a log whose lines are chained by SHA-256. The "
        "head of the chain is kept in the manifest, so that a removed, altered or cut-off line shows: audit "
        "check tells; this report did not look."
    )
    facts: list[tuple[str, str]] = []
    for head in journal.audit.values():
        facts.append(("File", str(head.get("file", ""))))
        facts.append(("Last event", str(head.get("seq", ""))))
        facts.append(("Its hash", str(head.get("hash", ""))))
    word, tone = ("WRITTEN", "good") if audited >= runs else ("WRITTEN IN PART", "warn")
    return Statement(title, word, tone, text, tuple(facts))


def speed(kept: tuple[dict[str, Any], float] | None) -> Statement:
    title = "Speed test"
    if kept is None:
        return Statement(
            title, _NOT_DONE, "none", "How fast the destination stores was not measured beforehand."
        )
    value, at = kept
    facts = list(_done(value, at))
    if number_in(value, "workers"):
        facts.append(("Recommended workers", f"{number_in(value, 'workers'):,}"))
    rate = value.get("files_per_second")
    if isinstance(rate, int | float):
        facts.append(("Files per second expected", f"{rate:,.1f}"))
    return Statement(
        title, "DONE", "good", "The destination was measured with a few files that it stored.", tuple(facts)
    )


def copy_only(runs: Sequence[Run]) -> Statement:
    """What the looks at the source at the ends of the runs said."""
    title = "The source after the migration"
    looked = [
        run for run in runs if number_in(run.source_check, "checked") or run.source_check.get("trouble")
    ]
    if not looked:
        text = "The source was opened for reading only. No run looked at every file again at its end."
        return Statement(title, "NOT CHECKED", "none", text)
    newest, at = looked[-1].source_check, looked[-1].ended
    files, modified, deleted = (number_in(newest, name) for name in ("checked", "modified", "deleted"))
    if newest.get("trouble"):
        text = f"The source could not be looked at again: {newest['trouble']}"
        return Statement(title, "NOT KNOWN", "warn", text)
    text = (
        f"The source was opened for reading only. At the end of the newest run that could{_on({'at': at})}, "
        f"{files:,} files were looked at again, by size and time: {modified:,} modified, {deleted:,} deleted."
    )
    if modified or deleted:
        text += " This program never writes to the source: others did, and what they changed may not be sent."
        return Statement(title, "CHANGED BY OTHERS", "bad", text)
    return Statement(title, "UNTOUCHED", "good", text)


def _on(part: Mapping[str, Any]) -> str:
    at = part.get("at")
    return f" ({_moment(at)})" if isinstance(at, int | float) and not isinstance(at, bool) else ""


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def _done(value: Mapping[str, Any], at: float) -> tuple[tuple[str, str], ...]:
    who = f", by {value['who']}" if value.get("who") else ""
    return (("Done", f"{_moment(at)}{who}"),)


def _part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = value.get(name)
    return part if isinstance(part, dict) else {}
