"""The Connection Assistant, on the loopback interface alone."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from PyQt5.QtCore import Qt
from pytestqt.qtbot import QtBot

from migrator.core.model import Node, Tls
from migrator.jobs.discover import Approach
from migrator.ui.desk import Desk
from migrator.ui.dialogs import assistant_form
from migrator.ui.dialogs.assistant import ConnectionAssistant
from migrator.ui.dialogs.assistant_model import FindingsModel
from tests.peers import KeepingScp


@pytest.fixture
def assistant(qtbot: QtBot, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[ConnectionAssistant]:
    """One that waits for answers as long as the tests do."""
    monkeypatch.setattr(assistant_form, "Approach", partial(Approach, seconds=30.0))
    made = ConnectionAssistant(desk, calling_ae_title="OURS")
    qtbot.addWidget(made)
    made.show()
    yield made
    made.reject()


def look_at(assistant: ConnectionAssistant, *ports: int) -> None:
    assistant.form.addresses.setText("127.0.0.1")
    assistant.form.ports.setText(",".join(map(str, ports)))
    assistant.form.titles.setText("ANY-SCP")


def click(qtbot: QtBot, assistant: ConnectionAssistant, row: int) -> None:
    table = assistant.table
    place = table.visualRect(assistant.model.index(row, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_nothing_is_contacted_before_its_user_says_yes(
    qtbot: QtBot, assistant: ConnectionAssistant, keeping_scp: Callable[..., KeepingScp]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        look_at(assistant, server.getsockname()[1])
        qtbot.mouseClick(assistant.asks, Qt.MouseButton.LeftButton)
        assert assistant.confirmation.isVisible()
        assert assistant.begins.hasFocus()
        assistant.form.addresses.setText("127.0.0.2")
        assert not assistant.confirmation.isVisible()
        with pytest.raises(BlockingIOError):
            server.accept()


def test_nodes_are_found_and_a_click_chooses_one(
    qtbot: QtBot, assistant: ConnectionAssistant, keeping_scp: Callable[..., KeepingScp]
) -> None:
    peer = keeping_scp()
    look_at(assistant, peer.node.port)
    assistant.ask()
    qtbot.mouseClick(assistant.begins, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: assistant.words.text().startswith("Done."))
    assert assistant.words.text() == "Done. 1 of 1 place looked at, 1 place answered"
    cells = [assistant.model.index(0, column).data() for column in range(6)]
    assert cells[:4] == ["127.0.0.1", str(peer.node.port), "DICOM", "ANY-SCP"]
    assert cells[4].startswith("PYNETDICOM")
    assert cells[5].endswith(" ms")
    with qtbot.waitSignal(assistant.chosen) as chosen:
        click(qtbot, assistant, 0)
    assert chosen.args == [Node("127.0.0.1", peer.node.port, "ANY-SCP", "OURS")]
    assert assistant.isVisible()
    with qtbot.waitSignal(assistant.chosen):
        qtbot.keyClick(assistant.table, Qt.Key.Key_Return)
    assert not assistant.isVisible()


def test_a_look_around_is_stopped_and_what_speaks_no_dicom_cannot_be_chosen(
    qtbot: QtBot, assistant: ConnectionAssistant, keeping_scp: Callable[..., KeepingScp]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        look_at(assistant, keeping_scp().node.port, silent.getsockname()[1])
        assistant.ask()
        assistant.begin()
        qtbot.waitUntil(lambda: len(assistant.model.findings) == 1)
        assert assistant.stops.isVisible()
        assert not assistant.form.isEnabled()
        qtbot.mouseClick(assistant.stops, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: assistant.words.text().startswith("Stopped."))
    assert assistant.form.isEnabled()
    assert assistant.asks.isEnabled()


def test_a_title_that_cannot_be_is_not_looked_around_with(qtbot: QtBot, desk: Desk) -> None:
    made = ConnectionAssistant(desk, calling_ae_title="MORE_THAN_SIXTEEN")
    qtbot.addWidget(made)
    look_at(made, 104)
    assert made.form.request is not None
    assert made.form.request.approach.calling_ae_title == "DICOM_MIGRATOR"


def test_closing_the_assistant_ends_the_look_around(qtbot: QtBot, desk: Desk) -> None:
    made = ConnectionAssistant(desk)
    qtbot.addWidget(made)
    made.show()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        look_at(made, silent.getsockname()[1])
        made.ask()
        made.begin()
        made.reject()
        assert desk.helper.wait(10_000)


@pytest.mark.parametrize(
    ("addresses", "ports", "titles", "words"),
    [
        ("10.0.0.0/33", "104", "A", "'10.0.0.0/33' is not a network"),
        ("10.0.0.9-10.0.0.1", "104", "A", "is not a range"),
        ("10.0.0.1", "9" * 5000, "A", "is not a port"),
        ("10.0.0.1", "0", "A", "'0' is not a port (1 to 65535)"),
        ("10.0.0.1", "104", "A" * 17, "is not an AE title"),
        ("10.0.0.0/8", "104", "A", "look in smaller ranges"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_can_be_begun(
    assistant: ConnectionAssistant, addresses: str, ports: str, titles: str, words: str
) -> None:
    for line, text in zip(
        (assistant.form.addresses, assistant.form.ports, assistant.form.titles),
        (addresses, ports, titles),
        strict=True,
    ):
        line.setText(text)
    (problem,) = [one.text() for one in assistant.form.problems.values() if one.property("role") == "error"]
    assert words in problem
    assert not assistant.asks.isEnabled()
    assistant.ask()
    assert not assistant.confirmation.isVisible()


def test_it_says_how_many_places_would_be_tried(assistant: ConnectionAssistant) -> None:
    assert not assistant.asks.isEnabled()
    assistant.form.addresses.setText("10.0.0.0/24, 10.0.1.5-20")
    assistant.form.ports.setText("104, 11112")
    assert assistant.words.text() == (
        "540 places: 270 hosts, 2 ports each. At 50 connections a second this takes 11 s or longer."
    )
    assistant.ask()
    assert assistant.begins.hasFocus()


def test_a_node_that_speaks_tls_is_chosen_with_tls_and_what_is_no_node_is_not(
    qtbot: QtBot, assistant: ConnectionAssistant
) -> None:
    from migrator.jobs.discover import Finding, Kind

    assistant.model.add([Finding("10.0.0.1", 2762, Kind.TLS), Finding("10.0.0.2", 80, Kind.OTHER)])
    with qtbot.waitSignal(assistant.chosen) as chosen:
        click(qtbot, assistant, 0)
    assert chosen.args == [Node("10.0.0.1", 2762, "ANY-SCP", "OURS", Tls())]
    assert assistant.takes.isEnabled()
    with qtbot.assertNotEmitted(assistant.chosen):
        click(qtbot, assistant, 1)
        qtbot.keyClick(assistant.table, Qt.Key.Key_Return)
    assert not assistant.takes.isEnabled()
    assert assistant.isVisible()


def test_what_cannot_be_chosen_stands_below_what_can() -> None:
    from migrator.jobs.discover import Finding, Kind

    model = FindingsModel()
    model.add([Finding("a", 1, Kind.OTHER), Finding("b", 1, Kind.DICOM), Finding("c", 1, Kind.TLS)])
    assert [one.host for one in model.findings] == ["b", "c", "a"]
