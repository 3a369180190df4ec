"""Where the monitor listens, what its addresses are called, and which Host headers mean it."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from contextlib import closing, suppress
from dataclasses import dataclass

from migrator.core.addresses import is_address
from migrator.core.errors import UsageError
from migrator.core.settings_monitor import MonitorSettings

_BACKLOG = 128
# Addresses for documentation (RFC 5737, RFC 3849): the way there shows our own, and nothing is sent.
_AFAR = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that is bound and listens. `names` are the hosts by which it is called, the best first."""

    socket: socket.socket
    host: str
    port: int
    names: tuple[str, ...]
    is_loopback: bool

    def addresses(self, scheme: str) -> tuple[str, ...]:
        """What to write in a browser."""
        return tuple(f"{scheme}://{_bracketed(name)}:{self.port}" for name in self.names)

    def is_meant(self, header: str, local: str) -> bool:
        """Whether a Host header names this server, on a connection to our address `local`.

        A page of another site whose name was made to lead here (DNS rebinding) says that site's name.
        """
        host = _host_of(header)
        if host is None:
            return False
        if host in self.names or (is_address(host) and _plain(host) == _plain(local)):
            return True
        # Our name with its domain, which we do not know. There nothing is told without a cookie, and a
        # browser has none for a name that was made to lead here.
        name, dot, _ = host.partition(".")
        return bool(dot) and not self.is_loopback and name in self.names and name != "localhost"


def check(settings: MonitorSettings) -> None:
    """Raises UsageError for options that mean nothing without --monitor."""
    if settings.monitor:
        return
    for name in MonitorSettings.model_fields:
        if name != "monitor" and getattr(settings, name):
            option = "--" + name.replace("_", "-")
            raise UsageError(f"{option} means nothing without --monitor: say where to serve it")


def parse_place(text: str) -> tuple[str, int]:
    """Host and port of `8090`, `0.0.0.0:8090` or `[::1]:8090`; port 0 is any free one.

    Raises UsageError with what is wrong.
    """
    host, colon, port = text.strip().rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if is_bracketed else host
    is_port = port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535
    is_host = not colon or (
        bool(host) and host.isascii() and host.isprintable() and not set(host) & set(" /[]@")
    )
    if not is_port or not is_host or (is_bracketed != (":" in host)):
        raise UsageError(
            f"--monitor {text}: write a port, or an address and a port: 8090, 0.0.0.0:8090, [::1]:8090"
        )
    return host or "127.0.0.1", int(port)


def listen(text: str) -> Listening:
    """Listen where `text` says. Raises UsageError where that cannot be."""
    host, port = parse_place(text)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--monitor {text}: {host} is no address or name of this machine") from error
    family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    # With the protocol named: of others asyncio does not know that they are TCP, and leaves Nagle's wait on.
    listener = socket.socket(family, kind, protocol)
    try:
        _prepare(listener, family)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise UsageError(_words(text, host, port, error)) from error
    bound = listener.getsockname()
    is_loopback = ipaddress.ip_address(bound[0].partition("%")[0]).is_loopback
    return Listening(listener, bound[0], bound[1], _names(host, bound[0]), is_loopback)


def _prepare(listener: socket.socket, family: int) -> None:
    if os.name == "nt":
        # There SO_REUSEADDR would let another program listen at the same place.
        listener.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE"), 1)  # noqa: B009
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        with suppress(OSError):  # [::] serves IPv4 too, where the system can
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)


def _words(text: str, host: str, port: int, error: OSError) -> str:
    if error.errno in (errno.EADDRINUSE, 10048):  # Windows has numbers of its own
        return f"--monitor {text}: another program listens at port {port} already; name another one"
    if error.errno in (errno.EACCES, 10013):
        # Windows says this also of a port that is taken.
        return (
            f"--monitor {text}: this system does not let us listen at port {port}; name another, from 1024 on"
        )
    if error.errno in (errno.EADDRNOTAVAIL, 10049):
        return f"--monitor {text}: {host} is no address of this machine"
    return f"--monitor {text}: cannot listen there: {error.strerror}"


def _names(asked: str, bound: str) -> tuple[str, ...]:
    """The hosts that mean it, the one to show first."""
    address = ipaddress.ip_address(bound.partition("%")[0])
    name = socket.gethostname().lower()
    own = [one for one in (name, name.partition(".")[0]) if one and one.isascii()]
    named = [] if is_address(asked) else [asked.lower()]
    if address.is_unspecified:
        # 0.0.0.0 is IPv4 alone, [::] both.
        reached = [one for one in own_addresses() if address.version == 6 or ":" not in one]
        local = [f"{name}.local" for name in own if "." not in name]
        return tuple(dict.fromkeys([*reached, *own, *local, "localhost", "127.0.0.1"]))
    if address.is_loopback:
        return tuple(dict.fromkeys([*named, str(address), "localhost", "127.0.0.1"]))
    return tuple(dict.fromkeys([*named, str(address), *own]))


def pairing_link(address: str, code: str) -> str:
    """What a QR code is to hold: the code after # is never sent to a server, so no log keeps it."""
    return f"{address}/#pair={code}" if code else f"{address}/"


def own_addresses() -> list[str]:
    """This machine's addresses in its networks, as far as it knows them itself; nobody is asked."""
    found: list[str] = []
    for family, afar in _AFAR:
        with suppress(OSError), closing(socket.socket(family, socket.SOCK_DGRAM)) as one:
            one.connect((afar, 9))  # of a datagram socket: it only looks up the way
            found.append(one.getsockname()[0])
    return [one for one in dict.fromkeys(found) if not ipaddress.ip_address(one).is_unspecified]


def _host_of(header: str) -> str | None:
    """The host of a Host header, in lower case; None where there is none."""
    header = header.strip().lower()
    if header.startswith("["):
        host, bracket, rest = header[1:].partition("]")
        return host if bracket and (not rest or rest.startswith(":")) else None
    host, _, port = header.partition(":")
    return host.removesuffix(".") if host and (not port or port.isdigit()) else None


def _plain(address: str) -> str:
    """An address as IPv4 where it is one in IPv6's clothes."""
    try:
        one = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(one, "ipv4_mapped", None)
    return str(mapped or one)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
