"""Ranges of network addresses as people write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from migrator.core.errors import UsageError

MOST_ADDRESSES = 65_536

_Address = IPv4Address | IPv6Address

_LIKE_AN_ADDRESS = re.compile(r"^[\d.]+$|:|/")
_HOST = re.compile(r"^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?$")


def addresses(text: str, most: int = MOST_ADDRESSES) -> tuple[str, ...]:
    """The hosts of `pacs.example,10.0.0.0/24,10.0.1.5-10.0.1.9,10.0.2.1-20,fd00::/120`, each once.

    Of a network, its own address and its broadcast address are left out. Raises UsageError with what is
    wrong, also where there are more than `most`.
    """
    hosts: dict[str, None] = {}
    for part in text.split(","):
        for host in _hosts(part.strip().strip("[]"), most):
            hosts[host] = None
            if len(hosts) > most:
                raise _too_many(text, most)
    return tuple(hosts)


def _hosts(part: str, most: int) -> Iterator[str]:
    if "/" in part:
        yield from _of_network(part, most)
        return
    first, dash, last = part.partition("-")
    begin = _address(first) if dash else None
    if begin is not None:
        yield from _of_range(part, begin, last, most)
    elif _address(part) is not None:
        yield str(_address(part))
    elif _HOST.match(part) and not _LIKE_AN_ADDRESS.search(part):
        yield part.lower()
    else:
        raise UsageError(f"{part!r} is no host, address, network (10.0.0.0/24) or range (10.0.0.1-10.0.0.9)")


def _of_network(part: str, most: int) -> Iterator[str]:
    try:
        network = ip_network(part, strict=False)
    except ValueError:
        raise UsageError(f"{part!r} is not a network: write 10.0.0.0/24 or fd00::/120") from None
    # IPv6 networks are larger than anyone waits for; they are not counted one by one.
    if network.num_addresses > most + 2:
        raise _too_many(part, most)
    yield from map(str, network.hosts())


def _of_range(part: str, begin: _Address, last: str, most: int) -> Iterator[str]:
    if isinstance(begin, IPv4Address) and last.isascii() and last.isdigit():
        last = f"{str(begin).rpartition('.')[0]}.{last}"
    end = _address(last.strip().strip("[]"))
    if end is None or end.version != begin.version or int(end) < int(begin):
        raise UsageError(f"{part!r} is not a range: write 10.0.0.1-10.0.0.9 or 10.0.0.1-9")
    if int(end) - int(begin) >= most:
        raise _too_many(part, most)
    yield from (str(type(begin)(number)) for number in range(int(begin), int(end) + 1))


def _address(text: str) -> _Address | None:
    try:
        return ip_address(text.strip().strip("[]"))
    except ValueError:
        return None


def _too_many(text: str, most: int) -> UsageError:
    return UsageError(f"{text} holds more than {most:,} addresses; look in smaller ranges")


def listen_address(text: str) -> tuple[str, int]:
    """Host and port of `11113`, `127.0.0.1:11113` or `[::1]:11113`; the host is empty for all interfaces.

    Raises UsageError with what is wrong.
    """
    host, colon, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    is_host = not colon or bool(_HOST.match(host)) or is_address(host)
    if not is_host or not (is_port(port)):
        raise UsageError(f"{text!r} is no place to listen at: write a port, or an address and a port (11113)")
    return host, int(port)


def is_port(text: str) -> bool:
    """Whether a text is a port: 1 to 65535, in digits."""
    # Python refuses to read numbers of thousands of digits.
    return text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535


def is_address(host: str) -> bool:
    """Whether it is an IP address, not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
