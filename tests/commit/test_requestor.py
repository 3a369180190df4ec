"""Asking a destination that misbehaves at any byte: it costs the association, and is told in words."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from migrator.core.commitment import CommitmentReport, Reference, Taken
from migrator.core.errors import AssociationLost, AssociationRejected, PeerSilent, Unreachable
from migrator.core.model import Node
from migrator.core.settings import SendSettings
from migrator.dicom.commitment.requestor import CommitmentRequestor
from tests.association.scripted import (
    P_DATA,
    RELEASE_REPLY,
    RELEASE_REQUEST,
    RELEASE_RQ,
    Conversation,
    PeerEnded,
    ScriptedScp,
    element,
    pdata,
)
from tests.peers import free_port

ASKED = [Reference("1.2.840.10008.5.1.4.1.1.2", f"1.2.3.{n}") for n in range(500)]
HASTY = SendSettings(acse_timeout=20, dimse_timeout=0.3, network_timeout=0.3)
PATIENT = SendSettings(acse_timeout=20, dimse_timeout=20, network_timeout=20)
IMPATIENT = SendSettings(acse_timeout=20, dimse_timeout=0.3, network_timeout=20)  # with answers alone


def requestor(
    node: Node, settings: SendSettings = PATIENT, reports: list[CommitmentReport] | None = None
) -> CommitmentRequestor:
    def take(report: CommitmentReport) -> Taken:
        if reports is not None:
            reports.append(report)
        return Taken.KEPT

    return CommitmentRequestor(node, settings, take)


def read_request(conversation: Conversation) -> None:
    """Take a whole N-ACTION: its command and its data set."""
    last = 0
    while last != 2:
        kind, body = conversation.read_pdu()
        assert kind == P_DATA
        last = body[5]


def response(message_id: int = 1, *, field: int = 0x8130, status: int | None = 0) -> bytes:
    body = element(0x0100, struct.pack("<H", field)) + element(0x0120, struct.pack("<H", message_id))
    body += element(0x0800, b"\1\1")
    if status is not None:
        body += element(0x0900, struct.pack("<H", status))
    return pdata(1, 3, element(0, struct.pack("<I", len(body))) + body)


def end(conversation: Conversation) -> int:
    """Answer a release, or see how it ends otherwise; what kind of PDU came last."""
    kind = 0
    with suppress(PeerEnded, ConnectionError):
        while kind != RELEASE_RQ:
            kind, _ = conversation.read_pdu()
        conversation.say(RELEASE_REPLY)
        conversation.read_to_the_end()
    return kind


def answering(*answers: bytes) -> Callable[[Conversation], object]:
    """Accept, and give these answers to the first request."""

    def script(conversation: Conversation) -> object:
        conversation.accept(max_pdu=1024)
        read_request(conversation)
        for answer in answers:
            conversation.say(answer)
        return end(conversation)

    return script


def test_a_request_is_cut_into_what_the_destination_takes_and_its_status_is_told() -> None:
    with ScriptedScp(answering(response(status=0x0124))) as scp:
        asking = requestor(scp.node)
        assert asking.open()
        assert asking.request("1.2", ASKED) == 0x0124
        asking.close()
        assert not asking.is_open
    assert scp.results == [RELEASE_RQ]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak DICOM"),
        (struct.pack(">BxI", P_DATA, 1 << 30), "does not speak DICOM"),
        (response(status=None), "without a status"),
        (response(message_id=7), "a request that was not made"),
        (response(field=0x8001), "something other than a report"),
        (pdata(1, 2, b"\0" * 8), "malformed data"),
        (pdata(1, 3, b"\xff" * 30), "malformed command"),
        (bytes((7, 0, 0, 0, 0, 4, 0, 0, 2, 2)), "aborted"),
        (RELEASE_REQUEST, "released"),
        (bytes((3, 0, 0, 0, 0, 4, 0, 2, 3, 2)), "unexpected PDU"),
    ],
)
def test_what_is_no_answer_ends_the_association(answer: bytes, words: str) -> None:
    with ScriptedScp(answering(answer)) as scp:
        asking = requestor(scp.node)
        asking.open()
        with pytest.raises(AssociationLost, match=words):
            asking.request("1.2", ASKED)
        assert not asking.is_open
        with pytest.raises(AssociationLost):
            asking.request("1.2", ASKED)


@pytest.mark.parametrize("begun", [b"", response()[:20]])
def test_no_answer_in_time_is_silence(begun: bytes) -> None:
    with ScriptedScp(answering(begun)) as scp:
        asking = requestor(scp.node, HASTY)
        asking.open()
        with pytest.raises(AssociationLost) as caught:
            asking.request("1.2", ASKED)
        assert begun or isinstance(caught.value, PeerSilent)


def test_a_destination_that_sends_without_an_end_and_says_nothing_is_silent() -> None:
    def script(conversation: Conversation) -> None:
        conversation.accept()
        read_request(conversation)
        with suppress(ConnectionError):
            while True:
                conversation.say(struct.pack(">BxI", P_DATA, 0) * 1000)

    with ScriptedScp(script) as scp:
        asking = requestor(scp.node, IMPATIENT)
        asking.open()
        with pytest.raises(PeerSilent):
            asking.request("1.2", ASKED)


def test_a_destination_that_sends_without_an_end_cannot_hold_up_a_release() -> None:
    def script(conversation: Conversation) -> None:
        conversation.accept()
        with suppress(ConnectionError):
            while True:
                conversation.say(struct.pack(">BxI", P_DATA, 0) * 1000)

    with ScriptedScp(script) as scp:
        asking = requestor(scp.node)
        asking.open()
        asking.close()


def test_a_report_that_comes_in_the_same_breath_as_the_answer_is_taken() -> None:
    body = element(0x0002, b"1.2.840.10008.1.20.1") + element(0x0100, b"\0\1") + element(0x0110, b"\1\0")
    body += element(0x0800, b"\1\0") + element(0x1002, b"\1\0")
    head = element(0, struct.pack("<I", len(body))) + body
    data = struct.pack("<HHI", 0x0008, 0x1195, 4) + b"1.2\0"
    report = pdata(1, 3, head) + pdata(1, 2, data)
    reports: list[CommitmentReport] = []
    with ScriptedScp(answering(report[:50], report[50:] + response() + report)) as scp:
        asking = requestor(scp.node, reports=reports)
        asking.open()
        assert asking.request("1.2", ASKED) == 0
        assert len(reports) == 1
        asking.serve(10)
        assert len(reports) == 2
        asking.close()
    assert reports[0] == CommitmentReport("1.2")


def test_a_rejection_and_a_node_that_is_not_there_are_told_apart() -> None:
    with (
        ScriptedScp(lambda conversation: conversation.reject(1, 1, 7)) as scp,
        pytest.raises(AssociationRejected, match="called AE title not recognised") as caught,
    ):
        requestor(scp.node).open()
    assert not caught.value.is_transient
    with pytest.raises(Unreachable):
        requestor(Node("127.0.0.1", free_port())).open()


def test_a_destination_without_storage_commitment_is_no_error() -> None:
    def script(conversation: Conversation) -> object:
        conversation.accept(refuse=lambda sop_class, syntax: 3)
        return end(conversation)

    with ScriptedScp(script) as scp:
        asking = requestor(scp.node)
        assert asking.open() is False
        assert not asking.is_open


def test_interrupting_ends_any_wait() -> None:
    with ScriptedScp(answering()) as scp:
        asking = requestor(scp.node)
        asking.open()
        timer = threading.Timer(0.1, asking.interrupt)
        timer.start()
        began = time.monotonic()
        with pytest.raises(AssociationLost, match="interrupted"):
            asking.request("1.2", ASKED)
        assert time.monotonic() - began < 15
        timer.join()
