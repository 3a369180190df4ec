"""The notifications' settings: by e-mail, by webhook, and of what; each way with its secret and a test."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QWidget

from migrator.core.errors import MigratorError, UsageError
from migrator.core.settings_notify import NotifySettings
from migrator.jobs.notifying import Kind, test
from migrator.jobs.notifying_carriers import mail_carrier, wants_email
from migrator.jobs.secrets import EMAIL_PASSWORD, WEBHOOK_URL
from migrator.jobs.settings_check import CHECKS
from migrator.ui.desk import Desk
from migrator.ui.pages.configuration.notify_secret import SecretLine
from migrator.ui.pages.configuration.notify_test import TestRow
from migrator.ui.pages.configuration.options_check import GroupCheck
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import column, label
from migrator.ui.widgets.fields import SettingsForm
from migrator.ui.widgets.fields_words import in_titles, sentence

_EMAIL = (
    "email_to",
    "email_from",
    "email_server",
    "email_security",
    "email_ca",
    "email_user",
    "email_password_file",
)
_WEBHOOK = ("webhook", "webhook_file", "webhook_ca")
_LIMITS = ("notify_breaker", "notify_disk", "notify_details")
_OCCASION_OF = {"notify_breaker": "breaker", "notify_disk": "disk"}
_NAMES_PATIENTS = (
    "Paths are told to everybody who is notified, the source's folder too. They may name patients."
)


class NotifyPanel(QWidget):
    """Four forms of one group, two secrets, two tests."""

    judged = pyqtSignal()
    """`faults` may be others now."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.email = SettingsForm(NotifySettings, _EMAIL, CHECKS)
        self.webhook = SettingsForm(NotifySettings, _WEBHOOK, CHECKS)
        self.occasions = SettingsForm(NotifySettings, ("notify_on",), CHECKS)
        self.limits = SettingsForm(NotifySettings, _LIMITS, CHECKS)
        self.forms = (self.email, self.webhook, self.occasions, self.limits)
        self.password = SecretLine(desk, EMAIL_PASSWORD, "Of the user name, at the mail server")
        self.address = SecretLine(desk, WEBHOOK_URL, "https://…")
        self._secrets = {self.password: "email_password_file", self.address: "webhook_file"}
        self.email_test = TestRow(desk, "Send a test e-mail", "email-fast-outline")
        self.webhook_test = TestRow(desk, "Send a test to the webhook", "webhook")
        self.email_fault = label("", "error", wraps=True)
        self.check = GroupCheck(desk, self._mail, "email_to")
        self.warning = label(_NAMES_PATIENTS, "warning", wraps=True)
        self._arrange()
        self._connect()
        self._show()

    def _arrange(self) -> None:
        parts = (
            label("By e-mail", "title"),
            self.email,
            self.email_fault,
            self.password,
            self.email_test,
            tokens.SMALL,
            label("By webhook", "title"),
            self.webhook,
            self.address,
            self.webhook_test,
            tokens.SMALL,
            label("Of what", "title"),
            self.occasions,
            self.limits,
            self.warning,
        )
        self.setLayout(column(*parts, spacing=tokens.MEDIUM))

    @property
    def faults(self) -> dict[str, str]:
        """What a run would refuse though each field is right by itself: what mends it, and its title."""
        found = {self.check.setting: "E-mail to complete"} if self.check.words else {}
        for secret, name in self._secrets.items():
            if secret.isEnabled() and secret.is_missing:
                found[name] = sentence(secret.words)
        return found

    def focus_on(self, name: str) -> QWidget | None:
        """Bring what stands beside the forms to attention, by its name in `faults`; None where none does."""
        for secret, named in self._secrets.items():
            if named == name and secret.line.isEnabled():
                secret.line.setFocus(Qt.FocusReason.OtherFocusReason)
                return secret
        return None

    def _connect(self) -> None:
        for form in self.forms:
            form.judged.connect(self._show)
        for form, secret, tried in (
            (self.email, self.password, self.email_test),
            (self.webhook, self.address, self.webhook_test),
        ):
            form.changed.connect(lambda _, tried=tried: tried.forget())
            secret.changed.connect(tried.forget)
            secret.changed.connect(self.judged)
        self.email.judged.connect(self.check.soon)
        self.check.told.connect(self._tell)
        self._tell()
        self.email_test.wanted.connect(lambda: self._test(self.email_test, "email"))
        self.webhook_test.wanted.connect(lambda: self._test(self.webhook_test, "webhook"))

    def _show(self) -> None:
        """Enable what means something."""
        email, webhook = self.email.values, self.webhook.values
        is_hooked = webhook["webhook"] != "off"
        for name, field in self.webhook.fields.items():
            field.setEnabled(is_hooked or name == "webhook")
        self.address.setEnabled(is_hooked)
        self.webhook_test.button.setEnabled(is_hooked)
        self.password.setEnabled(bool(email["email_user"]))
        self.email.fields["email_password_file"].setEnabled(bool(email["email_user"]))
        self.email_test.button.setEnabled(bool(email["email_to"] or email["email_server"]))
        self.password.use_file(email["email_password_file"])
        self.address.use_file(webhook["webhook_file"])
        on = self.occasions.values["notify_on"]
        for name, occasion in _OCCASION_OF.items():
            self.limits.fields[name].setEnabled(not on or occasion in on)
        self.warning.setVisible(bool(self.limits.values["notify_details"]))

    # What a run would say

    @property
    def _settings(self) -> NotifySettings:
        return self._desk.configuration.settings.notify

    def _mail(self) -> Callable[[], object] | None:
        """What sees whether e-mails could be sent, as far as that can be told without a password."""
        settings = self._settings
        if not wants_email(settings):
            return None
        return lambda: mail_carrier(settings, "", lambda words: None)

    def _tell(self) -> None:
        self.email_fault.setText(self.check.words)
        self.email_fault.setVisible(bool(self.check.words))
        self.judged.emit()

    def _test(self, row: TestRow, kind: Kind) -> None:
        settings, warnings = self._settings, list[str]()
        is_email = kind == "email"
        line = self.password if is_email else self.address
        secret = line.typed
        if secret is None and line.isEnabled() and line.is_missing:
            row.say(f"Write the {line.words} first", "error")
            return
        if (self.email if is_email else self.webhook).errors:
            row.say("Correct the marked fields first", "error")
            return

        def work() -> str:
            try:
                words = test(settings, kind, secret, warnings.append)
            except MigratorError as error:
                raise UsageError(in_titles(str(error))) from None
            return ". ".join([words, *map(sentence, warnings)])

        row.begin(work)
