"""What a PACS vendor asks for first: the negotiation, and the DIMSE commands of failing files.

Patients are named by nothing but UIDs.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Iterable
from datetime import datetime

from migrator.core.model import Node
from migrator.dicom.commands import (
    AFFECTED_SOP_CLASS,
    AFFECTED_SOP_INSTANCE,
    KEYWORDS,
    OFFENDING_ELEMENT,
    command_elements,
)
from migrator.dicom.contexts import REFUSALS, Negotiation, Plan, uid_words

_UIDS = frozenset({AFFECTED_SOP_CLASS, AFFECTED_SOP_INSTANCE})


class AssociationTrace:
    """A text file for its owner only, appended to. All methods may be called from any thread."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Raises OSError where the file cannot be written."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)
        self._file = os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")
        self._lock = threading.Lock()  # guards _file

    def negotiated(self, node: Node, plan: Plan, negotiation: Negotiation) -> None:
        """An association was accepted."""
        lines = [
            f"association accepted by {node}, called by {node.calling_ae_title}",
            f"  implementation  {negotiation.implementation_uid} {negotiation.implementation_version}",
            f"  maximum PDU     {negotiation.max_pdu or 'unlimited'}",
        ]
        for index, pair in enumerate(plan.contexts):
            result = (
                "accepted" if pair in negotiation.accepted else REFUSALS.get(negotiation.refused[pair], "")
            )
            lines.append(f"  context {2 * index + 1:3}  {uid_words(pair.sop_class)}")
            lines.append(f"               {uid_words(pair.transfer_syntax)}: {result}")
        lines += [f"  left out  {uid_words(p.sop_class)}, {p.transfer_syntax}" for p in plan.left_out]
        self._write(lines)

    def refused(self, node: Node, words: str) -> None:
        """An association was not established."""
        self._write([f"no association with {node}: {words}"])

    def failed(self, node: Node, request: bytes, response: dict[int, bytes] | None, words: str) -> None:
        """An instance was not stored: its C-STORE-RQ command set, and the answer's where one came."""
        lines = [f"C-STORE to {node}: {words}", "  C-STORE-RQ", *_describe(command_elements(request))]
        if response is not None:
            lines += ["  C-STORE-RSP", *_describe(response)]
        self._write(lines)

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def _write(self, lines: list[str]) -> None:
        stamp = datetime.now().astimezone().isoformat(timespec="milliseconds")
        with self._lock:
            if not self._file.closed:
                self._file.write("\n".join((f"{stamp}  {lines[0]}", *lines[1:], "")))
                self._file.flush()


def _describe(elements: dict[int, bytes]) -> Iterable[str]:
    for element, value in sorted(elements.items()):
        name = KEYWORDS.get(element, "")
        yield f"    (0000,{element:04X}) {name:<26} {_value(element, value)}"


def _value(element: int, value: bytes) -> str:
    text = value.decode("latin-1").rstrip("\0 ")
    if element in _UIDS:
        return uid_words(text)
    if element == OFFENDING_ELEMENT or element not in KEYWORDS:
        return value.hex(" ", 2)
    if len(value) == 2:
        return f"{int.from_bytes(value, 'little'):04X}H"
    if element == 0 and len(value) == 4:
        return str(struct.unpack("<I", value)[0])
    return text
