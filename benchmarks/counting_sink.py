"""A Storage SCP that keeps nothing and knows when how many bytes came. Standard library only.

Prints its port, accepts every presentation context in the first syntax proposed, answers every C-STORE with
success, and prints the bytes received in each twentieth of a second of the monotonic clock, as JSON, when its
standard input ends. Counted is all that arrives, association requests and commands too.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
import time
from collections import Counter

BIN = 0.05  # seconds
_MOST = 128 * 1024  # bytes of a PDU that we take (PS3.8 D.1)
_COMMAND, _LAST = 1, 2  # bits of a message control header (PS3.8 E.2)


class Sink:
    """Counts over all connections."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.bins: Counter[int] = Counter()  # guarded by _lock

    def count(self, size: int) -> None:
        now = int(time.monotonic() / BIN)
        with self._lock:
            self.bins[now] += size

    def serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            try:
                _Conversation(connection, self.count).hold()
            except (OSError, EOFError):
                return


class _Conversation:
    """One association from its request to its end."""

    def __init__(self, connection: socket.socket, count: object) -> None:
        self._connection = connection
        self._count = count
        self._command = b""
        self._room = bytearray(1 << 20)

    def hold(self) -> None:
        while True:
            kind, length = struct.unpack(">BxL", self._read(6))
            body = self._read(length)
            if kind == 1:
                self._connection.sendall(_accept(bytes(body)))
            elif kind == 4:
                self._data(body)
            elif kind == 5:
                self._connection.sendall(struct.pack(">BxLL", 6, 4, 0))
                return
            else:
                return

    def _read(self, length: int) -> memoryview:
        if length > len(self._room):
            raise EOFError("a PDU that is longer than we take")
        view, done = memoryview(self._room)[:length], 0
        while done < length:
            step = self._connection.recv_into(view[done:])
            if not step:
                raise EOFError("the peer closed the connection")
            self._count(step)  # type: ignore[operator]
            done += step
        return view

    def _data(self, body: memoryview) -> None:
        position = 0
        while position < len(body):
            length, context, control = struct.unpack_from(">LBB", body, position)
            if control & _COMMAND:
                self._command += bytes(body[position + 6 : position + 4 + length])
            elif control & _LAST:
                self._connection.sendall(_success(context, self._command))
                self._command = b""
            position += 4 + length


def _items(data: bytes) -> list[tuple[int, bytes]]:
    """Items and sub-items of an association request (PS3.8 9.3.2)."""
    found, position = [], 0
    while position < len(data):
        kind, length = struct.unpack_from(">BxH", data, position)
        found.append((kind, data[position + 4 : position + 4 + length]))
        position += 4 + length
    return found


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value


def _accept(request: bytes) -> bytes:
    """An A-ASSOCIATE-AC that takes everything (PS3.8 9.3.3)."""
    answer = request[:68] + _item(0x10, b"1.2.840.10008.3.1.1.1")
    for kind, value in _items(request[68:]):
        if kind == 0x20:
            syntax = next(name for sub, name in _items(value[4:]) if sub == 0x40)
            answer += _item(0x21, value[:1] + bytes(3) + _item(0x40, syntax))
    answer += _item(
        0x50, _item(0x51, struct.pack(">L", _MOST)) + _item(0x52, b"1.2.826.0.1.3680043.10.1571.9")
    )
    return struct.pack(">BxL", 2, len(answer)) + answer


def _success(context: int, command: bytes) -> bytes:
    """The C-STORE-RSP to a C-STORE-RQ command set (PS3.7 9.3.1.2)."""
    elements, position = {}, 0
    while position < len(command):
        _, element, length = struct.unpack_from("<HHL", command, position)
        elements[element] = command[position + 8 : position + 8 + length]
        position += 8 + length
    answer = {
        0x0002: elements[0x0002],
        0x0100: b"\x01\x80",
        0x0120: elements[0x0110],
        0x0800: b"\x01\x01",
        0x0900: b"\x00\x00",
        0x1000: elements[0x1000],
    }
    body = b"".join(struct.pack("<HHL", 0, tag, len(value)) + value for tag, value in answer.items())
    body = struct.pack("<HHLL", 0, 0, 4, len(body)) + body
    fragment = struct.pack(">LBB", len(body) + 2, context, _COMMAND | _LAST) + body
    return struct.pack(">BxL", 4, len(fragment)) + fragment


def main() -> None:
    sink = Sink()
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=sink.serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()
    print(json.dumps(sorted(sink.bins.items())), flush=True)


if __name__ == "__main__":
    main()
