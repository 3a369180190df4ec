"""The switch by which runs go on after a restart, and the dialog that lists and removes them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PyQt5.QtCore import Qt
from pytestqt.qtbot import QtBot

from migrator.jobs.restart import Entry, entries, entry_folder, keep
from migrator.jobs.restart_linux import Systemd
from migrator.jobs.restart_system import start_of
from migrator.ui.configuration import Destination
from migrator.ui.desk import Desk
from migrator.ui.dialogs.restarts import RestartsDialog
from tests.peers import KeepingScp
from tests.peers.archives import Archive
from tests.restart.system import Account


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    """The tests' own, with a systemd that takes everything."""
    made = Account(tmp_path / "user", tmp_path / "tools")
    made.home.mkdir()
    made.tools.mkdir()
    made.tool("systemctl")
    made.tool("loginctl", ("Linger", 0, "yes"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def one(account: Account, data_directory: Path) -> Entry:
    """A run that goes on."""
    entry = Entry(
        "0123456789", "/mnt/archive", ("PACS@pacs:104", "NEW@new:104"), (), (), "", "/", time.time()
    )
    entry_folder(data_directory, entry.id).mkdir(parents=True)
    when = Systemd().write(start_of(entry.id, data_directory, entry.source))
    entry = replace(entry, when=when)
    keep(data_directory, entry)
    return entry


def opened(qtbot: QtBot, desk: Desk) -> RestartsDialog:
    dialog = RestartsDialog(desk, None)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.words.text() != "Asking the system")
    return dialog


def test_a_run_that_goes_on_is_listed_and_removed(
    qtbot: QtBot, desk: Desk, one: Entry, account: Account
) -> None:
    dialog = opened(qtbot, desk)
    texts = [dialog.table.item(0, place).text() for place in range(2)]
    assert texts == ["/mnt/archive", "PACS@pacs:104, NEW@new:104"]
    assert dialog.when.text() == "Goes on when the system starts"
    qtbot.mouseClick(dialog.remove_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 0)
    assert dialog.words.text() == "Nothing goes on after a restart"
    assert not dialog.remove_button.isEnabled()
    assert account.units == entries(desk.home) == []


def test_one_that_the_system_lost_is_shown_as_such(
    qtbot: QtBot, desk: Desk, one: Entry, account: Account
) -> None:
    account.units[0].unlink()
    assert "does not know of it any more" in opened(qtbot, desk).when.text()


def test_what_cannot_be_removed_is_told(qtbot: QtBot, desk: Desk, one: Entry, account: Account) -> None:
    dialog = opened(qtbot, desk)
    unit = account.units[0]
    unit.unlink()
    unit.mkdir()  # which nothing removes that removes files
    qtbot.mouseClick(dialog.remove_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.words.text().startswith("It cannot be removed: "))
    assert dialog.remove_button.isEnabled()


def test_the_switch_makes_a_run_go_on(
    qtbot: QtBot,
    desk: Desk,
    account: Account,
    archive: Callable[..., Archive],
    keeping_scp: Callable[..., KeepingScp],
) -> None:
    peer = keeping_scp(delay=2.0)
    node = peer.node
    desk.update(
        source=str(archive(studies=4, instances=10).folder),
        destinations=(Destination(host=node.host, port=node.port, ae_title=node.ae_title),),
        resume_at_start=True,
    )
    migration = desk.migrate()
    assert migration.running is not None
    assert "--resume-at-start" in migration.running.launched.arguments
    qtbot.waitUntil(lambda: len(account.units) == 1, timeout=60_000)
    qtbot.waitUntil(lambda: len(peer.kept) > 0, timeout=60_000)
    migration.do("cancel")
    with qtbot.waitSignal(migration.ended, timeout=60_000):
        pass
    assert account.units == entries(desk.home) == []


def test_the_menu_leads_to_the_dialog(qtbot: QtBot, window: object, account: Account) -> None:
    from migrator.ui.main_window import MainWindow

    assert isinstance(window, MainWindow)
    (action,) = (one for one in window.menus.actions if "after a r&estart" in one.text())
    action.trigger()
    qtbot.waitUntil(lambda: window.findChild(RestartsDialog) is not None)
    dialog = window.findChild(RestartsDialog)
    assert dialog is not None
    dialog.reject()
