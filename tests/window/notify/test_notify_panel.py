"""The notifications' group of settings, and its secrets."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from pytestqt.qtbot import QtBot

from migrator.core.settings_notify import NotifySettings
from migrator.jobs.secrets import EMAIL_PASSWORD, SERVICE, WEBHOOK_URL
from migrator.ui.configuration import Destination
from migrator.ui.desk import Desk
from migrator.ui.pages.configuration.notify_panel import NotifyPanel
from migrator.ui.pages.configuration.notify_secret import SecretLine
from migrator.ui.pages.configuration.options import OptionsPanel
from migrator.ui.pages.configuration.page import ConfigurationPage
from migrator.ui.widgets.fields_editors import LinesEditor, TicksEditor
from tests.tls.test_secrets import MemoryKeyring

MAILING = {
    "email_to": ("team@example.org",),
    "email_from": "migrator@example.org",
    "email_server": "smtp.example.org",
}


def notify_of(desk: Desk) -> NotifySettings:
    return desk.configuration.settings.notify


def configure(desk: Desk, **values: object) -> None:
    notify = NotifySettings.model_validate(values)
    desk.update(settings=desk.configuration.settings.model_copy(update={"notify": notify}))


def recipients(panel: NotifyPanel) -> LinesEditor:
    editor = panel.email.fields["email_to"].editor
    assert isinstance(editor, LinesEditor)
    return editor


def ticks(panel: NotifyPanel) -> TicksEditor:
    editor = panel.occasions.fields["notify_on"].editor
    assert isinstance(editor, TicksEditor)
    return editor


def test_recipients_are_taken_with_commas_semicolons_and_line_by_line(panel: NotifyPanel, desk: Desk) -> None:
    recipients(panel).text.setPlainText("a@example.org, b@example.org;c@example.org\n\n d@example.org ,")
    assert notify_of(desk).email_to == ("a@example.org", "b@example.org", "c@example.org", "d@example.org")
    recipients(panel).text.setPlainText("a@example.org, nobody")
    assert panel.email.errors["email_to"].startswith("'nobody' is not a mail address")
    assert len(notify_of(desk).email_to) == 4


def test_all_occasions_are_ticked_until_some_are_not_and_one_there_must_be(
    panel: NotifyPanel, desk: Desk
) -> None:
    boxes = ticks(panel).boxes
    assert all(box.isChecked() for box in boxes.values())
    boxes["breaker"].click()
    assert notify_of(desk).notify_on == ("completion", "failure", "disk")
    assert not panel.limits.fields["notify_breaker"].isEnabled()
    assert panel.limits.fields["notify_disk"].isEnabled()
    boxes["breaker"].click()
    assert notify_of(desk).notify_on == ()
    for box in boxes.values():
        box.click()
    assert panel.occasions.errors == {"notify_on": "Choose at least one"}
    assert notify_of(desk).notify_on == ("disk",)
    configure(desk, notify_on=("failure",))
    assert [name for name, box in boxes.items() if box.isChecked()] == ["failure"]


def test_what_an_email_lacks_is_told_by_the_fields_titles_and_asked_for(
    qtbot: QtBot, desk: Desk, tmp_path: Path, ring: MemoryKeyring
) -> None:
    page = ConfigurationPage(desk)
    qtbot.addWidget(page)
    desk.update(source=str(tmp_path), destinations=(Destination(host="pacs"),))
    configure(desk, email_to=("team@example.org",), email_server="smtp.example.org")
    qtbot.waitUntil(lambda: page.summary.text == "Still needed: E-mail to complete")
    panel = page.options.panels["Notifications"]
    assert isinstance(panel, NotifyPanel)
    assert panel.email_fault.text().endswith("“Sender” is missing")
    assert "--" not in panel.email_fault.text()
    page.resize(800, 600)
    page.show()
    page.summary._links[0].click()
    qtbot.waitUntil(panel.email.fields["email_from"].editor.inner.hasFocus)
    configure(desk, **MAILING)
    qtbot.waitUntil(lambda: not page.options.faults)
    assert panel.email_fault.isHidden()
    # A password would go over the network for all to read.
    configure(desk, **MAILING, email_user="migrator", email_security="none")
    qtbot.waitUntil(lambda: "unencrypted" in panel.email_fault.text())


def test_what_is_off_needs_nothing(panel: NotifyPanel, options: OptionsPanel) -> None:
    assert not panel.address.isEnabled()
    assert not panel.password.isEnabled()
    assert not panel.webhook_test.button.isEnabled()
    assert not panel.email_test.button.isEnabled()
    assert not panel.webhook.fields["webhook_file"].isEnabled()
    assert options.faults == {}


def everything_under(folder: Path) -> bytes:
    found = [Path(where) / name for where, _, names in os.walk(folder) for name in names]
    return b"".join(one.read_bytes() for one in found) + "".join(map(str, found)).encode()


@pytest.mark.parametrize("kind", ["password", "address"])
def test_a_secret_goes_to_the_keyring_is_never_shown_again_and_lands_nowhere_else(
    qtbot: QtBot, options: OptionsPanel, desk: Desk, ring: MemoryKeyring, kind: str
) -> None:
    panel = options.panels["Notifications"]
    assert isinstance(panel, NotifyPanel)
    configure(desk, **MAILING, email_user="migrator", webhook="slack")
    line: SecretLine = getattr(panel, kind)
    secret, setting = {
        "password": (EMAIL_PASSWORD, "email_password_file"),
        "address": (WEBHOOK_URL, "webhook_file"),
    }[kind]
    qtbot.waitUntil(lambda: setting in options.faults)
    assert options.focus(setting) is line
    qtbot.waitUntil(line.line.hasFocus)
    qtbot.keyClicks(line.line, "https://hooks.invalid/sesame")
    assert "Not kept yet" in line.note.text()
    line.keep.click()
    qtbot.waitUntil(lambda: "it is not shown again" in line.note.text())
    assert ring.kept == {(SERVICE, secret.user): "https://hooks.invalid/sesame"}
    assert line.line.text() == ""
    assert line.typed is None
    assert setting not in options.faults
    desk.save()
    assert b"sesame" not in everything_under(desk.home)
    assert not any("sesame" in one.text for one in desk.log.lines)
    line.forget.click()
    qtbot.waitUntil(lambda: setting in options.faults)
    assert ring.kept == {}


def test_a_file_and_the_environment_go_before_the_keyring_and_are_named(
    qtbot: QtBot, options: OptionsPanel, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = options.panels["Notifications"]
    assert isinstance(panel, NotifyPanel)
    configure(desk, webhook="json")
    qtbot.waitUntil(lambda: "None is kept yet" in panel.address.note.text())
    configure(desk, webhook="json", webhook_file="/secret/address")
    assert "file that is named above is used" in panel.address.note.text()
    assert not options.faults
    monkeypatch.setenv("DICOM_MIGRATOR_WEBHOOK_URL", "https://hooks.invalid/")
    configure(desk, webhook="json")
    assert "of the environment is used" in panel.address.note.text()
    assert not options.faults


def test_a_system_without_a_keyring_asks_for_a_file(
    qtbot: QtBot, desk: Desk, use_keyring: Callable[[KeyringBackend], None]
) -> None:
    use_keyring(NoKeyring())
    options = OptionsPanel(desk)
    qtbot.addWidget(options)
    options.open("Notifications")
    options.show()
    configure(desk, webhook="teams")
    panel = options.panels["Notifications"]
    assert isinstance(panel, NotifyPanel)
    qtbot.waitUntil(lambda: "no keyring: name a file" in panel.address.note.text())
    assert not panel.address.line.isEnabled()
    options.focus("webhook_file")
    qtbot.waitUntil(panel.webhook.fields["webhook_file"].editor.inner.hasFocus)


def test_paths_in_notifications_are_warned_of(panel: NotifyPanel, desk: Desk) -> None:
    assert panel.warning.isHidden()
    configure(desk, notify_details=True)
    assert not panel.warning.isHidden()
    assert "may name patients" in panel.warning.text()


def test_a_keyring_that_does_not_take_a_secret_is_told_without_the_secret(
    qtbot: QtBot, panel: NotifyPanel, desk: Desk, ring: MemoryKeyring
) -> None:
    configure(desk, webhook="teams")
    line = panel.address
    qtbot.waitUntil(line.line.isEnabled)
    line.line.setText("https://hooks.invalid/sesame")
    ring.breaks = RuntimeError("it cannot keep https://hooks.invalid/sesame")
    line.keep.click()
    qtbot.waitUntil(lambda: "cannot keep the webhook address" in line.note.text())
    assert "sesame" not in line.note.text()
    assert line.typed == "https://hooks.invalid/sesame", "what was written is not lost"
    assert line.keep.isEnabled()
