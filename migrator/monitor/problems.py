"""The last problems of a run, for people who look on from afar: equal ones are one, without patient data.

An outcome's own reason may quote a path, or what a PACS said of a patient. So what is shown is made of what
decided the outcome and its status; reason and path are shown with --monitor-details only.
"""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from migrator.core.events import AssociationEnded, Emit, Event, InstanceSettled, Notice, ProblemFound
from migrator.core.outcome import Outcome, Refusal, State
from migrator.core.paths import encodable
from migrator.jobs.cause_words import CAUSE_WORDS

MOST_SHOWN = 20
_MOST_KEPT = 100
_LONGEST = 300  # letters
_LONGEST_DETAIL = 1200

_ERRORS = frozenset({State.FAILED, State.QUARANTINED, State.UNKNOWN})
_TOLD = _ERRORS | {State.HELD, State.WARNED}

# From where a path begins to the end of its clause. A comma ends none: folders are named "DOE, JANE".
_PATH = re.compile(r"(?<![\w.)])(?:[A-Za-z]:)?[\\/](?=\S)(?:.*[\\/](?!s\b))?.*?(?=: |; |$)", re.MULTILINE)
# Tried where a word begins alone, or a long one would take its length squared; "files/s" is neither of these.
# A relative path: where it begins and ends, blanks in it keep to themselves.
_RELATIVE = re.compile(r"(?<!\S)(?!\S+/s\b)\S+[/\\]")
_CLAUSE_ENDS = re.compile(r"(: |; |\n)")
# A name as DICOM writes it.
_NAME = re.compile(r"(?<!\S)\S*\^\S*")
_UID = re.compile(r"\b\d+(?:\.\d+){5,}\b")


def scrubbed(text: str) -> str:
    """A text without what looks like a path, a UID or a patient's name, in one line of bounded length.

    A file's name without its folder looks like any words: a text that quotes one is not to come here.
    """
    clauses = _CLAUSE_ENDS.split(_UID.sub("…", _PATH.sub("…", text)))
    plain = _NAME.sub("…", "".join("…" if _RELATIVE.search(one) else one for one in clauses))
    return "".join(letter if letter.isprintable() else " " for letter in plain)[:_LONGEST]


@dataclass(frozen=True, slots=True)
class _Found:
    """`words` say it to everybody, `more` only where details are shown."""

    level: str
    words: str
    more: str = ""
    path: str = ""


@dataclass(slots=True)
class _Entry:
    found: _Found
    at: float
    count: int


class Problems:
    """Hears a job's events. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()  # guarded by _lock; oldest first

    def hearing(self, emit: Emit) -> Emit:
        """An Emit that passes every event on, and keeps those that are problems."""

        def heard(event: Event) -> None:
            emit(event)
            # Thousands a second only say that a file was sent.
            if not (isinstance(event, InstanceSettled) and event.outcome.state not in _TOLD):
                self.take(event)

        return heard

    def take(self, event: Event) -> None:
        """Keep what an event says, if it is a problem."""
        found = _found_in(event)
        if found is None:
            return
        key = (found.level, found.words)
        with self._lock:
            before = self._entries.pop(key, None)
            self._entries[key] = _Entry(found, time.time(), 1 if before is None else before.count + 1)
            while len(self._entries) > _MOST_KEPT:
                self._entries.popitem(last=False)

    def shown(self, details: bool) -> list[dict[str, Any]]:
        """The newest, at most twenty; with `details` each with the path and the reason of its last case."""
        with self._lock:
            entries = [(one.found, one.at, one.count) for one in reversed(self._entries.values())][
                :MOST_SHOWN
            ]
        return [_as_json(*one, details=details) for one in entries]


def _as_json(found: _Found, at: float, count: int, *, details: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"at": round(at, 1), "level": found.level, "words": found.words, "count": count}
    if details:
        shown["path"] = encodable(found.path)[:_LONGEST_DETAIL]
        if found.more:
            shown["words"] = f"{found.words}: {encodable(found.more)[:_LONGEST_DETAIL]}"
    return shown


def _found_in(event: Event) -> _Found | None:
    if isinstance(event, InstanceSettled):
        return _of_outcome(event.outcome, event.instance.path)
    if isinstance(event, ProblemFound):
        problem = event.problem
        if problem.state not in _TOLD:
            return None
        words = f"{problem.state.value}: {problem.reason.value}"
        return _Found(_level_of(problem.state), words, problem.detail, problem.path)
    if isinstance(event, Notice) and event.level in ("warning", "error"):
        return _Found(event.level, scrubbed(event.text))
    if isinstance(event, AssociationEnded):
        return _Found("warning", scrubbed(f"an association ended: {event.reason}"))
    return None


def _of_outcome(outcome: Outcome, path: str) -> _Found | None:
    state = outcome.state
    if state not in _TOLD:
        return None
    words = (
        "stored, with a warning of the destination" if state is State.WARNED else CAUSE_WORDS[outcome.cause]
    )
    if outcome.status:
        words += f" (status {outcome.status:04X}"
        words += f": {outcome.refusal.value})" if outcome.refusal is not Refusal.NONE else ")"
    return _Found(_level_of(state), f"{state.value}: {words}", outcome.reason, path)


def _level_of(state: State) -> str:
    return "error" if state in _ERRORS else "warning"
