"""A form for a group of settings, made from their own declaration: nothing about a setting is told twice.

Each field has its editor, its meaning below it, and in that meaning's place what is wrong, if anything is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from PyQt5.QtCore import QSize, Qt, pyqtSignal
from PyQt5.QtGui import QResizeEvent
from PyQt5.QtWidgets import QGridLayout, QSizePolicy, QWidget

from migrator.core.errors import UsageError
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import column, label, row, set_look, set_role, tool
from migrator.ui.widgets.fields_editors import Editor, PresetEditor, editor_for
from migrator.ui.widgets.fields_words import help_of, in_titles, mistake, sentence, title_of

Check = Callable[[Any], object]
"""Refuses a value by a UsageError, for what a declaration alone cannot tell."""
Make = Callable[[str, Any], Editor]
"""Makes the editor of a setting from its name and declaration."""

_COLUMN = 300  # pixels that a field needs
_MOST_COLUMNS = 3


class Field(QWidget):
    """One setting: title, editor, and its meaning or what is wrong. `edited` after every change."""

    edited = pyqtSignal()

    def __init__(self, name: str, declaration: Any, make: Make = editor_for) -> None:
        super().__init__()
        self.name = name
        self.declaration = declaration
        self.editor = make(name, declaration)
        self._error = ""
        self._words = label(self._meaning, "caption", wraps=True)
        self._reset = tool("restore", f"Set {title_of(name)} back to its default", self._set_back)
        self._reset.setObjectName("reset")
        set_look(self._reset, "kind", "quiet")
        self._describe()
        self.setLayout(self._arranged())
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.editor.show_value(declaration.default)
        self.differs(False)
        self.editor.edited.connect(self._explain)
        self.editor.edited.connect(self.edited)

    @property
    def _meaning(self) -> str:
        words = self.editor.explanation() or self.declaration.description or ""
        return in_titles(sentence(words))

    def _describe(self) -> None:
        inner, words = self.editor.inner, help_of(self.name, self.declaration)
        inner.setObjectName(self.name)
        inner.setAccessibleName(title_of(self.name))
        inner.setAccessibleDescription(words)
        self.setToolTip(words)

    def _arranged(self) -> Any:
        keep = self._reset.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self._reset.setSizePolicy(keep)
        if self.editor.names_itself:
            layout = column(spacing=0)
            layout.addLayout(row(self.editor, self._reset))
        else:
            title = label(title_of(self.name))
            title.setBuddy(self.editor.inner)
            layout = column(title, spacing=2)
            layout.addLayout(row(self.editor, self._reset, spacing=2))
        layout.addWidget(self._words)
        layout.addStretch(1)
        return layout

    def say(self, error: str) -> None:
        """Show what is wrong in the place of the meaning; nothing brings that back."""
        self._error = error
        set_role(self._words, "error" if error else "caption")
        self._explain()
        set_look(self.editor.marked, "invalid", "true" if error else "false")
        words = help_of(self.name, self.declaration)
        self.editor.inner.setAccessibleDescription(f"{error}. {words}" if error else words)

    def _explain(self) -> None:
        self._words.setText(self._error or self._meaning)

    def differs(self, is_other: bool) -> None:
        """Whether there is something to set back."""
        self._reset.setVisible(is_other)

    def _set_back(self) -> None:
        self.editor.show_value(self.declaration.default)
        self.editor.inner.setFocus(Qt.FocusReason.OtherFocusReason)


class SettingsForm(QWidget):
    """Edits some settings of a group; without `names`, all of them.

    `checks` refuse values beyond the declaration, by the setting's name, and `editors` stand in the place of
    those that a declaration alone would get. A field that is wrong keeps its last right value.
    """

    changed = pyqtSignal(object)
    """The group as `collect` gives it, after each change to another right value."""
    mistaken = pyqtSignal()
    """`errors` are others now."""
    judged = pyqtSignal()
    """After each change, also to a wrong value: errors and differences may be others now."""

    def __init__(
        self,
        group: type[BaseModel],
        names: Sequence[str] | None = None,
        checks: Mapping[str, Check] | None = None,
        editors: Mapping[str, Make] | None = None,
    ) -> None:
        super().__init__()
        self._group = group
        self._checks = dict(checks or {})
        self._base = group()
        self._errors: dict[str, str] = {}
        self._is_loading = False
        own = dict(editors or {})
        self.fields = {
            name: Field(name, group.model_fields[name], own.get(name, editor_for))
            for name in names or group.model_fields
        }
        self._values: dict[str, Any] = {name: getattr(self._base, name) for name in self.fields}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSizeConstraint(QGridLayout.SizeConstraint.SetNoConstraint)  # it can have fewer columns
        self._grid.setHorizontalSpacing(tokens.WIDE)
        self._grid.setVerticalSpacing(tokens.MEDIUM)
        self._columns = 0
        self._lay_out(2)
        for name, one in self.fields.items():
            one.edited.connect(lambda name=name: self._edited(name))
        self._judge()

    # What it holds

    @property
    def values(self) -> dict[str, Any]:
        """The right values of its own settings, by name."""
        return dict(self._values)

    @property
    def errors(self) -> dict[str, str]:
        """What is wrong, by the setting's name."""
        return dict(self._errors)

    @property
    def difference(self) -> int:
        """How many of its settings are not at their defaults."""
        return sum(self._is_other(name) for name in self.fields)

    def collect(self) -> BaseModel:
        """The group: its own settings as they stand here, all others as they were loaded."""
        return self._base.model_copy(update=self._values)

    def load(self, values: BaseModel) -> None:
        """Show the settings of a group. Nothing is told, and a field that has this value is left alone."""
        self._base = values
        self._is_loading = True
        try:
            for name, one in self.fields.items():
                value = getattr(values, name)
                if value != self._values[name]:
                    self._values[name] = value
                    self._mark(name, "")
                    one.editor.show_value(value)
        finally:
            self._is_loading = False
        self._judge()

    def focus(self, name: str) -> None:
        """Bring one field to attention."""
        self.fields[name].editor.inner.setFocus(Qt.FocusReason.OtherFocusReason)

    def _edited(self, name: str) -> None:
        if self._is_loading:
            return
        error, value = self._read(name)
        self._mark(name, error)
        is_new = not error and value != self._values[name]
        if is_new:
            self._values[name] = value
        self._judge()
        if is_new:
            self.changed.emit(self.collect())

    def _read(self, name: str) -> tuple[str, Any]:
        """What is wrong with a field, or nothing and its value."""
        one = self.fields[name]
        try:
            value = getattr(self._group.model_validate({name: one.editor.raw()}), name)
            if name in self._checks:
                self._checks[name](value)
        except ValidationError as error:
            return mistake(one.declaration, error.errors()[0]), None
        except UsageError as error:
            return sentence(str(error)), None
        return "", value

    def _mark(self, name: str, error: str) -> None:
        if error == self._errors.get(name, ""):
            return
        self.fields[name].say(error)
        if error:
            self._errors[name] = error
        else:
            del self._errors[name]
        self.mistaken.emit()

    def _judge(self) -> None:
        """Bring up to date what depends on all values."""
        allows = getattr(self.collect().model_copy(update=_unset(self.fields)), "allows", None)
        for name, one in self.fields.items():
            one.differs(self._is_other(name) or name in self._errors)
            if allows is not None and isinstance(one.editor, PresetEditor):
                one.editor.preset(allows(name))
        self.judged.emit()

    def _is_other(self, name: str) -> bool:
        return bool(self._values[name] != self.fields[name].declaration.default)

    # How it is laid out

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        most = _MOST_COLUMNS if len(self.fields) > 1 else 1  # one that is alone may need all the room
        self._lay_out(max(1, min(most, event.size().width() // _COLUMN)))

    def _lay_out(self, columns: int) -> None:
        if columns == self._columns:
            return
        for number in range(_MOST_COLUMNS):
            self._grid.setColumnStretch(number, int(number < columns))
        self._columns = columns
        for place, one in enumerate(self.fields.values()):
            self._grid.addWidget(one, place // columns, place % columns)

    def minimumSizeHint(self) -> QSize:
        """Narrow enough for one column, whatever the present number of them is."""
        return QSize(_COLUMN, super().minimumSizeHint().height())


def _unset(fields: Mapping[str, Field]) -> dict[str, None]:
    return {name: None for name, one in fields.items() if isinstance(one.editor, PresetEditor)}
