"""What one destination is asked while instances are sent to it, over one association of its own."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from migrator.core.control import Control
from migrator.core.events import Emit, Notice
from migrator.core.model import Instance, Patient, Proof
from migrator.engine.ports import Finder

_MOST_PATIENTS = 10_000  # studies whose patients are remembered


class Asking:
    """Shared by the workers of one destination. All methods are for any thread.

    `answered` is called whenever the destination has answered.
    """

    def __init__(
        self, make_finder: Callable[[], Finder], answered: Callable[[], None], control: Control, emit: Emit
    ) -> None:
        self._make_finder = make_finder
        self._answered = answered
        self._control = control
        self._emit = emit
        self._lock = threading.Lock()
        self._finder: Finder | None = None  # guarded by _lock, as all below
        self._patients: OrderedDict[str, tuple[Patient, ...] | None] = OrderedDict()
        self._has_told = False
        control.on_cancel(self._interrupt)

    def holds(self, instance: Instance) -> bool | None:
        """Whether the destination has one instance; None when it cannot tell. Raises DestinationError."""
        with self._lock:
            answer = self._the_finder().holds(instance)
        self._answered()
        return answer

    def held_of(self, study_uid: str) -> frozenset[str] | None:
        """The SOP instance UIDs that the destination holds of a study; None when it cannot tell.

        Raises DestinationError.
        """
        with self._lock:
            holdings = self._the_finder().holdings(study_uid)
        self._answered()
        if holdings.proof is Proof.UID_SET:
            return holdings.uids
        self.cannot_tell(holdings.reason)
        return None

    def patients(self, study_uid: str) -> tuple[Patient, ...] | None:
        """Under whom the destination knows a study, asked once; None when it cannot tell.

        Raises DestinationError.
        """
        with self._lock:
            if study_uid in self._patients:
                return self._patients[study_uid]
            known = self._patients[study_uid] = self._the_finder().patients(study_uid)
            if len(self._patients) > _MOST_PATIENTS:
                self._patients.popitem(last=False)
        self._answered()
        return known

    def make_room(self) -> None:
        """End the association unless something is being asked; the next question opens another."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._finder is not None:
                self._finder.close()
        finally:
            self._lock.release()

    def close(self) -> None:
        with self._lock:
            finder, self._finder = self._finder, None
        if finder is not None:
            finder.close()

    def _interrupt(self) -> None:
        finder = self._finder
        if finder is not None:
            finder.interrupt()

    def cannot_tell(self, reason: str) -> None:
        """Say once that the destination could not be asked what it holds."""
        with self._lock:
            is_first, self._has_told = not self._has_told, True
        if is_first and not self._control.is_cancelled:
            self._emit(Notice(f"The destination cannot tell which instances it holds: {reason}"))

    def _the_finder(self) -> Finder:
        if self._finder is None:
            self._finder = self._make_finder()
            # One that is made after the cancel was not there to be interrupted by it.
            if self._control.is_cancelled:
                self._finder.interrupt()
        return self._finder
