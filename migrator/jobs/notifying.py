"""When people are told how a run goes, and by whom; a run never waits for that, nor fails by it."""

from __future__ import annotations

import time

from migrator.core.settings_notify import NotifySettings
from migrator.jobs.notifying_carriers import Kind as Kind  # the faces' too
from migrator.jobs.notifying_carriers import Warn, mail_carrier, web_carrier
from migrator.notify.message import Message


def test(
    settings: NotifySettings, kind: Kind, secret: str | None = None, warn: Warn = lambda words: None
) -> str:
    """Tell people now, once, that notifications arrive, and return what became of that, in words.

    `secret` is the password (email) or the address (webhook) to use; None for the one that is kept. It waits
    for the other side, some ten seconds at most for each of its answers. Raises UsageError where a setting
    or the secret is missing or wrong, and NotDelivered, both with words that help.
    """
    make = mail_carrier if kind == "email" else web_carrier
    carrier = make(settings, secret, warn)
    carrier.attempt_for(
        Message(
            "test",
            time.time(),
            "Test: notifications of DICOM PACS Migrator arrive",
            "This is how you will be told of a migration. Nothing was migrated.",
        )
    )()
    if kind == "email":
        return f"{carrier.place} took the e-mail to {', '.join(settings.email_to)}"
    return f"{carrier.place} took the message"
