"""An association for C-FIND (PS3.4 Annex C): opened when needed, kept, reopened, closed when idle."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from migrator.core.errors import AssociationLost, DamagedFile, PeerSilent
from migrator.core.model import ContextPair, Node
from migrator.dicom.association import Association, Timeouts
from migrator.dicom.contexts import IMPLICIT_LITTLE, Plan
from migrator.dicom.identifier import Keys, decode_keys, encode_keys

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_ROOT = "1.2.840.10008.5.1.4.1.2.1.1"

IDLE_SECONDS = 10.0

_MODELS = (STUDY_ROOT, PATIENT_ROOT)
_PLAN = Plan(tuple(ContextPair(model, IMPLICIT_LITTLE) for model in _MODELS))
_MAX_PDU = 128 * 1024

# PS3.4 Table C.4-1.
_SUCCESS = 0x0000
_REFUSALS = {
    0x0122: "C-FIND is not supported",
    0x0124: "not authorised to ask",
    0xA700: "out of resources",
    0xA900: "the question does not fit its information model",
    0xB001: "there are more matches than it lists",
    0xFE00: "cancelled by the destination",
}


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back: the matches, and why there may be more of them (empty when the search succeeded)."""

    matches: tuple[Keys, ...] = ()
    refusal: str = ""


class Inquiry:
    """Asks one destination. Owned by one thread; a timer of its own closes what is not used for a while."""

    def __init__(self, node: Node, timeouts: Timeouts, idle_seconds: float = IDLE_SECONDS) -> None:
        self._node = node
        self._timeouts = timeouts
        self._idle_seconds = idle_seconds
        self._is_interrupted = threading.Event()
        self._lock = threading.Lock()
        self._association: Association | None = None  # this and all below are guarded by _lock
        self._model: str | None = None
        self._is_unable = False
        self._context = 0
        self._used = 0.0
        self._timer: threading.Timer | None = None

    @property
    def is_open(self) -> bool:
        """Whether an association is open."""
        with self._lock:
            return self._association is not None and self._association.is_open

    def model(self) -> str | None:
        """The information model that the destination offers; None when it offers none.

        Raises Unreachable, AssociationRejected, AssociationLost.
        """
        with self._lock:
            self._check()
            if self._model is None and not self._is_unable:
                self._open()
                self._watch()
            return self._model

    def ask(self, keys: Keys) -> Answers:
        """All matches for `keys`, one of which is the level. Asks once more where the association was lost.

        Raises Unreachable, AssociationRejected, AssociationLost.
        """
        with self._lock:
            try:
                return self._ask(keys)
            except PeerSilent:
                raise  # it would only be waited for twice
            except AssociationLost:
                return self._ask(keys)
            finally:
                self._watch()

    def _ask(self, keys: Keys) -> Answers:
        self._check()
        association = self._association
        if association is None or not association.is_open:
            association = self._open()
        if association is None or self._model is None:
            return Answers(refusal="the destination does not offer C-FIND")
        *pending, last = association.find(self._context, self._model, encode_keys(keys))
        self._used = time.monotonic()
        refusal = "" if last.status == _SUCCESS else _words(last.status)
        try:
            return Answers(tuple(decode_keys(response.data) for response in pending), refusal)
        except DamagedFile as error:
            return Answers(refusal=str(error))

    def _open(self) -> Association | None:
        """A new association; None when it has no use. What was refused once is not asked for again."""
        if self._is_unable:
            return None
        association = self._association = Association(self._node, self._timeouts)
        # Once more: an interruption that comes later finds this association.
        self._check()
        accepted = association.open(_PLAN, _MAX_PDU).accepted
        self._used = time.monotonic()
        self._model = next((m for m in _MODELS if ContextPair(m, IMPLICIT_LITTLE) in accepted), None)
        if self._model is None:
            self._is_unable = True
            self._release()
            return None
        self._context = accepted[ContextPair(self._model, IMPLICIT_LITTLE)]
        return association

    def _check(self) -> None:
        if self._is_interrupted.is_set():
            raise AssociationLost("the question was interrupted", nothing_sent=True)

    def interrupt(self) -> None:
        """Make the owner's present question and all further ones raise AssociationLost; for any thread."""
        self._is_interrupted.set()
        # Not under the lock, which is held while an answer is waited for.
        association = self._association
        if association is not None:
            association.interrupt()

    def _watch(self) -> None:
        if self._timer is None and self._association is not None and self._association.is_open:
            left = self._idle_seconds - (time.monotonic() - self._used)
            self._timer = threading.Timer(max(left, 0.0), self._close_idle)
            self._timer.daemon = True
            self._timer.start()

    def _close_idle(self) -> None:
        with self._lock:
            self._timer = None
            if time.monotonic() - self._used >= self._idle_seconds:
                self._release()
            self._watch()

    def close(self) -> None:
        """Release the association, if there is one; never raises. A later question opens another."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._release()

    def _release(self) -> None:
        if self._association is not None:
            # Kept until then: a peer may not answer, and an interruption has to find what waits for it.
            self._association.release()
            self._association = None


def _words(status: int) -> str:
    known = _REFUSALS.get(status) or ("unable to process the question" if status >> 12 == 0xC else "refused")
    return f"{known} (status {status:04X})"
