"""The page Log: what the engine and the window told, the newest at the bottom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt5.QtCore import QModelIndex, Qt, QTimer, QUrl
from PyQt5.QtGui import QDesktopServices, QKeySequence
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFileDialog,
    QLineEdit,
    QShortcut,
    QStackedWidget,
    QTableView,
    QToolButton,
)

from migrator.jobs.home import refuse_inside
from migrator.jobs.watched import Line
from migrator.records.words import count, counted
from migrator.records.writing import write_whole
from migrator.ui.desk import Desk
from migrator.ui.pages.log.legend import Legend
from migrator.ui.pages.log.model import LogModel, plain
from migrator.ui.pages.log.run_lines import RunLines
from migrator.ui.pages.page import Page
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import button, column, label, row, tool
from migrator.ui.widgets.cells import dress_table

_TYPING = 150  # milliseconds after the last key before what is typed counts


class LogPage(Page):
    """A bounded list with a legend that filters, a text filter, and ways to take lines along."""

    name = "log"
    title = "Log"
    icon = "text-box-outline"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.model = LogModel(desk.log, self)
        self._run_lines = RunLines(desk, self)
        self.legend = Legend(desk.log)
        self.search = self._make_search()
        self.follow = self._make_follow()
        self.table = self._make_table()
        self._shown_words = label("", "caption")
        self.whole = label("", "muted", wraps=True)
        self.whole.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.whole.hide()
        self._stack = QStackedWidget()
        self._stack.addWidget(self.table)
        self._empty = label("", "muted", wraps=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack.addWidget(self._empty)
        self._arrange()
        self._listen()
        self._count()

    def _make_search(self) -> QLineEdit:
        search = QLineEdit()
        search.setPlaceholderText("Find in the messages (Ctrl+F)")
        search.setAccessibleName("Find in the messages")
        search.setClearButtonEnabled(True)
        search.setMinimumWidth(280)
        search.setMaximumWidth(420)
        return search

    def _make_follow(self) -> QToolButton:
        follow = QToolButton()
        follow.setText("Follow")
        follow.setIcon(icon("arrow-down-bold", tokens.TEXT))
        follow.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        follow.setCheckable(True)
        follow.setChecked(True)
        follow.setToolTip("Stay at the newest line; scrolling up turns it off")
        return follow

    def _make_table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.model)
        dress_table(table, "Lines of the log")
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        table.horizontalHeader().setStretchLastSection(True)
        metrics = table.fontMetrics()
        for number, widest in enumerate(("00:00:00", "warning")):
            table.setColumnWidth(number, metrics.horizontalAdvance(widest) + 3 * tokens.SMALL)
        return table

    def _arrange(self) -> None:
        copy = tool("content-copy", "Copy the chosen lines, or all that are shown", self.copy)
        folder = tool("folder-open-outline", "Open the folder of the program's log files", self.open_folder)
        export = button("Export…", "export-variant", tip="Write the lines that are shown to a text file")
        export.clicked.connect(self.ask_where_to_export)
        self.clear = button("Clear", "broom", tip="Forget these lines; the program's log files stay")
        self.clear.clicked.connect(self.desk.log.clear)
        self.body.addLayout(
            row(label(self.title, "heading"), None, self.follow, copy, folder, export, self.clear)
        )
        self.body.addLayout(row(self.legend, None))
        self.body.addLayout(row(self.search, self._shown_words, None))
        self.body.addLayout(column(self._stack), 1)
        self.body.addWidget(self.whole)

    def _listen(self) -> None:
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.timeout.connect(self._look)
        self.search.textChanged.connect(lambda: self._typing.start(_TYPING))
        self.legend.changed.connect(self._look)
        self.desk.log.added.connect(self._count)
        self.model.modelReset.connect(self.whole.hide)
        self.follow.toggled.connect(lambda is_on: self._to_the_end() if is_on else None)
        bar = self.table.verticalScrollBar()
        bar.actionTriggered.connect(self._scrolled)
        self.table.selectionModel().currentRowChanged.connect(self._gone_to)
        bar.rangeChanged.connect(lambda least, most: bar.setValue(most) if self.follow.isChecked() else None)
        for keys, act, where in (
            (QKeySequence.StandardKey.Find, self.search.setFocus, self),
            (QKeySequence.StandardKey.Copy, self.copy, self.table),
        ):
            shortcut = QShortcut(QKeySequence(keys), where)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

    def shown(self) -> None:
        if self.follow.isChecked():
            self._to_the_end()

    # What is shown

    def _look(self) -> None:
        self._typing.stop()
        self.model.look_for(self.legend.chosen, self.search.text())
        self._count()
        if self.follow.isChecked():
            self._to_the_end()

    def _to_the_end(self) -> None:
        self.table.scrollToBottom()

    def _scrolled(self) -> None:
        """Somebody scrolls, by mouse or keys: only at the end is the newest line followed."""
        bar = self.table.verticalScrollBar()
        self.follow.setChecked(bar.sliderPosition() >= bar.maximum())

    def _gone_to(self, index: QModelIndex) -> None:
        """Somebody goes to a line: it is shown in full, and is not to run away."""
        if index.isValid():
            self.follow.setChecked(index.row() == self.model.rowCount() - 1)
            self.whole.setText(plain(self.model.line(index.row())))
        # Last: it takes room from the table at once, which would go to its end if it still followed.
        self.whole.setVisible(index.isValid())

    def _count(self, lines: Sequence[Line] = ()) -> None:
        shown, all_of_them = self.model.rowCount(), len(self.desk.log.lines)
        is_whole = shown == all_of_them
        words = counted(shown, "line") if is_whole else f"{count(shown)} of {counted(all_of_them, 'line')}"
        self._shown_words.setText(words)
        self._empty.setText(
            "No line fits. Choose other levels above, or clear the text that is looked for."
            if all_of_them
            else "Nothing was told yet. What the engine does, and what goes wrong, is listed here."
        )
        self._stack.setCurrentIndex(0 if shown else 1)
        self.clear.setEnabled(bool(all_of_them))

    # Taking lines along

    def texts(self, *, chosen_only: bool) -> list[str]:
        """The lines as plain text: those that are chosen, or all that are shown."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        if not (chosen_only and rows):
            rows = list(range(self.model.rowCount()))
        return [plain(self.model.line(one)) for one in rows]

    def copy(self) -> None:
        """Copy the chosen lines, or all that are shown."""
        lines = self.texts(chosen_only=True)
        if lines:
            QApplication.clipboard().setText("\n".join(lines))
            self.desk.noticed.emit("info", f"Copied {counted(len(lines), 'line')}")

    def ask_where_to_export(self) -> None:
        """Ask for a file and write the lines that are shown to it."""
        start = str(Path.home() / "migrator-log.txt")
        file, _ = QFileDialog.getSaveFileName(self, "Export the log", start, "Text (*.txt);;All files (*)")
        if file:
            self.export(Path(file))

    def export(self, file: Path) -> None:
        """Write the lines that are shown, for the owner only; says where that is refused."""
        lines, migration = self.texts(chosen_only=False), self.desk.migration
        sources = {self.desk.configuration.source, "" if migration is None else migration.source} - {""}

        def write() -> None:
            for source in sources:
                refuse_inside(file, Path(source).resolve(), "the file")
            write_whole(file, "".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))

        def told(answer: object) -> None:
            if isinstance(answer, Exception):
                self.desk.notice(f"The log was not exported: {answer}", "error")
            else:
                self.desk.notice(f"Exported {counted(len(lines), 'line')} to {file}", "success")

        self.desk.later(write, told)

    def open_folder(self) -> None:
        """Show the program's own log files, which hold more than this list."""
        folder = self.desk.home / "logs"
        try:
            folder.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            self.desk.notice(f"The folder of the log files cannot be opened: {error.strerror}", "error")
            return
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
