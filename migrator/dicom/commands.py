"""C-STORE command sets (PS3.7 9.3.1): implicit VR little endian, always."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from migrator.core.errors import AssociationLost
from migrator.dicom.pdus import uid_bytes

_ELEMENT = struct.Struct("<HHI")
_GROUP_LENGTH = struct.Struct("<HHII")
# Command field C-STORE-RQ, message id, priority medium, and a data set type other than "none" (0101).
_FIXED = struct.Struct("<HHIH HHIH HHIH HHIH")

_C_STORE_RQ, _C_STORE_RSP = 0x0001, 0x8001

AFFECTED_SOP_CLASS = 0x0002
COMMAND_FIELD = 0x0100
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
                *(0, COMMAND_FIELD, 2, _C_STORE_RQ),
                *(0, MESSAGE_ID, 2, message_id),
                *(0, PRIORITY, 2, 0),
                *(0, DATA_SET_TYPE, 2, 1),
            ),
            _uid_element(AFFECTED_SOP_INSTANCE, instance_uid),
        )
    )
    return _GROUP_LENGTH.pack(0, 0, 4, len(body)) + body


def _uid_element(element: int, uid: str) -> bytes:
    value = uid_bytes(uid)
    if len(value) & 1:
        value += b"\0"
    return _ELEMENT.pack(0, element, len(value)) + value


@dataclass(frozen=True, slots=True)
class Response:
    """A C-STORE-RSP (PS3.7 Table 9.3-2); `elements` are its values by element number, undecoded."""

    message_id: int
    status: int
    elements: dict[int, bytes]

    @property
    def comment(self) -> str:
        """The Error Comment with the Offending Elements, for people."""
        words = self.elements.get(ERROR_COMMENT, b"").decode("latin-1").strip(" \0")
        tags = self.elements.get(OFFENDING_ELEMENT, b"")
        numbers = struct.unpack(f"<{len(tags) // 4 * 2}H", tags[: len(tags) // 4 * 4])
        named = " ".join(f"({g:04X},{e:04X})" for g, e in zip(numbers[::2], numbers[1::2], strict=True))
        return " ".join(filter(None, (words, named)))


def read_response(command: bytes) -> Response:
    """Read a C-STORE-RSP. Raises AssociationLost where the bytes are no such command."""
    elements = command_elements(command)
    if _number(elements, COMMAND_FIELD) != _C_STORE_RSP:
        raise AssociationLost("the destination answered with something other than a C-STORE response")
    return Response(_number(elements, RESPONDED_MESSAGE_ID), _number(elements, STATUS), elements)


def command_elements(command: bytes) -> dict[int, bytes]:
    """The elements of a command set by element number. Raises AssociationLost where it is malformed."""
    elements: dict[int, bytes] = {}
    position, end = 0, len(command)
    while position + 8 <= end:
        group, element, length = _ELEMENT.unpack_from(command, position)
        position += 8
        if group or position + length > end:
            break
        elements[element] = command[position : position + length]
        position += length
    if position != end or not elements:
        raise AssociationLost("the destination sent a malformed command")
    return elements


def _number(elements: dict[int, bytes], element: int) -> int:
    value = elements.get(element, b"")
    if len(value) != 2:
        raise AssociationLost(f"the destination sent a command without {KEYWORDS[element]}")
    return int.from_bytes(value, "little")
