"""What listens at an address: a DICOM node, by C-ECHO with AE titles that are common, or something else."""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from migrator.core.errors import (
    AssociationLost,
    AssociationRejected,
    Cancelled,
    DestinationError,
    TlsRefused,
    Unreachable,
)
from migrator.core.model import EchoResult, Node, Tls
from migrator.dicom.association import Association, Timeouts
from migrator.dicom.probe import echo_over
from migrator.dicom.transport import TICK, can_proceed, connected

# 104 and 11112 are DICOM's own (PS3.8 9.1.1), 2762 is dicom-tls; the others are Orthanc's and Conquest's.
DICOM_PORTS = (104, 11112, 4242, 2762, 5678)
COMMON_TITLES = (
    "ANY-SCP",
    "ORTHANC",
    "DCM4CHEE",
    "CONQUESTSRV1",
    "STORESCP",
    "DCMQRSCP",
    "STORE_SCP",
    "PACS",
    "ARCHIVE",
)

_CONNECT_SECONDS = 2.0
_TLS_RECORDS = (0x15, 0x16)  # an alert, a handshake (RFC 8446 5.1)

# Of a rejection by the service user (PS3.8 Table 9-21).
_BY_USER = 1
_CALLING_NOT_RECOGNISED = 3


class Kind(str, Enum):
    """What listens there."""

    DICOM = "dicom"
    TLS = "tls"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Finding:
    """What listens at one port. `ae_title` is the called title that was accepted, empty where none was.

    `status` is the C-ECHO's, None where none was answered; `note` says in words what else there is to know.
    """

    host: str
    port: int
    kind: Kind
    ae_title: str = ""
    status: int | None = None
    association_seconds: float = 0.0
    implementation_uid: str = ""
    implementation_version: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Approach:
    """How addresses are asked. `seconds` limit each step of an association."""

    titles: tuple[str, ...] = COMMON_TITLES
    calling_ae_title: str = "DICOM_MIGRATOR"
    seconds: float = 5.0
    tls: Tls | None = None


class Prober:
    """Asks one address at a time. One thread owns it; others may only call `interrupt`.

    `pace` is called before every connection; it may wait, and raise Cancelled.
    """

    def __init__(self, approach: Approach, pace: Callable[[], None]) -> None:
        self._approach = approach
        self._pace = pace
        self._timeouts = Timeouts(approach.seconds, approach.seconds, approach.seconds)
        self._is_interrupted = threading.Event()
        self._association: Association | None = None

    def interrupt(self) -> None:
        """Make the owner's present question and all further ones raise Cancelled; for any thread."""
        self._is_interrupted.set()
        association = self._association
        if association is not None:
            association.interrupt()

    def probe(self, host: str, port: int) -> Finding | None:
        """What listens there; None where nothing does. Raises Cancelled."""
        if not self._listens(host, port):
            return None
        finding = Finding(host, port, Kind.DICOM, note="it accepts none of the AE titles tried")
        for title in self._approach.titles:
            node = Node(host, port, title, self._approach.calling_ae_title, self._approach.tls)
            try:
                return _answered(finding, self._echo(node))
            except AssociationRejected as error:
                finding = replace(finding, note=_without(node, error))
                if error.is_transient or _is_for_us(error):
                    return finding
            except TlsRefused as error:
                kind = Kind.TLS if error.speaks_tls else Kind.OTHER
                return replace(finding, kind=kind, note=_without(node, error))
            except DestinationError as error:
                if not self._is_heard():
                    return self._no_dicom(finding, node, error)
                finding = replace(finding, note=_without(node, error))
        return finding

    def _listens(self, host: str, port: int) -> bool:
        self._pace()
        try:
            connected(host, port, _CONNECT_SECONDS, self._is_interrupted.is_set).close()
        except Unreachable:
            self._check()
            return False
        return True

    def _echo(self, node: Node) -> EchoResult:
        self._pace()
        association = self._association = Association(node, self._timeouts)
        # Looked at only now: an interruption that comes later finds this association.
        self._check()
        try:
            return echo_over(association, node)
        except DestinationError:
            self._check()
            raise

    def _is_heard(self) -> bool:
        return self._association is not None and self._association.is_heard

    def _no_dicom(self, finding: Finding, node: Node, error: DestinationError) -> Finding:
        if node.tls is None and self._speaks_tls(node):
            return replace(finding, kind=Kind.TLS, note="it speaks TLS; look again with --tls and --ca")
        silent = isinstance(error, AssociationLost)
        words = "it does not speak DICOM, or not with us" if silent else _without(node, error)
        return replace(finding, kind=Kind.OTHER, note=words)

    def _speaks_tls(self, node: Node) -> bool:
        """Whether a greeting in TLS is answered in TLS. Nothing is agreed on, and nothing else said."""
        self._pace()
        try:
            sock = connected(node.host, node.port, _CONNECT_SECONDS, self._is_interrupted.is_set)
        except Unreachable:
            self._check()
            return False
        with sock, contextlib.suppress(OSError):
            sock.sendall(_greeting())
            can_read = can_proceed(sock, writing=False)
            deadline = time.monotonic() + self._approach.seconds
            while not can_read(TICK):
                self._check()
                if time.monotonic() >= deadline:
                    return False
            answer = sock.recv(3)
            return len(answer) >= 2 and answer[0] in _TLS_RECORDS and answer[1] == 3
        return False

    def _check(self) -> None:
        if self._is_interrupted.is_set():
            raise Cancelled("stopped by the user")


def _answered(finding: Finding, result: EchoResult) -> Finding:
    note = "" if result.status == 0 else "it does not offer Verification (C-ECHO)"
    if result.status:
        note = f"it refused C-ECHO (status {result.status:04X})"
    return replace(
        finding,
        ae_title=result.node.ae_title,
        status=result.status,
        association_seconds=result.association_seconds,
        implementation_uid=result.implementation_uid,
        implementation_version=result.implementation_version,
        note=note,
    )


def _is_for_us(error: AssociationRejected) -> bool:
    """Whether it is our own AE title that is not known: then no other called title helps."""
    return error.source == _BY_USER and error.reason == _CALLING_NOT_RECOGNISED


def _without(node: Node, error: DestinationError) -> str:
    """The error's words without the address, which stands beside them."""
    return str(error).removeprefix(f"{node}: ").removeprefix(f"{node.host}:{node.port}: ")


def _greeting() -> bytes:
    """A ClientHello."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()
