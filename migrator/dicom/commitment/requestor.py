"""Asking for storage commitment (PS3.4 J.3.2), and taking what is reported on the same association."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from migrator.core.commitment import Reference
from migrator.core.errors import AssociationLost, AssociationRejected, Unreachable
from migrator.core.model import ContextPair, Node
from migrator.core.settings import SendSettings
from migrator.dicom import commands, pdus
from migrator.dicom.commitment.link import MAX_PDU, Link, Take
from migrator.dicom.commitment.messages import (
    IS_RESPONSE,
    N_ACTION,
    N_EVENT_REPORT,
    PUSH_MODEL,
    Message,
    action_data,
    action_request,
)
from migrator.dicom.contexts import IMPLICIT_LITTLE, Negotiation, Plan
from migrator.dicom.secure import connect_securely
from migrator.dicom.structure import Coding
from migrator.dicom.transport import Transport, connect

_PAIR = ContextPair(PUSH_MODEL, IMPLICIT_LITTLE)
_PLAN = Plan((_PAIR,))
_CODING = Coding(is_implicit=True)
_RELEASE_SECONDS = 2.0


class CommitmentRequestor:
    """Fits `checks.commit.Committer`. Owned by one thread; `interrupt` is for any."""

    def __init__(self, node: Node, settings: SendSettings, take: Take) -> None:
        """`take` gets the reports that come on the association on which we asked."""
        self._node = node
        self._settings = settings
        self._take = take
        self._interrupted = threading.Event()
        self._transport: Transport | None = None
        self._link: Link | None = None
        self._context_id = 0
        self._message_id = 0

    @property
    def is_open(self) -> bool:
        return self._link is not None and self._link.is_open

    def open(self) -> bool:
        """Request an association; False where the destination does not offer storage commitment.

        Raises Unreachable, TlsRefused, AssociationRejected, AssociationLost.
        """
        link = self._link = Link(self._connect(), self._settings.network_timeout, self._interrupted.is_set)
        link.send(pdus.associate_request(self._node, _PLAN, MAX_PDU))
        negotiation = self._accepted(link)
        if _PAIR not in negotiation.accepted:
            self.close()
            return False
        link.set_peer_max_pdu(negotiation.max_pdu)
        self._context_id = negotiation.accepted[_PAIR]
        return True

    def _connect(self) -> Transport:
        node, seconds = self._node, self._settings.acse_timeout
        try:
            if node.tls is not None:
                self._transport = connect_securely(node, seconds, self._interrupted.is_set)
            else:
                self._transport = connect(node.host, node.port, seconds, self._interrupted.is_set)
        except Unreachable as error:
            if self._interrupted.is_set():
                raise AssociationLost("the association was interrupted", nothing_sent=True) from error
            raise
        return self._transport

    def _accepted(self, link: Link) -> Negotiation:
        answer = link.pdu(self._settings.acse_timeout)
        if answer is None:
            raise link.silent("the association request")
        kind, body = answer
        if kind == pdus.ASSOCIATE_RJ and len(body) >= 4:
            link.close()
            words = pdus.rejection_words(body[1], body[2], body[3])
            raise AssociationRejected(f"{self._node}: {words}", body[1], body[2], body[3])
        if kind == pdus.ABORT:
            raise link.lost("the destination aborted the association", is_polite=False)
        if kind != pdus.ASSOCIATE_AC:
            raise link.lost("the destination answered the association request with something else")
        try:
            return pdus.read_accept(body, _PLAN)
        except ValueError as error:
            raise link.lost(f"the destination sent a malformed acceptance: {error}") from error

    def request(self, transaction: str, references: Sequence[Reference]) -> int:
        """Ask for the commitment of these instances (N-ACTION); the status of the answer.

        Success means that the destination took the request, not that it committed to anything. Reports that
        come before the answer are taken. Raises PeerSilent, AssociationLost.
        """
        link = self._require()
        self._message_id = self._message_id % 0xFFFF + 1
        data = action_data(transaction, references, _CODING)
        link.say(self._context_id, action_request(self._message_id), data)
        deadline = time.monotonic() + self._settings.dimse_timeout
        while (left := deadline - time.monotonic()) > 0:
            message = link.message(left)
            if message is None:
                break
            if message.field == N_ACTION | IS_RESPONSE:
                if message.number(commands.RESPONDED_MESSAGE_ID) != self._message_id:
                    raise link.lost("the destination answered a request that was not made")
                status = message.number(commands.STATUS)
                if status < 0:
                    raise link.lost("the destination sent a response without a status")
                return status
            self._serve(link, message)
        raise link.silent("the N-ACTION request")

    def serve(self, seconds: float) -> None:
        """Take the reports that come within `seconds`; returns after the first. Raises AssociationLost."""
        link = self._require()
        message = link.message(seconds)
        if message is not None:
            self._serve(link, message)

    def _serve(self, link: Link, message: Message) -> None:
        if message.field != N_EVENT_REPORT or message.context_id != self._context_id:
            raise link.lost("the destination sent something other than a report")
        link.answer_report(message, _CODING, self._take)

    def _require(self) -> Link:
        if self._link is None or not self._link.is_open:
            raise AssociationLost("there is no association", nothing_sent=True)
        return self._link

    def interrupt(self) -> None:
        """Make the owner's present call and all further ones raise AssociationLost soon."""
        self._interrupted.set()
        transport = self._transport
        if transport is not None:
            transport.wake()

    def close(self) -> None:
        """Release the association, if there is one; never raises."""
        if self._link is not None and self._link.is_open:
            if self._interrupted.is_set():
                self._link.lost("")
            else:
                self._link.release(_RELEASE_SECONDS)
        self._link = None
