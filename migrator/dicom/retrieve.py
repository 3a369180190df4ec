"""Getting objects back from a destination: by C-GET (PS3.4 C.4.3), else by C-MOVE to ourselves (C.4.2).

What counts is what arrives. Statuses and numbers of sub-operations are not looked at: archives say success
and send nothing, or say that all failed and send everything, or send after their last word.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from pynetdicom import AE, build_context, evt

from migrator.core.errors import AssociationLost, PeerSilent, UsageError
from migrator.core.model import ContextPair, Node
from migrator.core.settings import SendSettings
from migrator.dicom.arrivals import Arrived, Tray
from migrator.dicom.association import Timeouts
from migrator.dicom.contexts import FALLBACKS, MOST_CONTEXTS, Plan, can_propose
from migrator.dicom.identifier import LEVEL, SERIES_UID, SOP_INSTANCE_UID, STUDY_UID
from migrator.dicom.listening import listening
from migrator.dicom.probe import VERIFICATION
from migrator.dicom.receiver import accept_storage
from migrator.dicom.retrieve_association import GET_MODEL, MOVE_MODEL, RetrieveAssociation

_SUCCESS, _NOT_WANTED, _OUT_OF_RESOURCES = 0x0000, 0x0124, 0xA700
# PS3.4 Tables C.4-2 and C.4-3.
_STATUSES = {
    0x0122: "not supported",
    0x0124: "we are not authorised",
    0xA701: "out of resources",
    0xA702: "out of resources",
    0xA801: "it does not know our AE title as a destination",
    0xA900: "the question does not fit its information model",
    0xB000: "it failed to send",
}

# In which an archive may keep what it was sent otherwise: it need not decode what we can.
_COMPRESSED = tuple(f"1.2.840.10008.1.2{leaf}" for leaf in (".4.70", ".4.80", ".4.90", ".5"))

# How long an object may come after the last word about it, in seconds. Less each time that none does.
_LATE, _LEAST_LATE = 3.0, 0.1
_ENOUGH_FAILURES = 3  # of one service, in a row, where the other one delivers


class Wanted(NamedTuple):
    """One object, and how it was sent."""

    study_uid: str
    series_uid: str
    uid: str
    pair: ContextPair


class Retriever:
    """Owned by one thread; `interrupt` may be called by others."""

    def __init__(self, node: Node, settings: SendSettings, folder: Path) -> None:
        """Objects are kept in `folder`."""
        self._node = node
        self._timeouts = Timeouts(settings.acse_timeout, settings.dimse_timeout, settings.network_timeout)
        self._tray = Tray(folder)
        self._opened = ExitStack()
        self._is_interrupted = False
        self._can_move = False
        self._no_move = "C-MOVE needs --listen"
        self._associations: dict[ContextPair, RetrieveAssociation] = {}
        self._plans: dict[ContextPair, Plan] = {MOVE_MODEL: Plan((MOVE_MODEL,))}
        self._refused: set[ContextPair] = set()
        self._pairs: dict[ContextPair, None] = {}
        self._late = _LATE
        self._get_failures = 0

    def listen(self, address: tuple[str, int]) -> None:
        """Begin to listen where the destination reaches us as our AE title; where that fails, there is no
        C-MOVE, and the reasons say so."""
        ae = AE(self._node.calling_ae_title)
        ae.maximum_pdu_size = 128 * 1024
        ae.require_called_aet = True  # it moves to that title; who calls another one is a stranger
        ae.supported_contexts = [build_context(VERIFICATION)]
        handlers = [(evt.EVT_REQUESTED, accept_storage), (evt.EVT_C_STORE, self._store)]
        try:
            self._opened.enter_context(listening(ae, address, handlers, self._node.tls))
            self._can_move = True
        except UsageError as error:
            self._no_move = f"no C-MOVE: {error}"

    def __enter__(self) -> Retriever:
        return self

    def __exit__(self, *_: object) -> None:
        for association in self._associations.values():
            association.release()
        self._opened.close()
        self._tray.expect("")

    def interrupt(self) -> None:
        """Make the owner's present call and all further ones raise AssociationLost; for any thread."""
        self._is_interrupted = True
        for association in list(self._associations.values()):
            association.interrupt()

    def fetch(self, wanted: Wanted) -> Arrived | str:
        """The object, or in words why it did not come. Raises DestinationError."""
        self._tray.expect(wanted.uid)
        reasons: list[str] = []
        if self._get_failures < _ENOUGH_FAILURES or not self._can_move:
            found = self._try_get(wanted)
            if isinstance(found, Arrived):
                self._get_failures = 0
                return found
            reasons.append(found)
        if not self._can_move:
            return f"{reasons[0]}; {self._no_move}"
        found = self._ask(MOVE_MODEL, wanted)
        self._get_failures = self._get_failures + 1 if isinstance(found, Arrived) else 0
        return found if isinstance(found, Arrived) else "; ".join((*reasons, found))

    def _try_get(self, wanted: Wanted) -> Arrived | str:
        try:
            return self._get(wanted)
        except AssociationLost as error:
            if self._is_interrupted or not self._can_move:
                raise
            return str(error)

    def _get(self, wanted: Wanted) -> Arrived | str:
        syntaxes = dict.fromkeys((wanted.pair.transfer_syntax, *FALLBACKS, *_COMPRESSED))
        for pair in (ContextPair(wanted.pair.sop_class, syntax) for syntax in syntaxes):
            if can_propose(pair):
                self._pairs.pop(pair, None)  # those of the latest are the last to be left out
                self._pairs[pair] = None
        while len(self._pairs) >= MOST_CONTEXTS:
            self._pairs.pop(next(iter(self._pairs)))
        if any(pair not in self._plans.get(GET_MODEL, Plan(())).contexts for pair in self._pairs):
            self._plans[GET_MODEL] = Plan((GET_MODEL, *self._pairs))
            self._end(GET_MODEL)
        return self._ask(GET_MODEL, wanted)

    def _ask(self, model: ContextPair, wanted: Wanted) -> Arrived | str:
        name = "C-GET" if model is GET_MODEL else "C-MOVE"
        if model in self._refused:
            return f"the destination does not offer {name}"
        keys = {
            LEVEL: "IMAGE",
            STUDY_UID: wanted.study_uid,
            SERIES_UID: wanted.series_uid,
            SOP_INSTANCE_UID: wanted.uid,
        }
        was_open = model in self._associations and self._associations[model].is_open
        try:
            words = self._talk(model, keys)
        except PeerSilent:
            raise
        except AssociationLost:
            if not was_open or self._is_interrupted:
                raise
            words = self._talk(model, keys)  # it may have been closed since the last question
        if model in self._refused:
            return f"the destination does not offer {name}"
        arrived = self._tray.take(self._late if model is MOVE_MODEL else 0.0)
        if arrived is None:
            if model is MOVE_MODEL:
                self._late = max(self._late / 2, _LEAST_LATE)
            return f"nothing came by {name} ({words})"
        self._late = _LATE
        return arrived

    def _talk(self, model: ContextPair, keys: dict[int, str]) -> str:
        """Ask over the association for this model, opened if need be; the last answer, in words."""
        association = self._associations.get(model)
        if association is None or not association.is_open:
            association = self._associations[model] = RetrieveAssociation(
                self._node, self._timeouts, self._tray
            )
            if self._is_interrupted:
                raise AssociationLost("the retrieval was interrupted", nothing_sent=True)
            if model not in association.open_for(self._plans[model]).accepted:
                self._refused.add(model)
                self._end(model)
                return ""
        response = association.retrieve(keys, self._node.calling_ae_title if model is MOVE_MODEL else "")
        # Its comment may name patients, and these words are logged.
        words = _STATUSES.get(response.status)
        return f"status {response.status:04X}" + (f": {words}" if words else "")

    def _end(self, model: ContextPair) -> None:
        association = self._associations.pop(model, None)
        if association is not None:
            association.release()

    def _store(self, event: evt.Event) -> int:
        """A C-STORE to our listener; whatever was not asked for is refused."""
        request: Any = event.request
        uid = str(request.AffectedSOPInstanceUID)
        try:
            draft = self._tray.draft(uid)
            if draft is None:
                return _NOT_WANTED
            draft.write(event.encoded_dataset(include_meta=False))
            draft.close()
        except OSError:
            return _OUT_OF_RESOURCES
        if draft.trouble:
            draft.discard()
            return _OUT_OF_RESOURCES
        pair = ContextPair(str(event.context.abstract_syntax), str(event.context.transfer_syntax))
        self._tray.put(Arrived(draft.path, uid, pair, "C-MOVE"))
        return _SUCCESS
