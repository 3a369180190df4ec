"""A run's numbers as the page, its events and the metrics show them: one JSON object."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from migrator import __version__
from migrator.core.outcome import State
from migrator.core.paths import encodable
from migrator.engine.accounting import Ledger, Snapshot
from migrator.jobs.migrate_totals import total_of
from migrator.monitor.history import History
from migrator.monitor.problems import scrubbed
from migrator.monitor.watched import Watched

STATES = (
    "starting",
    "scanning",
    "sending",
    "waiting",
    "paused",
    "verifying",
    "hashing",
    "checking",
    "done",
    "stopped",
    "failed",
)
"""All that `state` can be."""

_ENDINGS = {0: "done", 5: "stopped", 130: "stopped"}  # every other exit code: failed
_ENDING_WORDS = {
    "done": "Done",
    "stopped": "Stopped before its end",
    "failed": "Ended with problems",
}
_BROKEN_OFF = "Ended by an error"  # before it came to any result
_NOTHING = Snapshot("", "starting", Ledger(), Ledger(), 0, 0, 0.0, 0.0, 0.0, None, 0, {}, {}, 0)


class Numbers:
    """Makes the object of one moment. One thread asks."""

    def __init__(self, watched: Watched, *, control: bool, details: bool) -> None:
        self._watched = watched
        self._control = control
        self._details = details
        self.history = History()

    def pull(self) -> Sequence[Snapshot]:
        """The run's Snapshots, for `sample` and `shown`."""
        return self._watched.snapshots()

    def sample(self, snapshots: Sequence[Snapshot]) -> None:
        """Add a point to the history."""
        total = self._total(snapshots)
        self.history.add(total.files_per_second, total.bytes_per_second)

    def shown(self, snapshots: Sequence[Snapshot]) -> dict[str, Any]:
        """The whole of it, as `/api/snapshot` answers."""
        watched = self._watched
        total = self._total(snapshots)
        has_ended = watched.code is not None
        is_paused = watched.is_paused() and not has_ended
        state, words = _state_of(snapshots, total, is_paused)
        detail = "" if state == "paused" else total.hold
        if watched.code is not None:
            state, detail = _ENDINGS.get(watched.code, "failed"), watched.ending
            words = self._ending_words(state)
            total = replace(total, files_per_second=0.0, bytes_per_second=0.0, eta_seconds=None)
        shown: dict[str, Any] = {
            "version": __version__,
            "at": round(time.time(), 3),
            "started": round(watched.started, 3),
            "job": total.job.as_dict(),
            "balances": total.run.balances and total.job.balances,
            "state": state,
            "words": words,
            "detail": self._text(detail),
            "has_ended": has_ended,
            "code": watched.code,
            "percent": None if total.share is None else _percent(total.run),
            **_rates(total),
            "bytes_sent": total.bytes_sent,
            "bytes_pending": total.bytes_pending,
            "healed": total.healed,
            **total.run.as_dict(),
            "destinations": [self._destination(one, is_paused) for one in snapshots],
            "problems": watched.problems.shown(self._details),
            "history": self.history.as_dict(),
            "control": self._control,
            "details": self._details,
        }
        if self._details:
            shown["source"] = encodable(watched.source)
        return shown

    def _destination(self, one: Snapshot, is_paused: bool) -> dict[str, Any]:
        state, words = _state_of([one], one, is_paused)
        if self._watched.code is not None:
            one = replace(one, files_per_second=0.0, bytes_per_second=0.0, eta_seconds=None)
            state = _ended(one.job, self._watched.codes.get(one.destination, self._watched.code))
            words = self._ending_words(state)
            if one.job.pending and state == "stopped":
                words = f"Stopped with {one.job.pending:,} {State.PENDING.value}"
        return {
            "node": one.destination,
            "state": state,
            "words": words,
            **_rates(one),
            "circuit": one.circuit,
            "hold": "" if one.hold == "paused" else self._text(one.hold),
            "associations": one.associations,
            "workers": one.workers,
            "wave": one.wave,
            "run": one.run.as_dict(),
            "job": one.job.as_dict(),
        }

    def _ending_words(self, state: str) -> str:
        return _BROKEN_OFF if state == "failed" and not self._watched.codes else _ENDING_WORDS[state]

    def _text(self, text: str) -> str:
        return encodable(text) if self._details else scrubbed(text)

    @staticmethod
    def _total(snapshots: Sequence[Snapshot]) -> Snapshot:
        return total_of(snapshots) if snapshots else _NOTHING


def _percent(run: Ledger) -> int:
    """The settled share, rounded down. In whole numbers: of 0.66, computed, 100 times is less than 66."""
    return 100 * (run.found - run.pending) // run.found


def _rates(one: Snapshot) -> dict[str, Any]:
    return {
        "share": one.share,
        "eta_seconds": one.eta_seconds,
        "files_per_second": round(one.files_per_second, 1),
        "bytes_per_second": round(one.bytes_per_second, 1),
    }


def _state_of(snapshots: Sequence[Snapshot], total: Snapshot, is_paused: bool) -> tuple[str, str]:
    """The state in one word, and for people. A run is waiting where all that is left of it waits."""
    phase = total.phase
    words = phase[:1].upper() + phase[1:]
    if is_paused or total.hold == "paused":
        return "paused", f"Paused while {phase}"
    at_it = [one for one in snapshots if one.phase == "sending"]
    if phase == "sending" and at_it and all(_is_waiting(one) for one in at_it):
        return "waiting", "Waiting"
    word = phase.split(" ", 1)[0]
    return (word if word in STATES else "sending"), words


def _is_waiting(one: Snapshot) -> bool:
    return one.circuit != "closed" or bool(one.hold and not one.associations)


def _ended(job: Ledger, code: int) -> str:
    """The state in which one destination's part ended, by the job's ledger and the exit code."""
    if job.spoiled:
        return "stopped" if job.spoiled == job.pending else "failed"
    return _ENDINGS.get(code, "failed")
