"""The monitor's certificate: one's own, or one made for it and kept, so that a phone has to trust it once."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from migrator.core.errors import UsageError
from migrator.core.settings_monitor import MonitorSettings
from migrator.jobs.home import keep_private
from migrator.jobs.own_certificate import own_certificate
from migrator.jobs.secrets import passphrase_of

FOLDER = "monitor-tls"
_FILE = "certificate.pem"
_LASTS = timedelta(days=365)
_RENEWED_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Secured:
    """How to speak TLS; `fingerprint` is the certificate's SHA-256, as browsers show it."""

    context: ssl.SSLContext
    fingerprint: str


def secured(
    settings: MonitorSettings, home: Path, names: Sequence[str], warn: Callable[[str], None]
) -> Secured | None:
    """What the settings ask for; None where that is no TLS. Raises UsageError."""
    if settings.monitor_key and not settings.monitor_cert:
        raise UsageError("--monitor-key is the key of a certificate: name that too (--monitor-cert)")
    if not (settings.monitor_tls or settings.monitor_cert):
        return None
    if settings.monitor_cert:
        key = settings.monitor_key or settings.monitor_cert
        return _of_files(Path(settings.monitor_cert), Path(key), warn)
    file = home / FOLDER / _FILE
    made = _kept(file, names) or _made(file, names)
    return _of_files(made, made, warn)


def _of_files(cert: Path, key: Path, warn: Callable[[str], None]) -> Secured:
    text = _read(cert, "the monitor's certificate")
    key_text = _read(key, "the monitor's key")
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    if begin not in text:
        raise UsageError(f"the monitor's certificate {cert} is not in PEM form")
    if "PRIVATE KEY-----" not in key_text:
        raise UsageError(f"{key} holds no key in PEM form; name the key's file (--monitor-key)")
    is_encrypted = "ENCRYPTED" in key_text
    passphrase = passphrase_of(str(key)).read("", warn) if is_encrypted else ""
    if is_encrypted and not passphrase:
        raise UsageError(
            f"the key {key} is encrypted, and no passphrase for it was found: set "
            "DICOM_MIGRATOR_KEY_PASSPHRASE, or store it in the system's keyring"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # A function, or OpenSSL would ask at the terminal.
        context.load_cert_chain(cert, key, password=lambda: passphrase)
        first = text[text.index(begin) : text.index(end) + len(end)]
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest().upper()
    except (OSError, ValueError) as error:
        what = "the passphrase does not open the key" if is_encrypted else "they do not fit together"
        raise UsageError(f"the monitor's certificate {cert} and key {key} cannot be used: {what}") from error
    return Secured(context, ":".join(digest[at : at + 2] for at in range(0, len(digest), 2)))


def _read(file: Path, what: str) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or "not a path"
        raise UsageError(f"{what} {file} cannot be read: {words}") from error


def _kept(file: Path, names: Sequence[str]) -> Path | None:
    """The one made before, if it is good for these names and for some while yet."""
    try:
        from cryptography import x509

        cert = x509.load_pem_x509_certificate(file.read_bytes())
        alternative = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception:  # noqa: BLE001 - none, or a damaged one: whatever it is read as, another is made
        return None
    known = {str(one.value) for one in alternative}
    # IPv6 addresses that are changed every day, for privacy, would make every day's certificate another one.
    lasting = {one for one in names if ":" not in one} or set(names)
    ends = cert.not_valid_after_utc - _RENEWED_BEFORE
    is_good = cert.not_valid_before_utc <= datetime.now(timezone.utc) < ends and lasting <= known
    return file if is_good else None


def _made(file: Path, names: Sequence[str]) -> Path:
    """Make one for these names. Raises UsageError."""
    try:
        cert, key = own_certificate("DICOM PACS Migrator monitor", names, _LASTS)
    except ImportError as error:
        raise UsageError(
            "no certificate can be made on this system: name one of your own (--monitor-cert)"
        ) from error
    keep_private(file, cert + key)
    return file
