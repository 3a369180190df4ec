"""One connection of the scripted PACS: PDUs and DIMSE messages read and said by hand (PS3.8 9.3, PS3.7 9.3).

What it says is encoded by pynetdicom, which is thereby the judge of what we understand.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode, encode
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ, A_RELEASE_RP, P_DATA_TF
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    P_DATA,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
)

ASSOCIATE_RQ, DATA, RELEASE_RQ, ABORT = 1, 4, 5, 7
ABORT_BY_PROVIDER = bytes((7, 0, 0, 0, 0, 4, 0, 0, 2, 0))
GARBAGE = b"this is no PDU, whatever else it may be\xff\xfe\0"
NO_DATA_SET = 0x0101
_HUNG_UP = getattr(select, "POLLRDHUP", 0)


class Over(Exception):
    """The association ended; the text says how."""


class Silent(Exception):
    """Nothing came for as long as was waited."""


class Talk:
    """One accepted TCP connection, owned by one thread; `end` may be called by any."""

    def __init__(self, connection: socket.socket, stopping: threading.Event) -> None:
        self._socket = connection
        self._stopping = stopping
        self._values: deque[tuple[int, int, bytes]] = deque()  # context, flags, fragment
        self.max_sent = 16384  # the other side's maximum PDU length

    def _read(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            try:
                piece = self._socket.recv(count - len(data))
            except OSError as error:
                raise Over("lost") from error
            if not piece:
                raise Over("closed by the other side")
            data += piece
        return bytes(data)

    def _read_pdu(self, idle: float = 0.0) -> tuple[int, bytes]:
        if idle and not select.select([self._socket], [], [], idle)[0]:
            raise Silent
        header = self._read(6)
        return header[0], header + self._read(struct.unpack(">I", header[2:])[0])

    def say(self, data: bytes) -> None:
        if self._stopping.is_set():
            raise Over("ended by the PACS")  # one that went down answers nobody
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise Over("lost") from error

    def request(self) -> A_ASSOCIATE:
        """The A-ASSOCIATE request."""
        kind, whole = self._read_pdu()
        if kind != ASSOCIATE_RQ:
            raise Over("no association was asked for")
        pdu = A_ASSOCIATE_RQ()
        pdu.decode(whole)
        primitive = pdu.to_primitive()
        length = [one for one in primitive.user_information if isinstance(one, MaximumLengthNotification)]
        self.max_sent = (length[0].maximum_length_received if length else 0) or 1 << 20
        return primitive

    def accept(self, request: A_ASSOCIATE, max_pdu: int, result_of: Callable[[str, str], int]) -> None:
        """Answer the request; `result_of` gives the result for a class and each syntax (PS3.8 Table 9-18)."""
        for context in request.presentation_context_definition_list:
            results = {
                str(syntax): result_of(str(context.abstract_syntax), str(syntax))
                for syntax in context.transfer_syntax
            }
            taken = [syntax for syntax, result in results.items() if result == 0]
            context.result = 0 if taken else next(iter(results.values()))
            context.transfer_syntax = taken[:1] or list(results)[:1]
        request.presentation_context_definition_results_list = request.presentation_context_definition_list
        length = MaximumLengthNotification()
        length.maximum_length_received = max_pdu
        uid, version = ImplementationClassUIDNotification(), ImplementationVersionNameNotification()
        uid.implementation_class_uid = "1.2.826.0.1.3680043.8.498.7"
        version.implementation_version_name = "SCRIPTED_PACS"
        request.user_information = [length, uid, version]
        request.result = 0
        self.say(A_ASSOCIATE_AC(request).encode())

    def reject(self, result: int, source: int, reason: int) -> None:
        primitive = A_ASSOCIATE()
        primitive.result, primitive.result_source, primitive.diagnostic = result, source, reason
        self.say(A_ASSOCIATE_RJ(primitive).encode())

    def command(self, idle: float = 0.0) -> tuple[int, Dataset]:
        """The next message's context and command set. Raises Silent after `idle` seconds (0: never)."""
        body = b""
        while True:
            context, flags, fragment = self._value(0.0 if body else idle)
            body += fragment
            if flags == 3:
                return context, decode(BytesIO(body), True, True)

    def data(self) -> bytes:
        """The data set that follows a command."""
        body, flags = bytearray(), 0
        while not flags & 2:
            _, flags, fragment = self._value()
            body += fragment
        return bytes(body)

    def read_some(self, count: int) -> None:
        """Take so many bytes of what follows, whatever they are."""
        self._read(count)

    def _value(self, idle: float = 0.0) -> tuple[int, int, bytes]:
        while not self._values:
            kind, whole = self._read_pdu(idle)
            if kind == RELEASE_RQ:
                raise Over("released")
            if kind != DATA:
                raise Over("aborted by the other side" if kind == ABORT else f"PDU of type {kind}")
            at = 6
            while at < len(whole):
                length, context, flags = struct.unpack_from(">IBB", whole, at)
                self._values.append((context, flags, whole[at + 6 : at + 4 + length]))
                at += 4 + length
        return self._values.popleft()

    def confirm_release(self) -> None:
        self.say(A_RELEASE_RP().encode())

    def answer(self, context: int, command: Dataset, data: bytes | None = None) -> None:
        self.say(message(context, command, data, self.max_sent))

    def read_to_the_end(self) -> None:
        """Take what comes until the other side ends it."""
        with suppress(OSError):
            while self._socket.recv(1 << 20):
                pass

    def wait_for_end(self) -> None:
        """Read nothing, until the other side or the PACS ends the connection."""
        poll = select.poll()
        poll.register(self._socket, _HUNG_UP)
        while not self._stopping.is_set() and not poll.poll(50):
            pass

    def reset(self) -> None:
        """Have the connection end by a TCP reset when it is closed."""
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def end(self) -> None:
        """Wake whoever reads."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()


def message(context: int, command: Dataset, data: bytes | None, max_pdu: int) -> bytes:
    """A whole DIMSE message as PDUs, one value in each, none longer than the other side takes."""
    command.CommandDataSetType = NO_DATA_SET if data is None else 1
    whole = _pdu(context, 3, _with_length(command))
    if data is not None:
        piece = max_pdu - 6
        for start in range(0, len(data), piece) or (0,):
            is_last = start + piece >= len(data)
            whole += _pdu(context, 2 if is_last else 0, data[start : start + piece])
    return whole


def _with_length(command: Dataset) -> bytes:
    body = bytes(encode(command, True, True) or b"")
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def _pdu(context: int, flags: int, fragment: bytes) -> bytes:
    primitive = P_DATA()
    primitive.presentation_data_value_list = [[context, bytes((flags,)) + fragment]]
    pdu: Any = P_DATA_TF(primitive)
    return bytes(pdu.encode())
