"""The filters above the tree: text, modalities, dates, and only what is checked."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QKeyEvent, QMouseEvent
from PyQt5.QtWidgets import QCheckBox, QLineEdit, QMenu, QToolButton, QWidget

from migrator.core.errors import UsageError
from migrator.core.settings import FilterSettings
from migrator.jobs.inventory_view import Sifting, first_day, last_day
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import column, label, row, set_look, tool
from migrator.ui.widgets.fields_words import title_of

_AFTER = 150  # milliseconds after the last letter
_DATE_WIDTH = 92
_TEXT_WIDTH = 100


class FilterBar(QWidget):
    """Tells what is to be shown."""

    changed = pyqtSignal(object)
    """The new Sifting."""

    def __init__(self) -> None:
        super().__init__()
        self.sifting = Sifting()
        self.text = QLineEdit()
        self.text.setPlaceholderText("Filter by name, ID, UID or description")
        self.text.setAccessibleName("Filter by name, ID, UID or description")
        self.text.setClearButtonEnabled(True)
        self.text.setMinimumWidth(_TEXT_WIDTH)
        self.text.setToolTip("Ctrl+F")
        self.modalities = ModalityButton()
        self.first = _date_field("Date from", "Study date from")
        self.last = _date_field("Date to", "Study date to")
        self.chosen_only = QCheckBox("Checked only")
        self._clear = tool("filter-off-outline", "Clear all filters", self.clear)
        self._clear.setEnabled(False)
        self._error = label("", "error")
        self._error.hide()
        line = row(self.text, self.modalities, self.first, self.last, self.chosen_only, self._clear)
        line.setStretch(0, 1)
        whole = column(spacing=tokens.TIGHT)
        whole.addLayout(line)
        whole.addWidget(self._error)
        self.setLayout(whole)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._take)
        for field in (self.text, self.first, self.last):
            field.textChanged.connect(lambda text: self._timer.start(_AFTER))
        self.modalities.changed.connect(self._take)
        self.chosen_only.toggled.connect(lambda is_on: self._take())

    def clear(self) -> None:
        """Show everything."""
        for field in (self.text, self.first, self.last):
            field.clear()
        self.modalities.clear()
        self.chosen_only.setChecked(False)
        self._take()

    def _take(self) -> None:
        self._timer.stop()
        first, first_error = _day(self.first, first_day)
        last, last_error = _day(self.last, last_day)
        error = first_error or last_error
        if not error and first and last and first > last:
            error = "the first date is after the last"
        self._error.setText(error[:1].upper() + error[1:])
        self._error.setVisible(bool(error))
        sifting = Sifting(
            self.text.text().strip(),
            self.modalities.chosen,
            "" if error else first,
            "" if error else last,
            self.chosen_only.isChecked(),
        )
        self._clear.setEnabled(not sifting.is_all or bool(error))
        if sifting != self.sifting:
            self.sifting = sifting
            self.changed.emit(sifting)


def _date_field(words: str, name: str) -> QLineEdit:
    made = QLineEdit()
    made.setPlaceholderText(words)
    made.setAccessibleName(name)
    made.setToolTip(f"{name}: YYYY-MM-DD, YYYY-MM or YYYY")
    made.setFixedWidth(_DATE_WIDTH)
    return made


def _day(field: QLineEdit, read: Callable[[str], str]) -> tuple[str, str]:
    """The date that stands in a field, and what is wrong with it."""
    try:
        day, error = read(field.text()), ""
    except UsageError as refused:
        day, error = "", str(refused)
    set_look(field, "invalid", "true" if error else "false")
    return day, error


def filter_words(settings: FilterSettings) -> str:
    """That a run leaves out what these do not let through; empty where they let all through."""
    names = [title_of(name).lower() for name in settings.model_dump(exclude_defaults=True)]
    return f"The filters of the configuration apply as well: {', '.join(names)}" if names else ""


class ModalityButton(QToolButton):
    """Opens a menu in which several modalities may be chosen; none is all of them."""

    changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self._menu = _StayingMenu(self)
        self._menu.setAccessibleName("Modalities")
        self._known: set[str] = set()
        self.setMenu(self._menu)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setIcon(icon("filter-variant", tokens.TEXT))
        self.setToolTip("Show only these modalities")
        self._show()

    @property
    def chosen(self) -> frozenset[str]:
        return frozenset(action.data() for action in self._menu.actions() if action.isChecked())

    def offer(self, modalities: set[str]) -> None:
        """Have these in the menu, beside those that are there."""
        if modalities <= self._known:
            return
        chosen = self.chosen
        self._known |= modalities
        self._menu.clear()
        for name in sorted(self._known):
            action = self._menu.addAction(name or "(none)")
            action.setData(name)
            action.setCheckable(True)
            action.setChecked(name in chosen)
            action.toggled.connect(self._toggled)
        self._show()

    def forget(self) -> None:
        """Another source has other modalities."""
        self._known.clear()
        self._menu.clear()
        self._show()

    def clear(self) -> None:
        for action in self._menu.actions():
            action.setChecked(False)

    def _toggled(self) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        chosen = sorted(name or "(none)" for name in self.chosen)
        words = "All modalities" if not chosen else ", ".join(chosen[:3]) + (" …" if len(chosen) > 3 else "")
        self.setText(words)
        self.setAccessibleName(f"Modalities shown: {words}")
        self.setEnabled(bool(self._known))


class _StayingMenu(QMenu):
    """Stays open while one after another is checked."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        action = self.actionAt(event.pos())
        if action is not None and action.isCheckable():
            action.trigger()
        else:
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        action = self.activeAction()
        if event.key() == Qt.Key.Key_Space and action is not None:
            action.trigger()
        else:
            super().keyPressEvent(event)
