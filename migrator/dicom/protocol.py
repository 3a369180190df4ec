"""The requestor's side of an association (PS3.8 9.2) and of the operations it asks (PS3.7 9.3), without I/O.

Bytes that are to be sent come out of methods; the peer's bytes go into `receive`, in pieces of any size, and
come out as events. What the peer may not do at this moment is an event too, and the last one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto

from migrator.core.errors import AssociationLost
from migrator.core.model import Node
from migrator.dicom import commands, pdus
from migrator.dicom.commands import Response
from migrator.dicom.contexts import Negotiation, Plan


@dataclass(frozen=True, slots=True)
class Accepted:
    negotiation: Negotiation


@dataclass(frozen=True, slots=True)
class Rejected:
    result: int
    source: int
    reason: int


@dataclass(frozen=True, slots=True)
class Aborted:
    source: int
    reason: int


@dataclass(frozen=True, slots=True)
class Broken:
    """The peer sent what it may not send; nothing that follows can be understood."""

    words: str


class Release(Enum):
    """The peer asked to end the association, or confirmed that we did."""

    REQUESTED = auto()
    CONFIRMED = auto()


class Delivery:
    """What the peer sends unasked, or along with an answer; for requestors that know what to make of it."""


Happening = Accepted | Rejected | Aborted | Broken | Release | Response | Delivery

# Of what we ask, no answer is longer: 128 contexts make 12 KiB, a response some 300 bytes.
_LONGEST_PDU = 1 << 20
_PDU_HEADER = struct.Struct(">BxI")
_TLS_RECORDS = (0x15, 0x16)  # an alert, a handshake: what a TLS peer says to us who do not speak it
_PDV_HEADER = struct.Struct(">IBB")
_PDATA_HEADER = struct.Struct(">BBIIBB")

PDATA_HEADER_SIZE = _PDATA_HEADER.size
COMMAND, LAST = 1, 2

# The longest fragment that we send, where the peer would take more: two of them fill 256 KiB.
MOST_FRAGMENT = 128 * 1024 - PDATA_HEADER_SIZE


def fragment_size(max_pdu: int) -> int:
    """How many bytes of a message go into one P-DATA-TF PDU (PS3.8 D.1): even, at least 2.

    `max_pdu` is what the peer receives; it counts the 6 bytes of the PDV's header, and 0 is no limit.
    """
    if max_pdu == 0:
        return MOST_FRAGMENT
    return max(2, min(max_pdu - 6, MOST_FRAGMENT) & ~1)


def pdata_header(size: int, context_id: int, flags: int) -> bytes:
    """The headers of a P-DATA-TF PDU with one presentation data value of `size` bytes (PS3.8 9.3.5)."""
    return _PDATA_HEADER.pack(pdus.P_DATA, 0, size + 6, size + 2, context_id, flags)


@dataclass(frozen=True, slots=True)
class _Success:
    """A peer's C-STORE success as it was read once: only the message id and the UID change."""

    start: bytes
    middle: bytes
    end: bytes
    length: int
    has_uid: bool

    @classmethod
    def learn(cls, data: bytes, uid: bytes) -> _Success | None:
        """From the bytes of a success for `uid`; None where they are not one PDU."""
        header, command = data[:PDATA_HEADER_SIZE], data[PDATA_HEADER_SIZE:]
        if not command or header != pdata_header(len(command), header[-2], COMMAND | LAST):
            return None
        places = commands.value_places(command)
        id_start, id_end = places[commands.RESPONDED_MESSAGE_ID]
        uid_start, uid_end = places.get(commands.AFFECTED_SOP_INSTANCE, (0, 0))
        start, rest = header + command[:id_start], command[id_end:]
        # Without the UID, or with one written otherwise, only the very same bytes are recognised.
        if uid_start < id_end or command[uid_start:uid_end] != uid:
            return cls(start, rest, b"", 0, False)
        return cls(start, command[id_end:uid_start], command[uid_end:], len(uid), True)

    def expected(self, message_id: int, uid: bytes) -> bytes | None:
        """The success of this request, byte by byte; None where its lengths differ from what was learnt."""
        head = self.start + message_id.to_bytes(2, "little") + self.middle
        if not self.has_uid:
            return head
        return head + uid + self.end if len(uid) == self.length else None


class Requestor:
    """One association as its requestor sees it."""

    def __init__(self, node: Node, plan: Plan, max_pdu: int) -> None:
        self._node = node
        self._plan = plan
        self._max_pdu = max_pdu
        self._pending = b""
        self._message = b""
        self._headed: Response | None = None  # its data set is to follow
        self._message_id = 0
        self._is_asked = False
        self._operation = commands.C_STORE
        self._fragment = 2
        self._store_parts: dict[tuple[str, int], tuple[bytes, bytes]] = {}
        self._uid = b""
        self._success: _Success | None = None
        self.is_established = False
        self.request = b""
        """The command set of the latest C-STORE-RQ."""

    def associate(self) -> bytes:
        """The A-ASSOCIATE-RQ."""
        return pdus.associate_request(self._node, self._plan, self._max_pdu)

    def store(self, context_id: int, sop_class: str, instance_uid: str) -> bytes:
        """The next C-STORE-RQ command as P-DATA-TF PDUs; its data set is to follow."""
        self._begin(commands.C_STORE)
        value = self._uid = commands.padded_uid(instance_uid)
        key = (sop_class, len(value))
        parts = self._store_parts.get(key)
        if parts is None:
            parts = self._store_parts[key] = commands.store_parts(key)
        command = self.request = parts[0] + self._message_id.to_bytes(2, "little") + parts[1] + value
        return self._fragments(command, context_id, COMMAND)

    def find(self, context_id: int, model: str, identifier: bytes) -> bytes:
        """The next C-FIND-RQ with its identifier, encoded as the context says, as P-DATA-TF PDUs."""
        self._begin(commands.C_FIND)
        command = commands.find_request(self._message_id, model)
        return self._fragments(command, context_id, COMMAND) + self._fragments(identifier, context_id, 0)

    def echo(self, context_id: int, sop_class: str) -> bytes:
        """The next C-ECHO-RQ as P-DATA-TF PDUs."""
        self._begin(commands.C_ECHO)
        return self._fragments(commands.echo_request(self._message_id, sop_class), context_id, COMMAND)

    def _begin(self, operation: int) -> None:
        self._message_id = self._message_id % 0xFFFF + 1
        self._operation = operation
        self._is_asked = True

    def _fragments(self, message: bytes, context_id: int, kind: int) -> bytes:
        size = self._fragment
        if len(message) <= size:
            return pdata_header(len(message), context_id, kind | LAST) + message
        starts = range(0, len(message), size)
        return b"".join(
            pdata_header(min(size, len(message) - start), context_id, self._flags(kind, start, len(message)))
            + message[start : start + size]
            for start in starts
        )

    def _flags(self, kind: int, start: int, length: int) -> int:
        return kind | LAST if start + self._fragment >= length else kind

    def receive(self, data: bytes) -> list[Happening]:
        """Take bytes from the peer; returns what they complete, in order."""
        if self._is_the_success(data):
            self._is_asked = False
            return [Response(self._message_id, 0, {})]
        is_alone = not self._pending and not self._message
        self._pending += data
        happenings: list[Happening] = []
        try:
            happenings.extend(self._pdus())
        except AssociationLost as error:
            happenings.append(Broken(str(error)))
        if is_alone and not self._pending and not self._message and len(happenings) == 1:
            self._learn(data, happenings[0])
        return happenings

    def _is_the_success(self, data: bytes) -> bool:
        """Whether this is, to the last byte, how this peer says that it stored what was asked."""
        if self._success is None or not self._is_asked or self._operation != commands.C_STORE:
            return False
        if self._pending or self._message:
            return False
        return data == self._success.expected(self._message_id, self._uid)

    def _learn(self, data: bytes, happening: Happening) -> None:
        """Remember how this peer writes a C-STORE success, to recognise the next without reading it."""
        if self._operation != commands.C_STORE or not isinstance(happening, Response) or happening.status:
            return
        self._success = _Success.learn(data, self._uid)

    def _pdus(self) -> Iterator[Happening]:
        while len(self._pending) >= 6:
            kind, length = _PDU_HEADER.unpack_from(self._pending)
            if not pdus.ASSOCIATE_AC <= kind <= pdus.ABORT:
                raise AssociationLost(
                    "what answers there speaks TLS; say --tls"
                    if kind in _TLS_RECORDS
                    else "what answers there does not speak DICOM"
                )
            if length > _LONGEST_PDU:
                raise AssociationLost("the destination sent a PDU of an impossible length")
            if len(self._pending) < 6 + length:
                break
            body, self._pending = self._pending[6 : 6 + length], self._pending[6 + length :]
            yield from self._read(kind, body)

    def _read(self, kind: int, body: bytes) -> Iterator[Happening]:
        if kind == pdus.P_DATA:
            yield from self._read_pdata(body)
        elif kind == pdus.ASSOCIATE_AC and not self.is_established:
            yield self._read_accept(body)
        elif kind == pdus.ASSOCIATE_RJ and not self.is_established and len(body) >= 4:
            yield Rejected(body[1], body[2], body[3])
        elif kind == pdus.ABORT and len(body) >= 4:
            yield Aborted(body[2], body[3])
        elif kind == pdus.RELEASE_RQ and self.is_established:
            yield Release.REQUESTED
        elif kind == pdus.RELEASE_RP and self.is_established:
            yield Release.CONFIRMED
        else:
            raise AssociationLost(f"the destination sent an unexpected PDU (type {kind})")

    def _read_accept(self, body: bytes) -> Accepted:
        try:
            negotiation = pdus.read_accept(body, self._plan)
        except ValueError as error:
            raise AssociationLost(f"the destination sent a malformed acceptance: {error}") from error
        self.is_established = True
        self._fragment = fragment_size(negotiation.max_pdu)
        return Accepted(negotiation)

    def _read_pdata(self, body: bytes) -> Iterator[Happening]:
        position = 0
        while position < len(body):
            if position + 6 > len(body):
                raise AssociationLost("the destination sent a malformed data PDU")
            length, _, flags = _PDV_HEADER.unpack_from(body, position)
            end = position + 4 + length
            is_expected = bool(flags & COMMAND) is (self._headed is None)
            if length < 2 or end > len(body) or not is_expected or len(self._message) > _LONGEST_PDU:
                raise AssociationLost("the destination sent a data PDU that belongs to no response")
            self._message += body[position + 6 : end]
            position = end
            if flags & LAST:
                message, self._message = self._message, b""
                yield from self._read_message(message)

    def _read_message(self, message: bytes) -> Iterator[Response]:
        if self._headed is not None:
            response, self._headed = replace(self._headed, data=message), None
            yield response
            return
        response = self._read_response(message)
        if self._operation == commands.C_FIND and response.has_data:
            self._headed = response
        else:
            yield response

    def _read_response(self, command: bytes) -> Response:
        response = commands.read_response(command, self._operation)
        if not self._is_asked or response.message_id != self._message_id:
            raise AssociationLost("the destination answered a request that was not made")
        self._is_asked = self._operation == commands.C_FIND and response.is_pending
        return response
