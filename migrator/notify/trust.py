"""Whom to trust on the way to a mail server or a web address."""

from __future__ import annotations

import ssl

from migrator.core.errors import UsageError


def trust(ca: str, option: str) -> ssl.SSLContext:
    """A context that checks certificates and names: by the authorities of the file `ca`, else the system's.

    Raises UsageError, naming the file and its `option`, where it cannot be used.
    """
    if not ca:
        # The system's own store, also where OpenSSL does not find it (macOS, Windows).
        import httpx2

        context = httpx2.create_ssl_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # What the file names is trusted by itself, be it a root or the server's very own.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(ca)
    except ssl.SSLError:
        raise UsageError(f"{option} {ca} holds no certificates in PEM form") from None
    except OSError as error:
        raise UsageError(f"{option} {ca} cannot be read: {error.strerror}") from error
    return context


def distrust_words(error: ssl.SSLError, option: str) -> str:
    """Why no secure connection came about, in words, with what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message} ({option} names who to trust)"
    reason = (error.reason or "").replace("_", " ").lower()
    return f"no secure connection ({reason})" if reason else "no secure connection"
