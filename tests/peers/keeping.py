"""A Storage SCP that keeps each dataset's bytes as they came, and can be told to misbehave."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pynetdicom import AE, AllStoragePresentationContexts, build_context, evt, register_uid
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.sop_class import Verification, uid_to_service_class

from migrator.core.model import Node
from migrator.dicom.receiver import MENDS, end_server
from tests.peers.processes import free_port


@dataclass(frozen=True, slots=True)
class Kept:
    """One C-STORE request as it came. `association` counts from 1."""

    uid: str
    sop_class: str
    transfer_syntax: str
    data: bytes
    association: int
    calling_ae_title: str


def _accept(kept: Kept) -> int:
    return 0x0000


@dataclass(frozen=True)
class Manners:
    """How the SCP behaves. It accepts every SOP class and transfer syntax unless told otherwise.

    `delay` is seconds before each answer; `status` answers each request; `reject` is result, source and
    reason of an A-ASSOCIATE-RJ for every request; `max_pdu` is what it announces, 0 is unlimited.
    """

    syntaxes: tuple[str, ...] = ()
    sop_classes: tuple[str, ...] = ()
    delay: float = 0.0
    status: Callable[[Kept], int] = _accept
    reject: tuple[int, int, int] | None = None
    max_pdu: int = 16382
    verifies: bool = True


class KeepingScp:
    """Keeps every request of every association in `kept`, in order of arrival; `manners` may be exchanged."""

    def __init__(self, manners: Manners | None = None) -> None:
        self.manners = manners or Manners()
        self.kept: list[Kept] = []
        self.associations = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._numbers: dict[int, int] = {}  # guarded by _lock
        self._server: Any = None
        self.port = 0

    @property
    def node(self) -> Node:
        return Node("127.0.0.1", self.port, "KEEPER")

    @property
    def datasets(self) -> dict[str, bytes]:
        """The last dataset of each SOP instance UID."""
        return {kept.uid: kept.data for kept in list(self.kept)}

    @property
    def counts(self) -> Counter[str]:
        """How often each SOP instance UID was stored."""
        return Counter(kept.uid for kept in list(self.kept))

    def count(self) -> int:
        """How many different SOP instances came."""
        return len(self.datasets)

    @property
    def is_idle(self) -> bool:
        """Whether no association is open: nothing more will come of those that were."""
        return self._server is None or not self._server.active_associations

    def start(self) -> None:
        self._stopping.clear()
        ae = AE("KEEPER")
        ae.maximum_pdu_size = self.manners.max_pdu
        ae.maximum_associations = 100
        ae.supported_contexts = [build_context(Verification), *AllStoragePresentationContexts[:1]]
        handlers = [
            *MENDS,
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_C_STORE, self._store),
        ]
        self.port = self.port or free_port()  # nobody else takes it while this SCP is down
        self._server = ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    def stop(self) -> None:
        """Stop listening and end what is open; `start` listens on the same port again."""
        self._stopping.set()
        if self._server is not None:
            end_server(self._server)
            self._server = None

    def _requested(self, event: evt.Event) -> None:
        assoc = event.assoc
        with self._lock:
            self.associations += 1
            self._numbers[id(assoc)] = self.associations
        if self.manners.reject is not None:
            assoc.acse.send_reject(*self.manners.reject)
            evt.trigger(assoc, evt.EVT_REJECTED, {})
            assoc.is_rejected = True
            assoc.kill()
            return
        assoc.acceptor.supported_contexts = self._contexts(assoc.requestor.primitive)

    def _contexts(self, request: Any) -> list[Any]:
        """What is accepted of a request, each syntax only where it was proposed."""
        proposed: dict[str, dict[str, None]] = {}
        for context in request.presentation_context_definition_list:
            syntaxes = proposed.setdefault(str(context.abstract_syntax), {})
            syntaxes.update(dict.fromkeys(str(syntax) for syntax in context.transfer_syntax))
        accepted = []
        for number, (sop_class, syntaxes) in enumerate(proposed.items()):
            taken = [syntax for syntax in syntaxes if self._takes(sop_class, syntax)]
            if taken:
                self._learn(sop_class, number)
                accepted.append(build_context(sop_class, taken))
        return accepted

    def _takes(self, sop_class: str, syntax: str) -> bool:
        if sop_class == Verification:
            return self.manners.verifies
        knows_class = not self.manners.sop_classes or sop_class in self.manners.sop_classes
        return knows_class and (not self.manners.syntaxes or syntax in self.manners.syntaxes)

    def _learn(self, sop_class: str, number: int) -> None:
        """pynetdicom serves only classes that it knows, so tell it that this one is for storage."""
        with self._lock:
            if uid_to_service_class(sop_class).__name__ == "ServiceClass":
                register_uid(sop_class, "Storage_" + sop_class.replace(".", "_"), StorageServiceClass)

    def _store(self, event: evt.Event) -> int:
        request = event.request
        kept = Kept(
            uid=str(request.AffectedSOPInstanceUID),
            sop_class=str(request.AffectedSOPClassUID),
            transfer_syntax=str(event.context.transfer_syntax),
            data=request.DataSet.getvalue(),
            association=self._numbers[id(event.assoc)],
            calling_ae_title=event.assoc.requestor.ae_title.strip(),
        )
        with self._lock:
            self.kept.append(kept)
        if self.manners.delay:
            self._stopping.wait(self.manners.delay)
        return self.manners.status(kept)

    def __enter__(self) -> KeepingScp:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def hold(peers: Sequence[KeepingScp], is_time: Callable[[], bool]) -> threading.Event:
    """Have the peers answer nobody from a certain time on until the event is set, so that no run can end."""
    goes_on = threading.Event()

    def answer(kept: object) -> int:
        if is_time():
            goes_on.wait(60)
        return 0

    for peer in peers:
        peer.manners = replace(peer.manners, status=answer)
    return goes_on
