"""Real runs that serve their page: begun by the window, or by the command line."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx2
from pytestqt.qtbot import QtBot

from migrator.core.settings import Settings
from migrator.core.settings_monitor import MonitorSettings
from migrator.jobs.launch import launch
from migrator.ui.configuration import Configuration, Destination
from migrator.ui.desk import Desk
from migrator.ui.dialogs.monitor import MonitorDialog
from tests.peers import KeepingScp
from tests.peers.archives import Archive

Make = Callable[..., Archive]

ADDRESS = re.compile(r"http://127\.0\.0\.1:[1-9][0-9]*")  # of whatever port was free


def test_a_phone_pairs_by_the_code_in_the_window_which_then_shows_another(
    qtbot: QtBot, desk: Desk, archive: Make, keeping_scp: Callable[..., KeepingScp]
) -> None:
    source, peer = archive(studies=10, instances=10), keeping_scp(delay=0.3)
    desk.change(
        Configuration(
            source=str(source.folder),
            destinations=(
                Destination(host=peer.node.host, port=peer.node.port, ae_title=peer.node.ae_title),
            ),
            settings=Settings(monitor=MonitorSettings(monitor="0", monitor_control=True)),
            verify=False,
        )
    )
    dialog = MonitorDialog(desk, lambda: None, None)
    qtbot.addWidget(dialog)
    dialog.show()
    migration = desk.migrate("--workers", "1")

    def is_shown() -> None:
        assert migration.running is not None
        assert ADDRESS.fullmatch(dialog.address.text()), migration.running.launched.messages()

    qtbot.waitUntil(is_shown, timeout=30_000)
    code = dialog.code.text()
    assert len(code) == 6
    with httpx2.Client(base_url=dialog.address.text(), timeout=30, trust_env=False) as phone:
        assert phone.get("/api/snapshot").status_code == 401
        assert phone.post("/api/pair", json={"code": code}).status_code == 200
        assert phone.get("/api/snapshot").json()["found"] >= 0
        qtbot.waitUntil(lambda: dialog.code.text() not in ("", code))
    assert code not in "".join(line.text for line in desk.log.lines)
    with qtbot.waitSignal(migration.ended, timeout=30_000):
        migration.do("cancel")
    assert not dialog.address.isVisible()


def test_a_run_of_the_command_line_that_is_on_view_shows_where_it_is_served(
    qtbot: QtBot, desk: Desk, archive: Make, keeping_scp: Callable[..., KeepingScp]
) -> None:
    source, peer = archive(studies=10, instances=10), keeping_scp(delay=0.3)
    node = peer.node
    words = ["migrate", str(source.folder), "--to", str(node), "--workers", "1", "--monitor", "0"]
    command = launch(desk.home, words)
    migration = desk.open_job(str(source.folder), [node])
    qtbot.waitUntil(lambda: migration.sight.monitor is not None, timeout=30_000)
    assert migration.is_foreign
    assert migration.sight.monitor is not None
    assert ADDRESS.fullmatch(migration.sight.monitor["address"])
    assert migration.sight.monitor["code"] == ""
    with qtbot.waitSignal(migration.ended, timeout=30_000):
        migration.do("cancel")
    assert migration.sight.monitor is None
    qtbot.waitUntil(lambda: command.look().code is not None, timeout=30_000)
    command.forget()
