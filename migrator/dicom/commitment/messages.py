"""The messages of storage commitment: N-ACTION and N-EVENT-REPORT (PS3.7 10.3), their data (PS3.4 J.3)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from migrator.core.commitment import CommitmentReport, Failure, Reference
from migrator.core.errors import DamagedFile
from migrator.dicom import commands
from migrator.dicom.editing.splice_elements import Element, elements_of, encoded, item_bytes, items_of, memory
from migrator.dicom.structure import Coding

PUSH_MODEL = "1.2.840.10008.1.20.1"
PUSH_MODEL_INSTANCE = "1.2.840.10008.1.20.1.1"

# PS3.7 Table E.1-1.
N_EVENT_REPORT, N_ACTION = 0x0100, 0x0130
IS_RESPONSE = 0x8000
_REQUESTED_SOP_CLASS, _REQUESTED_SOP_INSTANCE = 0x0003, 0x1001
_EVENT_TYPE, _ACTION_TYPE = 0x1002, 0x1008
_HAS_DATA, _NO_DATA = 0x0001, 0x0101
_REQUEST_COMMITMENT = 1  # action type
ALL_COMMITTED, SOME_FAILED = 1, 2  # event types

_SOP_CLASS, _SOP_INSTANCE = 0x00081150, 0x00081155
_TRANSACTION, _FAILURE_REASON = 0x00081195, 0x00081197
_FAILED_SEQUENCE, _REFERENCED_SEQUENCE = 0x00081198, 0x00081199

_ELEMENT = struct.Struct("<HHI")


@dataclass(frozen=True, slots=True)
class Message:
    """A DIMSE message as it came: its command's values by element number, and its data set as encoded."""

    context_id: int
    elements: dict[int, bytes]
    data: bytes

    def number(self, element: int) -> int:
        """A US value; -1 where the command has none."""
        value = self.elements.get(element, b"")
        return int.from_bytes(value, "little") if len(value) == 2 else -1

    @property
    def field(self) -> int:
        """Which operation it is (PS3.7 E.1)."""
        return self.number(commands.COMMAND_FIELD)

    @property
    def event_type(self) -> int:
        return self.number(_EVENT_TYPE)


def has_data(elements: dict[int, bytes]) -> bool:
    """Whether a data set follows this command."""
    return elements.get(commands.DATA_SET_TYPE) != struct.pack("<H", _NO_DATA)


def action_request(message_id: int) -> bytes:
    """The command of an N-ACTION-RQ that asks for commitment (PS3.7 Table 10.3-7)."""
    return _command(
        (_REQUESTED_SOP_CLASS, commands.padded_uid(PUSH_MODEL)),
        (commands.COMMAND_FIELD, _short(N_ACTION)),
        (commands.MESSAGE_ID, _short(message_id)),
        (commands.DATA_SET_TYPE, _short(_HAS_DATA)),
        (_REQUESTED_SOP_INSTANCE, commands.padded_uid(PUSH_MODEL_INSTANCE)),
        (_ACTION_TYPE, _short(_REQUEST_COMMITMENT)),
    )


def action_data(transaction: str, references: Iterable[Reference], coding: Coding) -> bytes:
    """The action information (PS3.4 Table J.3-1)."""
    items = (
        item_bytes(
            coding,
            encoded(coding, _SOP_CLASS, "UI", commands.padded_uid(reference.sop_class))
            + encoded(coding, _SOP_INSTANCE, "UI", commands.padded_uid(reference.uid)),
        )
        for reference in references
    )
    return encoded(coding, _TRANSACTION, "UI", commands.padded_uid(transaction)) + encoded(
        coding, _REFERENCED_SEQUENCE, "SQ", b"".join(items)
    )


def event_response(request: Message, status: int) -> bytes:
    """The command that answers an N-EVENT-REPORT-RQ (PS3.7 Table 10.3-2)."""
    event_type = request.elements.get(_EVENT_TYPE)
    return _command(
        (commands.AFFECTED_SOP_CLASS, commands.padded_uid(PUSH_MODEL)),
        (commands.COMMAND_FIELD, _short(N_EVENT_REPORT | IS_RESPONSE)),
        (commands.RESPONDED_MESSAGE_ID, request.elements.get(commands.MESSAGE_ID, b"\0\0")),
        (commands.DATA_SET_TYPE, _short(_NO_DATA)),
        (commands.STATUS, _short(status)),
        (commands.AFFECTED_SOP_INSTANCE, commands.padded_uid(PUSH_MODEL_INSTANCE)),
        *([] if event_type is None else [(_EVENT_TYPE, event_type)]),
    )


def echo_response(request: Message) -> bytes:
    """The command that answers a C-ECHO-RQ (PS3.7 Table 9.3-13)."""
    return _command(
        (commands.AFFECTED_SOP_CLASS, request.elements.get(commands.AFFECTED_SOP_CLASS, b"")),
        (commands.COMMAND_FIELD, _short(commands.C_ECHO | IS_RESPONSE)),
        (commands.RESPONDED_MESSAGE_ID, request.elements.get(commands.MESSAGE_ID, b"\0\0")),
        (commands.DATA_SET_TYPE, _short(_NO_DATA)),
        (commands.STATUS, _short(0)),
    )


def _command(*values: tuple[int, bytes]) -> bytes:
    body = b"".join(_ELEMENT.pack(0, element, len(value)) + value for element, value in values)
    return _ELEMENT.pack(0, 0, 4) + struct.pack("<I", len(body)) + body


def _short(value: int) -> bytes:
    return struct.pack("<H", value)


def read_report(message: Message, coding: Coding) -> CommitmentReport:
    """The event information of an N-EVENT-REPORT-RQ (PS3.4 Table J.3-3). Raises DamagedFile."""
    source = memory(message.data)
    values = {element.tag: element for element in elements_of(source, coding, 0, len(message.data))}
    transaction = _uid(values.get(_TRANSACTION))
    if not transaction:
        raise DamagedFile("a storage commitment result without a transaction UID")
    committed = (
        Reference(_uid(item.get(_SOP_CLASS)), _uid(item.get(_SOP_INSTANCE)))
        for item in _items(values.get(_REFERENCED_SEQUENCE))
    )
    failed = (
        Failure(_uid(item.get(_SOP_INSTANCE)), _reason(item.get(_FAILURE_REASON)))
        for item in _items(values.get(_FAILED_SEQUENCE))
    )
    return CommitmentReport(
        transaction,
        tuple(reference for reference in committed if reference.uid),
        tuple(failure for failure in failed if failure.uid),
    )


def _items(sequence: Element | None) -> Iterator[dict[int, Element]]:
    if sequence is not None:
        for item in items_of(sequence):
            elements = elements_of(sequence.source, item.coding, item.start, item.stop)
            yield {element.tag: element for element in elements}


def _uid(element: Element | None) -> str:
    if element is None:
        return ""
    return element.raw.decode("utf-8", "surrogateescape").strip(" \0")


def _reason(element: Element | None) -> int:
    """The Failure Reason; 0 where there is none that could be read."""
    return int.from_bytes(element.raw[:2], "little") if element is not None else 0
