"""Driving one association over its socket: time-outs, short writes, peers that misbehave, interruption."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from migrator.core.errors import (
    AssociationLost,
    AssociationRejected,
    PeerSilent,
    TlsRefused,
    Unreachable,
)
from migrator.core.model import Node
from migrator.dicom import pdus
from migrator.dicom.commands import Response
from migrator.dicom.contexts import Negotiation, Plan
from migrator.dicom.protocol import Aborted, Accepted, Broken, Happening, Rejected, Release, Requestor
from migrator.dicom.secure import connect_securely
from migrator.dicom.transport import TICK, Transport, connect

# The slowest rate, in bytes, at which a destination is believed to digest an object before it answers.
_DIGESTED_PER_SECOND = 1 << 20

_INTERRUPTED = "the association was interrupted"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """All in seconds: `acse` for connecting, acceptance and release, `dimse` for an answer to a request,
    `network` without any progress while sending."""

    acse: float
    dimse: float
    network: float


class Association:
    """One association, from connecting to its end. One thread owns it; others may only call `interrupt`.

    A method that raises AssociationLost has closed the socket before: after an A-ABORT, unless a PDU was
    half sent (the peer would read the A-ABORT as a part of it) or the peer was the one to end.
    """

    def __init__(self, node: Node, timeouts: Timeouts) -> None:
        self._node = node
        self._timeouts = timeouts
        self._transport: Transport | None = None
        self._protocol: Requestor | None = None
        self._happenings: list[Happening] = []
        self._interrupted = threading.Event()
        self._sent = 0
        self._is_mid_pdu = False
        self._has_answered = False
        self.is_heard = False
        """Whether the peer said anything that is DICOM, be it a refusal."""

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._interrupted.is_set()

    @property
    def request(self) -> bytes:
        """The command set of the latest C-STORE-RQ."""
        return b"" if self._protocol is None else self._protocol.request

    def open(self, plan: Plan, max_pdu: int) -> Negotiation:
        """Connect and negotiate. Raises Unreachable, TlsRefused, AssociationRejected, AssociationLost."""
        node, seconds = self._node, self._timeouts.acse
        self._protocol = self._requestor(plan, max_pdu)
        self._transport = self._connect(node, seconds)
        self.send(memoryview(self._protocol.associate()))
        self._sent = 0
        answer = self._await(seconds, "the association request")
        if isinstance(answer, Rejected):
            self._close()
            words = pdus.rejection_words(answer.result, answer.source, answer.reason)
            raise AssociationRejected(f"{node}: {words}", answer.result, answer.source, answer.reason)
        if not isinstance(answer, Accepted):
            raise self._lost("the destination answered the association request with something else")
        return answer.negotiation

    def _requestor(self, plan: Plan, max_pdu: int) -> Requestor:
        return Requestor(self._node, plan, max_pdu)

    def _connect(self, node: Node, seconds: float) -> Transport:
        try:
            if node.tls is not None:
                return connect_securely(node, seconds, self._interrupted.is_set)
            return connect(node.host, node.port, seconds, self._interrupted.is_set)
        except Unreachable as error:
            if self._interrupted.is_set():
                raise AssociationLost(_INTERRUPTED, nothing_sent=True) from error
            raise

    def begin(self, context_id: int, sop_class: str, instance_uid: str) -> bytes:
        """The PDUs of a C-STORE-RQ command, to be passed to `send` together with the data set's first."""
        assert self._protocol is not None
        self._sent = 0
        return self._protocol.store(context_id, sop_class, instance_uid)

    def find(self, context_id: int, model: str, identifier: bytes) -> Iterator[Response]:
        """Ask a C-FIND; gives its responses as they come, the last one included. To be used up.

        Raises PeerSilent, AssociationLost.
        """
        assert self._protocol is not None
        self._sent = 0
        self.send(memoryview(self._protocol.find(context_id, model, identifier)))
        response = self._response("C-FIND")
        while response.is_pending:
            yield response
            response = self._response("C-FIND")
        yield response

    def echo(self, context_id: int, sop_class: str) -> Response:
        """Ask a C-ECHO. Raises PeerSilent, AssociationLost."""
        assert self._protocol is not None
        self._sent = 0
        self.send(memoryview(self._protocol.echo(context_id, sop_class)))
        return self._response("C-ECHO")

    def send(self, data: memoryview, *, more: bool = False) -> None:
        """Send whole PDUs; or a part, with `more` of it to follow in the next call.

        Raises PeerSilent when the peer takes nothing for too long, AssociationLost.
        """
        self._look()
        transport = self._require()
        done = 0
        try:
            while True:
                step = transport.send(data[done:] if done else data)
                done += step
                self._sent += step
                self._is_mid_pdu = more or 0 < done < len(data)
                if done == len(data):
                    return
                self._wait_to_send(transport)
        except OSError as error:
            # An A-ABORT may still wait to be read; it says more than the system's error.
            self._look()
            raise self._lost("the connection broke while sending", is_polite=False) from error

    def answer(self, size: int) -> Response:
        """Wait for the response to an object of `size` bytes. Raises PeerSilent, AssociationLost."""
        return self._response("C-STORE", size / _DIGESTED_PER_SECOND)

    def _response(self, operation: str, extra_seconds: float = 0.0) -> Response:
        answer = self._await(self._timeouts.dimse + extra_seconds, f"the {operation} request")
        if not isinstance(answer, Response):
            raise self._lost(f"the destination answered the {operation} request with something else")
        return answer

    def release(self) -> None:
        """End the association in order (PS3.8 7.2); never raises. Where that fails it is aborted."""
        try:
            self.send(memoryview(pdus.release_request()))
            deadline = time.monotonic() + self._timeouts.acse
            while (answer := self._next(deadline, "the release request")) is not Release.CONFIRMED:
                if answer is Release.REQUESTED:
                    # Both asked at once: the requestor replies first (PS3.8 9.2.3, AR-8 and AR-9).
                    self._try_to_send(pdus.release_reply())
        except AssociationLost:
            return
        self._close()

    def abort(self) -> None:
        """End the association at once, between two PDUs; never raises. Only for the owner."""
        self._try_to_send(pdus.abort())
        self._close()

    def interrupt(self) -> None:
        """Make the owner's present call and all further ones raise AssociationLost; for any thread."""
        self._interrupted.set()
        transport = self._transport
        if transport is not None:
            transport.wake()

    def _require(self) -> Transport:
        if self._transport is None:
            raise AssociationLost("there is no association", nothing_sent=True)
        return self._transport

    def _await(self, seconds: float, request: str) -> Happening:
        """The peer's answer to a request, for which a wish to release is none."""
        answer = self._next(time.monotonic() + seconds, request)
        if isinstance(answer, Release):
            raise self._released()
        return answer

    def _next(self, deadline: float, request: str) -> Happening:
        transport = self._require()
        while not self._happenings:
            if self._interrupted.is_set():
                raise self._lost(_INTERRUPTED)
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._silent(f"no answer to {request} within the time-out")
            self._take(transport.wait_for_data, min(left, TICK))
        return self._checked(self._happenings.pop(0))

    def _wait_to_send(self, transport: Transport) -> None:
        deadline = time.monotonic() + self._timeouts.network
        while not transport.wait_to_send(min(TICK, self._timeouts.network)):
            if self._interrupted.is_set():
                raise self._lost(_INTERRUPTED)
            if time.monotonic() >= deadline:
                raise self._silent("the destination stopped reading")
        self._look()

    def _look(self) -> None:
        """Notice what the peer said meanwhile. A response that comes early is kept for `answer`."""
        if self._interrupted.is_set():
            raise self._lost(_INTERRUPTED)
        self._take(self._require().receive)
        for happening in self._happenings:
            if isinstance(self._checked(happening), Release):
                raise self._released()

    def _take(self, receive: Callable[..., bytes | None], *seconds: float) -> None:
        """Receive what has arrived. Raises AssociationLost at the connection's end."""
        assert self._protocol is not None
        try:
            data = receive(*seconds)
        except TlsRefused:
            self._close()
            raise
        except OSError as error:
            raise self._lost(f"the connection broke{self._hint()}", is_polite=False) from error
        if data is None:
            return
        if not data:
            is_ours = self._interrupted.is_set()
            words = _INTERRUPTED if is_ours else f"the destination closed the connection{self._hint()}"
            raise self._lost(words, is_polite=is_ours)
        self._has_answered = True
        happenings = self._protocol.receive(data)
        self.is_heard = self.is_heard or any(not isinstance(one, Broken) for one in happenings)
        self._happenings += happenings

    def _hint(self) -> str:
        """What may be the matter with a peer that ends the connection without a word."""
        if self._has_answered:
            return ""
        tls = self._node.tls
        if tls is None:
            return " without a word; it may expect TLS (--tls)"
        return "" if tls.cert else " without a word; it may ask for a certificate of ours (--cert, --key)"

    def _checked(self, happening: Happening) -> Happening:
        """The happening, unless the association ends with it."""
        if isinstance(happening, Aborted):
            words = pdus.abort_words(happening.source, happening.reason)
            raise self._lost(f"the destination aborted the association ({words})", is_polite=False)
        if isinstance(happening, Broken):
            raise self._lost(happening.words)
        return happening

    def _released(self) -> AssociationLost:
        if not self._is_mid_pdu:
            self._try_to_send(pdus.release_reply())
        return self._lost("the destination released the association", is_polite=False)

    def _silent(self, words: str) -> PeerSilent:
        self._end()
        return PeerSilent(f"{words}; the association was aborted", nothing_sent=self._sent == 0)

    def _lost(self, words: str, *, is_polite: bool = True) -> AssociationLost:
        self._end(is_polite)
        return AssociationLost(words, nothing_sent=self._sent == 0)

    def _end(self, is_polite: bool = True) -> None:
        if is_polite and not self._is_mid_pdu:
            self._try_to_send(pdus.abort())
        self._close()

    def _try_to_send(self, pdu: bytes) -> None:
        if self._transport is not None:
            with contextlib.suppress(OSError):
                self._transport.send(memoryview(pdu))

    def _close(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()
