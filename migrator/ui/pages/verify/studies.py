"""The audit: what the destination holds of each study."""

from __future__ import annotations

from collections import Counter

from PyQt5.QtCore import QSize, Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QKeySequence, QResizeEvent
from PyQt5.QtWidgets import (
    QBoxLayout,
    QButtonGroup,
    QLineEdit,
    QShortcut,
    QStackedWidget,
    QToolButton,
    QWidget,
)

from migrator.jobs.verified import Verdict
from migrator.records.words import noun
from migrator.ui.desk import Desk
from migrator.ui.pages.verify.job import State
from migrator.ui.pages.verify.model import StudyModel
from migrator.ui.pages.verify.statement import StatementCard
from migrator.ui.pages.verify.tree import StudyTree
from migrator.ui.pages.verify.words import MEANINGS, VERDICTS
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import button, column, label, row

_EMPTY = 560  # pixels that the words of an empty page take
_WIDE = 980  # pixels from which chips and search stand beside each other
_NARROW = 700  # pixels below which nothing fits
_TYPED = 200  # milliseconds after the last letter


class Chips(QWidget):
    """How many studies there are of each verdict; what is pressed narrows the list."""

    changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.of: dict[Verdict, QToolButton] = {}
        layout = row(spacing=tokens.TIGHT)
        self._group = QButtonGroup(self)
        self._group.setExclusive(False)
        for verdict, word in VERDICTS.items():
            self.of[verdict] = self._chip(word, tokens.VERDICT[verdict.value], MEANINGS[verdict])
            layout.addWidget(self.of[verdict])
        tip = "Patients, studies or series stand at the destination otherwise than they were sent"
        self.different = self._chip("Different", tokens.VERDICT["mismatch"], tip)
        layout.addWidget(self.different)
        layout.addStretch(1)
        self.setLayout(layout)
        self.show_counts(Counter(), 0)
        self._group.buttonClicked.connect(lambda chip: self.changed.emit())

    def _chip(self, word: str, colour: str, tip: str) -> QToolButton:
        made = QToolButton()
        made.setCheckable(True)
        made.setObjectName(word)
        made.setIcon(icon("circle-medium", colour))
        made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        made.setToolTip(tip)
        self._group.addButton(made)
        return made

    @property
    def verdicts(self) -> list[Verdict]:
        return [verdict for verdict, chip in self.of.items() if chip.isChecked()]

    def show_counts(self, counts: Counter[Verdict], different: int) -> None:
        for verdict, chip in self.of.items():
            _count(chip, counts[verdict])
        _count(self.different, different)


def _count(chip: QToolButton, count: int) -> None:
    words = f"{chip.objectName()} {count:,}"
    chip.setText(words)
    chip.setAccessibleName(words)
    if not count:
        chip.setChecked(False)
    chip.setEnabled(count > 0)


class StudiesTab(QWidget):
    """The verdict, then the studies; in their place what to do where there are none."""

    migrate_wanted = pyqtSignal()
    configure_wanted = pyqtSignal()
    verify_wanted = pyqtSignal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.model = StudyModel(self)
        self.tree = StudyTree(desk, self.model)
        self.card = StatementCard()
        self.chips = Chips()
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search name, ID, description, UID")
        self.search.setAccessibleName("Search the studies")
        self.search.setClearButtonEnabled(True)
        self.shown = label("", "muted")
        self._typed = QTimer(self)
        self._typed.setSingleShot(True)
        self._typed.setInterval(_TYPED)
        self._typed.timeout.connect(self._narrow)
        self.search.textChanged.connect(lambda text: self._typed.start())
        self.chips.changed.connect(self._narrow)
        self.empty_word = label("", "title")
        self.empty_text = label("", "muted", wraps=True)
        self.empty_text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.empty_text.setFixedWidth(_EMPTY)
        self.go = button("", "arrow-right")
        self.go.clicked.connect(self._go)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty())
        self._stack.addWidget(self._full())
        self.setLayout(column(self._stack))
        self._wanted = self.migrate_wanted
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.search.setFocus)

    def _empty(self) -> QWidget:
        page = QWidget()
        layout = column(None, spacing=tokens.MEDIUM)
        layout.addLayout(row(None, self.empty_word, None))
        layout.addLayout(row(None, self.empty_text, None))
        layout.addLayout(row(None, self.go, None))
        layout.addStretch(1)
        page.setLayout(layout)
        return page

    def _full(self) -> QWidget:
        page = QWidget()
        layout = column(self.card, spacing=tokens.SMALL)
        self.search.setMinimumWidth(160)
        self._bar = row(self.chips)
        finding = row(self.search, self.shown)
        finding.setStretch(0, 1)
        self._bar.addLayout(finding, 1)
        layout.addLayout(self._bar)
        layout.addWidget(self.tree, 1)
        page.setLayout(layout)
        return page

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_wide = event.size().width() >= _WIDE
        self._bar.setDirection(
            QBoxLayout.Direction.LeftToRight if is_wide else QBoxLayout.Direction.TopToBottom
        )

    def minimumSizeHint(self) -> QSize:
        """That of chips and search below each other, whatever they are now."""
        return QSize(_NARROW, super().minimumSizeHint().height())

    @property
    def is_empty(self) -> bool:
        return self._stack.currentIndex() == 0

    def show_state(self, state: State) -> None:
        """Show what is known of the job."""
        verified = state.verified
        if not verified.is_verified:
            self._say_empty(state)
            self._stack.setCurrentIndex(0)
        else:
            self._show_card(state)
            self._stack.setCurrentIndex(1)
        if self.model.studies is not verified.studies:
            self.chips.show_counts(
                Counter(found.verdict for found in verified.studies),
                sum(1 for found in verified.studies if found.different),
            )
            self.model.show(verified.studies, verified.paths)
            self._narrow()

    def _show_card(self, state: State) -> None:
        verified = state.verified
        statement = verified.statement("Verification")
        if verified.is_kept and statement is not None:
            self.card.show_statement(statement)
            return
        words = (
            "Everything is there" if verified.is_clean else "Not everything is proven to be there as it was"
        )
        text = (
            f"The source was read for this, as nothing is recorded of a migration. {verified.matched:,} of "
            f"{verified.expected:,} {noun(verified.expected, 'instance')} are at the destination."
        )
        self.card.tell(
            words, text, "good" if verified.is_clean else "warn", "Not kept: it is shown until the end"
        )

    def _say_empty(self, state: State) -> None:
        if state.job is None:
            self._offer(
                "Nothing to verify yet",
                "Verifying asks the destination what it holds of each study, and compares that with what was "
                "sent. Choose a source and a destination first.",
                "Go to Configuration",
            )
            self._wanted = self.configure_wanted
        elif not state.is_read:
            self._offer("Reading the record", "", "")
        elif not state.is_readable:
            self._offer("The record of this job cannot be read", "", "")
        elif not state.has_record:
            self._offer(
                "Nothing was migrated from here to there yet",
                f"{state.job.source} to {state.job.node}: once something was sent, this page proves that it "
                "arrived, down to every instance. Verify now compares the source itself with what the "
                "destination holds.",
                "Go to Upload",
            )
            self._wanted = self.migrate_wanted
        else:
            self._offer(
                "Not verified yet",
                "Verify asks the destination, study by study, which instances it holds, and compares them "
                "with what was sent. It sends and changes nothing.",
                "Verify",
            )
            self._wanted = self.verify_wanted
            self.go.setEnabled(not state.is_on)

    def _offer(self, word: str, text: str, action: str) -> None:
        self.empty_word.setText(word)
        self.empty_text.setText(text)
        self.go.setText(action)
        self.go.setVisible(bool(action))
        self.go.setEnabled(True)

    def _go(self) -> None:
        self._wanted.emit()

    def _narrow(self) -> None:
        self._typed.stop()
        self.model.narrow(
            self.chips.verdicts, self.search.text(), is_different=self.chips.different.isChecked()
        )
        shown, total = len(self.model.rows), len(self.model.studies)
        which = f"{shown:,} of {total:,}" if shown != total else f"{total:,}"
        self.shown.setText(f"{which} {noun(total, 'study')}")
