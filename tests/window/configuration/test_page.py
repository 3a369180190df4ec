"""The page Configuration: source, destinations, the test by C-ECHO, TLS, and what is still missing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QFileDialog, QLineEdit
from pytestqt.qtbot import QtBot

from migrator.core.model import Node, Tls
from migrator.core.settings import TlsSettings
from migrator.jobs.secrets import SERVICE
from migrator.ui.configuration import Configuration, Destination, load
from migrator.ui.dialogs.assistant import ConnectionAssistant
from migrator.ui.main_window import MainWindow
from migrator.ui.pages.configuration.page import ConfigurationPage
from tests.peers import KeepingScp, Storescp
from tests.tls.making import Authority, storescp_options

Start = Callable[..., KeepingScp]


def write(qtbot: QtBot, line: QLineEdit, text: str) -> None:
    """Type over what stands there."""
    line.setFocus()
    line.selectAll()
    qtbot.keyClick(line, Qt.Key.Key_Delete)
    qtbot.keyClicks(line, text)


def destination_of(peer: KeepingScp) -> Destination:
    return Destination(host=peer.node.host, port=peer.node.port, ae_title=peer.node.ae_title)


def put(page: ConfigurationPage, *destinations: Destination) -> None:
    page.desk.update(destinations=destinations)


# The source


def test_a_typed_source_is_looked_at_and_kept_when_the_field_is_left(
    qtbot: QtBot, page: ConfigurationPage, tmp_path: Path
) -> None:
    write(qtbot, page.source.line, str(tmp_path))
    qtbot.waitUntil(lambda: page.source.words == "A folder that can be read")
    qtbot.keyClick(page.source.line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.desk.configuration.recent == (str(tmp_path),))
    assert page.desk.configuration.source == str(tmp_path)
    page.desk.save()
    assert load(page.desk.home).source == str(tmp_path)


def test_a_pasted_source_counts_at_once(qtbot: QtBot, page: ConfigurationPage, tmp_path: Path) -> None:
    page.source.line.setFocus()
    page.source.line.insert(str(tmp_path))
    page.source.line.textEdited.emit(page.source.line.text())
    assert page.desk.configuration.source == str(tmp_path)


def test_a_source_that_cannot_be_used_says_why_and_is_not_among_the_recent(
    qtbot: QtBot, page: ConfigurationPage, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for name, words in (("none", "does not exist"), ("file", "is not a folder")):
        page.source.take(str(tmp_path / name))
        qtbot.waitUntil(lambda words=words: words in page.source.words)
    assert page.desk.configuration.recent == ()
    assert "Source folder" in page.summary.text
    assert not page.summary.browser.isEnabled()


def test_a_browsed_or_a_recent_folder_becomes_the_source(
    qtbot: QtBot, page: ConfigurationPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "R&D").mkdir()
    chosen = iter([str(tmp_path / "R&D"), str(tmp_path)])
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *arguments: next(chosen))
    for number in (1, 2):
        page.source.browse.click()
        qtbot.waitUntil(lambda number=number: len(page.desk.configuration.recent) == number)
    menu = page.source.recent.menu()
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()] == [
        str(tmp_path),
        str(tmp_path / "R&D").replace("&", "&&"),
    ]
    menu.actions()[1].trigger()
    assert page.source.line.text() == str(tmp_path / "R&D")


# The destination


def test_the_five_fields_of_a_first_migration_are_seen_in_a_small_window(window: MainWindow) -> None:
    window.resize(1024, 700)
    window.go("configuration")
    page = window.configuration_page
    view = page.area.viewport()
    for line in (page.source.line, *(field.line for field in page.destination.form.fields.values())):
        corner = line.mapTo(view, line.rect().bottomRight())
        assert view.rect().contains(corner), line.accessibleName()


def test_what_is_typed_is_kept_and_the_caret_stays(qtbot: QtBot, page: ConfigurationPage) -> None:
    line = page.destination.form.fields["host"].line
    write(qtbot, line, "pacs.example")
    line.setCursorPosition(4)
    qtbot.keyClicks(line, "2")
    assert line.cursorPosition() == 5
    assert page.destination.destination.host == "pacs2.example"


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("host", "two words", "without spaces"),
        ("host", "pacs:99999", "without spaces and port"),
        ("port", "70000", "1 to 65535"),
        ("port", "x", "1 to 65535"),
        ("ae_title", "MORE_THAN_SIXTEEN", "1 to 16 printable"),
        ("calling_ae_title", "BACK\\SLASH", "1 to 16 printable"),
    ],
)
def test_what_is_wrong_stands_below_its_field_and_keeps_from_being_ready(
    qtbot: QtBot, page: ConfigurationPage, field: str, text: str, words: str
) -> None:
    put(page, Destination(host="pacs"))
    write(qtbot, page.destination.form.fields[field].line, text)
    assert words in page.destination.form.fields[field].words
    assert page.destination.form.fields[field].line.text() == text
    assert not page.summary.upload.isEnabled()
    page.desk.save()
    with pytest.raises(Exception, match="not right"):
        load(page.desk.home).for_engine()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ARCHIVE@10.0.0.7:11112", ("10.0.0.7", 11112, "ARCHIVE")),
        ("PACS.example:4242", ("pacs.example", 4242, "ANY-SCP")),
        ("ARCHIVE@[::1]", ("::1", 2762, "ARCHIVE")),
        ("::1", ("::1", 2762, "ANY-SCP")),
    ],
)
def test_a_whole_node_in_the_hosts_field_is_spread_over_the_fields(
    qtbot: QtBot, page: ConfigurationPage, text: str, expected: tuple[str, int, str]
) -> None:
    put(page, Destination(port=2762))
    line = page.destination.form.fields["host"].line
    write(qtbot, line, text)
    line.editingFinished.emit()
    one = page.destination.destination
    assert (one.host, one.port, one.ae_title) == expected


# The test by C-ECHO


def test_enter_after_a_pasted_node_tests_that_node(
    qtbot: QtBot, page: ConfigurationPage, keeping_scp: Start
) -> None:
    node = keeping_scp().node
    line = page.destination.form.fields["host"].line
    write(qtbot, line, f"{node.ae_title}@{node.host}:{node.port}")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "answers: C-ECHO in" in page.destination.view.text)
    assert "Asked at " in page.destination.view.text


def test_a_test_shows_the_round_trip_and_who_is_there_until_a_field_changes(
    qtbot: QtBot, page: ConfigurationPage, keeping_scp: Start
) -> None:
    put(page, destination_of(keeping_scp()))
    view = page.destination.view
    qtbot.keyClick(page.destination.form.fields["host"].line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "answers: C-ECHO in" in view.text)
    assert "PYNETDICOM" in view.text
    assert "1.2.826.0.1.3680043.9.3811" in view.text
    assert "Max PDU 16,382 bytes" in view.text
    qtbot.keyClicks(page.destination.form.fields["ae_title"].line, "2")
    assert view.text == ""
    assert view.isHidden()


def test_a_test_of_nothing_says_the_reason(qtbot: QtBot, page: ConfigurationPage, keeping_scp: Start) -> None:
    put(page, destination_of(keeping_scp(reject=(1, 1, 7))))
    page.destination.test.click()
    assert page.destination.test.text() == "Stop"
    qtbot.waitUntil(lambda: "called AE title" in page.destination.view.text)
    put(page, Destination(host="127.0.0.1", port=1))
    page.destination.test.click()
    qtbot.waitUntil(lambda: "nothing listens" in page.destination.view.text)


def test_a_test_that_lasts_can_be_stopped(qtbot: QtBot, page: ConfigurationPage, keeping_scp: Start) -> None:
    put(page, destination_of(keeping_scp()))
    page.destination.test.click()
    page.destination.test.click()
    assert page.destination.test.text() == "Test"
    assert page.desk.helper.wait(15_000)
    qtbot.wait(1)
    assert page.destination.view.text == ""


def test_a_test_of_a_destination_without_a_host_leads_to_the_field(page: ConfigurationPage) -> None:
    page.destination.test.click()
    assert page.destination.form.fields["host"].line.hasFocus()


# Several destinations


def test_destinations_are_added_edited_moved_and_removed(qtbot: QtBot, page: ConfigurationPage) -> None:
    card = page.destination
    put(page, Destination(host="first"))
    assert card.table.isHidden()
    card.add.click()
    assert card.table.isVisible()
    qtbot.keyClicks(card.form.fields["host"].line, "second")
    card._duplicate()
    assert [one.host for one in page.desk.configuration.destinations] == ["first", "second", "second"]
    assert "Destination 3 is there twice" in page.summary.text
    qtbot.keyClicks(card.form.fields["ae_title"].line, "3")
    assert "twice" not in page.summary.text
    card._shift(-1)
    assert [one.ae_title for one in page.desk.configuration.destinations] == [
        "ANY-SCP",
        "ANY-SCP3",
        "ANY-SCP",
    ]
    card.table.selectRow(0)
    assert card.form.fields["host"].line.text() == "first"
    card._remove()
    card._remove()
    assert card.table.isHidden()
    card._remove()
    assert page.desk.configuration.destinations == (Destination(),)


def test_a_long_name_leaves_room_for_the_other_columns(page: ConfigurationPage) -> None:
    put(page, Destination(name="x" * 64, host="first"), Destination(host="second"))
    table = page.destination.table
    assert table.horizontalScrollBar().maximum() == 0
    assert table.model().index(0, 0).data(Qt.ItemDataRole.ToolTipRole) == "x" * 64


def test_the_space_bar_switches_a_destination(qtbot: QtBot, page: ConfigurationPage) -> None:
    put(page, Destination(host="first"), Destination(host="second"))
    page.destination.table.selectRow(1)
    qtbot.keyClick(page.destination.table, Qt.Key.Key_Space)
    assert [one.is_on for one in page.desk.configuration.destinations] == [True, False]
    assert [one.host for one in page.desk.configuration.chosen] == ["first"]


def test_all_destinations_are_tested_at_once(
    qtbot: QtBot, page: ConfigurationPage, keeping_scp: Start
) -> None:
    peers = [destination_of(keeping_scp()) for _ in range(2)]
    put(page, *peers, Destination(host="127.0.0.1", port=1), Destination())
    page.destination.test_all.click()
    model = page.destination.table.model()

    def results() -> list[str]:
        return [model.index(row, model.columnCount() - 1).data() for row in range(4)]

    qtbot.waitUntil(lambda: not any("asking" in one for one in results()))
    assert [one.endswith(" ms") for one in results()] == [True, True, False, False]
    assert results()[2:] == ["no answer", "not tested"]


def test_a_found_node_fills_the_form_and_leaves_our_own_title(
    page: ConfigurationPage, keeping_scp: Start
) -> None:
    node = keeping_scp().node
    put(page, Destination(calling_ae_title="US"))
    page.destination._fill(node)
    one = page.destination.destination
    assert (one.host, one.port, one.ae_title) == (node.host, node.port, node.ae_title)
    assert one.calling_ae_title == "US"


def test_a_node_that_was_found_without_tls_is_spoken_to_without_it(page: ConfigurationPage) -> None:
    put(page, Destination(host="pacs", tls=TlsSettings(tls=True, ca="/ca.pem")))
    page.destination._fill(Node("10.0.0.1"))
    assert page.destination.destination.tls == TlsSettings(tls=False, ca="/ca.pem")
    page.destination._fill(Node("10.0.0.1", tls=Tls()))
    assert page.destination.destination.tls == TlsSettings(tls=True, ca="/ca.pem")


def test_a_connection_assistant_is_gone_once_it_is_closed(qtbot: QtBot, page: ConfigurationPage) -> None:
    put(page, Destination(calling_ae_title="FIRST"), Destination(calling_ae_title="SECOND"))
    page.destination.pick(1)
    for _ in range(2):
        page.destination.seek.click()
        (assistant,) = page.destination.findChildren(ConnectionAssistant)
        assert assistant.form.calling_ae_title == "SECOND"
        assistant.reject()
        qtbot.waitUntil(lambda: not page.destination.findChildren(ConnectionAssistant))


# TLS


def test_a_test_speaks_tls_with_the_destinations_own_certificates(
    qtbot: QtBot, page: ConfigurationPage, start_peer: Start, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "authority")
    peer = start_peer(Storescp, storescp_options(authority.issue()))
    node = peer.node
    plain = Destination(host=node.host, port=node.port, ae_title=node.ae_title)
    put(page, plain.model_copy(update={"tls": TlsSettings(ca=authority.file)}))
    page.destination.test.click()
    qtbot.waitUntil(
        lambda: not page.destination.echoes.is_asked(page.destination.destination), timeout=30_000
    )
    assert "answers" not in page.destination.view.text
    page.destination.tls.form.fields["tls"].editor.box.click()
    assert page.destination.destination.tls.tls
    assert page.destination.view.text == ""
    page.destination.test.click()
    qtbot.waitUntil(lambda: "answers: C-ECHO in" in page.destination.view.text)


def test_certificates_that_are_named_while_tls_is_off_do_not_reach_the_engine(
    page: ConfigurationPage,
) -> None:
    put(page, Destination(host="pacs", tls=TlsSettings(ca="/ca.pem")))
    (destination,) = page.desk.configuration.for_engine()["destinations"]
    assert "settings" not in destination


class Memory(KeyringBackend):  # type: ignore[misc]
    """A system's keyring that forgets."""

    priority = 1

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def ring() -> Iterator[Callable[[KeyringBackend], None]]:
    """Puts a keyring into the place of this machine's."""
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


def test_a_passphrase_goes_to_the_keyring_and_nowhere_else(
    qtbot: QtBot, page: ConfigurationPage, tmp_path: Path, ring: Callable[[KeyringBackend], None]
) -> None:
    memory, key = Memory(), str(tmp_path / "key.pem")
    ring(memory)
    put(page, Destination(host="pacs", tls=TlsSettings(tls=True, cert="/cert.pem", key=key)))
    page.destination.open_tls()
    panel = page.destination.tls.passphrase
    qtbot.waitUntil(lambda: "None is kept" in panel.note.text())
    qtbot.keyClicks(panel.line, "open sesame")
    panel.keep.click()
    qtbot.waitUntil(lambda: "is kept in the system's keyring" in panel.note.text())
    assert memory.kept == {(SERVICE, key): "open sesame"}
    assert panel.line.text() == ""
    page.desk.save()
    for folder, _, files in os.walk(page.desk.home):
        for name in files:
            assert b"sesame" not in (Path(folder) / name).read_bytes()
    panel.forget.click()
    qtbot.waitUntil(lambda: "None is kept" in panel.note.text())
    assert memory.kept == {}


def test_a_system_without_a_keyring_says_so(
    qtbot: QtBot, page: ConfigurationPage, ring: Callable[[KeyringBackend], None]
) -> None:
    ring(NoKeyring())
    put(page, Destination(host="pacs", tls=TlsSettings(tls=True, cert="/cert.pem")))
    panel = page.destination.tls.passphrase
    qtbot.waitUntil(lambda: "no keyring" in panel.note.text())
    assert not panel.line.isEnabled()


# What is missing, and the ways on


def test_what_is_missing_leads_to_its_field_and_then_to_the_next_page(
    qtbot: QtBot, page: ConfigurationPage, tmp_path: Path
) -> None:
    summary = page.summary
    assert summary.text == "Still needed: Source folder Host"
    first = summary._links[0]
    first.click()
    assert page.source.line.hasFocus()
    page.source.take(str(tmp_path))
    summary._links[0].click()
    assert page.destination.form.fields["host"].line.hasFocus()
    qtbot.keyClicks(page.destination.form.fields["host"].line, "pacs")
    qtbot.waitUntil(lambda: summary.text == "Ready to copy everything to ANY-SCP@pacs:104")
    with qtbot.waitSignal(page.desk.page_wanted) as wanted:
        summary.upload.click()
    assert wanted.args == ["upload"]


def test_a_switched_off_destination_is_asked_for_and_a_small_window_counts_what_it_cannot_name(
    page: ConfigurationPage, tmp_path: Path
) -> None:
    page.desk.change(Configuration(source=str(tmp_path), destinations=(Destination(host="a", is_on=False),)))
    assert "A destination that is switched on" in page.summary.text
    wrong = Destination(
        name="a-name-that-needs-much-room", host="a b", port=0, ae_title="", calling_ae_title=""
    )
    put(page, wrong, wrong)
    assert page.summary._more.text().startswith("and ")
    assert page.summary._links[0].isVisible()


def test_what_would_be_used_otherwise_than_it_stands_there_is_told_and_leads_there(
    qtbot: QtBot, page: ConfigurationPage, tmp_path: Path
) -> None:
    page.source.take(str(tmp_path))
    put(page, Destination(host="pacs"))
    qtbot.waitUntil(page.summary.upload.isEnabled)
    (form,) = page.options.forms["Peak hours and schedule"]
    form.fields["peak"].editor.inner.setText("7-18")
    assert page.summary.text == "Still needed: Peak hours to correct"
    page.summary._links[0].click()
    assert form.fields["peak"].editor.inner.hasFocus()
    view = page.area.viewport()
    line = form.fields["peak"].editor.inner
    qtbot.waitUntil(lambda: view.rect().contains(line.mapTo(view, line.rect().bottomLeft())))
    line.setText("")
    page.options.rules.editor.insertPlainText("strip_private")
    assert page.summary.text == "Still needed: Tag rules to save"
    page.summary._links[0].click()
    assert page.options.rules.editor.hasFocus()
    page.options.rules._write(str(tmp_path.parent / "rules.txt"))
    qtbot.waitUntil(page.summary.upload.isEnabled)


def test_everything_that_takes_the_focus_has_a_name(page: ConfigurationPage) -> None:
    put(page, Destination(host="first"), Destination(host="second"))
    card = page.destination
    for widget in (
        page.source.line,
        page.source.recent,
        *(field.line for field in card.form.fields.values()),
        card.table,
        card.tls.passphrase.line,
        page.profiles.combo,
        page.profiles.more,
    ):
        assert widget.accessibleName()
        assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus
