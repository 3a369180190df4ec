"""Whom and what to reach: mail addresses, mail servers, web addresses, checked before anything is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from ipaddress import ip_address
from urllib.parse import urlsplit

from migrator.core.addresses import is_address, is_port
from migrator.core.errors import UsageError

_PORTS = {"starttls": 587, "tls": 465, "none": 25}

_HOST = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9.])?$")
_LONGEST_ADDRESS = 254  # RFC 5321 4.5.3.1.3
_LONGEST_URL = 2048


@dataclass(frozen=True, slots=True)
class Server:
    """Where a mail server listens; `str` is how people write it."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def mail_address(text: str) -> str:
    """A mail address as it is sent to, `somebody@example.org`. Raises UsageError with what is wrong."""
    try:
        if not text.isascii() or not text.isprintable() or len(text) > _LONGEST_ADDRESS or '"' in text:
            raise ValueError(text)
        address = Address(addr_spec=text)
        if not address.username or not (_HOST.match(address.domain) or address.domain.startswith("[")):
            raise ValueError(text)
    except (ValueError, IndexError, HeaderParseError):
        raise UsageError(
            f"{text!r} is not a mail address: write one like somebody@example.org, once for each"
        ) from None
    return text


def mail_server(text: str, security: str) -> Server:
    """Read HOST or HOST:PORT; without a port, the one of this security. Raises UsageError."""
    host, port = text.strip(), _PORTS[security]
    match = re.fullmatch(r"(\[[^\]]+\]|[^:\[\]]*):([^:]*)", host)
    if match is not None:
        if not is_port(match[2]):
            raise UsageError(f"{text!r}: the port must be between 1 and 65535")
        host, port = match[1], int(match[2])
    host = host.removeprefix("[").removesuffix("]")
    if not (_HOST.match(host) or (":" in host and is_address(host))):
        raise UsageError(f"{text!r} is not a mail server: write smtp.example.org, or smtp.example.org:587")
    return Server(host, port)


def web_address(text: str) -> str:
    """Check a webhook's address. Raises UsageError that does not repeat it: it is a secret."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    is_whole = text.isascii() and text.isprintable() and " " not in text and len(text) <= _LONGEST_URL
    if not (is_whole and host and parts.scheme in ("http", "https")) or port == 0:
        raise UsageError("what is given as the webhook's address is none: it begins with https://")
    if parts.username is not None or parts.password is not None:
        raise UsageError("the webhook's address must not hold a user name or a password")
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError("the webhook's address must begin with https://: what it is told is not for all")
    return text


def is_loopback(host: str) -> bool:
    """Whether nothing leaves this machine on the way there."""
    return host.lower() == "localhost" or (is_address(host) and ip_address(host).is_loopback)
