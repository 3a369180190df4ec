"""One TLS handshake on the loopback interface, between our own two sides, with a certificate made for it."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

from migrator.core.model import Tls
from migrator.dicom.tls import context_of, listening_context_of
from migrator.jobs.own_certificate import own_certificate

_SECONDS = 10.0
_HOST = "127.0.0.1"


def trouble_shaking_hands(folder: Path) -> tuple[str, str]:
    """What went wrong, empty where nothing did; and the version and cipher that were agreed on.

    Certificate and key are left in `folder`. Raises OSError where that cannot be written.
    """
    cert, key = _certificate(folder)
    serving = listening_context_of(Tls(cert=str(cert), key=str(key)))
    asking = context_of(Tls(ca=str(cert)))
    with closing(socket.create_server((_HOST, 0))) as listener:
        listener.settimeout(_SECONDS)
        server = threading.Thread(target=_serve, args=(listener, serving), name="self-test-tls")
        server.start()
        try:
            return _ask(listener.getsockname(), asking)
        except OSError as error:
            return f"no handshake on the loopback interface: {error}", ""
        finally:
            server.join()


def _ask(address: tuple[str, int], context: ssl.SSLContext) -> tuple[str, str]:
    with (
        socket.create_connection(address, _SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=_HOST) as secure,
    ):
        secure.sendall(b"hello")
        answer = secure.recv(16)
        cipher = secure.cipher()
        words = f"{secure.version()}, {cipher[0] if cipher else 'no cipher'}"
    return ("" if answer == b"hello" else "what was sent did not come back"), words


def _serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Answer one connection by what it says; the other side tells what goes wrong."""
    with suppress(OSError):
        plain, _ = listener.accept()
        plain.settimeout(_SECONDS)
        with plain, context.wrap_socket(plain, server_side=True) as secure:
            secure.sendall(secure.recv(16))


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for the loopback address and its key, good for this hour."""
    texts = own_certificate("self-test", [_HOST], timedelta(hours=1))
    cert, key = folder / "self-test.cert.pem", folder / "self-test.key.pem"
    cert.write_bytes(texts[0])
    descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(texts[1])
    return cert, key
