"""A Storage SCP on a bare socket that follows a script, so that it can misbehave at any byte.

What it says is encoded by pynetdicom, which is thereby the judge of what we understand.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

from pynetdicom.pdu import (
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RJ,
    A_ASSOCIATE_RQ,
    A_RELEASE_RP,
    A_RELEASE_RQ,
    P_DATA_TF,
)
from pynetdicom.pdu_primitives import A_ASSOCIATE, MaximumLengthNotification

from migrator.core.model import Node

ASSOCIATE_RQ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = 1, 4, 5, 6, 7
ABORT_BY_PROVIDER = bytes((7, 0, 0, 0, 0, 4, 0, 0, 2, 2))
RELEASE_REQUEST = A_RELEASE_RQ().encode()
RELEASE_REPLY = A_RELEASE_RP().encode()


class PeerEnded(Exception):
    """The other side closed its connection."""


@dataclass
class Message:
    """One C-STORE request as it came."""

    context_id: int
    message_id: int
    command: bytes
    data: bytes
    sizes: list[int] = field(default_factory=list)


class Conversation:
    """One accepted connection, as its script sees it."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.pdus: list[int] = []

    def read(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise PeerEnded
            data += piece
        return bytes(data)

    def read_to_the_end(self) -> bytes:
        """All that comes until the other side closes or resets."""
        data = bytearray()
        with suppress(ConnectionError):
            while piece := self.socket.recv(1 << 20):
                data += piece
        return bytes(data)

    def read_pdu(self) -> tuple[int, bytes]:
        """The next PDU's type and body."""
        header = self.read(6)
        self.pdus.append(header[0])
        return header[0], self.read(struct.unpack(">I", header[2:])[0])

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def accept(self, max_pdu: int = 16384, refuse: Callable[[str, str], int] = lambda *_: 0) -> A_ASSOCIATE:
        """Take the A-ASSOCIATE-RQ and answer it; `refuse` gives the result for a class and a syntax."""
        kind, body = self.read_pdu()
        assert kind == ASSOCIATE_RQ
        request = A_ASSOCIATE_RQ()
        request.decode(struct.pack(">BxI", kind, len(body)) + body)
        primitive = request.to_primitive()
        for context in primitive.presentation_context_definition_list:
            context.result = refuse(str(context.abstract_syntax), str(context.transfer_syntax[0]))
        primitive.presentation_context_definition_results_list = (
            primitive.presentation_context_definition_list
        )
        length = next(i for i in primitive.user_information if isinstance(i, MaximumLengthNotification))
        length.maximum_length_received = max_pdu
        primitive.result = 0
        self.say(A_ASSOCIATE_AC(primitive).encode())
        return primitive

    def reject(self, result: int, source: int, reason: int) -> None:
        self.read_pdu()
        primitive = A_ASSOCIATE()
        primitive.result, primitive.result_source, primitive.diagnostic = result, source, reason
        self.say(A_ASSOCIATE_RJ(primitive).encode())

    def message(self) -> Message:
        """Take one whole C-STORE request, as pynetdicom reads its PDUs."""
        command, data, sizes = b"", bytearray(), []
        while True:
            kind, body = self.read_pdu()
            if kind != P_DATA:
                raise PeerEnded
            pdu = P_DATA_TF()
            pdu.decode(struct.pack(">BxI", kind, len(body)) + body)
            sizes.append(len(body))
            for item in pdu.presentation_data_value_items:
                flags, fragment = item.presentation_data_value[0], item.presentation_data_value[1:]
                if flags & 1:
                    command += fragment
                else:
                    data += fragment
                if flags == 2:
                    number = command.index(b"\0\0\x10\x01\2\0\0\0") + 8
                    message_id = struct.unpack_from("<H", command, number)[0]
                    return Message(item.presentation_context_id, message_id, command, bytes(data), sizes)

    def serve_until_release(self) -> list[Message]:
        """Store everything, answer the release."""
        messages = []
        try:
            while True:
                message = self.message()
                messages.append(message)
                self.say(response(message.context_id, message.message_id))
        except PeerEnded:
            if self.pdus[-1] == RELEASE_RQ:
                self.say(RELEASE_REPLY)
        return messages

    def wait_for_end(self) -> list[int]:
        """Read whole PDUs until the other side closes; returns their types."""
        kinds = []
        try:
            while True:
                kinds.append(self.read_pdu()[0])
        except (PeerEnded, ConnectionError):
            return kinds


def element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, number, len(value)) + value


def command(message_id: int, status: int = 0, extra: bytes = b"") -> bytes:
    """A C-STORE-RSP's command set."""
    body = element(0x0100, b"\1\x80") + element(0x0120, struct.pack("<H", message_id))
    body += element(0x0800, b"\1\1") + element(0x0900, struct.pack("<H", status)) + extra
    return element(0, struct.pack("<I", len(body))) + body


def pdata(context_id: int, flags: int, fragment: bytes) -> bytes:
    value = struct.pack(">IBB", len(fragment) + 2, context_id, flags) + fragment
    return struct.pack(">BxI", P_DATA, len(value)) + value


def response(context_id: int, message_id: int, status: int = 0, extra: bytes = b"") -> bytes:
    return pdata(context_id, 3, command(message_id, status, extra))


Script = Callable[[Conversation], object]


class ScriptedScp:
    """Runs one script per connection, in order. `results` holds what the scripts returned."""

    def __init__(self, *scripts: Script, receive_buffer: int = 0) -> None:
        self._scripts = scripts
        self._server = socket.socket()
        if receive_buffer:
            self._server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._server.bind(("127.0.0.1", 0))
        self._server.listen()
        self._server.settimeout(60)  # a program that is to come is first started
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._open: list[socket.socket] = []
        self.results: list[object] = []
        self.error: BaseException | None = None

    @property
    def node(self) -> Node:
        return Node("127.0.0.1", self._server.getsockname()[1], "SCRIPTED")

    def _run(self) -> None:
        try:
            for script in self._scripts:
                sock, _ = self._server.accept()
                sock.settimeout(20)
                self._open.append(sock)
                self.results.append(script(Conversation(sock)))
                sock.close()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            self.error = error

    def __enter__(self) -> ScriptedScp:
        self._thread.start()
        return self

    def wait(self) -> list[object]:
        """Wait until all scripts have ended; raises what one of them raised."""
        self._thread.join(20)
        assert not self._thread.is_alive(), "the script did not come to its end"
        if self.error is not None:
            raise self.error
        return self.results

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.wait()
        finally:
            self._server.close()
            for sock in self._open:
                sock.close()
