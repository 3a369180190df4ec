"""What is on while the window is closed, and answers that come after that."""

from __future__ import annotations

import socket

from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from migrator.ui.desk import Desk
from migrator.ui.dialogs.assistant import ConnectionAssistant


def test_what_comes_after_the_desk_is_closed_is_told_to_nobody(qtbot: QtBot, desk: Desk) -> None:
    told: list[object] = []
    desk.later(lambda: "late", told.append)
    desk.close()
    QApplication.processEvents()
    assert told == []


def test_a_look_around_ends_with_the_window(qtbot: QtBot, desk: Desk) -> None:
    assistant = ConnectionAssistant(desk)
    qtbot.addWidget(assistant)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assistant.form.addresses.setText("127.0.0.1-127.0.0.200")
        assistant.form.ports.setText(str(silent.getsockname()[1]))
        assistant.begin()
        desk.close()
        assert desk.helper.wait(10_000)


def test_many_that_wait_do_not_hold_up_what_is_quick(qtbot: QtBot, desk: Desk) -> None:
    told: list[object] = []
    silent = socket.create_server(("127.0.0.1", 0))
    peers = [socket.create_connection(silent.getsockname()) for _ in range(8)]
    for peer in peers:
        desk.later(lambda peer=peer: peer.recv(1), lambda answer: None)
    desk.later(lambda: "quick", told.append)
    qtbot.waitUntil(lambda: told == ["quick"])
    accepted = [silent.accept()[0] for _ in peers]
    for one in (*accepted, silent):
        one.close()
    assert desk.helper.wait(10_000)
    for peer in peers:
        peer.close()
