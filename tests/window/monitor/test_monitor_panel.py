"""The monitor's group of settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt5.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from migrator.core.settings import AuditSettings, Settings
from migrator.core.settings_monitor import MonitorSettings
from migrator.core.settings_notify import NotifySettings
from migrator.jobs.profile import Profile
from migrator.monitor.place import own_addresses
from migrator.ui.configuration import Configuration, Destination
from migrator.ui.desk import Desk
from migrator.ui.pages.configuration.monitor_panel import MonitorPanel
from migrator.ui.pages.configuration.monitor_place import PlaceEditor
from migrator.ui.pages.configuration.options import OptionsPanel
from migrator.ui.pages.configuration.page import ConfigurationPage
from migrator.ui.pages.configuration.profiles_content import made_of, put_into


def monitor_of(desk: Desk) -> MonitorSettings:
    return desk.configuration.settings.monitor


def configure(desk: Desk, **values: object) -> None:
    monitor = MonitorSettings.model_validate(values)
    desk.update(settings=desk.configuration.settings.model_copy(update={"monitor": monitor}))


@pytest.fixture
def options(qtbot: QtBot, desk: Desk) -> OptionsPanel:
    made = OptionsPanel(desk)
    qtbot.addWidget(made)
    return made


@pytest.fixture
def panel(options: OptionsPanel) -> MonitorPanel:
    made = options.panels["Monitor"]
    assert isinstance(made, MonitorPanel)
    return made


def test_a_switch_a_choice_and_a_port_make_the_setting(panel: MonitorPanel, desk: Desk) -> None:
    editor = panel.editor
    editor.box.click()
    assert monitor_of(desk).monitor == "8090"
    editor.port.setText("9000")
    assert monitor_of(desk).monitor == "9000"
    editor.network.click()
    assert monitor_of(desk).monitor == "0.0.0.0:9000"
    editor.offer(["192.0.2.7", "2001:db8::7"])
    editor.host.setCurrentIndex(2)
    assert monitor_of(desk).monitor == "[2001:db8::7]:9000"
    editor.host.setCurrentIndex(1)
    assert monitor_of(desk).monitor == "192.0.2.7:9000"
    editor.alone.click()
    assert monitor_of(desk).monitor == "9000"
    editor.box.click()
    assert monitor_of(desk) == MonitorSettings()


PLACES = {
    "": False,
    "8090": False,
    "127.0.0.1:9000": False,
    "[::1]:9000": False,
    "localhost:9000": False,
    "0.0.0.0:8090": True,
    "192.0.2.7:1234": True,
    "[2001:db8::7]:8090": True,
    "archive.example:8090": True,
}
"""What may be configured, and whether the network can reach it."""


def test_what_is_configured_is_shown_and_stays_what_it_is(panel: MonitorPanel, desk: Desk) -> None:
    for value, is_shared in PLACES.items():
        configure(desk, monitor=value)
        assert panel.editor.box.isChecked() is bool(value)
        assert not value or panel.editor.network.isChecked() is is_shared
        assert panel.editor.raw() == value == monitor_of(desk).monitor


def test_a_wrong_port_is_told_beside_the_field_and_the_last_right_one_counts(
    options: OptionsPanel, panel: MonitorPanel, desk: Desk
) -> None:
    configure(desk, monitor="0.0.0.0:8090")
    for port in ("", "99x", "0", "65536", "9" * 5000):
        panel.editor.port.setText(port)
        assert options.errors == {"monitor": "Write a port: 1 to 65535"}
        assert panel.editor.port.property("invalid") == "true"
        assert monitor_of(desk).monitor == "0.0.0.0:8090"
    panel.editor.port.setText("8091")
    assert not options.errors


def test_the_addresses_of_this_machine_are_offered(
    qtbot: QtBot, options: OptionsPanel, panel: MonitorPanel
) -> None:
    options.open("Monitor")
    options.show()
    host = panel.editor.host
    expected = [f"[{one}]" if ":" in one else one for one in own_addresses()]
    qtbot.waitUntil(lambda: [host.itemData(at) for at in range(host.count())] == ["0.0.0.0", *expected])


def warnings_of(panel: MonitorPanel) -> str:
    return panel.warning.text() if not panel.warning.isHidden() else ""


def test_what_is_given_away_is_said_as_soon_as_it_is_chosen(panel: MonitorPanel, desk: Desk) -> None:
    configure(desk, monitor="8090")
    assert not warnings_of(panel)
    configure(desk, monitor="8090", monitor_details=True)
    assert "may name patients" in warnings_of(panel)
    configure(desk, monitor="0.0.0.0:8090")
    assert "Without TLS" in warnings_of(panel)
    configure(desk, monitor="0.0.0.0:8090", monitor_tls=True)
    assert not warnings_of(panel)
    configure(desk, monitor="0.0.0.0:8090", monitor_cert="/cert.pem")  # which means TLS
    assert not warnings_of(panel)
    configure(desk, monitor="", monitor_details=True)
    assert not warnings_of(panel)


def test_what_belongs_to_a_monitor_that_is_off_is_kept_and_does_not_reach_the_engine(
    panel: MonitorPanel, desk: Desk
) -> None:
    configure(desk, monitor="", monitor_control=True, monitor_cert="/cert.pem")
    assert not panel.rights.isEnabled()
    assert "monitor" not in desk.configuration.for_engine()["settings"]
    panel.editor.box.click()
    assert desk.configuration.for_engine()["settings"]["monitor"] == {
        "monitor": "8090",
        "monitor_control": True,
        "monitor_cert": "/cert.pem",
    }


def test_a_certificate_that_a_run_would_refuse_is_told_at_once_and_asked_for(
    qtbot: QtBot, desk: Desk, tmp_path: Path
) -> None:
    page = ConfigurationPage(desk)
    qtbot.addWidget(page)
    desk.update(source=str(tmp_path), destinations=(Destination(host="pacs"),))
    qtbot.waitUntil(page.summary.upload.isEnabled)
    nonsense = tmp_path / "cert.pem"
    nonsense.write_text("nonsense")
    configure(desk, monitor="8090", monitor_cert=str(nonsense))
    qtbot.waitUntil(lambda: page.summary.text == "Still needed: The monitor's certificate")
    panel = page.options.panels["Monitor"]
    assert any("is not in PEM form" in one.text() for one in panel.findChildren(QLabel))
    configure(desk, monitor="", monitor_cert=str(nonsense))
    qtbot.waitUntil(page.summary.upload.isEnabled)


def test_a_key_without_its_certificate_is_told_by_the_fields_titles(
    qtbot: QtBot, options: OptionsPanel, panel: MonitorPanel, desk: Desk
) -> None:
    configure(desk, monitor="8090", monitor_key="/key.pem")
    qtbot.waitUntil(lambda: bool(options.faults))
    assert panel.fault.text().startswith("“Its private key” is the key of a certificate")
    assert "--" not in panel.fault.text()


def test_the_switch_and_all_that_belongs_to_it_can_be_reached_and_have_names(panel: MonitorPanel) -> None:
    editor = panel.editor
    for one in (editor.alone, editor.network, editor.host, editor.port, editor.box):
        assert one.accessibleName() or one.text()
    assert isinstance(editor, PlaceEditor)
    assert "--monitor" in editor.box.accessibleDescription()


def test_a_profile_brings_both_groups_as_it_brings_the_audit() -> None:
    settings = Settings(
        audit=AuditSettings(audit="/audit.log"),
        monitor=MonitorSettings(monitor="8090"),
        notify=NotifySettings(email_to=("a@example.org",), email_server="smtp.example.org"),
    )
    profile: Profile = made_of(Destination(host="pacs"), settings, "night")
    loaded = put_into(Configuration(), 0, profile)
    assert loaded.settings == settings
