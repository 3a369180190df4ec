"""Writing rules: checked while they are typed, told in words, tried on a file, and kept in one."""

from __future__ import annotations

from pathlib import Path

from PyQt5 import sip
from PyQt5.QtCore import Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import (
    QFileDialog,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QShortcut,
    QWidget,
)

from migrator.core.errors import UsageError
from migrator.jobs.rules import EXAMPLES, CheckedRules, checked, read_rules, write_rules
from migrator.records.words import counted
from migrator.ui.configuration import Configuration, RulesDraft
from migrator.ui.desk import Desk
from migrator.ui.dialogs.profile_question import Question
from migrator.ui.pages.configuration.rules_editor import LineNumberEditor
from migrator.ui.pages.configuration.rules_preview import RulesPreview
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import button, column, label, row, set_role
from migrator.ui.widgets.fields_words import sentence

_PAUSE = 300  # milliseconds without a key before the text is checked
_MOST_LISTED = 300
_LONGEST_DRAFT = 1 << 20
_HEIGHT = 170
_FILTER = "Rules (*.txt *.rules);;All files (*)"
_LINE = Qt.ItemDataRole.UserRole


class RulesPanel(QWidget):
    """The editor of the rules file that is configured. A migration uses the file, as it was last saved."""

    judged = pyqtSignal()
    """After each check of what is written, and when it is saved: `wrong_lines` may be others now."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._file = ""
        self._is_unread = False
        self._number = 0
        self.wrong_lines = 0
        self.editor = LineNumberEditor()
        self.editor.setAccessibleName("Rules, one per line")
        self.editor.setPlaceholderText('One rule per line, for example: AccessionNumber prefix "OLD-"')
        self.editor.setMinimumHeight(_HEIGHT)
        self.state = label("", "caption", wraps=True)
        self.words = label("", "muted", wraps=True)
        self.list = QListWidget()
        self.list.setAccessibleName("What is wrong, and what the rules do")
        self.list.setWordWrap(True)
        self.list.itemActivated.connect(self._go_to)
        self.list.itemClicked.connect(self._go_to)
        self.preview = RulesPreview(desk)
        self._arrange()
        keys = QShortcut(QKeySequence(QKeySequence.StandardKey.Save), self)
        keys.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        keys.activated.connect(self.save)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE)
        self._timer.timeout.connect(self._check)
        self.editor.textChanged.connect(self._timer.start)
        self.editor.document().modificationChanged.connect(lambda _: self._turned())
        self._tell_state()
        self._show(CheckedRules(), "")
        self._take_up(desk.configuration)
        desk.configuration_changed.connect(self._follow)
        desk.leaving.connect(self._keep_draft)

    @property
    def is_modified(self) -> bool:
        """Whether something was written that no file has yet."""
        return bool(self.editor.document().isModified())

    def _arrange(self) -> None:
        opens = button("Open…", "folder-open-outline", tip="Open a file with rules")
        opens.clicked.connect(self.open)
        self.saves = button("Save", "content-save-outline", tip="Save the rules to their file (Ctrl+S)")
        self.saves.clicked.connect(self.save)
        saves_as = button("Save as…", tip="Save the rules to another file, which is used from then on")
        saves_as.clicked.connect(self.save_as)
        examples = button("Insert example", "playlist-plus", kind="menu", tip="Add a rule to begin with")
        self.menu = QMenu(examples)
        for words, rule in EXAMPLES:
            action = self.menu.addAction(f"{words}:  {rule}".replace("&", "&&"))
            action.triggered.connect(lambda _, rule=rule: self.editor.add_line(rule))
        examples.setMenu(self.menu)
        left, right = QWidget(), QWidget()
        left.setLayout(column(self.editor, spacing=tokens.TIGHT))
        right.setLayout(column(self.words, self.list, spacing=tokens.TIGHT))
        self.list.setMinimumHeight(_HEIGHT - self.words.sizeHint().height() - tokens.TIGHT)
        both = row(left, right, spacing=tokens.MEDIUM)
        both.setStretch(0, 3)
        both.setStretch(1, 2)
        whole = column(spacing=tokens.SMALL)
        whole.addLayout(row(opens, self.saves, saves_as, examples, None))
        whole.addWidget(self.state)
        whole.addLayout(both)
        whole.addWidget(self.preview)
        self.setLayout(whole)

    # Files

    def open(self) -> None:
        """Ask for a file, and use it from now on."""
        at = self._file or str(Path.home())
        file, _ = QFileDialog.getOpenFileName(self, "Open rules", at, _FILTER)
        if file and self.is_modified:
            text = "Open the other file, and lose the rules that are not saved?"
            answers = {"Lose them": lambda: self._open(file)}
            Question("Rules are not saved", text, answers, self).open()
        elif file:
            self._open(file)

    def _open(self, file: str) -> None:
        self.editor.document().setModified(False)
        self._file = ""
        self._use(str(Path(file)))
        self._follow(self._desk.configuration)

    def save(self) -> None:
        """Save to the file that was read; one that could not be read is not overwritten unasked."""
        if self._file and not self._is_unread:
            self._write(self._file)
        else:
            self.save_as()

    def save_as(self) -> None:
        """Ask for a file; it is the one that is used from now on."""
        file, _ = QFileDialog.getSaveFileName(self, "Save rules", self._file or "rules.txt", _FILTER)
        if file:
            self._write(str(Path(file)))

    def _write(self, file: str) -> None:
        """Write what stands here, in a thread: the file may be on a slow share."""
        text, source = self.editor.toPlainText(), self._desk.configuration.source
        self._desk.later(
            lambda: write_rules(Path(file), text, source), lambda answer: self._wrote(answer, file, text)
        )

    def _wrote(self, answer: object, file: str, text: str) -> None:
        if sip.isdeleted(self):
            return
        if isinstance(answer, Exception):
            known = isinstance(answer, UsageError)
            set_role(self.state, "error")
            self.state.setText(sentence(str(answer)) if known else f"{file} cannot be written")
            return
        self._file = file
        self._is_unread = False
        if self.editor.toPlainText() == text:
            self.editor.document().setModified(False)
        self._use(file)
        self._tell_state()

    def _use(self, file: str) -> None:
        settings = self._desk.configuration.settings
        rule = settings.rule.model_copy(update={"rules": file})
        self._desk.update(settings=settings.model_copy(update={"rule": rule}))

    # Drafts

    def _take_up(self, configuration: Configuration) -> None:
        """Go on with what was written and not saved when the last window was closed, or crashed."""
        draft = configuration.rules_draft
        if draft is None:
            self._follow(configuration)
            return
        self._file = draft.file
        self.editor.setPlainText(draft.text)
        self.editor.document().setModified(True)

    def _keep_draft(self) -> None:
        """Keep what is written and not saved for the next window."""
        text = self.editor.toPlainText() if self.is_modified else ""
        is_kept = self.is_modified and len(text) <= _LONGEST_DRAFT
        draft = RulesDraft(file=self._file, text=text) if is_kept else None
        if draft != self._desk.configuration.rules_draft:
            self._desk.update(rules_draft=draft)

    def _turned(self) -> None:
        """From saved to not saved, or back."""
        self._tell_state()
        if not self.is_modified:
            self._keep_draft()
        self.judged.emit()

    def _follow(self, configuration: Configuration) -> None:
        """Show the file that is configured, unless something here is not saved."""
        file = configuration.settings.rule.rules
        if self.is_modified:
            self._tell_state()
            return
        if file == self._file:
            return
        self._file = file
        if not file:
            self._read("", file)
            return
        self._desk.later(lambda: read_rules(Path(file)), lambda answer: self._read(answer, file))

    def _read(self, answer: object, file: str) -> None:
        if sip.isdeleted(self) or file != self._file or self.is_modified:
            return
        self.editor.setPlainText(answer if isinstance(answer, str) else "")
        self.editor.document().setModified(False)
        self._is_unread = not isinstance(answer, str)
        self._tell_state()
        if not isinstance(answer, str):
            set_role(self.state, "error")
            known = isinstance(answer, UsageError)
            self.state.setText(sentence(str(answer)) if known else f"{file} cannot be read")

    def _tell_state(self) -> None:
        self.saves.setEnabled(self.is_modified)
        name = Path(self._file).name if self._file else "No file yet"
        if self.is_modified:
            used = self._desk.configuration.settings.rule.rules
            what = "what was saved" if used and used == self._file else Path(used).name or "no rules"
            name = f"{name}: changed and not saved yet; a migration uses {what}"
        set_role(self.state, "warning" if self.is_modified else "caption")
        self.state.setText(name)

    # Checking

    def _check(self) -> None:
        self._keep_draft()
        self._number += 1
        number, text = self._number, self.editor.toPlainText()
        self._desk.later(lambda: checked(text), lambda answer: self._take(answer, text, number))

    def _take(self, answer: object, text: str, number: int) -> None:
        is_wanted = number == self._number and not sip.isdeleted(self)
        if is_wanted and isinstance(answer, CheckedRules):
            self._show(answer, text)

    def _show(self, answer: CheckedRules, text: str) -> None:
        self.editor.mark(fault.line for fault in answer.faults[:_MOST_LISTED])
        self.list.clear()
        for fault in answer.faults[:_MOST_LISTED]:
            self._add(fault.line, fault.words, "alert-circle-outline", tokens.RED)
        for rule in answer.rules[: max(0, _MOST_LISTED - len(answer.faults))]:
            self._add(rule.line, rule.words, "check", tokens.GREEN)
        set_role(self.words, "error" if answer.faults else "muted")
        self.wrong_lines = len({fault.line for fault in answer.faults})
        rules = counted(len(answer.rules), "rule") if answer.rules else "No rules: nothing is changed"
        words = f"{counted(self.wrong_lines, 'line')} to correct" if self.wrong_lines else rules
        is_cut = len(answer.faults) + len(answer.rules) > _MOST_LISTED
        self.words.setText(f"{words}; the first {_MOST_LISTED} are listed" if is_cut else words)
        self.preview.show_rules(None if answer.faults else text)
        self.judged.emit()

    def _add(self, line: int, words: str, sign: str, colour: str) -> None:
        item = QListWidgetItem(icon(sign, colour), f"Line {line}: {words}")
        item.setData(_LINE, line)
        self.list.addItem(item)

    def _go_to(self, item: QListWidgetItem) -> None:
        self.editor.go_to(int(item.data(_LINE)))
