"""An archive that can be asked and retrieved from, and whose lies are set up one by one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, build_context, evt
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from migrator.core.model import Node
from migrator.dicom.receiver import MENDS, end_server
from migrator.dicom.receiver_index import ALL_KEYS, Index, text_of

FIND = StudyRootQueryRetrieveInformationModelFind
GET = StudyRootQueryRetrieveInformationModelGet
MOVE = StudyRootQueryRetrieveInformationModelMove
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
_QUERIES = (Verification, FIND, GET, MOVE)


def _context_of(ds: Dataset) -> Any:
    return build_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)


def _gladly(ds: Dataset) -> int:
    return 0x0000


def _as_it_is(ds: Dataset) -> Dataset | None:
    return ds


@dataclass(frozen=True)
class Lies:
    """How it misbehaves.

    `stored` answers C-STORE; `told` changes its answers to C-FIND, None withholds one; `sent` changes the
    objects that are retrieved, None sends nothing and claims success all the same. `cut` is the most answers
    to a question; `is_late` sends by C-MOVE only after its last word; after `answered` retrievals by C-GET it
    aborts the next. A `comment` refuses every C-GET.
    """

    stored: Callable[[Dataset], int] = _gladly
    told: Callable[[Dataset], Dataset | None] = _as_it_is
    sent: Callable[[Dataset], Dataset | None] = _as_it_is
    offers: tuple[str, ...] = (FIND, GET, MOVE)
    cut: int = 0
    is_late: bool = False
    answered: int = -1
    comment: str = ""


class RetrievingPacs:
    """Keeps what is stored, or put in by `keep`; sends by C-GET, and by C-MOVE to `here`."""

    def __init__(self, lies: Lies | None = None) -> None:
        self.lies = lies or Lies()
        self.here: tuple[str, int] | None = None
        self.asked: list[str] = []
        """The services asked for, in order: C-FIND, C-GET, C-MOVE."""
        self._index = Index()
        self._objects: dict[str, bytes] = {}
        self._senders: list[threading.Thread] = []
        self._said = threading.Event()
        self._server: Any = None

    @property
    def node(self) -> Node:
        return Node("127.0.0.1", self._server.server_address[1], "RETRIEVING")

    def keep(self, content: bytes | Path) -> None:
        """Hold this part 10 file."""
        data = content.read_bytes() if isinstance(content, Path) else content
        ds = dcmread(BytesIO(data), stop_before_pixels=True)
        self._index.add({keyword: text_of(ds, keyword) for keyword in ALL_KEYS})
        self._objects[str(ds.SOPInstanceUID)] = data

    def _requested(self, event: evt.Event) -> None:
        """Accept storage of whatever is proposed, in both roles."""
        request: Any = event.assoc.requestor.primitive
        supported = []
        for context in request.presentation_context_definition_list:
            if context.abstract_syntax in _QUERIES:
                continue
            known = next((one for one in supported if one.abstract_syntax == context.abstract_syntax), None)
            if known is None:
                known = build_context(context.abstract_syntax, [])
                known.scu_role = known.scp_role = True
                supported.append(known)
            for syntax in context.transfer_syntax:
                known.add_transfer_syntax(syntax)
        queries = [build_context(model) for model in (Verification, *self.lies.offers)]
        event.assoc.acceptor.supported_contexts = [*queries, *supported]

    def _store(self, event: evt.Event) -> int:
        content = event.encoded_dataset()
        status = self.lies.stored(dcmread(BytesIO(content), stop_before_pixels=True))
        if not status:
            self.keep(content)
        return status

    def _find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        self.asked.append("C-FIND")
        found = [self.lies.told(answer) for answer in self._index.find(event.identifier)]
        answers = [answer for answer in found if answer is not None]
        for answer in answers[: self.lies.cut or None]:
            yield 0xFF00, answer

    def _wanted(self, identifier: Dataset) -> Dataset | None:
        data = self._objects.get(str(identifier.SOPInstanceUID))
        if data is None:
            return None
        ds = dcmread(BytesIO(data))
        return self.lies.sent(ds)

    def _get(self, event: evt.Event) -> Iterator[Any]:
        self.asked.append("C-GET")
        if self.asked.count("C-GET") == self.lies.answered + 1:
            event.assoc.abort()
        ds = self._wanted(event.identifier)
        if self.lies.comment:
            refusal = Dataset()
            refusal.Status, refusal.ErrorComment = 0xC001, self.lies.comment
            yield 1
            yield refusal, None
            return
        yield 0 if ds is None else 1
        if ds is not None:
            yield 0xFF00, ds

    def _move(self, event: evt.Event) -> Iterator[Any]:
        self.asked.append("C-MOVE")
        ds = self._wanted(event.identifier)
        if self.here is None:
            yield None, None
            return
        known = build_context(CT_IMAGE) if ds is None else _context_of(ds)
        yield (*self.here, {"contexts": [known]})
        if ds is not None and self.lies.is_late:
            self._said.clear()
            self._senders.append(threading.Thread(target=self._send_later, args=(ds, event.move_destination)))
            self._senders[-1].start()
        if ds is None or self.lies.is_late:
            yield 0
            return
        yield 1
        yield 0xFF00, ds

    def _note_said(self, event: evt.Event) -> None:
        if type(event.message).__name__ == "C_MOVE_RSP":
            self._said.set()

    def _send_later(self, ds: Dataset, ae_title: str) -> None:
        assert self._said.wait(10)
        ae = AE("RETRIEVING")
        ae.requested_contexts = [_context_of(ds)]
        assert self.here is not None
        sender = ae.associate(*self.here, ae_title=ae_title)
        sender.send_c_store(ds)
        sender.release()

    def __enter__(self) -> RetrievingPacs:
        ae = AE("RETRIEVING")
        ae.supported_contexts = [build_context(Verification)]
        handlers = [
            *MENDS,
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_C_GET, self._get),
            (evt.EVT_C_MOVE, self._move),
            (evt.EVT_DIMSE_SENT, self._note_said),
        ]
        self._server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        return self

    def __exit__(self, *_: object) -> None:
        for sender in self._senders:
            sender.join(10)
        end_server(self._server)
