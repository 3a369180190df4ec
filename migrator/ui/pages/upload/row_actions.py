"""What can be done with rows of the table: copying, opening the folder, showing them elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt5.QtCore import QPoint, Qt
from PyQt5.QtGui import QGuiApplication, QKeySequence
from PyQt5.QtWidgets import QAction, QMenu

from migrator.core.paths import encodable
from migrator.jobs.row_words import COLUMNS, Row
from migrator.records.words import count
from migrator.ui.desk import Desk
from migrator.ui.models.rows import RowsModel, Shown
from migrator.ui.pages.upload.row_filter import RowFilter
from migrator.ui.pages.upload.row_table import RowTable
from migrator.ui.widgets.reveal import show, whereabouts

_MOST_COPIED = 2000  # rows; more would hold up the window, and an export has them all


class RowActions:
    """The context menu of a table and its keys."""

    def __init__(self, desk: Desk, table: RowTable, model: RowsModel, filters: RowFilter) -> None:
        self._desk = desk
        self._table = table
        self._model = model
        self._filters = filters
        copy = QKeySequence.StandardKey.Copy
        self._open = self._action("Open Folder", "Return", self.open_folder)
        self._copy_rows = self._action("Copy Rows", QKeySequence(copy), self._copy_whole_rows)
        self._copy_cell = self._action("Copy Cell", "Ctrl+Shift+C", self._copy_current_cell)
        self._copy_uids = self._action("Copy SOP Instance UIDs", "", self._copy_all_uids)
        self._copy_paths = self._action("Copy Paths", "", self._copy_all_paths)
        self._patient = self._action("Show This Patient Only", "", lambda: self.show_patient(self._current()))
        self._browse = self._action("Show in File Browser", "Ctrl+B", lambda: self.browse(self._current()))
        table.addActions([self._copy_rows, self._copy_cell, self._browse])  # their keys; Enter is the table's
        table.customContextMenuRequested.connect(self._menu)
        table.opened.connect(self.open_folder)
        table.patient_clicked.connect(self._clicked)

    def _action(self, text: str, key: QKeySequence | str, act: Callable[[], None]) -> QAction:
        action = QAction(text, self._table)
        action.setShortcut(QKeySequence(key))
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(lambda: act())
        return action

    def _menu(self, place: QPoint) -> None:
        index = self._table.currentIndex()
        if not index.isValid():
            return
        shown = self._model.at(index.row())
        has_series = shown.row is not None and shown.row.series is not None
        self._patient.setEnabled(has_series)
        self._browse.setEnabled(has_series)
        menu = QMenu(self._table)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self._open)
        menu.addActions([self._browse, self._patient])
        menu.addSeparator()
        menu.addActions([self._copy_cell, self._copy_rows, self._copy_uids, self._copy_paths])
        menu.popup(self._table.viewport().mapToGlobal(place))

    # Showing

    def open_folder(self, number: int | None = None) -> None:
        """Open the folder of this row's file, or of the current one's."""
        shown = self._current() if number is None else self._model.at(number)
        if shown.row is None:
            return
        file = self._model.source_of(shown) / shown.row.path
        self._desk.later(lambda: whereabouts(file), lambda there: self._show_folder(file, there))

    def _show_folder(self, file: Path, there: object) -> None:
        if not isinstance(there, Path) or not show(file, there):
            self._desk.notice("The folder of this file is not there, or cannot be opened", "warning")

    def show_patient(self, shown: Shown) -> None:
        if shown.row is not None and shown.row.series is not None:
            self._filters.show_patient(shown.row.series.study.patient)

    def browse(self, shown: Shown) -> None:
        if shown.row is not None and shown.row.series is not None:
            self._desk.browse(shown.row.series, shown.row.path)

    def _clicked(self, number: int, has_ctrl: bool) -> None:
        shown = self._model.at(number)
        if has_ctrl:
            self.browse(shown)
        else:
            self.show_patient(shown)

    def _current(self) -> Shown:
        return self._model.at(self._table.currentIndex().row())

    # Copying

    def _copy_current_cell(self) -> None:
        index = self._table.currentIndex()
        if index.isValid():
            _to_clipboard(self._model.at(index.row()).cells[index.column()])

    def _copy_whole_rows(self) -> None:
        chosen = self._selected()
        lines = ["\t".join(COLUMNS)] if len(chosen) > 1 else []
        _to_clipboard("\n".join([*lines, *("\t".join(shown.cells) for shown in chosen)]))

    def _copy_all_uids(self) -> None:
        self._copy_of_rows(lambda row: row.uid)

    def _copy_all_paths(self) -> None:
        _to_clipboard(
            "\n".join(
                str(self._model.source_of(shown) / shown.row.path) for shown in self._selected() if shown.row
            )
        )

    def _copy_of_rows(self, text: Callable[[Row], str]) -> None:
        _to_clipboard("\n".join(filter(None, (text(one.row) for one in self._selected() if one.row))))

    def _selected(self) -> list[Shown]:
        """The selected rows, as many as are copied at once, in the order in which they are shown."""
        chosen = self._table.selectionModel().selection()
        numbers: set[int] = set()
        total = 0
        for part in chosen:
            total += part.height()
            numbers.update(range(part.top(), min(part.bottom() + 1, part.top() + _MOST_COPIED)))
        if total > _MOST_COPIED:
            self._desk.notice(
                f"The first {count(_MOST_COPIED)} of {count(total)} rows were copied; an export has them all",
                "warning",
            )
        return [self._model.at(number) for number in sorted(numbers)[:_MOST_COPIED]]


def _to_clipboard(text: str) -> None:
    if text:
        QGuiApplication.clipboard().setText(encodable(text))
