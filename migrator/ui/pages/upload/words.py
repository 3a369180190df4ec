"""What the Upload page says of a run: its phase, the destination's state, how it ended, the source. No Qt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migrator.core.outcome import State
from migrator.engine.accounting import Ledger, Snapshot
from migrator.records.words import clock, count, counted, size, span

STATE_MEANINGS: Mapping[State, str] = {
    State.SENT: "stored by the destination",
    State.WARNED: "stored, with a warning of the destination",
    State.SKIPPED: "not sent: no image object, already there, a duplicate, or left out by a filter",
    State.HELD: "waiting for a decision: conflicting content, or another person's identity",
    State.FAILED: "not stored; Retry Failed tries them again",
    State.QUARANTINED: "damaged files, which cannot be sent",
    State.UNKNOWN: "sent, but the answer never came",
    State.PENDING: "still to be sent",
}

_PHASES = {
    "starting": "Starting",
    "scanning": "Scanning the source",
    "sending": "Sending",
    "verifying": "Verifying at the destination",
    "checking the source": "Checking that the source is as it was",
    "done": "Done",
}
_CIRCUITS = {
    "open": "The destination has failed again and again, and is left alone for a while",
    "probing": "Trying whether the destination answers again",
}


@dataclass(frozen=True, slots=True)
class Banner:
    """How it ended. `tone` is good, warning or error; `retries`, `verifies`, `reports`: what to do next."""

    tone: str
    title: str
    text: str
    retries: bool = False
    verifies: bool = False
    reports: bool = False


def phase_words(snapshot: Snapshot | None, is_paused: bool) -> str:
    if snapshot is None:
        return "Starting"
    phase = _PHASES.get(snapshot.phase, snapshot.phase[:1].upper() + snapshot.phase[1:])
    return f"Paused while {phase[:1].lower()}{phase[1:]}" if is_paused else phase


def figures(snapshot: Snapshot) -> list[tuple[str, str]]:
    """The numbers beside the bar, with what they are."""
    eta = snapshot.eta_seconds
    return [
        (f"{snapshot.files_per_second:,.0f}", "files/s"),
        (f"{snapshot.bytes_per_second / 1e6:,.1f}", "MB/s"),
        (size(snapshot.bytes_sent), "sent"),
        (clock(eta) if eta is not None else "-", "left"),
    ]


def holding(snapshot: Snapshot, is_paused: bool) -> list[str]:
    """What keeps it from sending as fast as it could; empty where nothing does."""
    hold = "" if is_paused and snapshot.hold == "paused" else snapshot.hold
    told = [_CIRCUITS.get(snapshot.circuit, ""), hold[:1].upper() + hold[1:]]
    if snapshot.wave:
        told.append(f"Wave {snapshot.wave} over what failed for now")
    return [one for one in told if one]


_GRAVITY = ("error", "muted", "good")


def gravest(told: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Of what is said for each destination that which weighs most."""
    return min(told, key=lambda one: _GRAVITY.index(one[1]), default=source_words({}, False))


def source_words(check: Mapping[str, Any], is_live: bool) -> tuple[str, str]:
    """The badge and its tone: good, error, or muted."""
    if is_live or not check:
        return "Source: not yet checked", "muted"
    if check.get("trouble"):
        return f"Source: could not be checked: {check['trouble']}", "error"
    modified, deleted = int(check.get("modified", 0)), int(check.get("deleted", 0))
    words = f"Source: {count(modified)} modified, {count(deleted)} deleted"
    return words, "good" if not modified and not deleted else "error"


def banner_of(code: int, result: Mapping[str, Any] | None, messages: str) -> Banner:
    """How a migration of this window has ended, from its exit code, its JSON and what it told."""
    if result is None or code not in (0, 1, 5, 130):
        return _refused(code, messages)
    run = ledger_in(result)
    job = ledger_in(result.get("job", result))
    told = (_sent(result, run), _lacking(run), _left(run, job), _proof(result), *_source(result))
    text = " ".join(filter(None, (*told, *_stops(result))))
    has_failed = can_be_retried(job)
    if code == 130:
        text += " What was sent is recorded; Resume goes on from there."
        return Banner("warning", "Cancelled", text, has_failed, reports=True)
    if code == 5:
        text += " Resume goes on from there."
        return Banner("warning", "Stopped by a limit that was set", text, has_failed, True, True)
    if code == 0:
        return Banner("good", "Done", text, verifies=not _verified(result), reports=True)
    arrived = not job.spoiled and not run.spoiled and not _missing(result)
    title = "Finished, but something is to be looked at" if arrived else "Finished, but not all arrived"
    return Banner("error", title, text, has_failed, True, True)


def can_be_retried(job: Ledger) -> bool:
    """Whether Retry Failed has something to do: what was held or damaged it looks at again as well."""
    return bool(job.failed or job.unknown or job.held or job.quarantined)


def elsewhere_banner(has_failed: bool) -> Banner:
    """Where another process has ended: how, only its rows tell."""
    text = "The table and the ledger show where everything stands now."
    return Banner("warning", "The other process has ended", text, has_failed, True, True)


_TITLES = {
    -1: "The engine's process has ended without a word",
    2: "It could not begin: something is set wrong",
    3: "The destination cannot be reached, or refuses us",
    4: "The source cannot be read",
    130: "Cancelled",
}
_NEXT = {
    -1: "What was sent until then is recorded; Resume goes on from there.",
    3: "Test the connection on the Configuration page.",
}


def refusal(code: int, messages: str) -> str:
    """Why a command came to nothing."""
    banner = _refused(code, messages)
    return "\n".join(filter(None, (banner.title, banner.text)))


def _refused(code: int, messages: str) -> Banner:
    title = _TITLES.get(code, "It ended with an error")
    parts = (_last_error(messages), _NEXT.get(code, ""))
    return Banner("warning" if code == 130 else "error", title, "\n".join(filter(None, parts)))


def _last_error(messages: str) -> str:
    """What the command said in the end, without its name."""
    name = "dicom_migrator: "
    begin = messages.rfind(name)
    if begin < 0:
        return messages.strip().rpartition("\n")[2]
    text = messages[begin + len(name) :].strip()
    return text[:1].upper() + text[1:]


def ledger_in(values: Mapping[str, Any]) -> Ledger:
    """The ledger of a command's JSON."""
    return Ledger(**{name: int(values.get(name, 0)) for name in Ledger().as_dict()})


def _sent(result: Mapping[str, Any], run: Ledger) -> str:
    """What was stored, how much that is, how long it took, and what was healed."""
    seconds = result.get("seconds") or 0
    took = f" in {span(seconds)}" if seconds >= 1 else ""
    words = f"{counted(run.stored, 'instance')} sent ({size(result.get('bytes_sent', 0))}{took})"
    if result.get("healed"):
        words += f", {count(result['healed'])} of them healed"
    if run.skipped:
        words += f"; {count(run.skipped)} skipped"
    return f"{words}."


def _lacking(run: Ledger) -> str:
    kinds = (
        ("failed", run.failed),
        ("held for a decision", run.held),
        ("damaged", run.quarantined),
        ("without an answer", run.unknown),
        ("still pending", run.pending),
    )
    told = [f"{count(number)} {words}" for words, number in kinds if number]
    return f"{', '.join(told)}." if told else ""


def _left(run: Ledger, job: Ledger) -> str:
    """What keeps the job from being done though nothing of this run does."""
    if run.spoiled or not job.spoiled:
        return ""
    return f"Left by earlier runs: {_lacking(job)}"


def _source(result: Mapping[str, Any]) -> Iterator[str]:
    """What there is to say of the source, where something is."""
    check = result.get("source") or {}
    words, tone = source_words(check, False)
    if tone == "error":
        yield f"{words}."
    proof = result.get("integrity") or {}
    if proof.get("verdict") == "not intact":
        yield "Integrity: the source does not hold what was vouched for before."
    elif proof.get("verdict") == "unknown":
        yield f"Integrity: the source could not be checked: {proof.get('trouble', '')}."


def _verified(result: Mapping[str, Any]) -> bool:
    return any(one.get("verify") for one in result.get("destinations", ()))


def _proof(result: Mapping[str, Any]) -> str:
    found = [one["verify"] for one in result.get("destinations", ()) if one.get("verify")]
    if not found:
        return ""
    missing = _missing(result)
    if missing:
        return f"Verification: {count(missing)} missing."
    if not all(one.get("proven") for one in found):
        return "Verification: not everything is proven to be there; the Verify page tells what."
    if not all(one.get("clean", True) for one in found):
        return "Verified: nothing is missing, but something differs; the Verify page tells what."
    return "Verified: nothing is missing."


def _missing(result: Mapping[str, Any]) -> int:
    found = [one["verify"] for one in result.get("destinations", ()) if one.get("verify")]
    return sum(int(one.get("missing", 0)) for one in found)


def _stops(result: Mapping[str, Any]) -> Sequence[str]:
    stops = [
        (one.get("node"), one["stopped"]) for one in result.get("destinations", ()) if one.get("stopped")
    ]
    return [f"{node}: {words}." for node, words in stops]
