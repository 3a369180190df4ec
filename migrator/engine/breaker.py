"""The circuit breaker of one destination: when it fails again and again it is left alone for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from migrator.core.control import Control
from migrator.core.errors import DestinationError, LimitReached, MigratorError
from migrator.core.settings import RecoverySettings
from migrator.engine.accounting import Circuit as Circuit  # the engine's own modules too

_MOST_GROWTH = 10  # times the first wait
_LOOK = 0.2  # seconds between two looks of those who wait


class Breaker:
    """Shared by the workers of one destination; all methods are for any thread.

    `probe` asks whether the destination answers at all (C-ECHO) and raises DestinationError where it does
    not. Only failures of the destination are to be reported, not those of a single file.
    """

    def __init__(
        self,
        settings: RecoverySettings,
        probe: Callable[[], None],
        control: Control,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._probe = probe
        self._control = control
        self._clock = clock
        self._lock = threading.Lock()
        self._circuit = Circuit.CLOSED  # guarded by _lock, as all below
        self._failures = 0
        self._down_since: float | None = None
        self._next_probe = 0.0
        self._wait = settings.breaker_wait
        self._prober: int | None = None
        self._is_asking = False
        self._reason = ""

    def answered(self) -> None:
        """The destination answered a request, with whatever status."""
        if not self._failures and self._circuit is Circuit.CLOSED:
            return
        with self._lock:
            self._close()

    def failed(self, error: MigratorError) -> bool:
        """The destination failed; whether it is left alone from now on.

        Raises LimitReached when it has been down for as long as is allowed.
        """
        now = self._clock()
        with self._lock:
            self._failures += 1
            self._reason = str(error)
            if self._down_since is None:
                self._down_since = now
            self._check_limit(now)
            if self._circuit is Circuit.PROBING:
                self._wait = min(self._wait * 2, self._settings.breaker_wait * _MOST_GROWTH)
                self._open(now)
            elif self._circuit is Circuit.CLOSED and self._failures >= self._settings.breaker_failures:
                self._wait = self._settings.breaker_wait
                self._open(now)
                return True
            return False

    def rest(self) -> None:
        """Nobody may send: this time does not count as one in which the destination was down."""
        with self._lock:
            if self._down_since is not None:
                self._down_since = self._clock()

    def pass_through(self, number: int, goes_on: Callable[[], bool]) -> bool:
        """Wait until worker `number` may send; False when `goes_on` says that it need not any more.

        Raises Cancelled, LimitReached when the destination has been down for as long as is allowed, and
        DestinationError where the probe met one that waiting cannot mend.
        """
        while self._circuit is not Circuit.CLOSED:
            if not goes_on():
                return False
            self._control.check()
            if self._may_probe(number):
                return True
            self._control.wait(_LOOK)
        return True

    def left(self, number: int) -> None:
        """Worker `number` does not send any more; where it was the one to probe, another takes over."""
        with self._lock:
            if self._prober == number:
                self._prober = None
                if self._circuit is Circuit.PROBING:
                    self._circuit = Circuit.OPEN
                    self._next_probe = self._clock()

    @property
    def circuit(self) -> Circuit:
        return self._circuit

    @property
    def reason(self) -> str:
        """What the destination's latest failure said."""
        with self._lock:
            return self._reason

    def seconds_left(self) -> float | None:
        """Seconds until the destination is tried again; None when it is not left alone."""
        with self._lock:
            if self._circuit is not Circuit.OPEN:
                return None
            return max(0.0, self._next_probe - self._clock())

    def _may_probe(self, number: int) -> bool:
        """When the time has come, ask on behalf of all who wait."""
        with self._lock:
            now = self._clock()
            self._check_limit(now)
            if self._circuit is Circuit.PROBING:
                return self._prober == number
            if self._circuit is Circuit.CLOSED:
                return True
            if self._is_asking or now < self._next_probe:
                return False
            self._is_asking = True
        try:
            self._probe()
        except DestinationError as error:
            self._settle_probe(None, error)
            if not error.may_retry:
                raise
            return False
        self._settle_probe(number, None)
        return True

    def _settle_probe(self, number: int | None, error: DestinationError | None) -> None:
        with self._lock:
            self._is_asking = False
            if self._circuit is not Circuit.OPEN:
                return
            if error is None:
                self._circuit, self._prober = Circuit.PROBING, number
                return
            self._reason = str(error)
            self._wait = min(self._wait * 2, self._settings.breaker_wait * _MOST_GROWTH)
            self._open(self._clock())

    def _open(self, now: float) -> None:
        self._circuit, self._prober = Circuit.OPEN, None
        self._next_probe = now + self._wait

    def _close(self) -> None:
        self._circuit, self._prober = Circuit.CLOSED, None
        self._failures = 0
        self._down_since = None
        self._wait = self._settings.breaker_wait

    def _check_limit(self, now: float) -> None:
        allowed = self._settings.give_up_after
        if allowed and self._down_since is not None and now - self._down_since >= allowed:
            raise LimitReached(f"the destination was down for {allowed:g} s: {self._reason}")
