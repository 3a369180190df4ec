"""Certificates made while the test runs, and peers that show them."""

from __future__ import annotations

import datetime
import itertools
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from trustme import KeyType

from migrator.core.model import Node, Tls
from tests.association.scripted import Conversation, Script
from tests.peers import Orthanc, Storescp

PASSPHRASE = "correct horse"
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """The files of a certificate and of its key."""

    cert: str
    key: str


class Authority:
    """An authority of the test's own, with its files in a folder."""

    def __init__(self, folder: Path, kind: KeyType = KeyType.ECDSA) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._kind = kind
        self._ca = trustme.CA(key_type=kind)
        self._numbers = itertools.count(1)
        self.file = str(folder / "ca.pem")
        self._ca.cert_pem.write_to_path(self.file)

    def issue(self, name: str = "127.0.0.1", *, is_expired: bool = False) -> Pair:
        """A certificate for a host; an expired one ended yesterday.

        In files of its own each time: a storescp listens before it has read its key.
        """
        now = datetime.datetime.now(datetime.timezone.utc)
        span = {"not_before": now - 9 * _DAY, "not_after": now - _DAY} if is_expired else {}
        leaf = self._ca.issue_cert(name, key_type=self._kind, **span)  # type: ignore[arg-type]
        return self._write(
            f"{name}-{next(self._numbers)}", leaf.cert_chain_pems[0].bytes(), leaf.private_key_pem.bytes()
        )

    def _write(self, name: str, cert: bytes, key: bytes) -> Pair:
        pair = Pair(str(self._folder / f"{name}.cert.pem"), str(self._folder / f"{name}.key.pem"))
        Path(pair.cert).write_bytes(cert)
        Path(pair.key).write_bytes(key)
        return pair


def self_signed(folder: Path) -> Pair:
    """A certificate for 127.0.0.1 that vouches for itself, as devices make them."""
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a device")])
    now = datetime.datetime.now(datetime.timezone.utc)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    pair = Pair(str(folder / "self.cert.pem"), str(folder / "self.key.pem"))
    Path(pair.cert).write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    Path(pair.key).write_bytes(_pem(key, serialization.NoEncryption()))
    return pair


def encrypted(pair: Pair) -> Pair:
    """The same pair with its key under PASSPHRASE."""
    key = serialization.load_pem_private_key(Path(pair.key).read_bytes(), None)
    file = pair.key + ".encrypted"
    Path(file).write_bytes(_pem(key, serialization.BestAvailableEncryption(PASSPHRASE.encode())))
    return replace(pair, key=file)


def _pem(key: Any, encryption: serialization.KeySerializationEncryption) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return bytes(key.private_bytes(serialization.Encoding.PEM, form, encryption))


def storescp_options(pair: Pair, ca: str | None = None) -> list[str]:
    """For DCMTK: with `ca` it asks for a certificate of that authority."""
    return ["+tls", pair.key, pair.cert, *(["-rc", "+cf", ca] if ca else ["-ic"])]


def orthanc_settings(pair: Pair, ca: str, *, is_mutual: bool) -> dict[str, Any]:
    return {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": pair.cert,
        "DicomTlsPrivateKey": pair.key,
        "DicomTlsTrustedCertificates": ca,
        "DicomTlsRemoteCertificateRequired": is_mutual,
    }


def over_tls(peer: Storescp | Orthanc, tls: Tls) -> Node:
    """The peer's node, to be spoken to in TLS."""
    return replace(peer.node, tls=tls)


def server_context(pair: Pair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    return context


def in_tls(context: ssl.SSLContext, script: Callable[[Conversation], object]) -> Script:
    """The script, behind a TLS handshake of the peer's side."""

    def wrapped(conversation: Conversation) -> object:
        with context.wrap_socket(conversation.socket, server_side=True) as secure:
            return script(Conversation(secure))

    return wrapped
