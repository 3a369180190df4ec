"""Writing rules in the window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from migrator.core.settings import RuleSettings, Settings
from migrator.jobs.rules import EXAMPLES, checked, read_rules
from migrator.ui.desk import Desk
from migrator.ui.dialogs.profile_question import Question
from migrator.ui.pages.configuration.rules import RulesPanel
from tests.peers.archives import Archive

GOOD = 'InstitutionName set "North"\nPatientID prefix "A-" if Modality = "CT"\n'


@pytest.fixture
def open_desk(qtbot: QtBot, data_directory: Path) -> Iterator[Callable[[], Desk]]:
    """Desks over one data directory, one after the other."""
    with ExitStack() as opened:

        def make() -> Desk:
            made = Desk(data_directory)
            opened.callback(made.close)
            return made

        yield make


@pytest.fixture
def panel(qtbot: QtBot, desk: Desk) -> RulesPanel:
    made = RulesPanel(desk)
    qtbot.addWidget(made)
    made.show()
    return made


def listed(panel: RulesPanel) -> list[str]:
    return [panel.list.item(row).text() for row in range(panel.list.count())]


def choose(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    for name in ("getOpenFileName", "getSaveFileName"):
        monkeypatch.setattr(QFileDialog, name, lambda *_, **__: (str(file), ""))


def test_rules_are_told_in_words_while_they_are_typed(qtbot: QtBot, panel: RulesPanel) -> None:
    panel.editor.setFocus()
    qtbot.keyClicks(panel.editor, "StationName delete")
    qtbot.waitUntil(lambda: listed(panel) == ["Line 1: Delete Station Name"])
    assert panel.words.text() == "1 rule"


def test_what_is_wrong_stands_at_its_line_and_a_click_goes_there(qtbot: QtBot, panel: RulesPanel) -> None:
    panel.editor.setPlainText(GOOD + 'PatientNam set "x"\nStudyInstanceUID delete\n')
    qtbot.waitUntil(lambda: panel.list.count() == 4)
    first, second = listed(panel)[:2]
    assert first == "Line 3: 'PatientNam' is no attribute's keyword"
    assert second.startswith("Line 4: StudyInstanceUID cannot be changed")
    assert panel.words.text() == "2 lines to correct"
    marked = [one.cursor.blockNumber() + 1 for one in panel.editor.extraSelections()]
    assert marked == [3, 4]
    panel.list.itemClicked.emit(panel.list.item(1))
    assert panel.editor.textCursor().blockNumber() == 3
    panel.editor.setPlainText(GOOD)
    qtbot.waitUntil(lambda: panel.list.count() == 2 and not panel.editor.extraSelections())


def test_every_example_is_a_rule_that_is_right(qtbot: QtBot, panel: RulesPanel) -> None:
    for action in panel.menu.actions():
        action.trigger()
    assert panel.editor.toPlainText().splitlines() == [rule for _, rule in EXAMPLES]
    qtbot.waitUntil(lambda: panel.list.count() == len(EXAMPLES))
    assert panel.words.text() == f"{len(EXAMPLES)} rules"
    assert len({words.words for words in checked(panel.editor.toPlainText()).rules}) == len(EXAMPLES)


def test_saved_rules_are_the_configured_ones_and_come_back_with_the_next_start(
    qtbot: QtBot, desk: Desk, panel: RulesPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "north.txt"
    choose(monkeypatch, file)
    qtbot.keyClicks(panel.editor, GOOD.splitlines()[0])
    assert panel.state.text() == "No file yet: changed and not saved yet; a migration uses no rules"
    qtbot.keyClick(panel.editor, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: not panel.is_modified)
    assert file.read_text() == GOOD.splitlines()[0]
    assert desk.configuration.settings.rule.rules == str(file)
    assert panel.state.text() == "north.txt"
    again = RulesPanel(desk)
    qtbot.addWidget(again)
    qtbot.waitUntil(lambda: again.editor.toPlainText() == GOOD.splitlines()[0])
    assert not again.saves.isEnabled()


def test_rules_are_never_saved_inside_the_source(
    qtbot: QtBot,
    desk: Desk,
    panel: RulesPanel,
    archive: Callable[..., Archive],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = archive(studies=1, instances=1)
    desk.set_source(str(source.folder))
    before = sorted(source.folder.rglob("*"))
    choose(monkeypatch, source.folder / "rules.txt")
    panel.editor.insertPlainText(GOOD)
    panel.save()
    qtbot.waitUntil(lambda: "lies inside the source" in panel.state.text())
    assert sorted(source.folder.rglob("*")) == before
    assert not desk.configuration.settings.rule.rules


def test_what_is_not_saved_survives_another_file_in_the_configuration(
    qtbot: QtBot, desk: Desk, panel: RulesPanel, tmp_path: Path
) -> None:
    other = tmp_path / "other.txt"
    other.write_bytes(b"\xef\xbb\xbfstrip_private\r\n")
    panel.editor.insertPlainText(GOOD)
    desk.update(settings=Settings(rule=RuleSettings(rules=str(other))))
    assert panel.editor.toPlainText() == GOOD
    panel.editor.document().setModified(False)
    desk.update(settings=Settings(rule=RuleSettings(rules=str(other), crosswalk="x")))
    qtbot.waitUntil(lambda: panel.editor.toPlainText() == "strip_private\n")


def test_rules_that_are_not_saved_come_back_with_the_next_start(
    qtbot: QtBot, open_desk: Callable[[], Desk], tmp_path: Path
) -> None:
    file, other = tmp_path / "north.txt", tmp_path / "other.txt"
    file.write_text("strip_private\n")
    other.touch()
    desk = open_desk()
    desk.update(settings=Settings(rule=RuleSettings(rules=str(file))))
    panel = RulesPanel(desk)
    qtbot.addWidget(panel)
    qtbot.waitUntil(lambda: panel.editor.toPlainText() == "strip_private\n")
    panel.editor.setPlainText(GOOD)
    panel.editor.document().setModified(True)
    desk.update(settings=Settings(rule=RuleSettings(rules=str(other))))
    assert panel.state.text().endswith("a migration uses other.txt")
    desk.close()
    assert (desk.home / "window.json").stat().st_mode & 0o777 == 0o600
    again = RulesPanel(open_desk())
    qtbot.addWidget(again)
    assert again.editor.toPlainText() == GOOD
    assert again.is_modified
    assert "changed and not saved yet" in again.state.text()
    again.save()
    qtbot.waitUntil(lambda: not again.is_modified)
    assert file.read_text() == GOOD
    assert other.read_text() == ""
    assert again._desk.configuration.rules_draft is None


def test_a_file_that_could_not_be_read_is_not_overwritten_unasked(
    qtbot: QtBot, desk: Desk, panel: RulesPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "latin.txt"
    file.write_bytes('InstitutionName set "Münster"'.encode("latin-1"))
    desk.update(settings=Settings(rule=RuleSettings(rules=str(file))))
    qtbot.waitUntil(lambda: "is not UTF-8" in panel.state.text())
    choose(monkeypatch, tmp_path / "new.txt")
    panel.editor.insertPlainText(GOOD)
    panel.save()
    qtbot.waitUntil(lambda: not panel.is_modified)
    assert b"M\xfcnster" in file.read_bytes()
    assert (tmp_path / "new.txt").read_text() == GOOD


def test_another_file_is_opened_over_rules_that_are_not_saved_only_after_a_question(
    qtbot: QtBot, panel: RulesPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.txt"
    other.write_text("strip_private")
    choose(monkeypatch, other)
    panel.editor.insertPlainText(GOOD)
    for answer, text in (("Cancel", GOOD), ("Lose them", "strip_private")):
        panel.open()
        panel.findChildren(Question)[-1].buttons[answer].click()
        qtbot.waitUntil(lambda text=text: panel.editor.toPlainText() == text)


def test_of_many_lines_that_are_wrong_only_the_first_are_marked(qtbot: QtBot, panel: RulesPanel) -> None:
    panel.editor.setPlainText("nonsense\n" * 2000)
    qtbot.waitUntil(lambda: panel.words.text() == "2,000 lines to correct; the first 300 are listed")
    assert len(panel.editor.extraSelections()) == panel.list.count() == 300


def test_a_file_that_cannot_be_read_is_told_beside_the_editor(
    qtbot: QtBot, desk: Desk, panel: RulesPanel, tmp_path: Path
) -> None:
    desk.update(settings=Settings(rule=RuleSettings(rules=str(tmp_path / "gone.txt"))))
    qtbot.waitUntil(lambda: "cannot be read" in panel.state.text())
    assert not panel.editor.toPlainText()


def test_the_preview_follows_what_is_typed_and_writes_nothing(
    qtbot: QtBot, panel: RulesPanel, archive: Callable[..., Archive]
) -> None:
    source = archive(studies=1, instances=1)
    (made,) = source.files
    file = made.path
    content = file.read_bytes()
    panel.editor.setPlainText('InstitutionName set "North"')
    panel.preview.file.setText(str(file))
    table = panel.preview.table
    qtbot.waitUntil(lambda: table.rowCount() == 1)
    cells = [table.item(0, column).text() for column in range(4)]
    assert cells[:2] == ["(0008,0080)", "Institution Name"]
    assert cells[3] == "North"
    panel.editor.setPlainText('InstitutionName set "North"\nPatientID prefix "A-"')
    qtbot.waitUntil(lambda: table.rowCount() == 2)
    panel.editor.setPlainText("nonsense")
    qtbot.waitUntil(lambda: table.rowCount() == 0)
    assert panel.preview.words.text() == "Correct the rules to see what they change."
    panel.preview.file.setText("")
    panel.preview.file.editingFinished.emit()
    assert panel.preview.words.text() == "Choose a file to see what would be changed in it."
    assert file.read_bytes() == content


def test_a_file_that_is_no_dicom_is_told_in_words(qtbot: QtBot, panel: RulesPanel, tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("dear PACS")
    panel.editor.setPlainText("strip_private")
    panel.preview.file.setText(str(file))
    qtbot.waitUntil(lambda: str(file) in panel.preview.words.text())
    assert panel.preview.words.property("role") == "error"
    assert read_rules(file) == "dear PACS"
