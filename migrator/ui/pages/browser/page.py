"""The page File Browser: what the source holds, what of it is to be migrated, a look at single objects."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtCore import QPoint, Qt
from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import QHBoxLayout, QProgressBar, QShortcut, QSplitter, QStackedWidget, QWidget

from migrator.core.model import Series
from migrator.jobs.inventory_nodes import Key, Line, first_series, key_of, patient_key
from migrator.records.words import counted
from migrator.ui.configuration import Configuration
from migrator.ui.desk import Desk, Selection
from migrator.ui.pages.browser.choosing import Chooser
from migrator.ui.pages.browser.empty import Empty
from migrator.ui.pages.browser.filters import filter_words
from migrator.ui.pages.browser.instances import InstanceModel, InstanceView
from migrator.ui.pages.browser.menu import LineMenu, first_path
from migrator.ui.pages.browser.panel import TreePanel
from migrator.ui.pages.browser.preview import PreviewPane
from migrator.ui.pages.browser.problems import ProblemDialog, problem_words
from migrator.ui.pages.browser.scanning import SourceScan
from migrator.ui.pages.browser.slices import Slices
from migrator.ui.pages.browser.tree_model import as_tip, series_words
from migrator.ui.pages.page import Page
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, column, label, row
from migrator.ui.widgets.elided import ElidedLabel

_SIDES, _HALVES = "browser/sides", "browser/halves"
_BUSY_WIDTH = 90


class BrowserPage(Page):
    """Scans when it is first shown with a source."""

    name = "browser"
    title = "File Browser"
    icon = "file-tree"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.scan = SourceScan(desk)
        self.panel = TreePanel(desk.state)
        self.chooser = Chooser(desk, lambda: self.scan.is_whole)
        self.instances = InstanceModel()
        self.list = InstanceView(self.instances)
        self.preview = PreviewPane(desk)
        self._is_touched = False
        self._wanted: tuple[Key, str] | None = None  # a series that is to be shown, and a file of it
        self._is_revealed = False
        self._finding = Slices(self)
        self._stack = QStackedWidget()
        self._no_source = Empty(
            "folder-search-outline", "No source folder", "Choose the source", lambda: desk.go("configuration")
        )
        self._no_source.words.setText(
            "Choose the folder with the DICOM files on the Configuration page, or drop it on this window. "
            "It is only ever read."
        )
        self._no_dicom = Empty("file-question-outline", "No DICOM objects", "Scan again", self.rescan)
        self._whole = self._make_whole()
        for page in (self._no_source, self._no_dicom, self._whole):
            self._stack.addWidget(page)
        self._add_head()
        self.body.addWidget(self._stack, 1)
        self._connect()
        self._show_state()

    # Made once

    def _add_head(self) -> None:
        self._where = ElidedLabel("muted", Qt.TextElideMode.ElideMiddle)
        self._status = label("", "muted")
        self._busy = QProgressBar()
        self._busy.setRange(0, 0)
        self._busy.setTextVisible(False)
        self._busy.setFixedWidth(_BUSY_WIDTH)
        self._busy.setAccessibleName("Scanning")
        self._stop = button("Stop", "stop", tip="End the scan; what it has found stays")
        self._stop.clicked.connect(lambda: self.scan.stop())
        self._scan = button("Scan", "refresh", tip="Look through the source again (F5)")
        self._scan.clicked.connect(lambda: self.rescan())
        head = row(label(self.title, "heading"), tokens.SMALL, self._where, self._status, self._busy)
        head.setStretch(2, 1)
        head.addWidget(self._stop)
        head.addWidget(self._scan)
        self.body.addLayout(head)
        self._trouble = label("", "warning", wraps=True)
        self.body.addWidget(self._trouble)
        self._filters = button("", "filter-outline", kind="link", tip="Show the filters of the configuration")
        self._filters.clicked.connect(lambda: self.desk.go("configuration"))
        self.body.addLayout(row(self._filters, None))

    def _make_whole(self) -> QWidget:
        self._of_series = ElidedLabel("muted", Qt.TextElideMode.ElideRight)
        lower = QWidget()
        lower.setLayout(column(self._of_series, self.list))
        lower.layout().setContentsMargins(0, tokens.SMALL, 0, 0)
        self._halves = _splitter(Qt.Orientation.Vertical, self.panel, lower, (3, 2))
        self._sides = _splitter(Qt.Orientation.Horizontal, self._halves, self.preview, (2, 1))
        whole = QWidget()
        layout = column(self._sides)
        layout.setStretch(0, 1)
        layout.addLayout(self._make_foot())
        whole.setLayout(layout)
        for name, splitter in ((_SIDES, self._sides), (_HALVES, self._halves)):
            kept = self.desk.state.value(name)
            if kept is not None:
                splitter.restoreState(kept)
            splitter.splitterMoved.connect(self._remember)
        return whole

    def _make_foot(self) -> QHBoxLayout:
        self._words = label("", wraps=True)
        self._problems = button("", kind="link", tip="Which files, and why")
        self._problems.clicked.connect(lambda: self._show_problems())
        panel = self.panel
        acts = (
            ("All", "Select everything", lambda: panel.check_all(True)),
            ("None", "Select nothing", lambda: panel.check_all(False)),
            ("Invert", "Select what is not selected, and the other way round", panel.invert),
            ("Only what is shown", "Select what the filters show, and nothing else", panel.check_shown),
        )
        foot = row(self._words, self._problems)
        foot.setStretch(0, 1)
        for words, tip, act in acts:
            made = button(words, tip=tip)
            made.setAccessibleName(tip)
            made.clicked.connect(lambda _, act=act: act())
            foot.addWidget(made)
        return foot

    def _connect(self) -> None:
        self.scan.begun.connect(self._begun)
        self.scan.grew.connect(self._grew)
        self.scan.looked.connect(self._show_state)
        self.scan.ended.connect(self._scanned)
        self.panel.line_changed.connect(self._show_line)
        self.panel.chosen.connect(self._chosen)
        self.panel.renewed.connect(self._renewed)
        self.panel.view.entered.connect(lambda line: self._enter())
        self.panel.view.menu_wanted.connect(self._show_menu)
        self.instances.checked.connect(self._chosen)
        self.list.row_changed.connect(self._show_instance)
        self.desk.configuration_changed.connect(self._configured)
        self.desk.selection_changed.connect(self._selected)
        self.desk.selection_wanted.connect(self._finish_choosing)
        self.desk.browse_wanted.connect(self._browse)
        for keys, act in (("F5", self.rescan), ("Ctrl+F", lambda: self.panel.filters.text.setFocus())):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

    def _remember(self, position: int, index: int) -> None:
        for name, splitter in ((_SIDES, self._sides), (_HALVES, self._halves)):
            self.desk.state.setValue(name, splitter.saveState())

    # The scan

    def shown(self) -> None:
        source = self.desk.configuration.source
        if source and source != self.scan.source:
            self.rescan()

    def rescan(self) -> None:
        """Look through the source again; what is chosen, open and current stays so."""
        source = self.desk.configuration.source
        if source:
            self.scan.start(source)
            self._show_state()

    def _configured(self, configuration: Configuration) -> None:
        if configuration.source == self.scan.source:
            self._show_filters()
            return
        self._wanted = None
        self.scan.forget()
        self._show_tree(is_again=False)
        if self.isVisible():
            self.shown()
        self._show_state()

    def _begun(self) -> None:
        self._show_tree(is_again=self._seen == self.scan.source)
        self._show_state()

    _seen = ""
    """The source whose tree is, or was, on view."""

    def _show_tree(self, *, is_again: bool) -> None:
        self._seen = self.scan.source
        self._is_touched = False
        self.chooser.follow(self.scan.tree)
        self.panel.show_tree(self.scan.tree, is_again=is_again)

    def _grew(self) -> None:
        self.panel.renew_soon()

    def _scanned(self) -> None:
        self.panel.renew()
        if self.scan.is_whole or self._is_touched:  # else it would forget what was not found this time
            self.chooser.touch()
        self._show_list()
        self._show_state()

    def _renewed(self) -> None:
        """What is shown is up to date with the scan."""
        if self.instances.series is None and self.panel.view.current is not None:
            self._show_line(self.panel.view.current)
        self._show_list()
        self._go_to_wanted()
        if self._is_touched and self.scan.is_on:
            self.chooser.touch_later()
        self._show_state()

    def _show_state(self) -> None:
        scan, tree = self.scan, self.scan.tree
        source = self.desk.configuration.source
        _say(self._where, source)
        self._show_filters()
        self._status.setText(scan.words)
        self._busy.setVisible(scan.is_on)
        self._stop.setVisible(scan.is_on)
        self._scan.setVisible(bool(source) and not scan.is_on)
        self._scan.setText("Scan again" if tree is not None else "Scan")
        self._trouble.setText(scan.trouble)
        self._trouble.setVisible(bool(scan.trouble))
        if not source:
            self._stack.setCurrentWidget(self._no_source)
        elif tree is not None and scan.is_whole and not tree.root.children:
            self._show_no_dicom(len(tree.tail))
        else:
            self._stack.setCurrentWidget(self._whole)
        self._words.setText(tree.words if tree is not None else "")
        problems = problem_words(tree) if tree is not None else ""
        self._problems.setText(problems)
        self._problems.setVisible(bool(problems))

    def _show_no_dicom(self, files: int) -> None:
        words = (
            f"{counted(files, 'file')} looked at, and none of them holds an image or another DICOM object."
            if files
            else "There is nothing in this folder."
        )
        self._no_dicom.words.setText(words)
        self._stack.setCurrentWidget(self._no_dicom)

    def _show_filters(self) -> None:
        """That a run leaves out more than what is unchecked here."""
        words = filter_words(self.desk.configuration.settings.filter)
        self._filters.setText(words)
        self._filters.setVisible(bool(words) and self._stack.currentWidget() is self._whole)

    def _show_problems(self) -> None:
        if self.scan.tree is not None:
            dialog = ProblemDialog(self.scan.tree, self)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.open()

    # What is chosen

    def _chosen(self) -> None:
        self._is_touched = True
        self.panel.model.refresh()
        self.instances.grow()
        self.chooser.touch()
        self._show_state()

    def _finish_choosing(self) -> None:
        """A run begins with what is checked at this moment."""
        self.panel.finish_changes()
        if self._is_touched and self.scan.is_on:
            self.chooser.touch()
        self.chooser.finish()

    def _selected(self, selection: Selection) -> None:
        """Another page may have set the selection back to everything."""
        tree = self.scan.tree
        is_all = selection.studies is None and selection.files is None
        if is_all and not self.chooser.is_ours(selection) and tree is not None and not tree.is_everything:
            self.panel.check_all(True)

    # What is looked at

    def _show_line(self, line: Line | None) -> None:
        series = first_series(line) if line is not None else None
        if series is None:
            self.instances.show(None, None)
            _say(self._of_series, "Select a patient, a study or a series to see its instances")
            self.preview.clear()
            return
        if series is self.instances.series:
            return
        self._finding.drop("row")
        self.instances.show(self.scan.tree, series)
        self._show_list()
        self.list.setCurrentIndex(self.instances.index(0, 0))

    def _show_list(self) -> None:
        """The instances as they are found by now."""
        series = self.instances.series
        self.instances.grow()
        if series is not None:
            _say(self._of_series, f"{series_words(series)} · {counted(self.instances.rowCount(), 'file')}")

    def _show_instance(self, index: int) -> None:
        record = self.instances.record(index)
        series = self.instances.series
        if record is None or series is None:
            self.preview.clear()
            return
        caption = f"{series_words(series)} · {index + 1} of {counted(self.instances.rowCount(), 'instance')}"
        self.preview.show_file(Path(self.scan.source, record.path), caption)

    def _browse(self, series: Series, path: str) -> None:
        """Show this series, and this file of it, now or once it is found."""
        self._wanted = (
            (*patient_key(series.study.patient), series.study.uid, series.uid, series.modality),
            path,
        )
        self._is_revealed = False
        self._go_to_wanted()

    def _go_to_wanted(self) -> None:
        if self._wanted is None or self.scan.tree is None:
            return
        key, path = self._wanted
        if self.scan.tree.find(key) is None:
            if not self.scan.is_on:
                self._wanted = None
                self.desk.notice("This series was not found in the source that is on view", "warning")
            return
        current = self.panel.view.current
        if current is not None and key_of(current) == key:
            self._finding.do("row", self.instances.find(path), self._found)
            if not self.scan.is_on:
                self._wanted = None
        elif self._is_revealed:
            self._wanted = None  # something else was chosen since
        else:
            self._is_revealed = True
            self.panel.reveal(key)

    def _found(self, row: int | None) -> None:
        if row is not None:
            self._wanted = None
            self.list.selectRow(row)

    def _enter(self) -> None:
        self.list.setFocus()

    def _show_menu(self, place: QPoint) -> None:
        line, tree = self.panel.view.current, self.scan.tree
        if line is None or tree is None:
            return
        menu = LineMenu(self.desk, line, first_path(tree, self.scan.source, line), self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.only.triggered.connect(lambda: self.panel.only(self.panel.view.chosen_lines or [line]))
        menu.popup(place)


def _splitter(
    orientation: Qt.Orientation, first: QWidget, second: QWidget, parts: tuple[int, int]
) -> QSplitter:
    made = QSplitter(orientation)
    made.addWidget(first)
    made.addWidget(second)
    made.setChildrenCollapsible(False)
    made.setProperty("kind", "gap")
    made.setHandleWidth(tokens.SMALL)
    for index, part in enumerate(parts):
        made.setStretchFactor(index, part)
    made.setSizes([part * 10_000 for part in parts])  # shares of what there will be
    return made


def _say(where: ElidedLabel, text: str) -> None:
    where.say(text)
    where.setToolTip(as_tip(text) if text else "")
