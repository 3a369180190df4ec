"""What can be done with a line of the tree: send it first, select it alone, open its folder, copy."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from PyQt5.QtWidgets import QAction, QApplication, QMenu, QWidget

from migrator.core.errors import MigratorError
from migrator.jobs.inventory_nodes import Line, PatientNode, SeriesNode, StudyNode, first_series
from migrator.jobs.inventory_tree import InventoryTree
from migrator.records.words import counted
from migrator.ui.desk import Desk
from migrator.ui.pages.browser.tree_model import id_of, name_of
from migrator.ui.running import Migration
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.reveal import reveal


class LineMenu(QMenu):
    """The menu of one line; `path` is its first file's, None where none is known."""

    def __init__(self, desk: Desk, line: Line, path: Path | None, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk
        self._line = line
        self._path = path
        patient = _patient(line)
        study = line if isinstance(line, StudyNode) else line.parent if isinstance(line, SeriesNode) else None
        migration = running_migration(desk)
        first = self._add("Send this study first", "priority-high", self._send_study)
        first.setEnabled(migration is not None and study is not None)
        first = self._add("Send this patient first", "priority-high", self._send_patient)
        first.setEnabled(migration is not None and bool(patient.about.id))
        self._study = study
        self._patient = patient
        self.addSeparator()
        self.only = self._add("Select only this", "checkbox-marked-outline", lambda: None)
        self.only.setEnabled(bool(line.instances))
        self.addSeparator()
        opening = self._add("Open folder", "folder-open-outline", self._open)
        opening.setEnabled(path is not None)
        kind = "ID" if isinstance(line, PatientNode) else "UID"
        self._add("Copy name", "content-copy", lambda: copy(name_of(line)))
        self._add(f"Copy {kind}", "content-copy", lambda: copy(id_of(line)))
        copying = self._add("Copy path", "content-copy", lambda: copy(str(path)))
        copying.setEnabled(path is not None)

    def _add(self, words: str, icon_name: str, act: Callable[[], None]) -> QAction:
        action = QAction(icon(icon_name), words, self)
        self.addAction(action)
        action.triggered.connect(lambda: act())
        return action

    def _send_study(self) -> None:
        if self._study is not None:
            send_first(self._desk, "study", study=self._study.about.uid)

    def _send_patient(self) -> None:
        send_first(self._desk, "patient", patient=self._patient.about.id)

    def _open(self) -> None:
        if self._path is not None and not reveal(self._path):
            self._desk.notice("The folder is not there, or cannot be opened", "warning")


def running_migration(desk: Desk) -> Migration | None:
    """The migration on view, where it is on and of the source that is configured."""
    migration = desk.migration
    if migration is None or not migration.sight.is_live:
        return None
    ours, theirs = desk.configuration.source, migration.source
    # The same text needs no look at a share that may not answer.
    is_same = ours == theirs or os.path.realpath(ours) == os.path.realpath(theirs)
    return migration if is_same else None


def send_first(desk: Desk, what: str, *, study: str | None = None, patient: str | None = None) -> None:
    """Have the run send this first, and tell how many instances that has moved."""
    migration = running_migration(desk)
    if migration is None:
        desk.notice("No migration of this source is on", "warning")
        return
    answers: list[object] = []

    def told(answer: object) -> None:
        answers.append(answer)
        if len(answers) == len(migration.nodes):
            _tell(desk, what, answers)

    migration.ask({"do": "prioritise", "study": study, "patient": patient}, told)


def _tell(desk: Desk, what: str, answers: list[object]) -> None:
    error = next((one for one in answers if isinstance(one, MigratorError)), None)
    # Several destinations get the same instances: they are not counted twice.
    moved = max((int(one.get("instances", 0)) for one in answers if isinstance(one, dict)), default=0)
    if moved:
        desk.notice(f"{counted(moved, 'instance')} of this {what} will be sent next", "success")
    elif error is not None:
        desk.notice(f"The {what} cannot be sent first: {error}", "warning")
    else:
        desk.notice(f"Nothing of this {what} is waiting to be sent", "info")


def first_path(tree: InventoryTree, source: str, line: Line) -> Path | None:
    """The first file of a line."""
    series = first_series(line)
    row = next(series.rows, None) if series is not None else None
    record = tree.tail.row(row) if row is not None else None
    return Path(source, record.path) if record is not None else None


def copy(text: str) -> None:
    """To the clipboard."""
    QApplication.clipboard().setText(text)


def _patient(line: Line) -> PatientNode:
    match line:
        case PatientNode():
            return line
        case StudyNode():
            return line.parent
        case SeriesNode():
            return line.parent.parent
