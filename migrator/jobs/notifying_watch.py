"""Seeing during a run what people are to be told of: a destination that is left alone, a disk that fills."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migrator.engine.accounting import Snapshot

_STEADY = 60.0  # seconds for which a destination takes files again before that is believed, at most
_MARGIN = 1.1  # times the limit that must be free again, before a disk is told of anew


@dataclass(frozen=True, slots=True)
class Seen:
    """A destination is left alone, or `is_back`; `seconds` for how long it was, or has been."""

    snapshot: Snapshot
    seconds: float
    is_back: bool


@dataclass(slots=True)
class _Outage:
    since: float
    is_told: bool = False
    back_since: float | None = None

    def put_off(self, seconds: float) -> None:
        """As if all of it had been so much later."""
        self.since += seconds
        if self.back_since is not None:
            self.back_since += seconds


class Outages:
    """Of each destination: one word when it has been left alone for `patience` seconds, one when it is back.

    A breaker that closes for a moment and opens again is one outage. Where nothing is sent any more, nothing
    is tried again either, and there is nothing to tell. While nobody may send (paused, or outside of the
    window) nothing is tried, and no time passes for an outage.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._steady = min(_STEADY, patience)
        self._outages: dict[str, _Outage] = {}
        self._looked = 0.0

    def look(self, snapshots: Sequence[Snapshot], now: float) -> Iterator[Seen]:
        """What is to be told of at `now` (seconds of any clock)."""
        passed, self._looked = now - self._looked, now
        for snapshot in snapshots:
            if snapshot.phase != "sending":  # a breaker stays as it was when its destination is given up
                self._outages.pop(snapshot.destination, None)
                continue
            outage = self._outages.get(snapshot.destination)
            if not snapshot.workers:
                if outage is not None:
                    outage.put_off(passed)
            elif snapshot.circuit != "closed":
                if outage is None:
                    outage = self._outages[snapshot.destination] = _Outage(now)
                outage.back_since = None
                if not outage.is_told and now - outage.since >= self._patience:
                    outage.is_told = True
                    yield Seen(snapshot, now - outage.since, is_back=False)
            elif outage is not None:
                if outage.back_since is None:
                    outage.back_since = now
                if not outage.is_told or now - outage.back_since >= self._steady:
                    del self._outages[snapshot.destination]
                    if outage.is_told:
                        yield Seen(snapshot, outage.back_since - outage.since, is_back=True)


class Room:
    """A disk that has less than `limit` bytes free, once; again only after there was room."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._is_told = False

    def look(self, free: int) -> bool:
        """Whether people are to be told."""
        if free >= self._limit * _MARGIN:
            self._is_told = False
        if free >= self._limit or self._is_told:
            return False
        self._is_told = True
        return True
