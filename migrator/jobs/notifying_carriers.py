"""Who carries notifications, as the settings say; what is wrong with them shows before a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from migrator.core.errors import UsageError
from migrator.core.settings_notify import NotifySettings
from migrator.jobs.secrets import EMAIL_PASSWORD, WEBHOOK_URL, Secret
from migrator.notify.delivery import Carrier
from migrator.notify.places import is_loopback, mail_address, mail_server, web_address

Kind = Literal["email", "webhook"]
Warn = Callable[[str], None]


def wants_email(settings: NotifySettings) -> bool:
    """Whether somebody is to be told by e-mail."""
    return bool(settings.email_to or settings.email_server)


def wants_webhook(settings: NotifySettings) -> bool:
    """Whether a web address is to be told."""
    return settings.webhook != "off"


def carriers_of(settings: NotifySettings, warn: Warn) -> list[Carrier]:
    """All that the settings name; none where nobody is to be told.

    Raises UsageError where one lacks something; `warn` hears of secrets that others can read.
    """
    found: list[Carrier] = []
    if wants_email(settings):
        found.append(mail_carrier(settings, None, warn))
    if wants_webhook(settings):
        found.append(web_carrier(settings, None, warn))
    return found


def mail_carrier(settings: NotifySettings, password: str | None, warn: Warn) -> Carrier:
    """To the mail server; `password` goes before the one that is kept. Raises UsageError."""
    for option, value in (
        ("--email-to", settings.email_to),
        ("--email-from", settings.email_from),
        ("--email-server", settings.email_server),
    ):
        if not value:
            raise UsageError(f"e-mail needs --email-to, --email-from and --email-server: {option} is missing")
    for address in (*settings.email_to, settings.email_from):
        mail_address(address)
    server = mail_server(settings.email_server, settings.email_security)
    is_open = settings.email_security == "none"
    if settings.email_user and is_open and not is_loopback(server.host):
        raise UsageError(
            "--email-user: with --email-security none the password would go over the network unencrypted, "
            "which is not done; use starttls or tls"
        )
    if settings.email_user and password is None:
        password = _secret(EMAIL_PASSWORD, settings.email_password_file, warn, "--email-user needs it")
    # Imported only here: most runs tell nobody.
    from migrator.notify.smtp import MailCarrier
    from migrator.notify.trust import trust

    return MailCarrier(
        server,
        settings.email_security,
        settings.email_from,
        tuple(dict.fromkeys(settings.email_to)),
        settings.email_user,
        password or "",
        None if is_open else trust(settings.email_ca, "--email-ca"),
    )


def web_carrier(settings: NotifySettings, address: str | None, warn: Warn) -> Carrier:
    """To the webhook; `address` goes before the one that is kept. Raises UsageError."""
    if not wants_webhook(settings):
        raise UsageError("no webhook is set: --webhook json, slack or teams")
    if address is None:
        address = _secret(WEBHOOK_URL, settings.webhook_file, warn, "--webhook needs it")
    web_address(address)
    from migrator.notify.trust import trust
    from migrator.notify.webhook import WebhookCarrier

    return WebhookCarrier(address, settings.webhook, trust(settings.webhook_ca, "--webhook-ca"))


def _secret(secret: Secret, file: str, warn: Warn, why: str) -> str:
    """Raises UsageError where there is none."""
    found = secret.read(file, warn)
    if found:
        return found
    option = "--email-password-file" if secret is EMAIL_PASSWORD else "--webhook-file"
    command = "notify password" if secret is EMAIL_PASSWORD else "notify address"
    raise UsageError(
        f"no {secret.words} was found, and {why}: name a file by {option}, set {secret.variable}, or keep it "
        f"in the system's keyring by `{command}`"
    )
