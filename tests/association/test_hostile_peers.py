"""Peers that misbehave: the outcome is told, the association ends, and nobody waits longer than allowed."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

import pytest

from migrator.core.errors import AssociationLost, AssociationRejected, PeerSilent, Unreachable
from migrator.core.model import ContextPair, Instance, Node
from migrator.core.outcome import Fidelity, State
from migrator.core.settings import SendSettings
from migrator.dicom.contexts import Plan, plan_contexts
from migrator.dicom.store import StoreSender
from tests.association.making import await_arrival, dataset_of, hasten, quick, scan
from tests.association.scripted import (
    ABORT,
    ABORT_BY_PROVIDER,
    RELEASE_REPLY,
    RELEASE_REQUEST,
    RELEASE_RP,
    RELEASE_RQ,
    Conversation,
    PeerEnded,
    ScriptedScp,
    command,
    element,
    pdata,
    response,
)
from tests.peers.archives import Archive
from tests.peers.processes import free_port, wait_until


@pytest.fixture
def small(archive: Callable[..., Archive]) -> Path:
    """A file of about a kilobyte."""
    return archive(studies=1, instances=1).files[0].path


@pytest.fixture
def large(archive: Callable[..., Archive]) -> Path:
    """A file of 32 MB, more than the sockets' buffers hold."""
    return archive(studies=1, instances=1, side=4096).files[0].path


def opened(scp: ScriptedScp, path: Path, **settings: float) -> tuple[StoreSender, Instance]:
    sender, instance = quick(scp.node, path.parent, **settings), scan(path)
    sender.open([instance.pair])
    return sender, instance


def test_a_peer_that_behaves_gets_the_data_set_and_the_release(small: Path) -> None:
    def script(talk: Conversation) -> object:
        talk.accept()
        return talk.serve_until_release()

    with ScriptedScp(script) as scp:
        sender, instance = opened(scp, small)
        outcomes = [sender.store(instance) for _ in range(3)]
        sender.release()
        (messages,) = scp.wait()
    assert [outcome.state for outcome in outcomes] == [State.SENT] * 3
    assert [message.message_id for message in messages] == [1, 2, 3]  # type: ignore[attr-defined]
    assert {message.data for message in messages} == {dataset_of(small)}  # type: ignore[attr-defined]
    assert not sender.is_open


@pytest.mark.parametrize("max_pdu", [0, 8, 64, 129, 4096, 2**31])
def test_any_maximum_pdu_length_is_kept(small: Path, max_pdu: int) -> None:
    def script(talk: Conversation) -> object:
        talk.accept(max_pdu)
        return talk.serve_until_release()

    with ScriptedScp(script) as scp:
        sender, instance = opened(scp, small)
        assert sender.store(instance).is_stored
        sender.release()
        (messages,) = scp.wait()
    (message,) = messages  # type: ignore[misc]
    assert message.data == dataset_of(small)
    assert not max_pdu or max(message.sizes) <= max_pdu


def test_a_data_set_of_odd_length_is_padded_in_its_last_value(small: Path) -> None:
    with small.open("ab") as file:
        file.write(b"\xfc\xff\xfc\xffOB\0\0\1\0\0\0x")

    def script(talk: Conversation) -> object:
        talk.accept()
        return talk.serve_until_release()

    with ScriptedScp(script) as scp:
        sender, instance = opened(scp, small)
        assert (instance.size - instance.offset) % 2
        outcome = sender.store(instance)
        assert (outcome.state, outcome.fidelity) == (State.SENT, Fidelity.REENCODED)
        sender.release()
        (messages,) = scp.wait()
    assert messages[0].data == dataset_of(small)[:-5] + b"\2\0\0\0x\0"  # type: ignore[index]


def test_a_response_in_single_bytes_and_many_values_is_understood(small: Path) -> None:
    def script(talk: Conversation) -> None:
        talk.accept()
        message = talk.message()
        whole = command(message.message_id, 0xB006, element(0x0902, b"odd element"))
        pieces = [pdata(message.context_id, 1, whole[:9]), pdata(message.context_id, 3, whole[9:])]
        for byte in b"".join(pieces):
            talk.say(bytes((byte,)))
        talk.wait_for_end()

    with ScriptedScp(script) as scp:
        sender, instance = opened(scp, small)
        outcome = sender.store(instance)
        sender.abort()
    assert (outcome.state, outcome.status, outcome.comment) == (State.WARNED, 0xB006, "odd element")


@pytest.mark.parametrize(
    "answer",
    [
        lambda message: response(message.context_id, message.message_id + 1),
        lambda message: pdata(message.context_id, 3, b""),
        lambda message: b"nonsense that is no PDU",
        lambda message: ABORT_BY_PROVIDER,
        lambda message: b"",
    ],
    ids=["wrong message id", "empty", "garbage", "abort", "end"],
)
def test_no_answer_to_the_request_leaves_the_instance_in_doubt(
    small: Path, answer: Callable[..., bytes]
) -> None:
    def script(talk: Conversation) -> None:
        talk.accept()
        talk.say(answer(talk.message()))

    with ScriptedScp(script) as scp:
        sender, instance = opened(scp, small)
        with pytest.raises(AssociationLost) as lost:
            sender.store(instance)
        assert not lost.value.nothing_sent
        assert not sender.is_open
        with pytest.raises(AssociationLost) as again:
            sender.store(instance)
        assert again.value.nothing_sent


def test_a_peer_that_never_answers_is_aborted(small: Path) -> None:
    def script(talk: Conversation) -> object:
        talk.accept()
        talk.message()
        return talk.wait_for_end()

    with ScriptedScp(script) as scp:
        sender, instance = opened(scp, small, dimse_timeout=0.2)
        with pytest.raises(PeerSilent) as silent:
            sender.store(instance)
        assert not silent.value.nothing_sent
        assert scp.wait() == [[ABORT]]


def test_a_peer_that_stops_reading_is_dropped_without_an_abort_inside_a_pdu(large: Path) -> None:
    may_read = threading.Event()

    def script(talk: Conversation) -> object:
        talk.accept()
        talk.read(1000)
        may_read.wait(20)
        return len(talk.read_to_the_end())

    with ScriptedScp(script, receive_buffer=4096) as scp:
        sender, instance = opened(scp, large, network_timeout=0.3)
        with pytest.raises(PeerSilent, match="stopped reading") as silent:
            sender.store(instance)
        assert not silent.value.nothing_sent
        may_read.set()
        (received,) = scp.wait()
    assert 0 < received < instance.size  # type: ignore[operator]


def test_an_answer_is_waited_for_longer_the_larger_the_object_is(large: Path) -> None:
    answered = threading.Event()

    def script(talk: Conversation) -> None:
        talk.accept()
        message = talk.message()
        answered.wait(1.0)
        talk.say(response(message.context_id, message.message_id))
        talk.wait_for_end()

    with ScriptedScp(script) as scp:
        sender, instance = opened(scp, large, dimse_timeout=0.1)
        assert sender.store(instance).is_stored
        sender.abort()


@pytest.mark.parametrize(
    "last_words", [ABORT_BY_PROVIDER, RELEASE_REQUEST, b""], ids=["abort", "release", "end"]
)
def test_a_peer_that_ends_in_the_middle_of_a_send_loses_the_association(
    large: Path, last_words: bytes
) -> None:
    def script(talk: Conversation) -> None:
        talk.accept()
        talk.read(300_000)
        talk.say(last_words)
        if last_words == RELEASE_REQUEST:
            talk.read_to_the_end()

    with ScriptedScp(script, receive_buffer=4096) as scp:
        sender, instance = opened(scp, large)
        with pytest.raises(AssociationLost) as lost:
            sender.store(instance)
    assert not isinstance(lost.value, PeerSilent)
    assert not lost.value.nothing_sent
    if last_words == RELEASE_REQUEST:
        assert "released" in str(lost.value)


def test_a_reset_in_the_middle_of_a_send_loses_the_association(large: Path) -> None:
    def script(talk: Conversation) -> None:
        talk.accept()
        talk.read(300_000)
        talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with ScriptedScp(script, receive_buffer=4096) as scp:
        sender, instance = opened(scp, large)
        with pytest.raises(AssociationLost) as lost:
            sender.store(instance)
    assert not lost.value.nothing_sent


def test_a_failure_that_is_answered_before_all_was_sent_is_heard(large: Path) -> None:
    def script(talk: Conversation) -> None:
        talk.accept()
        talk.read(200_000)
        talk.say(response(1, 1, 0xA700))
        talk.read_to_the_end()

    with ScriptedScp(script) as scp:
        sender, instance = opened(scp, large)
        outcome = sender.store(instance)
        assert (outcome.state, outcome.status, outcome.may_retry) == (State.FAILED, 0xA700, True)
        sender.abort()


@pytest.mark.parametrize("words", [ABORT_BY_PROVIDER, RELEASE_REQUEST, b""], ids=["abort", "release", "end"])
def test_a_peer_that_ended_between_two_objects_leaves_the_second_out_of_doubt(
    small: Path, words: bytes
) -> None:
    ended = threading.Event()

    def script(talk: Conversation) -> object:
        talk.accept()
        message = talk.message()
        talk.say(response(message.context_id, message.message_id) + words)
        if words == RELEASE_REQUEST:
            ended.set()
            return talk.wait_for_end()
        talk.socket.shutdown(socket.SHUT_WR)
        ended.set()
        return talk.wait_for_end()

    with ScriptedScp(script) as scp:
        sender, instance = opened(scp, small)
        assert sender.store(instance).is_stored
        assert ended.wait(10)
        if words != RELEASE_REQUEST:
            await_arrival(sender)
        with pytest.raises(AssociationLost) as lost:
            sender.store(instance)
        assert lost.value.nothing_sent
        kinds = scp.wait()[0]
    assert kinds == ([RELEASE_RP] if words == RELEASE_REQUEST else [])


def test_a_rejection_is_told_in_words(small: Path) -> None:
    with ScriptedScp(lambda talk: talk.reject(1, 1, 7), lambda talk: talk.reject(2, 3, 2)) as scp:
        with pytest.raises(AssociationRejected, match="called AE title not recognised") as rejected:
            opened(scp, small)
        assert not rejected.value.is_transient
        with pytest.raises(AssociationRejected, match="limit") as rejected:
            opened(scp, small)
        assert rejected.value.is_transient


def test_what_speaks_no_dicom_is_told_apart(small: Path) -> None:
    with (
        ScriptedScp(lambda talk: (talk.read_pdu(), talk.say(b"HTTP/1.1 400 Bad Request\r\n\r\n"))) as scp,
        pytest.raises(AssociationLost, match="does not speak DICOM"),
    ):
        opened(scp, small)


def test_an_association_request_that_is_not_answered_is_given_up(small: Path) -> None:
    with ScriptedScp(lambda talk: talk.wait_for_end()) as scp:
        with pytest.raises(PeerSilent, match="association request"):
            opened(scp, small, acse_timeout=0.2)
        assert scp.wait() == [[1, ABORT]]


def test_nobody_listens(small: Path) -> None:
    instance = scan(small)
    sender = quick(Node("127.0.0.1", free_port()), small.parent)
    with pytest.raises(Unreachable, match="the connection was refused"):
        sender.open([instance.pair])
    sender = quick(Node("no-such-host.invalid", 104), small.parent)
    with pytest.raises(Unreachable, match="the name is not known"):
        sender.open([instance.pair])
    assert not sender.is_open


def test_a_release_that_is_not_confirmed_is_an_abort(small: Path) -> None:
    def script(talk: Conversation) -> object:
        talk.accept()
        return talk.wait_for_end()

    with ScriptedScp(script) as scp:
        sender, _ = opened(scp, small)
        hasten(sender, 0.2)
        sender.release()
        assert scp.wait() == [[RELEASE_RQ, ABORT]]


def test_releases_that_cross_are_both_confirmed(small: Path) -> None:
    def script(talk: Conversation) -> object:
        talk.accept()
        kind, _ = talk.read_pdu()
        talk.say(RELEASE_REQUEST)
        reply, _ = talk.read_pdu()
        talk.say(RELEASE_REPLY)
        return [kind, reply, *talk.wait_for_end()]

    with ScriptedScp(script) as scp:
        sender, _ = opened(scp, small)
        sender.release()
        assert scp.wait() == [[RELEASE_RQ, RELEASE_RP]]


def test_refused_contexts_are_outcomes_and_nothing_is_sent(small: Path) -> None:
    def script(talk: Conversation) -> object:
        talk.accept(refuse=lambda sop_class, syntax: 3)
        return talk.wait_for_end()

    with ScriptedScp(script) as scp:
        sender, instance = opened(scp, small)
        assert sender.is_open and sender.covers([instance.pair])
        outcome = sender.store(instance)
        sender.abort()
        assert scp.wait() == [[ABORT]]
    assert (outcome.state, outcome.cause.value, outcome.may_retry) == (State.FAILED, "context", False)
    assert "the destination does not accept CT Image Storage" in outcome.reason
    assert outcome.attempts == 0


def test_a_file_that_shrinks_while_it_is_sent_ends_the_association_not_the_run(large: Path) -> None:
    def script(talk: Conversation) -> object:
        talk.accept()
        talk.read(100_000)
        os.truncate(large, 1_000_000)
        shrunk.set()
        return talk.read_to_the_end()[-10:]

    shrunk = threading.Event()
    with ScriptedScp(script, receive_buffer=4096) as scp:
        sender, instance = opened(scp, large)
        paced = StoreSender(scp.node, SendSettings(), str(large.parent), pace=lambda size: None)
        assert not paced.is_open
        outcome = sender.store(instance)
        assert not sender.is_open
        (ending,) = scp.wait()
    assert (outcome.state, outcome.cause.value, outcome.may_retry) == (State.FAILED, "file", False)
    assert ending == b"\7\0\0\0\0\4\0\0\0\0"


@pytest.mark.parametrize("moment", ["connecting", "negotiating", "sending", "waiting", "releasing"])
def test_another_thread_can_abort_at_any_moment(moment: str, large: Path) -> None:
    reached = threading.Event()

    def script(talk: Conversation) -> object:
        if moment == "negotiating":
            reached.set()
            return talk.wait_for_end()
        talk.accept()
        if moment == "sending":
            talk.read(100_000)
        elif moment == "waiting":
            talk.message()
        elif moment == "releasing":
            talk.read_pdu()
        reached.set()
        if moment != "sending":
            return talk.wait_for_end()
        assert released.wait(20)
        return len(talk.read_to_the_end())

    released = threading.Event()
    instance = scan(large)
    failures: list[BaseException] = []

    def work(sender: StoreSender) -> None:
        try:
            sender.open([instance.pair])
            if moment != "releasing":
                sender.store(instance)
            sender.release()
        except AssociationLost as error:
            failures.append(error)

    if moment == "connecting":
        # A full backlog lets connections hang, as a firewall does.
        with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
            node = Node("127.0.0.1", server.getsockname()[1])
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(server.getsockname())
            sender = quick(node, large.parent, acse_timeout=60)
            thread = threading.Thread(target=work, args=(sender,), daemon=True)
            thread.start()
            _abort_until_ended(sender, thread)
            for filler in fillers:
                filler.close()
    else:
        with ScriptedScp(script, receive_buffer=4096) as scp:
            sender = quick(scp.node, large.parent, acse_timeout=60, dimse_timeout=60, network_timeout=60)
            thread = threading.Thread(target=work, args=(sender,), daemon=True)
            thread.start()
            assert reached.wait(30)
            _abort_until_ended(sender, thread)
            released.set()
    assert len(failures) == (moment != "releasing")
    assert not sender.is_open


def _abort_until_ended(sender: StoreSender, thread: threading.Thread) -> None:
    """What is interrupted must end long before its time-outs of a minute."""

    def has_ended() -> bool:
        sender.abort()
        return not thread.is_alive()

    wait_until(has_ended, "the sender's thread has ended", 30)


@pytest.mark.parametrize("layout", ["@hh", "@lll", "<ll"])
def test_a_system_with_another_timeval_is_served_without_it(
    small: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    def script(talk: Conversation) -> object:
        talk.accept()
        message = talk.message()
        talk.say(response(message.context_id, message.message_id))
        return talk.wait_for_end()

    def silent(talk: Conversation) -> object:
        talk.accept()
        return talk.wait_for_end()

    monkeypatch.setattr("migrator.dicom.transport._TIMEVAL", struct.Struct(layout))
    with ScriptedScp(script, silent) as scp:
        sender, instance = opened(scp, small)
        assert sender.store(instance).is_stored
        sender.abort()
        sender, instance = opened(scp, small, dimse_timeout=0.5)
        with pytest.raises(PeerSilent):
            sender.store(instance)


@pytest.mark.parametrize("is_owner", [False, True], ids=["another thread", "its owner"])
def test_a_sender_that_was_aborted_opens_no_association(small: Path, is_owner: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = quick(Node("127.0.0.1", server.getsockname()[1]), small.parent)
        in_thread(sender.abort) if not is_owner else sender.abort()
        for _ in range(2):
            with pytest.raises(AssociationLost, match="aborted") as caught:
                sender.open([scan(small).pair])
            assert caught.value.nothing_sent
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_an_abort_in_the_instant_before_the_association_is_replaced_is_not_lost(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plan_while_another_aborts(pairs: Collection[ContextPair], *, is_uncompressed: bool) -> Plan:
        in_thread(sender.abort)
        return plan_contexts(pairs, is_uncompressed=is_uncompressed)

    monkeypatch.setattr("migrator.dicom.store.plan_contexts", plan_while_another_aborts)
    sender = quick(Node("127.0.0.1", free_port()), small.parent)
    with pytest.raises(AssociationLost, match="aborted"):
        sender.open([scan(small).pair])


@pytest.mark.parametrize("is_opener", [True, False], ids=["who opened it", "another thread"])
def test_a_sender_opened_in_one_thread_and_used_in_another_is_aborted_by_either(
    large: Path, is_opener: bool
) -> None:
    waiting = threading.Event()

    def script(talk: Conversation) -> object:
        talk.accept()
        talk.message()
        waiting.set()
        return talk.wait_for_end()

    def work() -> None:
        with pytest.raises(AssociationLost):
            sender.store(instance)
        has_ended.set()

    has_ended = threading.Event()
    with ScriptedScp(script) as scp:
        instance = scan(large)
        sender = quick(scp.node, large.parent, dimse_timeout=60)
        sender.open([instance.pair]) if is_opener else in_thread(partial(sender.open, [instance.pair]))
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        assert waiting.wait(30)
        sender.abort()
        assert has_ended.wait(30)
        thread.join(10)


def in_thread(call: Callable[[], None]) -> None:
    """Call in a thread of its own, to the end."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


def test_a_sender_that_nobody_aborted_opens_again(small: Path) -> None:
    def script(talk: Conversation) -> object:
        talk.accept()
        return talk.serve_until_release()

    with ScriptedScp(script, script) as scp:
        sender = quick(scp.node, small.parent)
        for _ in range(2):
            sender.open([scan(small).pair])
            assert sender.store(scan(small)).is_stored
            sender.release()


def test_a_peer_that_vanishes_on_accepting_is_no_crash(small: Path) -> None:
    def script(talk: Conversation) -> None:
        with contextlib.suppress(PeerEnded):
            talk.read_pdu()

    with ScriptedScp(script) as scp, pytest.raises(AssociationLost, match="closed the connection"):
        opened(scp, small)
