"""How we speak TLS: the BCP 195 profile (PS3.15 B.12, RFC 9325), and what refusals mean in words."""

from __future__ import annotations

import functools
import os
import ssl
from pathlib import Path

from migrator.core.errors import DestinationError, TlsRefused, Unreachable, UsageError
from migrator.core.model import Node, Tls

# RFC 9325 4.2 for TLS 1.2: forward secrecy with AES-GCM alone. Those of TLS 1.3 are all of that kind.
_CIPHERS = ":".join(
    f"{exchange}-AES{size}-GCM-SHA{digest}"
    for exchange in ("ECDHE-ECDSA", "ECDHE-RSA", "DHE-RSA")
    for size, digest in ((128, 256), (256, 384))
)

_MOST_PASSPHRASE = 1024  # bytes, OpenSSL's limit
_IS_ENCRYPTED = (b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED")


def context_of(tls: Tls) -> ssl.SSLContext:
    """The context for connections to peers, made once for these files as they are now.

    Raises UsageError, naming the file, where one is missing or is not what it should be.
    """
    return _context(tls, tuple(_stamp(file) for file in (tls.ca, tls.cert, tls.key)))


def listening_context_of(tls: Tls) -> ssl.SSLContext:
    """The context for connections that peers open to us, made once for these files as they are now.

    With a CA file, peers must show a certificate that it vouches for; their names are not checked, for they
    may come from any address. Raises UsageError, also without a certificate of ours: nobody can be served
    without one.
    """
    return _listening_context(tls, tuple(_stamp(file) for file in (tls.ca, tls.cert, tls.key)))


def needs_passphrase(tls: Tls) -> bool:
    """Whether our own key is encrypted. Raises UsageError where it cannot be read."""
    file = tls.key or tls.cert
    return bool(file) and any(mark in _read(file, "the key") for mark in _IS_ENCRYPTED)


def _stamp(file: str) -> tuple[int, int]:
    """What changes when a certificate is renewed."""
    try:
        found = Path(file).stat() if file else None
    except (OSError, ValueError):
        found = None
    return (found.st_mtime_ns, found.st_size) if found else (0, 0)


@functools.lru_cache(maxsize=16)
def _listening_context(tls: Tls, stamps: tuple[tuple[int, int], ...]) -> ssl.SSLContext:
    if not tls.cert:
        raise UsageError("listening under --tls needs a certificate of our own (--cert, --key)")
    context = _profiled(ssl.PROTOCOL_TLS_SERVER)
    _present(context, tls)
    if tls.ca:
        _trust(context, tls.ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _profiled(protocol: int) -> ssl.SSLContext:
    """A context of the BCP 195 profile, for either side."""
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    # The end of the data is told by DICOM's own lengths, so a peer that just closes harms nothing.
    context.options |= getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0) | ssl.OP_NO_RENEGOTIATION
    # What the CA file names is trusted by itself, be it a root, an intermediate or the peer's very own.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


@functools.lru_cache(maxsize=16)
def _context(tls: Tls, stamps: tuple[tuple[int, int], ...]) -> ssl.SSLContext:
    context = _profiled(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = tls.checks_host
    if tls.ca:
        _trust(context, tls.ca)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if tls.cert:
        _present(context, tls)
    elif tls.key:
        raise UsageError(f"the key {tls.key} needs the certificate that belongs to it (--cert)")
    return context


def _trust(context: ssl.SSLContext, ca: str) -> None:
    _read(ca, "the CA file")
    try:
        context.load_verify_locations(ca)
    except ssl.SSLError as error:
        raise UsageError(f"the CA file {ca} holds no certificate in PEM form") from error


def _present(context: ssl.SSLContext, tls: Tls) -> None:
    """Show our own certificate to peers that ask for it."""
    if b"-----BEGIN CERTIFICATE-----" not in _read(tls.cert, "the certificate"):
        raise UsageError(f"the certificate {tls.cert} is not in PEM form")
    key = tls.key or tls.cert
    if b"PRIVATE KEY-----" not in _read(key, "the key"):
        hint = "is not in PEM form" if tls.key else "holds no key; name the key's file (--key)"
        raise UsageError(f"the {'key' if tls.key else 'certificate'} {key} {hint}")
    is_encrypted = needs_passphrase(tls)
    if is_encrypted and not tls.key_passphrase:
        raise UsageError(
            f"the key {key} is encrypted, and no passphrase for it was found: give --key-passphrase-file, "
            "DICOM_MIGRATOR_KEY_PASSPHRASE, or store it in the system's keyring"
        )
    if len(tls.key_passphrase.encode()) > _MOST_PASSPHRASE:
        raise UsageError(f"the passphrase of the key {key} is longer than {_MOST_PASSPHRASE} bytes")
    try:
        # A function, or OpenSSL would ask at the terminal.
        context.load_cert_chain(tls.cert, key, password=lambda: tls.key_passphrase)
    except ssl.SSLError as error:
        raise UsageError(_key_words(tls.cert, key, is_encrypted, error)) from error


def _key_words(cert: str, key: str, is_encrypted: bool, error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"the key {key} does not belong to the certificate {cert}"
    if error.reason in _WEAK:
        return f"the certificate {cert} is too weak for this system: {error.reason.lower().replace('_', ' ')}"
    if is_encrypted:
        return f"the passphrase does not open the key {key}"
    return f"the certificate {cert} with the key {key} cannot be used: {_reason(error)}"


_WEAK = ("EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK")


def _read(file: str, what: str) -> bytes:
    """A file's bytes. Raises UsageError where it cannot be read."""
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or "not a path"
        raise UsageError(f"{what} {file} cannot be read: {words}") from error


# X509_V_ERR_… of OpenSSL's x509_vfy.h.
_VERIFY_WORDS = {
    9: "its certificate is not valid yet (or this machine's clock is wrong)",
    10: "its certificate has expired (or this machine's clock is wrong)",
    18: "its certificate is self-signed and not among those trusted; --ca names a file with it",
    19: "its certificate comes from an authority that is not trusted; --ca names a file with the authority",
    20: "its certificate comes from an authority that is not trusted; --ca names a file with the authority",
    21: "its certificate comes from an authority that is not trusted; --ca names a file with the authority",
    23: "its certificate was revoked",
    26: "its certificate is not meant for servers",
    66: "its certificate's key is too weak",
    68: "its certificate's signature is too weak",
}
_HOST_MISMATCHES = (62, 64)  # of a name, of an address

# What the peer says about us, by an alert (RFC 8446 6.2); and what makes no TLS at all.
_NO_TLS = "what answers there does not speak TLS; leave --tls out, or ask for its TLS port"
_WANTS_CERTIFICATE = "it asks for a certificate of ours (--cert, --key)"
_REFUSES_OURS = "it does not accept our certificate ({reason})"
_NOTHING_SHARED = "it shares no TLS version (1.2 or later) or cipher of the BCP 195 profile with us"
_REASON_WORDS = {
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "UNEXPECTED_MESSAGE": _NO_TLS,
    "PACKET_LENGTH_TOO_LONG": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "HTTP_REQUEST": _NO_TLS,
    "UNSUPPORTED_PROTOCOL": _NOTHING_SHARED,
    "TLSV1_ALERT_PROTOCOL_VERSION": _NOTHING_SHARED,
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": _NOTHING_SHARED,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": _WANTS_CERTIFICATE,
    "SSLV3_ALERT_NO_CERTIFICATE": _WANTS_CERTIFICATE,
    "SSLV3_ALERT_BAD_CERTIFICATE": _REFUSES_OURS,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": _REFUSES_OURS,
    "SSLV3_ALERT_CERTIFICATE_REVOKED": _REFUSES_OURS,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": _REFUSES_OURS,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _REFUSES_OURS,
    "TLSV1_ALERT_UNKNOWN_CA": _REFUSES_OURS,
    "TLSV1_ALERT_ACCESS_DENIED": _REFUSES_OURS,
    "TLSV1_ALERT_DECRYPT_ERROR": _REFUSES_OURS,
    "TLSV1_UNRECOGNIZED_NAME": "it does not know the host name by which we call it",
    "DH_KEY_TOO_SMALL": "its Diffie-Hellman parameters are too weak",
}
_BROKE = (
    "{where}: the connection broke while TLS was agreed on ({how}); it may not speak TLS on this port, or "
    "ask for a certificate of ours"
)


def failed_handshake(node: Node, error: OSError) -> DestinationError:
    """The error for a handshake that failed: waiting may help only where the connection broke."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsRefused(f"{_where(node)}: {_verify_words(node, error)}")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or not isinstance(error, ssl.SSLError):
        how = "it closed" if isinstance(error, ssl.SSLError) else os.strerror(error.errno or 0).lower()
        return Unreachable(_BROKE.format(where=_where(node), how=how))
    return refusal(node, error)


def refusal(node: Node, error: ssl.SSLError) -> TlsRefused:
    """The error for what OpenSSL or the peer refused, in the handshake or right after it."""
    reason = error.reason or ""
    if reason == "SSLV3_ALERT_HANDSHAKE_FAILURE":
        # Peers of TLS 1.2 say this for want of a shared cipher, and for want of a certificate.
        own = "" if node.tls is not None and node.tls.cert else f", or {_WANTS_CERTIFICATE}"
        return TlsRefused(f"{_where(node)}: {_NOTHING_SHARED}{own}")
    words = _REASON_WORDS.get(reason, f"TLS failed: {_reason(error)}")
    text = f"{_where(node)}: {words.format(reason=_alert(reason))}"
    return TlsRefused(text, speaks_tls=words is not _NO_TLS)


def _verify_words(node: Node, error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in _HOST_MISMATCHES:
        return (
            f"its certificate does not name {node.host}; call it by a name that stands there, or accept that "
            "by --no-check-host"
        )
    known = _VERIFY_WORDS.get(error.verify_code)
    return known or f"its certificate is not trusted: {error.verify_message}"


def _alert(reason: str) -> str:
    """OpenSSL's name of an alert, in words: `SSLV3_ALERT_BAD_CERTIFICATE` is "bad certificate"."""
    return reason.partition("ALERT_")[2].lower().replace("_", " ")


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or "unknown reason").lower().replace("_", " ")


def _where(node: Node) -> str:
    return f"{node.host}:{node.port}"
