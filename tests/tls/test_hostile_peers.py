"""TLS peers that fall silent, break off, speak something else; and interruption by another thread."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from migrator.core.errors import AssociationLost, PeerSilent, TlsRefused, Unreachable
from migrator.core.model import ContextPair, Node, Tls
from migrator.core.outcome import State
from migrator.dicom.association import Association, Timeouts
from migrator.dicom.contexts import Plan
from migrator.dicom.probe import VERIFICATION, echo
from tests.association.making import CT, EXPLICIT, IMPLICIT, quick, scan
from tests.association.scripted import (
    ABORT,
    P_DATA,
    RELEASE_REPLY,
    Conversation,
    PeerEnded,
    ScriptedScp,
    response,
)
from tests.peers import KeepingScp, Storescp, wait_until
from tests.tls.making import Authority, in_tls, server_context

PATIENCE = Timeouts(30.0, 30.0, 30.0)
PLAN = Plan((ContextPair(VERIFICATION, IMPLICIT),))
SOON = 10.0  # seconds in which an interruption must have worked on a busy machine; a tick is a quarter of one


def node_of(peer: ScriptedScp, authority: Authority) -> Node:
    return replace(peer.node, tls=Tls(ca=authority.file))


def refused_by(script: Callable[[Conversation], object], authority: Authority, kind: type[Exception]) -> str:
    with ScriptedScp(script) as peer, pytest.raises(kind) as caught:
        echo(node_of(peer, authority), PATIENCE)
    return str(caught.value)


def hang_up(conversation: Conversation) -> None:
    """Take the ClientHello and go without a word."""
    conversation.socket.recv(1 << 16)


def reset(conversation: Conversation) -> None:
    conversation.socket.recv(100)
    conversation.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    conversation.socket.close()


def say_half_a_hello(conversation: Conversation) -> None:
    conversation.socket.recv(1 << 16)
    conversation.say(b"\x16\x03\x03\x00\x7a\x02\x00\x00")


@pytest.mark.parametrize("script", [hang_up, reset, say_half_a_hello])
def test_a_peer_that_breaks_off_in_the_handshake_may_be_tried_again(
    script: Callable[[Conversation], object], authority: Authority
) -> None:
    assert "broke while TLS was agreed on" in refused_by(script, authority, Unreachable)


@pytest.mark.parametrize(
    "words",
    [b"\x07\0\0\0\0\x04\0\0\x02\x02", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220 mail.example ESMTP\r\n"],
)
def test_a_peer_that_speaks_no_tls_is_told_so_and_not_tried_again(words: bytes, authority: Authority) -> None:
    def script(conversation: Conversation) -> None:
        conversation.socket.recv(1 << 16)
        conversation.say(words)
        conversation.read_to_the_end()

    assert "does not speak TLS" in refused_by(script, authority, TlsRefused)


def test_plain_dicom_peers_are_told_from_tls_ones(
    storescp: Storescp, keeping_scp: Callable[..., KeepingScp], authority: Authority
) -> None:
    for peer in (storescp, keeping_scp()):
        node = replace(peer.node, tls=Tls(ca=authority.file))
        with pytest.raises((TlsRefused, Unreachable), match="not speak TLS"):
            echo(node, PATIENCE)


def test_a_peer_that_is_silent_in_the_handshake_costs_the_acse_time_out(authority: Authority) -> None:
    done = threading.Event()
    with ScriptedScp(lambda conversation: done.wait(60)) as peer:
        started = time.monotonic()
        with pytest.raises(Unreachable, match="no answer to the TLS handshake"):
            echo(node_of(peer, authority), Timeouts(0.5, 60.0, 60.0))
        assert 0.4 < time.monotonic() - started < 20.0
        done.set()


def test_a_peer_that_drips_its_part_of_the_handshake_costs_no_more_than_the_time_out(
    authority: Authority,
) -> None:
    done = threading.Event()

    def drip(conversation: Conversation) -> None:
        """A certificate that never comes to its end, in records of one byte."""
        conversation.socket.recv(1 << 16)
        conversation.say(b"\x16\x03\x03\0\4\x02\0\x40\0")
        with contextlib.suppress(OSError):
            for _ in range(1000):
                if done.wait(0.05):
                    return
                conversation.say(b"\x16\x03\x03\0\1\0")

    with ScriptedScp(drip) as peer:
        started = time.monotonic()
        with pytest.raises(Unreachable, match="no answer to the TLS handshake"):
            echo(node_of(peer, authority), Timeouts(0.5, 60.0, 60.0))
        assert time.monotonic() - started < 20.0
        done.set()


def test_a_peer_without_any_cipher_of_the_profile_is_refused(authority: Authority) -> None:
    context = server_context(authority.issue())
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA256")

    def script(conversation: Conversation) -> None:
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(conversation.socket, server_side=True)

    assert "shares no TLS version" in refused_by(script, authority, TlsRefused)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_peer_of_either_version_that_wants_our_certificate_says_so(
    version: ssl.TLSVersion, authority: Authority
) -> None:
    context = server_context(authority.issue())
    context.minimum_version = context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)

    def script(conversation: Conversation) -> None:
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(conversation.socket, server_side=True).recv(1)

    assert "certificate of ours" in refused_by(script, authority, TlsRefused)


def interrupted_soon(association: Association, when: Callable[[], bool], act: Callable[[], object]) -> float:
    """Interrupt from another thread once `when` is so; returns how many seconds `act` took to notice."""
    at: list[float] = []

    def interrupt() -> None:
        wait_until(when, "the moment to interrupt", 10)
        at.append(time.monotonic())
        association.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(AssociationLost):
        act()
    ended = time.monotonic()
    thread.join()
    return ended - at[0]


def test_another_thread_interrupts_the_handshake(authority: Authority) -> None:
    asked, done = threading.Event(), threading.Event()

    def script(conversation: Conversation) -> None:
        conversation.socket.recv(1 << 16)
        asked.set()
        done.wait(10)

    with ScriptedScp(script) as peer:
        association = Association(node_of(peer, authority), Timeouts(30.0, 30.0, 30.0))
        took = interrupted_soon(association, asked.is_set, lambda: association.open(PLAN, 0))
        done.set()
    assert took < SOON


def test_another_thread_interrupts_the_wait_for_an_answer_and_the_peer_reads_an_abort(
    authority: Authority,
) -> None:
    asked = threading.Event()

    def script(conversation: Conversation) -> list[int]:
        conversation.accept()
        conversation.read_pdu()
        asked.set()
        return conversation.wait_for_end()

    context = server_context(authority.issue())
    with ScriptedScp(in_tls(context, script)) as peer:
        association = Association(node_of(peer, authority), Timeouts(30.0, 30.0, 30.0))
        association.open(PLAN, 0)
        took = interrupted_soon(association, asked.is_set, lambda: association.echo(1, VERIFICATION))
        assert peer.wait() == [[ABORT]]
    assert took < SOON


def test_another_thread_interrupts_a_send_that_is_stuck(authority: Authority) -> None:
    stuck, done = threading.Event(), threading.Event()

    def script(conversation: Conversation) -> None:
        conversation.accept(max_pdu=0)
        conversation.read(1)
        stuck.set()
        done.wait(10)

    with ScriptedScp(in_tls(server_context(authority.issue()), script), receive_buffer=4096) as peer:
        association = Association(node_of(peer, authority), Timeouts(30.0, 30.0, 30.0))
        association.open(PLAN, 0)
        stream = memoryview(bytes((P_DATA, 0, 4, 0, 0, 0)) + bytes(1 << 26))
        took = interrupted_soon(association, stuck.is_set, lambda: association.send(stream))
        done.set()
    assert took < SOON


def test_a_peer_that_stops_reading_is_given_up(authority: Authority) -> None:
    done = threading.Event()

    def script(conversation: Conversation) -> None:
        conversation.accept(max_pdu=0)
        done.wait(10)

    with ScriptedScp(in_tls(server_context(authority.issue()), script), receive_buffer=4096) as peer:
        association = Association(node_of(peer, authority), Timeouts(30.0, 30.0, 0.5))
        association.open(PLAN, 0)
        with pytest.raises(PeerSilent, match="stopped reading"):
            association.send(memoryview(bytes((P_DATA, 0, 4, 0, 0, 0)) + bytes(1 << 26)))
        done.set()


def test_an_answer_split_over_many_records_is_put_together(authority: Authority) -> None:
    def script(conversation: Conversation) -> None:
        conversation.accept()
        message = conversation.message()
        for byte in response(message.context_id, message.message_id):
            conversation.say(bytes((byte,)))
        with pytest.raises(PeerEnded):
            conversation.message()

    file = Path(str(get_testdata_file("CT_small.dcm")))
    instance = scan(file)
    with ScriptedScp(in_tls(server_context(authority.issue()), script)) as peer:
        sender = quick(node_of(peer, authority), file.parent)
        sender.open([ContextPair(CT, EXPLICIT)])
        assert sender.store(instance).state is State.SENT
        sender.abort()


def test_a_peer_that_cuts_the_connection_in_mid_answer_is_lost_not_refused(authority: Authority) -> None:
    def script(conversation: Conversation) -> None:
        conversation.accept()
        conversation.read_pdu()
        conversation.say(b"\4\0\0\0")
        socket.socket.shutdown(conversation.socket, socket.SHUT_RDWR)

    with (
        ScriptedScp(in_tls(server_context(authority.issue()), script)) as peer,
        pytest.raises(AssociationLost),
    ):
        echo(node_of(peer, authority), PATIENCE)


def test_garbage_instead_of_a_record_is_a_lost_association(authority: Authority) -> None:
    def script(conversation: Conversation) -> None:
        conversation.accept()
        conversation.read_pdu()
        socket.socket.send(conversation.socket, b"\x17\x03\x03\x00\x20" + bytes(32))
        with pytest.raises(ssl.SSLError):
            conversation.read_to_the_end()

    with (
        ScriptedScp(in_tls(server_context(authority.issue()), script)) as peer,
        pytest.raises(AssociationLost),
    ):
        echo(node_of(peer, authority), PATIENCE)


def test_releasing_tells_the_peer_that_the_stream_is_at_its_end(authority: Authority) -> None:
    """The peer reads close_notify, not a mere end of the connection, which anybody could have made."""

    def script(conversation: Conversation) -> bytes:
        conversation.accept()
        conversation.read_pdu()
        conversation.say(RELEASE_REPLY)
        assert isinstance(conversation.socket, ssl.SSLSocket)
        conversation.socket.suppress_ragged_eofs = False
        return bytes(conversation.socket.recv(1))

    with ScriptedScp(in_tls(server_context(authority.issue()), script)) as peer:
        association = Association(node_of(peer, authority), PATIENCE)
        association.open(PLAN, 0)
        association.release()
        assert peer.wait() == [b""]
