"""The networks that this computer is in, as far as its system tells without asking anybody."""

from __future__ import annotations

import socket
from contextlib import suppress
from ipaddress import ip_address, ip_network

# One address of each private range (RFC 1918); the one for documentation (RFC 5737) stands for all others.
_ELSEWHERE = ("10.255.255.254", "172.31.255.254", "192.168.255.254", "192.0.2.1")
_PORT = 104


def own_networks() -> tuple[str, ...]:
    """This computer's addresses, each with the 254 around it: `10.0.0.0/24`. Empty without a network.

    The system does not tell everywhere how large a network is; /24 is what most are divided into.
    """
    found: dict[str, None] = {}
    for address in map(_own_address, _ELSEWHERE):
        if address and not ip_address(address).is_loopback and not ip_address(address).is_link_local:
            found[str(ip_network(f"{address}/24", strict=False))] = None
    return tuple(found)


def _own_address(towards: str) -> str:
    """The address from which the system would send to another; empty where it would not."""
    # Connecting a datagram socket only chooses a route: nothing is sent.
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((towards, _PORT))
        return str(sock.getsockname()[0])
    return ""
