"""The tree's lines as a table model.

Flat, though it shows a tree: Qt's own tree view asks Python about each line whenever one is added, which
stops the window over twenty thousand patients. A line is a node of `InventoryTree`; nothing is made per line.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, Qt, pyqtSignal

from migrator.jobs.inventory_nodes import Line, PatientNode, SeriesNode, StudyNode
from migrator.jobs.inventory_view import COLUMNS, Column
from migrator.records.words import count, counted, day, size

TITLES: dict[Column, str] = {
    "name": "Patient / study / series",
    "id": "ID",
    "modality": "Mod",
    "date": "Date",
    "studies": "Studies",
    "series": "Series",
    "instances": "Instances",
    "size": "Size",
}
_NUMBERS = frozenset({"studies", "series", "instances", "size"})
_TAIL = 10  # letters of a UID's end

NODE = Qt.ItemDataRole.UserRole
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


class TreeModel(QAbstractTableModel):
    """`lines` from top to bottom; `opened` are those whose children stand below them."""

    check_wanted = pyqtSignal(object, bool)
    """(a Line, whether it is to be chosen)"""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []
        self.opened: set[Line] = set()

    def clear(self) -> None:
        self.beginResetModel()
        self.lines, self.opened = [], set()
        self.endResetModel()

    def place(self, lines: list[Line]) -> None:
        """Show these lines now. Those that stay keep their selection, wherever they come to stand."""
        if lines == self.lines:
            self.refresh()
            return
        before = set(self.lines)
        wanted = set(lines)
        added = [line for line in lines if line not in before]
        gone = [line for line in self.lines if line not in wanted]
        if added:
            self.beginInsertRows(QModelIndex(), len(self.lines), len(self.lines) + len(added) - 1)
            self.lines = self.lines + added
            self.endInsertRows()
        final = lines + gone
        if final != self.lines:
            self._permute(final)
        if gone:
            self.beginRemoveRows(QModelIndex(), len(lines), len(final) - 1)
            self.lines = lines
            self.endRemoveRows()
        self.refresh()

    def _permute(self, lines: list[Line]) -> None:
        self.layoutAboutToBeChanged.emit()
        indices = self.persistentIndexList()
        moved = {self.lines[index.row()] for index in indices}
        rows = {line: row for row, line in enumerate(lines) if line in moved}
        targets = [self.index(rows[self.lines[index.row()]], index.column()) for index in indices]
        self.lines = lines
        self.changePersistentIndexList(indices, targets)
        self.layoutChanged.emit()

    def open(self, row: int, below: Sequence[Line]) -> None:
        """Show what is below a line."""
        self.opened.add(self.lines[row])
        if below:
            self.beginInsertRows(QModelIndex(), row + 1, row + len(below))
            self.lines[row + 1 : row + 1] = below
            self.endInsertRows()
        self._tell(row, row)

    def close(self, row: int) -> None:
        """Show no more what is below a line."""
        line = self.lines[row]
        end = row + 1
        while end < len(self.lines) and is_under(self.lines[end], line):
            end += 1
        self.opened.discard(line)
        if end > row + 1:
            self.beginRemoveRows(QModelIndex(), row + 1, end - 1)
            del self.lines[row + 1 : end]
            self.endRemoveRows()
        self._tell(row, row)

    def refresh(self) -> None:
        """Numbers and checks may be others now."""
        if self.lines:
            self._tell(0, len(self.lines) - 1)

    def _tell(self, first: int, last: int) -> None:
        self.dataChanged.emit(self.index(first, 0), self.index(last, len(COLUMNS) - 1))

    def row_of(self, line: Line) -> int:
        """Where it stands; -1 where it is not shown."""
        try:
            return self.lines.index(line)
        except ValueError:
            return -1

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.lines)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int) -> Any:
        if orientation == Qt.Orientation.Horizontal and 0 <= section < len(COLUMNS):
            column = COLUMNS[section]
            if role == Qt.ItemDataRole.DisplayRole:
                return TITLES[column]
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return _RIGHT if column in _NUMBERS else _LEFT
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlags:
        if not index.isValid():
            return Qt.ItemFlags()
        return Qt.ItemFlags(Qt.ItemFlag.ItemIsEnabled) | Qt.ItemFlag.ItemIsSelectable

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = index.row()
        if not 0 <= row < len(self.lines):
            return None
        line, column = self.lines[row], COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return _TEXTS[column](line)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column in _NUMBERS else _LEFT
        if role == NODE:
            return line
        if role == Qt.ItemDataRole.CheckStateRole and column == "name":
            return check_state(line)
        if role == Qt.ItemDataRole.ToolTipRole:
            return as_tip(tip_of(line))
        if role == Qt.ItemDataRole.AccessibleTextRole and column == "name":
            return self._spoken(line)
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole or not index.isValid():
            return False
        self.check_wanted.emit(self.lines[index.row()], value == Qt.CheckState.Checked)
        return True

    def _spoken(self, line: Line) -> str:
        kind = {PatientNode: "patient", StudyNode: "study", SeriesNode: "series"}[type(line)]
        chosen = "selected" if line.is_whole else "partly selected" if line.is_part else "not selected"
        opened = "" if isinstance(line, SeriesNode) else ", open" if line in self.opened else ", closed"
        return f"{kind} {name_of(line)}, {chosen}{opened}"


def check_state(line: Line) -> Qt.CheckState | None:
    """None where there is nothing in it that could be sent."""
    if not line.instances:
        return None
    if line.is_part:
        return Qt.CheckState.PartiallyChecked
    return Qt.CheckState.Checked if line.chosen else Qt.CheckState.Unchecked


def is_under(line: Line, above: Line) -> bool:
    """Whether it is a part of the other, at whatever depth."""
    match line:
        case StudyNode():
            return line.parent is above
        case SeriesNode():
            return line.parent is above or line.parent.parent is above
    return False


def level_of(line: Line) -> int:
    """0 for a patient, 1 for a study, 2 for a series."""
    return 0 if isinstance(line, PatientNode) else 1 if isinstance(line, StudyNode) else 2


def name_of(line: Line) -> str:
    """What stands in the first column."""
    match line:
        case PatientNode():
            return line.about.name.replace("^", ", ", 1).replace("^", " ").strip(", ") or "(no name)"
        case StudyNode():
            return line.about.description or "(no description)"
        case SeriesNode():
            number, words = line.about.number, line.about.description
            return f"{number}  {words}".strip() if words else f"Series {number}".strip()


def series_words(series: SeriesNode) -> str:
    """A series where nothing beside says that it is one."""
    number, words = series.about.number, series.about.description
    return ": ".join(filter(None, (f"Series {number}".strip(), words)))


def id_of(line: Line) -> str:
    """A patient's ID, or the whole UID."""
    return line.about.id if isinstance(line, PatientNode) else line.about.uid


def _short_id(line: Line) -> str:
    whole = id_of(line)
    return whole if isinstance(line, PatientNode) or len(whole) <= _TAIL else f"…{whole[-_TAIL:]}"


def tip_of(line: Line) -> str:
    """What does not fit into the columns. Plain text."""
    match line:
        case PatientNode():
            about = line.about
            born = f"born {day(about.birth_date)}" if about.birth_date else ""
            parts = [name_of(line), about.id, born, about.sex, about.issuer]
        case StudyNode():
            study = line.about
            accession = f"accession {study.accession}" if study.accession else ""
            parts = [name_of(line), accession, study.uid]
        case SeriesNode():
            parts = [name_of(line), line.about.uid]
    if line.problems:
        parts.append(f"{counted(line.problems, 'file')} that cannot be sent")
    return "\n".join(filter(None, parts))


def as_tip(text: str) -> str:
    """A text for a tooltip, which would take a name that looks like markup for markup."""
    return (
        "<p style='white-space: pre'>" + "<br>".join(html.escape(line) for line in text.split("\n")) + "</p>"
    )


def _modality(line: Line) -> str:
    return line.about.modality if isinstance(line, SeriesNode) else "/".join(line.modalities)


def _date(line: Line) -> str:
    if isinstance(line, SeriesNode):
        return ""
    return day(line.date if isinstance(line, PatientNode) else line.about.date)


def _studies(line: Line) -> str:
    return count(len(line.children)) if isinstance(line, PatientNode) else ""


def _series(line: Line) -> str:
    if isinstance(line, SeriesNode):
        return ""
    return count(line.series if isinstance(line, PatientNode) else len(line.children))


_TEXTS: dict[Column, Callable[[Line], str]] = {
    "name": name_of,
    "id": _short_id,
    "modality": _modality,
    "date": _date,
    "studies": _studies,
    "series": _series,
    "instances": lambda line: count(line.instances),
    "size": lambda line: size(line.size),
}
