"""Writing documents about a job by a command of the engine: which job, which files, how it went."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PyQt5.QtCore import Qt, QUrl
from PyQt5.QtGui import QDesktopServices
from PyQt5.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QLineEdit,
    QMessageBox,
    QProgressBar,
    QWidget,
)

from migrator.core.errors import UsageError
from migrator.core.model import Node
from migrator.ui.desk import Desk
from migrator.ui.running import Running
from migrator.ui.theme import tokens
from migrator.ui.trouble import trouble_of
from migrator.ui.widgets.basics import button, column, label, row, set_role, tool

_WIDTH = 620
_PHI = "The files hold patients' data. Only you can read them until you give them to others."


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file: its option, what it is called, and its ending."""

    option: str
    title: str
    ending: str
    is_usual: bool = True


@dataclass(frozen=True, slots=True)
class Document:
    """What a dialog writes, by which command; `name` begins the names of the files."""

    command: str
    title: str
    meaning: str
    name: str
    kinds: tuple[Kind, ...]


class FileRow:
    """One kind of file: whether it is wanted, and where it goes."""

    def __init__(self, kind: Kind, folder: Path, name: str) -> None:
        self.kind = kind
        self.wanted = QCheckBox(kind.title)
        self.wanted.setChecked(kind.is_usual)
        self.place = QLineEdit(str(_free(folder, name, kind.ending)))
        self.place.setAccessibleName(f"File for {kind.title}")
        self.browse = tool("folder-open-outline", f"Choose the file for {kind.title}", self._browse)
        self.open = button(
            "Open", "open-in-new", tip=f"Open the file with the usual program for {kind.title}"
        )
        self.open.clicked.connect(self._open)
        self.open.hide()
        self.is_agreed = ""
        """The existing file that may be replaced."""
        self.target: Path | None = None
        """The file that was written last, or is being written."""
        self._before: tuple[int, int] | None = None
        self.wanted.toggled.connect(self._turn)
        self._turn(kind.is_usual)

    @property
    def file(self) -> Path | None:
        """Where it goes; None where it is not wanted."""
        text = self.place.text().strip()
        if not self.wanted.isChecked() or not text:
            return None
        try:
            return Path(text).expanduser()
        except RuntimeError:  # the home of somebody who is not known here
            return Path(text)

    def begin(self) -> None:
        """It is about to be written."""
        self.target, self._before = self.file, _mark_of(self.file)
        self.open.hide()

    @property
    def is_written(self) -> bool:
        """Whether the file is another one since `begin`."""
        return _mark_of(self.target) not in (None, self._before)

    def lock(self, is_busy: bool) -> None:
        """Let nothing be changed while it is written."""
        self.wanted.setEnabled(not is_busy)
        self._turn(self.wanted.isChecked() and not is_busy)

    def _turn(self, is_wanted: bool) -> None:
        self.place.setEnabled(is_wanted)
        self.browse.setEnabled(is_wanted)

    def _browse(self) -> None:
        pattern = f"{self.kind.title} (*.{self.kind.ending})"
        name, _ = QFileDialog.getSaveFileName(self.place, "Save as", self.place.text(), pattern)
        if name:
            self.place.setText(name)
            self.is_agreed = name

    def _open(self) -> None:
        if self.target is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.target.absolute())))


class FilesDialog(QDialog):
    """Over the job that history lists by this id, or, without one, over the job on view."""

    document: Document

    def __init__(self, desk: Desk, parent: QWidget | None, job_id: str | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._job_id = job_id
        self._source, self._nodes = _job_of(desk)
        self._running: Running | None = None
        document = self.document
        self.setWindowTitle(document.title)
        self.setMinimumWidth(_WIDTH)
        stem = f"{document.name}-{time.strftime('%Y-%m-%d')}"
        self.files = [FileRow(kind, Path.home(), stem) for kind in document.kinds]
        self.nodes = QComboBox()
        self.nodes.setAccessibleName("Destination")
        self.nodes.addItems([str(node) for node in self._nodes])
        self.nodes.setVisible(job_id is None and len(self._nodes) > 1)
        self.told = label("", wraps=True)
        self.told.setMinimumHeight(3 * tokens.LARGE)
        self.told.setAlignment(Qt.Alignment(Qt.AlignmentFlag.AlignTop) | Qt.AlignmentFlag.AlignLeft)
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Writing")
        keep = self.bar.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(keep)
        self.bar.hide()
        self.write = button("Write", "content-save-outline", kind="primary")
        self.write.setDefault(True)
        self.write.clicked.connect(self._write)
        self.close_button = button("Close")
        self.close_button.clicked.connect(self.reject)
        self._arrange()
        self.finished.connect(lambda code: self._leave())
        if job_id is None and not self._nodes:
            self._tell("There is no job: choose a source and a destination first.", "muted")
            self.write.setEnabled(False)

    def _arrange(self) -> None:
        layout = column(label(self.document.title, "heading"), spacing=tokens.MEDIUM)
        layout.setContentsMargins(tokens.WIDE, tokens.LARGE, tokens.WIDE, tokens.LARGE)
        layout.addWidget(label(self.document.meaning, "muted", wraps=True))
        about = f"Migration {self._job_id}" if self._job_id else self._source
        if about:
            layout.addLayout(row(label(about, wraps=True), self.nodes))
        grid = QGridLayout()
        grid.setHorizontalSpacing(tokens.SMALL)
        grid.setVerticalSpacing(tokens.SMALL)
        for place, one in enumerate(self.files):
            for number, widget in enumerate((one.wanted, one.place, one.browse, one.open)):
                grid.addWidget(widget, place, number)
        grid.setColumnStretch(1, 1)
        layout.addLayout(grid)
        layout.addWidget(label(_PHI, "caption", wraps=True))
        layout.addWidget(self.told)
        layout.addWidget(self.bar)
        layout.addStretch(1)
        layout.addLayout(row(None, self.close_button, self.write))
        self.setLayout(layout)

    # Writing

    def words(self) -> list[str]:
        """The command that writes what is wanted."""
        if self._job_id is not None:
            job = ["--job", self._job_id]
        else:
            job = [self._source, "--to", str(self._nodes[max(0, self.nodes.currentIndex())])]
        wanted = [f"{one.kind.option}={one.file}" for one in self.files if one.file]
        return [self.document.command, *job, *wanted]

    def _write(self) -> None:
        if not any(one.file for one in self.files):
            self._tell("Choose at least one kind of file.", "error")
            return
        if not self._may_replace():
            return
        for one in self.files:
            one.begin()
        try:
            self._running = self._desk.run(self.words())
        except UsageError as error:
            self._tell(str(error), "error")
            return
        self._running.ended.connect(self._over)
        self._busy(True)
        self._tell("Writing; this takes a moment for a long record.", "muted")

    def _may_replace(self) -> bool:
        """Whether no file is replaced that its owner does not want to lose."""
        there = [
            one.file
            for one in self.files
            if one.file and _mark_of(one.file) and str(one.file) != one.is_agreed
        ]
        if not there:
            return True
        question = QMessageBox(self)
        question.setWindowTitle(self.document.title)
        question.setText("Replace what is there already?")
        question.setInformativeText("\n".join(map(str, there)))
        replace = question.addButton("Replace", QMessageBox.ButtonRole.AcceptRole)
        question.addButton(QMessageBox.StandardButton.Cancel)
        question.exec()
        question.deleteLater()
        return question.clickedButton() is replace

    def _over(self, code: int) -> None:
        running, self._running = self._running, None
        self._busy(False)
        written = [one.target for one in self.files if one.target is not None and one.is_written]
        for one in self.files:
            one.open.setVisible(one.target in written)
        words = [written_words(written)] if written else []
        if code:
            words.append(trouble_of(running.launched.messages()) if running is not None else "")
        self._tell("\n".join(words), "error" if code else "good")

    def _busy(self, is_busy: bool) -> None:
        self.bar.setVisible(is_busy)
        self.write.setEnabled(not is_busy)
        for one in self.files:
            one.lock(is_busy)
        self.nodes.setEnabled(not is_busy)
        self.close_button.setText("Cancel" if is_busy else "Close")

    def _tell(self, text: str, role: str) -> None:
        set_role(self.told, role)
        self.told.setText(text)

    def _leave(self) -> None:
        """A dialog that is closed wants nothing written any more."""
        if self._running is not None:
            self._running.do("cancel")


def _mark_of(file: Path | None) -> tuple[int, int] | None:
    """What tells a file from one that stood in its place before; None where there is none."""
    if file is None:
        return None
    try:
        found = file.stat()
    except (OSError, ValueError):
        return None
    return (found.st_ino, found.st_mtime_ns)


def written_words(files: Sequence[Path]) -> str:
    """That these were written."""
    return "Written: " + ", ".join(map(str, files))


def _job_of(desk: Desk) -> tuple[str, tuple[Node, ...]]:
    """The job on view; without one, what is configured."""
    if desk.migration is not None:
        return desk.migration.source, desk.migration.nodes
    configuration = desk.configuration
    if not configuration.source:
        return "", ()
    return configuration.source, tuple(one.node for one in configuration.chosen)


def _free(folder: Path, name: str, ending: str) -> Path:
    """A file that is not there yet."""
    file, number = folder / f"{name}.{ending}", 1
    while _mark_of(file):
        number += 1
        file = folder / f"{name}-{number}.{ending}"
    return file
