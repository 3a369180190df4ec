"""The nodes that people name: as they are written, and how they are spoken to."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from migrator.core.errors import UsageError
from migrator.core.model import Node, Tls
from migrator.core.settings import TlsSettings
from migrator.dicom.tls import context_of, needs_passphrase
from migrator.jobs.secrets import passphrase_of

CALLING_AE_TITLE = "DICOM_MIGRATOR"
AE_TITLE_RULE = "1 to 16 printable ASCII characters without a backslash"

_NODE = re.compile(r"^(?:(?P<ae>[^@]*)@)?(?P<host>\[[^\]]+\]|[^:@\[\]]+)(?::(?P<port>[0-9]{1,9}))?$")
_NEED_TLS = ("ca", "cert", "key", "key_passphrase_file")


def parse_node(text: str, calling_ae_title: str = CALLING_AE_TITLE) -> Node:
    """Read `AETITLE@host:port`, `host:port` or `host`. Raises UsageError with what is wrong."""
    match = _NODE.match(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a destination; write AETITLE@host:port, host:port or host")
    ae_title = "ANY-SCP" if match["ae"] is None else match["ae"].strip()
    port = int(match["port"] or 104)
    if not 1 <= port <= 65535:
        raise UsageError(f"{text!r}: the port must be between 1 and 65535")
    for title in (ae_title, calling_ae_title):
        check_ae_title(title)
    return Node(match["host"].strip("[]").lower(), port, ae_title, calling_ae_title)


def check_ae_title(title: str) -> None:
    """Check an AE title (PS3.5 6.2, VR AE): 1 to 16 printable characters, no backslash."""
    if not title.strip() or len(title) > 16 or "\\" in title or not (title.isascii() and title.isprintable()):
        raise UsageError(f"{title!r} is not an AE title: {AE_TITLE_RULE}")


def node_of(node: Node, settings: TlsSettings, warn: Callable[[str], None] = lambda words: None) -> Node:
    """The node as these settings say that it is to be spoken to: with TLS, or as it is.

    The files are read here, so that what is wrong with them shows before a run. Raises UsageError; `warn`
    is told of a passphrase that others can read.
    """
    if not settings.tls:
        _check_unused(settings)
        return node
    tls = Tls(settings.ca, settings.cert, settings.key, checks_host=settings.check_host)
    if needs_passphrase(tls):
        passphrase = passphrase_of(tls.key or tls.cert).read(settings.key_passphrase_file, warn)
        tls = replace(tls, key_passphrase=passphrase)
    context_of(tls)
    return replace(node, tls=tls)


def _check_unused(settings: TlsSettings) -> None:
    """Nobody who names certificates shall find that nothing was encrypted."""
    if "tls" in settings.model_fields_set:
        return
    for name in _NEED_TLS:
        if getattr(settings, name):
            raise UsageError(f"--{name.replace('_', '-')} means nothing without --tls")
