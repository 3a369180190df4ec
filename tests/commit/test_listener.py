"""Our listener, open to whoever reaches its port: archives are heard, and what others say harms nothing."""

from __future__ import annotations

import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit
from pynetdicom import AE, build_role
from pynetdicom.sop_class import CTImageStorage, Verification

from migrator.core.commitment import CommitmentReport, Failure, Reference, Taken
from migrator.core.errors import UsageError
from migrator.core.model import Tls
from migrator.dicom.commitment import listener as commitment_listener
from migrator.dicom.commitment.listener import CommitmentListener
from tests.peers import free_port, wait_until
from tests.peers.committing import CT, PUSH_MODEL, report_of, report_to
from tests.tls.making import Authority

Listening = Callable[..., int]


class Taker:
    def __init__(self) -> None:
        self.reports: list[CommitmentReport] = []
        self.answer = Taken.KEPT

    def __call__(self, report: CommitmentReport) -> Taken:
        self.reports.append(report)
        return self.answer


@pytest.fixture
def taker() -> Taker:
    return Taker()


@pytest.fixture
def listening(taker: Taker) -> Iterator[Listening]:
    """Listen, and tell at which port."""
    with ExitStack() as stack:

        def start(tls: Tls | None = None, host: str = "127.0.0.1") -> int:
            port = free_port()
            listener = CommitmentListener(host, port, tls, taker)
            listener.start()
            stack.callback(listener.stop)
            return port

        yield start


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize("has_role", [True, False])
def test_a_report_is_read_in_either_syntax_with_and_without_a_role(
    has_role: bool, syntax: str, listening: Listening, taker: Taker
) -> None:
    ds = report_of("1.2.3", [f"1.2.{n}" for n in range(500)], {"1.3.1": 0x0112, "1.3.2": 0x0110})
    assert report_to(listening(), ds, 2, has_role=has_role, syntax=syntax) == 0
    (report,) = taker.reports
    assert report.transaction == "1.2.3"
    assert report.committed == tuple(Reference(CT, f"1.2.{n}") for n in range(500))
    assert report.failed == (Failure("1.3.1", 0x0112), Failure("1.3.2", 0x0110))


@pytest.mark.parametrize(
    ("taken", "status"), [(Taken.KEPT, 0), (Taken.UNKNOWN, 0x0115), (Taken.NOT_KEPT, 0x0110)]
)
def test_success_is_answered_only_to_what_was_kept(
    taken: Taken, status: int, listening: Listening, taker: Taker
) -> None:
    taker.answer = taken
    assert report_to(listening(), report_of("1.2.3", ["1.2"]), 1) == status


def test_a_report_without_a_transaction_or_without_anything_is_refused(
    listening: Listening, taker: Taker
) -> None:
    port = listening()
    nameless = report_of("1.2.3", ["1.2"])
    del nameless.TransactionUID
    assert report_to(port, nameless, 1) == 0x0115
    assert report_to(port, None, 1) == 0x0115
    assert taker.reports == []


def test_the_role_of_scp_is_granted_and_that_of_scu_is_not(listening: Listening) -> None:
    ae = AE("ARCHIVE")
    ae.add_requested_context(PUSH_MODEL)
    roles = [build_role(PUSH_MODEL, scu_role=True, scp_role=True)]
    assoc = ae.associate("127.0.0.1", listening(), ext_neg=roles)
    (context,) = assoc.accepted_contexts
    assert (context.as_scu, context.as_scp) == (False, True)
    assoc.release()


def test_echo_is_answered_and_what_else_is_proposed_is_not_accepted(listening: Listening) -> None:
    ae = AE("ARCHIVE")
    for sop_class in (Verification, PUSH_MODEL, CTImageStorage):
        ae.add_requested_context(sop_class)
    ae.add_requested_context(Verification, JPEGBaseline8Bit)
    assoc = ae.associate("127.0.0.1", listening())
    assert assoc.send_c_echo().Status == 0
    assert {context.abstract_syntax for context in assoc.accepted_contexts} == {Verification, PUSH_MODEL}
    assoc.release()


def said(port: int, data: bytes) -> bytes:
    """What is answered to these bytes, until the connection ends."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock, suppress(ConnectionError):
        sock.sendall(data)
        while piece := sock.recv(65536):
            answer += piece
    return answer


def pdu(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxI", kind, len(body)) + body


def associate_request(*user: bytes) -> bytes:
    """An A-ASSOCIATE-RQ with context 1 for the push model, as bytes."""
    syntax = b"1.2.840.10008.1.2"
    context = b"\1\0\0\0" + b"\x30\0" + struct.pack(">H", 20) + PUSH_MODEL.encode()
    context += b"\x40\0" + struct.pack(">H", len(syntax)) + syntax
    items = b"\x20\0" + struct.pack(">H", len(context)) + context
    inner = b"".join(user)
    items += b"\x50\0" + struct.pack(">H", len(inner)) + inner
    return pdu(1, b"\0\1\0\0" + b"US".ljust(16) + b"THEM".ljust(16) + bytes(32) + items)


def data_pdu(message: bytes, flags: int, context_id: int = 1) -> bytes:
    return pdu(4, struct.pack(">IBB", len(message) + 2, context_id, flags) + message)


def command(field: int, has_data: bool = True) -> bytes:
    values = (0x0100, field), (0x0110, 1), (0x0800, 1 if has_data else 0x0101), (0x1002, 1)
    body = b"".join(struct.pack("<HHIH", 0, element, 2, value) for element, value in values)
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


EVENT = data_pdu(command(0x0100), 3)
DEEP = struct.pack("<HHI", 0x0008, 0x1199, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)

HOSTILE = {
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "tls": bytes.fromhex("160301020001"),
    "an endless pdu": struct.pack(">BxI", 1, 0xFFFFFFF0),
    "a short request": pdu(1, b"\0\1"),
    "a torn item": pdu(1, b"\0\1" + bytes(66) + b"\x20\0\xff\xff"),
    "a torn role": associate_request(b"\x54\0\0\5" + struct.pack(">H", 900) + b"abc"),
    "data first": EVENT,
    "an abort": pdu(7, bytes(4)),
    "two requests": associate_request() * 2,
    "a torn value": associate_request() + pdu(4, b"\0\0\xff\xff\1\3"),
    "a command of rubbish": associate_request() + data_pdu(b"\xff" * 40, 3),
    "an unknown command": associate_request() + data_pdu(command(0x0130, False), 3),
    "another context": associate_request() + data_pdu(command(0x0100, False), 3, 7),
    "a data set without a command": associate_request() + data_pdu(b"\0" * 8, 2),
    "too long a message": associate_request() + EVENT + data_pdu(b"\0" * 60000, 0) * 80,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_dicom_ends_its_own_connection_and_nothing_else(
    name: str, listening: Listening, taker: Taker
) -> None:
    port = listening()
    said(port, HOSTILE[name])
    assert report_to(port, report_of("1.2.3", ["1.2"]), 1) == 0
    assert len(taker.reports) == 1


@pytest.mark.parametrize(
    "data",
    [b"\x08\0\x95\x11\xff\xff\xff\0", b"rubbish that is no data set", DEEP * 3000, b"\xfe\xff\0\xe0" * 9],
)
def test_a_data_set_that_cannot_be_read_is_answered_with_a_failure(
    data: bytes, listening: Listening, taker: Taker
) -> None:
    size = 60000
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    parts = [data_pdu(piece, 2 if piece is pieces[-1] else 0) for piece in pieces]
    answer = said(listening(), associate_request() + EVENT + b"".join(parts) + pdu(5, bytes(4)))
    assert struct.pack("<HHIH", 0, 0x0900, 2, 0x0115) in answer
    assert taker.reports == []


def test_more_connections_than_can_be_served_are_turned_away_for_now(
    listening: Listening, taker: Taker
) -> None:
    port = listening()
    with ExitStack() as stack:
        for _ in range(16):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        # Rejected for now, local limit exceeded.
        assert said(port, b"") == bytes((3, 0, 0, 0, 0, 4, 0, 2, 3, 2))
    wait_until(lambda: report_to(port, report_of("1.2.3", ["1.2"]), 1) == 0, "there is room again", 20)


def test_who_stops_in_the_middle_of_a_message_is_let_go(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commitment_listener, "_MESSAGE_SECONDS", 0.2)
    monkeypatch.setattr(commitment_listener, "_REQUEST_SECONDS", 0.2)
    port = listening()
    assert said(port, associate_request()[:20]) == pdu(7, bytes(4))
    assert said(port, associate_request() + EVENT + data_pdu(b"\0" * 10, 0)).endswith(pdu(7, bytes(4)))


def test_who_asks_without_an_end_and_reads_no_answer_is_let_go(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commitment_listener, "_MESSAGE_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", listening()), timeout=10) as sock:
        sock.sendall(associate_request())
        with pytest.raises(ConnectionError):
            while True:
                sock.sendall(data_pdu(command(0x0030, False), 3) * 1000)


def test_a_listener_that_stops_answers_what_it_has_taken(taker: Taker) -> None:
    port = free_port()
    listener = CommitmentListener("127.0.0.1", port, None, taker)
    listener.start()
    has_come, may_go_on = threading.Event(), threading.Event()

    def slow(report: CommitmentReport) -> Taken:
        has_come.set()
        assert may_go_on.wait(20)
        return Taken.KEPT

    listener._take = slow  # type: ignore[method-assign]
    answers: list[Any] = []
    peer = threading.Thread(target=lambda: answers.append(report_to(port, report_of("1.2", ["1"]), 1)))
    peer.start()
    assert has_come.wait(20)
    stopping = threading.Thread(target=listener.stop)
    stopping.start()
    wait_until(lambda: listener._closing.is_set(), "it stops", 20)
    may_go_on.set()
    for thread in (stopping, peer):
        thread.join(20)
    assert answers == [0]


def context_for(authority: Authority, *, shows: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.file)
    if shows:
        pair = authority.issue("archive.example")
        context.load_cert_chain(pair.cert, pair.key)
    return context


def test_over_tls_a_report_is_taken_from_who_shows_a_certificate(
    tmp_path: Any, listening: Listening, taker: Taker
) -> None:
    authority = Authority(tmp_path)
    ours = authority.issue()
    port = listening(Tls(authority.file, ours.cert, ours.key))
    ds = report_of("1.2.3", ["1.2"])
    assert report_to(port, ds, 1, tls=context_for(authority, shows=True)) == 0
    assert report_to(port, ds, 1, tls=context_for(authority, shows=False)) is None
    assert report_to(port, ds, 1) is None, "in the clear nothing is taken"
    assert len(taker.reports) == 1


def test_over_tls_nobody_can_be_served_without_a_certificate(tmp_path: Any, taker: Taker) -> None:
    listener = CommitmentListener("127.0.0.1", free_port(), Tls(Authority(tmp_path).file), taker)
    with pytest.raises(UsageError, match="--cert"):
        listener.start()


@pytest.mark.skipif(sys.platform == "darwin", reason="needs a second loopback address")
def test_it_listens_where_it_is_told_and_nowhere_else(listening: Listening) -> None:
    port = listening()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=5)


@pytest.mark.parametrize("host", ["", "::1"])
def test_it_listens_on_ipv6_and_without_a_host_on_both(host: str, listening: Listening) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("needs IPv6")
    port = listening(host=host)
    socket.create_connection(("::1", port), timeout=5).close()
    if not host:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
