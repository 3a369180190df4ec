"""The settings of notifications: who is told by e-mail and webhook, and of what.

No secret is a setting: the mail server's password and the webhook's address come from a file of their own,
the environment or the system's keyring.
"""

from __future__ import annotations

from typing import Annotated, Literal

from migrator.core.settings_base import Duration, Group, setting

Occasion = Literal["completion", "failure", "breaker", "disk"]


class NotifySettings(Group):
    """Who is told how a run goes."""

    email_to: Annotated[tuple[str, ...], setting("tell this address by e-mail", "ADDRESS")] = ()
    email_from: Annotated[str, setting("the sender of these e-mails", "ADDRESS")] = ""
    email_server: Annotated[
        str, setting("the mail server: smtp.example.org, or with its port", "HOST[:PORT]")
    ] = ""
    email_security: Annotated[
        Literal["starttls", "tls", "none"],
        setting("how the way there is encrypted; ports 587, 465 and 25 where none is named"),
    ] = "starttls"
    email_user: Annotated[
        str, setting("the user name to log in with; without one, nobody logs in", "NAME")
    ] = ""
    email_password_file: Annotated[
        str,
        setting("file with the password; else DICOM_MIGRATOR_EMAIL_PASSWORD or the system's keyring", "FILE"),
    ] = ""
    email_ca: Annotated[
        str, setting("PEM file with the authorities to trust there; without one, the system's", "FILE")
    ] = ""
    webhook: Annotated[
        Literal["off", "json", "slack", "teams"],
        setting("POST to a web address: generic JSON, or as Slack or Teams take it"),
    ] = "off"
    webhook_file: Annotated[
        str,
        setting("file with that address; else DICOM_MIGRATOR_WEBHOOK_URL or the system's keyring", "FILE"),
    ] = ""
    webhook_ca: Annotated[
        str, setting("PEM file with the authorities to trust there; without one, the system's", "FILE")
    ] = ""
    notify_on: Annotated[
        tuple[Occasion, ...],
        setting("only on this: completion, failure, breaker or disk (default: all of them)", "WHAT"),
    ] = ()
    notify_breaker: Annotated[
        Duration, setting("tell of a destination that is left alone for so long", "T", ge=0)
    ] = 600.0
    notify_disk: Annotated[
        float, setting("tell when the disk of the data directory has fewer GB (10^9 bytes) free", "GB", ge=0)
    ] = 2.0
    notify_details: Annotated[
        bool, setting("name paths, the source's folder and whole reasons there; they may name patients")
    ] = False
