"""One association on which storage commitment is spoken, from either side: PDUs and whole messages.

Apart from `association.py`, which asks and waits for its answer: here requests may come from the peer at any
time, also between our request and its answer.
"""

from __future__ import annotations

import contextlib
import struct
import time
from collections.abc import Callable

from migrator.core.commitment import CommitmentReport, Taken
from migrator.core.errors import AssociationLost, DamagedFile, PeerSilent
from migrator.dicom import commands, pdus
from migrator.dicom.commitment.messages import (
    ALL_COMMITTED,
    SOME_FAILED,
    Message,
    event_response,
    has_data,
    read_report,
)
from migrator.dicom.commitment.status import ANSWERS, INVALID_ARGUMENT, NO_SUCH_EVENT_TYPE
from migrator.dicom.protocol import COMMAND, LAST, fragment_size, pdata_header
from migrator.dicom.structure import Coding
from migrator.dicom.transport import TICK, Transport

MAX_PDU = 128 * 1024  # what we announce
# A result of 500 instances takes some 100 KB; some archives may name more of them at once.
_MOST_MESSAGE = 4 << 20
_LONGEST_PDU = 1 << 20
_PDV_HEADER = struct.Struct(">IBB")

Take = Callable[[CommitmentReport], Taken]


class Link:
    """One connection. Owned by one thread; `wake` of its transport is for others.

    A method that raises AssociationLost has closed the connection.
    """

    def __init__(
        self, transport: Transport, seconds: float, is_interrupted: Callable[[], bool] = lambda: False
    ) -> None:
        """What has begun to come or go must make it to its end within `seconds`."""
        self._transport = transport
        self._seconds = seconds
        self._is_interrupted = is_interrupted
        self._pending = bytearray()
        self._pdus: list[tuple[int, bytes]] = []
        self._command: dict[int, bytes] | None = None  # its data set is to follow
        self._message = bytearray()
        self._began = 0.0
        self._fragment = fragment_size(16 * 1024)
        self.is_open = True

    def set_peer_max_pdu(self, length: int) -> None:
        """The longest PDU that the peer receives; 0 is no limit."""
        self._fragment = fragment_size(length)

    def send(self, data: bytes) -> None:
        """Send whole PDUs. Raises AssociationLost."""
        left = memoryview(data)
        deadline = time.monotonic() + self._seconds
        try:
            while left:
                left = left[self._transport.send(left) :]
                if left:
                    # Also returns at once where the peer sends, and does not read what we answer.
                    self._transport.wait_to_send(TICK)
                if left and time.monotonic() > deadline:
                    raise self.lost("the destination stopped reading", is_polite=False)
                self._check()
        except OSError as error:
            raise self.lost("the connection broke while sending", is_polite=False) from error

    def say(self, context_id: int, command: bytes, data: bytes = b"") -> None:
        """Send a message. Raises AssociationLost."""
        parts = [self._fragments(context_id, command, COMMAND)]
        if data:
            parts.append(self._fragments(context_id, data, 0))
        self.send(b"".join(parts))

    def _fragments(self, context_id: int, message: bytes, kind: int) -> bytes:
        size = self._fragment
        return b"".join(
            pdata_header(len(piece), context_id, kind | (LAST if start + size >= len(message) else 0)) + piece
            for start in range(0, len(message), size)
            for piece in (message[start : start + size],)
        )

    def pdu(self, seconds: float) -> tuple[int, bytes] | None:
        """Type and body of the next PDU; None where none came within `seconds`. Raises AssociationLost."""
        deadline = time.monotonic() + seconds
        self._check_pace()
        while not self._pdus:
            left = deadline - time.monotonic()
            self._receive(max(0.0, min(left, TICK)))
            if not self._pdus:
                self._check_pace()
                if left <= 0:
                    return None
        return self._pdus.pop(0)

    @property
    def _is_midway(self) -> bool:
        return bool(self._pending or self._message) or self._command is not None

    def _check_pace(self) -> None:
        if self._is_midway and time.monotonic() - self._began > self._seconds:
            raise self.lost("the destination stopped in the middle of a message")

    def _receive(self, seconds: float) -> None:
        self._check()
        try:
            data = self._transport.wait_for_data(seconds)
        except OSError as error:
            raise self.lost("the connection broke", is_polite=False) from error
        if data is None:
            return
        if not data:
            self._check()
            raise self.lost("the destination closed the connection", is_polite=False)
        if not self._is_midway:
            self._began = time.monotonic()
        self._pending += data
        self._split()

    def _split(self) -> None:
        while len(self._pending) >= 6:
            kind, length = pdus.PDU_HEADER.unpack_from(self._pending)
            if not pdus.ASSOCIATE_RQ <= kind <= pdus.ABORT or length > _LONGEST_PDU:
                raise self.lost("what is there does not speak DICOM")
            if len(self._pending) < 6 + length:
                return
            self._pdus.append((kind, bytes(self._pending[6 : 6 + length])))
            del self._pending[: 6 + length]

    def message(self, seconds: float) -> Message | None:
        """The next whole message; None where none came within `seconds`.

        Raises AssociationLost, also where the peer released the association.
        """
        deadline = time.monotonic() + seconds
        while (pdu := self.pdu(deadline - time.monotonic())) is not None:
            kind, body = pdu
            if kind == pdus.RELEASE_RQ:
                self._try_to_send(pdus.release_reply())
                raise self.lost("the destination released the association", is_polite=False)
            if kind == pdus.ABORT:
                raise self.lost("the destination aborted the association", is_polite=False)
            if kind != pdus.P_DATA:
                raise self.lost(f"the destination sent an unexpected PDU (type {kind})")
            message = self._read(body)
            if message is not None:
                self._began = time.monotonic()  # for what has come of the next
                return message
            if time.monotonic() > deadline:
                break  # also where it sends without an end, and completes nothing
        return None

    def _read(self, body: bytes) -> Message | None:
        """Take a P-DATA-TF PDU; the message that it completes, of which there is one at most."""
        position, whole = 0, None
        while position < len(body):
            if position + 6 > len(body) or whole is not None:
                raise self.lost("the destination sent a malformed data PDU")
            length, context_id, flags = _PDV_HEADER.unpack_from(body, position)
            end = position + 4 + length
            is_expected = bool(flags & COMMAND) is (self._command is None)
            if length < 2 or end > len(body) or not is_expected:
                raise self.lost("the destination sent a malformed data PDU")
            self._message += body[position + 6 : end]
            if len(self._message) > _MOST_MESSAGE:
                raise self.lost("the destination sent a message of an impossible length")
            position = end
            if flags & LAST:
                whole = self._whole(context_id)
        return whole

    def _whole(self, context_id: int) -> Message | None:
        content, self._message = bytes(self._message), bytearray()
        if self._command is not None:
            command, self._command = self._command, None
            return Message(context_id, command, content)
        try:
            command = commands.command_elements(content)
        except AssociationLost as error:
            raise self.lost(str(error)) from error
        if has_data(command):
            self._command = command
            return None
        return Message(context_id, command, b"")

    def answer_report(self, message: Message, coding: Coding, take: Take) -> None:
        """Answer an N-EVENT-REPORT: with success only after `take` has kept it. Raises AssociationLost."""
        if message.event_type not in (ALL_COMMITTED, SOME_FAILED):
            status = NO_SUCH_EVENT_TYPE
        else:
            try:
                status = ANSWERS[take(read_report(message, coding))]
            except DamagedFile:
                status = INVALID_ARGUMENT
        self.say(message.context_id, event_response(message, status))

    def release(self, seconds: float) -> None:
        """End the association in order; never raises."""
        deadline = time.monotonic() + seconds
        with contextlib.suppress(AssociationLost):
            self.send(pdus.release_request())
            while (pdu := self.pdu(deadline - time.monotonic())) is not None:
                if pdu[0] == pdus.RELEASE_RP or time.monotonic() > deadline:
                    break
                if pdu[0] == pdus.RELEASE_RQ:
                    self._try_to_send(pdus.release_reply())
        self.close()

    def lost(self, words: str, *, is_polite: bool = True) -> AssociationLost:
        """The error for an association that ends here: aborted, unless the peer has ended it already."""
        if is_polite:
            self._try_to_send(pdus.abort())
        self.close()
        return AssociationLost(words)

    def silent(self, request: str) -> PeerSilent:
        self.lost("")
        return PeerSilent(f"no answer to {request} within the time-out; the association was aborted")

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._transport.close()

    def _check(self) -> None:
        if self._is_interrupted():
            raise self.lost("the association was interrupted")

    def _try_to_send(self, pdu: bytes) -> None:
        with contextlib.suppress(OSError):
            if self.is_open:
                self._transport.send(memoryview(pdu))
