"""What the rules would change in one file of the source."""

from __future__ import annotations

from pathlib import Path

from PyQt5 import sip
from PyQt5.QtWidgets import (
    QFileDialog,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from migrator.core.errors import MigratorError
from migrator.core.settings import RuleSettings
from migrator.jobs.preview import Preview, preview
from migrator.jobs.rules import name_of, tag_text
from migrator.records.words import counted
from migrator.ui.desk import Desk
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, column, label, row, set_role
from migrator.ui.widgets.cells import dress_table
from migrator.ui.widgets.fields_words import sentence

_HEADS = ("Tag", "Name", "Before", "After")
_MOST_ROWS = 500
_NO_FILE = "Choose a file to see what would be changed in it."
_MOST_SEEN = 10  # rows; the others are scrolled to


class RulesPreview(QWidget):
    """Shows each attribute of a chosen file that would be sent otherwise. Nothing is sent, or written."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._rules: str | None = None
        self._asked = 0
        self.file = QLineEdit()
        self.file.setPlaceholderText("A DICOM file to try the rules on")
        self.file.setAccessibleName("File to try the rules on")
        self.file.editingFinished.connect(self._again)
        browse = button("Browse…", "folder-open-outline", tip="Choose a file of the source")
        browse.clicked.connect(self._browse)
        self.words = label("", "muted", wraps=True)
        self.table = _table()
        title = label("Preview on a file", "muted")
        title.setBuddy(self.file)
        self.setLayout(column(title, spacing=tokens.TIGHT))
        self.layout().addLayout(row(self.file, browse))
        self.layout().addWidget(self.words)
        self.layout().addWidget(self.table)
        self.table.hide()
        desk.configuration_changed.connect(lambda _: self._again())
        self._tell(_NO_FILE)
        self._shown: tuple[str, str | None, str] = ("", None, "")

    def show_rules(self, text: str | None) -> None:
        """Apply these rules from now on; None where they are not right."""
        self._rules = text
        self._again()

    def _browse(self) -> None:
        at = self.file.text() or self._desk.configuration.source
        file, _ = QFileDialog.getOpenFileName(self, "A file to try the rules on", at)
        if file:
            self.file.setText(str(Path(file)))
            self._again()

    def _again(self) -> None:
        file, rules = self.file.text().strip(), self._rules
        crosswalk = self._desk.configuration.settings.rule.crosswalk
        wanted = (file, rules, crosswalk)
        if wanted == self._shown:
            return
        self._shown = wanted
        self._asked += 1
        number = self._asked
        if not file:
            self._fill(())
            self._tell(_NO_FILE)
            return
        if rules is None:
            self._fill(())
            self._tell("Correct the rules to see what they change.")
            return
        settings = RuleSettings(crosswalk=crosswalk)
        self._desk.later(lambda: preview(file, settings, rules), lambda answer: self._take(answer, number))

    def _take(self, answer: object, number: int) -> None:
        if number != self._asked or sip.isdeleted(self):
            return
        if isinstance(answer, Preview):
            self._fill(tuple((one.keyword, one.before, one.after) for one in answer.changes))
            count = len(answer.changes)
            more = f"; the first {_MOST_ROWS} are shown" if count > _MOST_ROWS else ""
            self._tell(f"{counted(count, 'change')}{more}" if count else "Nothing in this file would change.")
            return
        self._fill(())
        is_known = isinstance(answer, MigratorError)
        self._tell(sentence(str(answer)) if is_known else "This file cannot be previewed.", "error")

    def _tell(self, words: str, role: str = "muted") -> None:
        set_role(self.words, role)
        self.words.setText(words)

    def _fill(self, changes: tuple[tuple[str, str, str], ...]) -> None:
        shown = changes[:_MOST_ROWS]
        self.table.setRowCount(len(shown))
        for place, (keyword, before, after) in enumerate(shown):
            texts = (tag_text(keyword), name_of(keyword), before or "(none)", after or "(none)")
            for number, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.table.setItem(place, number, item)
        rows = min(len(shown), _MOST_SEEN)
        self.table.setFixedHeight(self.table.horizontalHeader().sizeHint().height() + rows * tokens.ROW + 4)
        self.table.setVisible(bool(shown))


def _table() -> QTableWidget:
    table = QTableWidget(0, len(_HEADS))
    table.setHorizontalHeaderLabels(_HEADS)
    dress_table(table, "What the rules change in the file")
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
    return table
