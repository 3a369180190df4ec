"""A DICOM server of ours that listens for a while, for what a destination sends by itself."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pynetdicom import AE, build_context

from migrator.core.errors import UsageError
from migrator.core.model import Tls
from migrator.dicom.probe import VERIFICATION
from migrator.dicom.receiver import MENDS, end_server
from migrator.dicom.tls import listening_context_of


@contextmanager
def listening(
    ae: AE, address: tuple[str, int], handlers: Sequence[Any], tls: Tls | None = None
) -> Iterator[tuple[str, int]]:
    """Serve `ae` at this host (empty: all interfaces) and port (0: any) in threads of its own.

    With `tls` only TLS is spoken. Gives the address at which it listens. Associations that are open at the
    end are ended. Raises UsageError where nothing can listen there.
    """
    context: Any = _LaterHandshakes(listening_context_of(tls)) if tls is not None else None
    host, port = address
    try:
        server: Any = ae.start_server(
            (host, port), block=False, ssl_context=context, evt_handlers=[*MENDS, *handlers]
        )
    except OSError as error:
        where = f"{host or 'all interfaces'}, port {port}"
        raise UsageError(f"cannot listen at {where}: {error.strerror or error}") from error
    try:
        yield host, int(server.server_address[1])
    finally:
        end_server(server)


class _LaterHandshakes:
    """What pynetdicom needs of an SSLContext; the handshake is done by what is first read.

    pynetdicom would do it on the one thread that accepts, without a time-out: a peer that connects and says
    nothing would keep out all others, and the server from its end.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    def wrap_socket(self, sock: socket.socket, server_side: bool) -> ssl.SSLSocket:
        return self._context.wrap_socket(sock, server_side, do_handshake_on_connect=False)


def can_listen(address: tuple[str, int]) -> None:
    """Raise UsageError where nothing can listen there now."""
    ae = AE()
    ae.supported_contexts = [build_context(VERIFICATION)]
    with listening(ae, address, ()):
        pass
