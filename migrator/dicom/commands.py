"""Command sets of C-STORE, C-FIND, C-GET, C-MOVE and C-ECHO (PS3.7 9.3): always implicit VR little endian."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from migrator.core.errors import AssociationLost
from migrator.dicom.pdus import uid_bytes

_ELEMENT = struct.Struct("<HHI")
_GROUP_LENGTH = struct.Struct("<HHII")
# Command field, message id, priority medium, and a data set type other than "none" (0101).
_FIXED = struct.Struct("<HHIH HHIH HHIH HHIH")
_ECHO_FIXED = struct.Struct("<HHIH HHIH HHIH")
_SHORT = struct.Struct("<HHIH")
_NO_DATA_SET = 0x0101

C_STORE, C_GET, C_FIND, C_MOVE, C_ECHO = 0x0001, 0x0010, 0x0020, 0x0021, 0x0030
OPERATIONS = {C_STORE: "C-STORE", C_GET: "C-GET", C_FIND: "C-FIND", C_MOVE: "C-MOVE", C_ECHO: "C-ECHO"}
_IS_RESPONSE = 0x8000

AFFECTED_SOP_CLASS = 0x0002
COMMAND_FIELD = 0x0100
MOVE_DESTINATION = 0x0600
MESSAGE_ID = 0x0110
RESPONDED_MESSAGE_ID = 0x0120
PRIORITY = 0x0700
DATA_SET_TYPE = 0x0800
STATUS = 0x0900
OFFENDING_ELEMENT = 0x0901
ERROR_COMMENT = 0x0902
AFFECTED_SOP_INSTANCE = 0x1000

KEYWORDS = {
    0x0000: "CommandGroupLength",
    AFFECTED_SOP_CLASS: "AffectedSOPClassUID",
    COMMAND_FIELD: "CommandField",
    MESSAGE_ID: "MessageID",
    RESPONDED_MESSAGE_ID: "MessageIDBeingRespondedTo",
    PRIORITY: "Priority",
    DATA_SET_TYPE: "CommandDataSetType",
    STATUS: "Status",
    OFFENDING_ELEMENT: "OffendingElement",
    ERROR_COMMENT: "ErrorComment",
    AFFECTED_SOP_INSTANCE: "AffectedSOPInstanceUID",
}


def store_request(message_id: int, sop_class: str, instance_uid: str) -> bytes:
    """The command set of a C-STORE-RQ (PS3.7 Table 9.3-1)."""
    body = b"".join(
        (
            _uid_element(AFFECTED_SOP_CLASS, sop_class),
            _FIXED.pack(
                *(0, COMMAND_FIELD, 2, C_STORE),
                *(0, MESSAGE_ID, 2, message_id),
                *(0, PRIORITY, 2, 0),
                *(0, DATA_SET_TYPE, 2, 1),
            ),
            _uid_element(AFFECTED_SOP_INSTANCE, instance_uid),
        )
    )
    return _GROUP_LENGTH.pack(0, 0, 4, len(body)) + body


def store_parts(context: tuple[str, int]) -> tuple[bytes, bytes]:
    """What stands before the message id, and between it and the UID's value, in a C-STORE-RQ.

    `context` is the SOP class and the length of the SOP instance UID's padded value.
    """
    sop_class, length = context
    command = store_request(0, sop_class, "0" * length)
    at = command.index(_ELEMENT.pack(0, MESSAGE_ID, 2)) + 8
    return command[:at], command[at + 2 : len(command) - length]


def find_request(message_id: int, sop_class: str) -> bytes:
    """The command set of a C-FIND-RQ (PS3.7 Table 9.3-2); its identifier is to follow."""
    return _query(C_FIND, message_id, sop_class)


def get_request(message_id: int, sop_class: str) -> bytes:
    """The command set of a C-GET-RQ (PS3.7 Table 9.3-6); its identifier is to follow."""
    return _query(C_GET, message_id, sop_class)


def move_request(message_id: int, sop_class: str, destination: str) -> bytes:
    """The command set of a C-MOVE-RQ (PS3.7 Table 9.3-9) to an AE title; its identifier is to follow."""
    title = destination.encode("ascii", "replace")
    title += b" " * (len(title) & 1)
    return _query(C_MOVE, message_id, sop_class, _ELEMENT.pack(0, MOVE_DESTINATION, len(title)) + title)


def _query(operation: int, message_id: int, sop_class: str, destination: bytes = b"") -> bytes:
    numbers = _ECHO_FIXED.pack(
        *(0, COMMAND_FIELD, 2, operation),
        *(0, MESSAGE_ID, 2, message_id),
        *(0, PRIORITY, 2, 0),
    )
    # The move destination (0000,0600) stands before the priority (0000,0700).
    head, priority = numbers[:20], numbers[20:]
    data_set = _SHORT.pack(0, DATA_SET_TYPE, 2, 1)
    body = _uid_element(AFFECTED_SOP_CLASS, sop_class) + head + destination + priority + data_set
    return _GROUP_LENGTH.pack(0, 0, 4, len(body)) + body


def store_response(request: dict[int, bytes], status: int) -> bytes:
    """The command set of a C-STORE-RSP (PS3.7 Table 9.3-2) to the request with these elements."""
    numbers = _ECHO_FIXED.pack(
        *(0, COMMAND_FIELD, 2, C_STORE | _IS_RESPONSE),
        *(0, RESPONDED_MESSAGE_ID, 2, _number(request, MESSAGE_ID)),
        *(0, DATA_SET_TYPE, 2, _NO_DATA_SET),
    )
    numbers += _SHORT.pack(0, STATUS, 2, status)
    parts = [_raw_element(AFFECTED_SOP_CLASS, request), numbers, _raw_element(AFFECTED_SOP_INSTANCE, request)]
    body = b"".join(parts)
    return _GROUP_LENGTH.pack(0, 0, 4, len(body)) + body


def _raw_element(element: int, elements: dict[int, bytes]) -> bytes:
    value = elements.get(element, b"")
    return _ELEMENT.pack(0, element, len(value)) + value


def echo_request(message_id: int, sop_class: str) -> bytes:
    """The command set of a C-ECHO-RQ (PS3.7 Table 9.3-12)."""
    fixed = _ECHO_FIXED.pack(
        *(0, COMMAND_FIELD, 2, C_ECHO),
        *(0, MESSAGE_ID, 2, message_id),
        *(0, DATA_SET_TYPE, 2, _NO_DATA_SET),
    )
    body = _uid_element(AFFECTED_SOP_CLASS, sop_class) + fixed
    return _GROUP_LENGTH.pack(0, 0, 4, len(body)) + body


def padded_uid(uid: str) -> bytes:
    """The value of a UID element, of even length (PS3.5 9.1)."""
    value = uid_bytes(uid)
    return value + b"\0" if len(value) & 1 else value


def _uid_element(element: int, uid: str) -> bytes:
    value = padded_uid(uid)
    return _ELEMENT.pack(0, element, len(value)) + value


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to a request; `elements` are its command's values by element number, undecoded.

    `data` is the identifier of a C-FIND-RSP, as encoded.
    """

    message_id: int
    status: int
    elements: dict[int, bytes]
    data: bytes = b""

    @property
    def has_data(self) -> bool:
        """Whether a data set follows the command (PS3.7 E.1, Command Data Set Type)."""
        return _number(self.elements, DATA_SET_TYPE) != _NO_DATA_SET

    @property
    def is_pending(self) -> bool:
        """Whether further responses follow (PS3.4 C.4.1.1.4)."""
        return self.status in (0xFF00, 0xFF01)

    @property
    def comment(self) -> str:
        """The Error Comment with the Offending Elements, for people."""
        words = self.elements.get(ERROR_COMMENT, b"").decode("latin-1").strip(" \0")
        tags = self.elements.get(OFFENDING_ELEMENT, b"")
        numbers = struct.unpack(f"<{len(tags) // 4 * 2}H", tags[: len(tags) // 4 * 4])
        named = " ".join(f"({g:04X},{e:04X})" for g, e in zip(numbers[::2], numbers[1::2], strict=True))
        return " ".join(filter(None, (words, named)))


def read_response(command: bytes, operation: int = C_STORE) -> Response:
    """Read the response to an operation. Raises AssociationLost where the bytes are no such command."""
    elements = command_elements(command)
    if _number(elements, COMMAND_FIELD) != operation | _IS_RESPONSE:
        raise AssociationLost(
            f"the destination answered with something other than a {OPERATIONS[operation]} response"
        )
    return Response(_number(elements, RESPONDED_MESSAGE_ID), _number(elements, STATUS), elements)


def command_elements(command: bytes) -> dict[int, bytes]:
    """The elements of a command set by element number. Raises AssociationLost where it is malformed."""
    return {element: command[start:end] for element, (start, end) in value_places(command).items()}


def value_places(command: bytes) -> dict[int, tuple[int, int]]:
    """Where each element's value starts and ends. Raises AssociationLost where the command is malformed."""
    places: dict[int, tuple[int, int]] = {}
    position, end = 0, len(command)
    while position + 8 <= end:
        group, element, length = _ELEMENT.unpack_from(command, position)
        position += 8
        if group or position + length > end:
            break
        places[element] = position, position + length
        position += length
    if position != end or not places:
        raise AssociationLost("the destination sent a malformed command")
    return places


def is_store_request(elements: dict[int, bytes]) -> bool:
    return elements.get(COMMAND_FIELD) == C_STORE.to_bytes(2, "little")


def _number(elements: dict[int, bytes], element: int) -> int:
    value = elements.get(element, b"")
    if len(value) != 2:
        raise AssociationLost(f"the destination sent a command without {KEYWORDS[element]}")
    return int.from_bytes(value, "little")
