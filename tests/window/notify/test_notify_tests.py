"""The Test buttons, with real servers at the other end."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from migrator.ui.desk import Desk
from migrator.ui.pages.configuration.notify_panel import NotifyPanel
from tests.tls.test_secrets import MemoryKeyring
from tests.window.notify.test_notify_panel import MAILING, configure, everything_under

pytest.importorskip("aiosmtpd")
pytest.importorskip("trustme")

from tests.notify.servers import PASSWORD, Answer, Habits, MailServer, SilentServer, WebServer


def test_a_test_email_is_sent_with_what_stands_in_the_fields_and_its_fate_is_told(
    qtbot: QtBot, panel: NotifyPanel, desk: Desk, ring: MemoryKeyring
) -> None:
    with MailServer(Habits(takes_logins=True)) as server:
        values = {**MAILING, "email_server": f"127.0.0.1:{server.port}", "email_security": "none"}
        configure(desk, **values, email_user="migrator")
        qtbot.waitUntil(lambda: panel.password.is_missing)
        row = panel.email_test
        row.button.click()
        assert row.words.text() == "Write the e-mail password first"
        panel.password.line.setText("wrong")
        row.button.click()
        assert row.is_busy
        assert row.button.text() == "Stop waiting"
        qtbot.waitUntil(lambda: row.words.property("role") == "error")
        assert not row.is_busy
        assert server.logins and not any(server.logins)
        panel.password.line.setText(PASSWORD)  # not kept: a test takes what was written
        assert row.words.text() == "", "the answer was of another password"
        row.button.click()
        qtbot.waitUntil(lambda: row.words.property("role") == "good")
        assert "took the e-mail to team@example.org" in row.words.text()
        (mail,) = server.wait_for(1)
        assert mail["To"] == "team@example.org"
    desk.save()
    assert PASSWORD.encode() not in everything_under(desk.home)
    assert ring.kept == {}


def test_a_test_of_the_webhook_says_what_came_of_it_and_never_its_address(
    qtbot: QtBot, panel: NotifyPanel, desk: Desk, ring: MemoryKeyring
) -> None:
    with WebServer(None, Answer(404), Answer(200)) as server:
        configure(desk, webhook="slack")
        qtbot.waitUntil(lambda: panel.address.line.isEnabled())
        panel.address.line.setText(f"http://127.0.0.1:{server.port}/sesame")
        row = panel.webhook_test
        row.button.click()
        qtbot.waitUntil(lambda: row.words.property("role") == "error")
        assert "404" in row.words.text()
        row.button.click()
        qtbot.waitUntil(lambda: row.words.property("role") == "good")
        assert server.paths == ["/sesame", "/sesame"]
        assert "text" in server.bodies[-1]
        assert "sesame" not in row.words.text()
    assert not any("sesame" in one.text for one in desk.log.lines)


def test_a_test_that_is_not_answered_can_be_left(qtbot: QtBot, panel: NotifyPanel, desk: Desk) -> None:
    with SilentServer() as server:
        configure(desk, **{**MAILING, "email_server": f"127.0.0.1:{server.port}", "email_security": "none"})
        row = panel.email_test
        row.button.click()
        assert row.words.text() == "Sending…"
        row.button.click()
        assert not row.is_busy
        assert row.button.text() == "Send a test e-mail"
        assert row.words.text().startswith("Stopped waiting")


def test_fields_that_are_wrong_are_not_tested(panel: NotifyPanel, desk: Desk) -> None:
    configure(desk, **MAILING)
    panel.email.fields["email_server"].editor.show_value("a b")
    panel.email_test.button.click()
    assert panel.email_test.words.text() == "Correct the marked fields first"
