"""A Storage Commitment SCP on pynetdicom that follows a script: where, when and what it reports."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.dimse_messages import N_ACTION_RSP
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind
from pynetdicom.transport import ThreadedAssociationServer

from migrator.core.model import Node
from migrator.dicom.receiver import MENDS, end_server
from tests.peers.processes import wait_until

PUSH_MODEL = "1.2.840.10008.1.20.1"
PUSH_MODEL_INSTANCE = "1.2.840.10008.1.20.1.1"
NO_SUCH_INSTANCE = 0x0112
CT = "1.2.840.10008.5.1.4.1.1.2"
_SECONDS = 20.0


@dataclass
class Asked:
    """One N-ACTION as it came."""

    transaction: str
    references: tuple[tuple[str, str], ...]  # SOP class, SOP instance
    action: int
    calling_ae_title: str
    assoc: Any = field(repr=False)

    @property
    def uids(self) -> list[str]:
        return [uid for _, uid in self.references]


def report_of(
    transaction: str,
    committed: Iterable[str] = (),
    failed: Mapping[str, int] | None = None,
    sop_class: str = CT,
) -> Dataset:
    """The event information of a result (PS3.4 Table J.3-3)."""
    ds = Dataset()
    ds.TransactionUID = transaction
    ds.ReferencedSOPSequence = Sequence([_reference(uid, sop_class) for uid in committed])
    if not ds.ReferencedSOPSequence:
        del ds.ReferencedSOPSequence
    if failed:
        items = []
        for uid, reason in failed.items():
            item = _reference(uid, sop_class)
            item.FailureReason = reason
            items.append(item)
        ds.FailedSOPSequence = Sequence(items)
    return ds


def _reference(uid: str, sop_class: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = uid
    return item


def report_to(
    port: int,
    ds: Dataset | None,
    event_type: int,
    *,
    has_role: bool = True,
    syntax: str = ImplicitVRLittleEndian,
    tls: ssl.SSLContext | None = None,
) -> int | None:
    """Report over an association of our own; the status of the answer, None where there was none."""
    ae = AE("COMMITTER")
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = _SECONDS
    roles = [build_role(PUSH_MODEL, scu_role=False, scp_role=True)] if has_role else []
    assoc = ae.associate(
        "127.0.0.1",
        port,
        [build_context(PUSH_MODEL, syntax)],
        "DICOM_MIGRATOR",
        ext_neg=roles,
        tls_args=(tls, "127.0.0.1") if tls else None,
        evt_handlers=MENDS[:1],  # the others are for servers
    )
    if not assoc.is_established:
        return None
    try:
        return _send(assoc, ds, event_type)
    finally:
        assoc.release()


def _send(assoc: Any, ds: Dataset | None, event_type: int) -> int | None:
    status, _ = assoc.send_n_event_report(ds, event_type, PUSH_MODEL, PUSH_MODEL_INSTANCE)
    return int(status.Status) if "Status" in status else None


Decide = Callable[[Asked], int]
Then = Callable[["CommittingScp", Asked], None]


class CommittingScp:
    """Keeps every request in `asked`; `decide` gives the status of its answer, `then` does what follows.

    `then` runs in a thread of its own, after the answer has left. `held` is what C-FIND tells, by study.
    """

    def __init__(
        self,
        then: Then | None = None,
        decide: Decide = lambda asked: 0,
        *,
        offers: bool = True,
        held: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self.then = then
        self.decide = decide
        self.asked: list[Asked] = []
        self._answers: list[int | None] = []
        self.faults: list[BaseException] = []
        self.port = 0
        self._offers = offers
        self._held = held
        self._threads: list[threading.Thread] = []
        self._starting = threading.Lock()  # whoever finds a thread in the list finds it started
        self._answered: dict[int, threading.Event] = {}
        self._server: Any = None

    @property
    def node(self) -> Node:
        return Node("127.0.0.1", self.port, "COMMITTER")

    @property
    def answers(self) -> list[int | None]:
        """The statuses that its reports were answered with, once all that follows a request has ended."""
        self._join()
        return list(self._answers)

    def report_here(self, asked: Asked, ds: Dataset, event_type: int) -> None:
        """Report on the association on which it was asked."""
        self._answers.append(_send(asked.assoc, ds, event_type))

    def report(self, port: int, ds: Dataset, event_type: int, **manners: Any) -> None:
        """Report on a new association."""
        self._answers.append(report_to(port, ds, event_type, **manners))

    def start(self) -> None:
        ae = AE("COMMITTER")
        ae.maximum_associations = 100
        offered = [PUSH_MODEL] if self._offers else []
        if self._held is not None:
            offered.append(StudyRootQueryRetrieveInformationModelFind)
        ae.supported_contexts = [build_context(one) for one in (*offered, "1.2.840.10008.1.1")]
        handlers = [
            *MENDS,
            (evt.EVT_N_ACTION, self._action),
            (evt.EVT_DIMSE_SENT, self._sending),
            (evt.EVT_PDU_SENT, self._sent),
            (evt.EVT_C_FIND, self._find),
        ]
        self._server = ae.make_server(
            ("127.0.0.1", self.port), evt_handlers=handlers, server_class=ThreadedAssociationServer
        )
        self.port = self._server.server_address[1]
        # As pynetdicom's own start does it, which polls twice a second, for which every end would wait.
        ae._servers.append(self._server)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            end_server(self._server)
            self._server = None
        self._join()
        if self.faults:
            raise self.faults[0]

    def _join(self) -> None:
        with self._starting:
            threads = list(self._threads)
        for thread in threads:
            thread.join(_SECONDS)

    def _action(self, event: Any) -> tuple[int, None]:
        information = event.action_information
        asked = Asked(
            transaction=str(information.TransactionUID),
            references=tuple(
                (str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID))
                for item in information.ReferencedSOPSequence
            ),
            action=event.action_type,
            calling_ae_title=event.assoc.requestor.ae_title.strip(),
            assoc=event.assoc,
        )
        assert event.request.RequestedSOPInstanceUID == PUSH_MODEL_INSTANCE
        self._answered.setdefault(id(event.assoc), threading.Event()).clear()
        self.asked.append(asked)
        status = self.decide(asked)
        if not status and self.then is not None:
            thread = threading.Thread(target=self._follow, args=(asked, self.then), daemon=True)
            with self._starting:
                self._threads.append(thread)
                thread.start()
        return status, None

    def _follow(self, asked: Asked, then: Then) -> None:
        try:
            answered = self._answered.setdefault(id(asked.assoc), threading.Event())
            wait_until(lambda: answered.is_set() or not asked.assoc.is_established, "it was answered")
            then(self, asked)
        except (RuntimeError, ValueError):
            self._answers.append(None)  # the association was gone
        except BaseException as fault:  # noqa: BLE001 - told at the end, in the test's own thread
            self.faults.append(fault)

    def _sending(self, event: Any) -> None:
        if isinstance(event.message, N_ACTION_RSP):
            event.assoc.is_answering = True

    def _sent(self, event: Any) -> None:
        if isinstance(event.pdu, P_DATA_TF) and getattr(event.assoc, "is_answering", False):
            event.assoc.is_answering = False
            self._answered[id(event.assoc)].set()

    def _find(self, event: Any) -> Any:
        keys = event.identifier
        uids = tuple((self._held or {}).get(str(keys.StudyInstanceUID), ()))
        level = str(keys.QueryRetrieveLevel)
        for uid in uids if level == "IMAGE" else uids[:1]:
            ds = Dataset()
            ds.QueryRetrieveLevel = level
            ds.StudyInstanceUID = keys.StudyInstanceUID
            ds.SeriesInstanceUID = f"{keys.StudyInstanceUID}.1"
            if level == "IMAGE":
                ds.SOPInstanceUID = uid
            yield 0xFF00, ds

    def __enter__(self) -> CommittingScp:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def commits(scp: CommittingScp, asked: Asked) -> None:
    """Report on the same association that all is committed."""
    scp.report_here(asked, report_of(asked.transaction, asked.uids, sop_class=asked.references[0][0]), 1)


def commits_at(port: int, **manners: Any) -> Then:
    """Report on a new association that all is committed."""

    def then(scp: CommittingScp, asked: Asked) -> None:
        scp.report(port, report_of(asked.transaction, asked.uids), 1, **manners)

    return then
