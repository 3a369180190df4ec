"""What a setting is edited with: a switch, a choice, a number, a line, a file, a list.

An editor knows nothing of what is right: `raw` is what stands in it, for the setting's declaration to check.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from PyQt5.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QWidget,
)

from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import label, row, tool
from migrator.ui.widgets.fields_words import (
    choice_words,
    example_of,
    metavar_of,
    shown,
    title_of,
    unit_of,
)

_MOST_OF_SPIN = 100
_NUMBER = 140  # pixels that any number needs
_LINES = 3  # that an editor for a list shows
_COMMAS = frozenset({"modality"})
"""Lists of short words; all others have one entry per line, since a name may hold a comma."""
_EITHER = frozenset({"email_to"})
"""Lists that are pasted from elsewhere: one entry per line, or several with commas between them."""
_WRITTEN = frozenset({"audit"})
"""Files that are written, so that they may be new."""


class Editor(QWidget):
    """Shows one value and lets it be changed."""

    edited = pyqtSignal()
    """By the user, or by `show_value`."""
    names_itself = False
    """Whether its setting's title stands in it, and not above it."""

    def __init__(self, inner: QWidget, *beside: QWidget, stretches: bool = True) -> None:
        super().__init__()
        self.inner = inner
        """What takes the focus."""
        self.marked = inner
        """What is marked where something is wrong."""
        self.setLayout(row(inner, *beside, *([] if stretches else [None])))
        self.setFocusProxy(inner)

    def raw(self) -> object:
        """What stands in it, for the declaration to check."""
        raise NotImplementedError

    def show_value(self, value: Any) -> None:
        raise NotImplementedError

    def explanation(self) -> str:
        """What its present value means, where that says more than the setting's meaning."""
        return ""


class _Still(QObject):
    """Keeps the wheel from changing a value while a page is scrolled."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False


def keep_still(widget: QWidget) -> None:
    """Let the wheel change it only while it has the focus."""
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    widget.installEventFilter(_Still(widget))


class SwitchEditor(Editor):
    """On or off; its title stands beside it."""

    names_itself = True

    def __init__(self, name: str) -> None:
        self.box = QCheckBox(title_of(name))
        super().__init__(self.box, stretches=False)
        self.box.toggled.connect(lambda: self.edited.emit())

    def raw(self) -> object:
        return self.box.isChecked()

    def show_value(self, value: Any) -> None:
        self.box.setChecked(bool(value))


class ChoiceEditor(Editor):
    """One of a few values."""

    def __init__(self, choices: list[tuple[str, object]]) -> None:
        self.combo = QComboBox()
        for words, value in choices:
            self.combo.addItem(words, value)
        keep_still(self.combo)
        super().__init__(self.combo)
        self.combo.currentIndexChanged.connect(lambda: self.edited.emit())

    def raw(self) -> object:
        return self.combo.currentData()

    def show_value(self, value: Any) -> None:
        self.combo.setCurrentIndex(self.combo.findData(value))


class PresetEditor(ChoiceEditor):
    """As the preset says, on or off."""

    def __init__(self) -> None:
        super().__init__([("As the preset", None), ("On", True), ("Off", False)])

    def preset(self, is_on: bool) -> None:
        """Say what the preset makes of it."""
        self.combo.setItemText(0, f"As the preset: {'on' if is_on else 'off'}")

    def show_value(self, value: Any) -> None:
        self.combo.setCurrentIndex({None: 0, True: 1, False: 2}[value])


class NumberEditor(Editor):
    """A whole number within narrow limits."""

    def __init__(self, name: str, field: Any, least: int, most: int) -> None:
        self.spin = QSpinBox()
        self.spin.setRange(least, most)
        keep_still(self.spin)
        super().__init__(self.spin, *_unit(name, field), stretches=False)
        self.spin.valueChanged.connect(lambda: self.edited.emit())

    def raw(self) -> object:
        return self.spin.value()

    def show_value(self, value: Any) -> None:
        self.spin.setValue(int(value))


class LineEditor(Editor):
    """A text or a number, as people write it."""

    def __init__(self, name: str, field: Any) -> None:
        self._name = name
        self._field = field
        self.line = QLineEdit()
        self.line.setPlaceholderText(example_of(name, field))
        is_short = field.annotation in (int, float)
        if is_short:
            self.line.setMaximumWidth(_NUMBER)
        super().__init__(self.line, *_unit(name, field), *self._beside(), stretches=not is_short)
        self.line.textChanged.connect(lambda: self.edited.emit())

    def _beside(self) -> tuple[QWidget, ...]:
        return ()

    def raw(self) -> object:
        return self.line.text().strip()

    def show_value(self, value: Any) -> None:
        self.line.setText(shown(self._name, self._field, value))


class CommasEditor(LineEditor):
    """Several short words in a line."""

    def raw(self) -> object:
        parts = self.line.text().replace(";", ",").split(",")
        return tuple(part.strip() for part in parts if part.strip())


class FileEditor(LineEditor):
    """A path, with a button to look for it."""

    def _beside(self) -> tuple[QWidget, ...]:
        return (tool("folder-open-outline", f"Browse for: {title_of(self._name)}", self._browse),)

    def _browse(self) -> None:
        title, at = title_of(self._name), self.line.text() or str(Path.home())
        if self._name in _WRITTEN:
            option = QFileDialog.Option.DontConfirmOverwrite
            file, _ = QFileDialog.getSaveFileName(self, title, at, options=option)
        else:
            file, _ = QFileDialog.getOpenFileName(self, title, at)
        if file:
            self.line.setText(file)


class LinesEditor(Editor):
    """Several texts, one per line."""

    def __init__(self, name: str, field: Any) -> None:
        self.text = QPlainTextEdit()
        self.text.setPlaceholderText(f"{example_of(name, field)} (one per line)".strip())
        self.text.setTabChangesFocus(True)
        self.text.setFixedHeight(self.text.fontMetrics().lineSpacing() * _LINES + 22)
        super().__init__(self.text)
        self.text.textChanged.connect(lambda: self.edited.emit())

    def raw(self) -> object:
        return tuple(line.strip() for line in self.text.toPlainText().splitlines() if line.strip())

    def show_value(self, value: Any) -> None:
        self.text.setPlainText("\n".join(map(str, value)))


class MixedEditor(LinesEditor):
    """Several texts without commas, one per line or with commas between them."""

    def raw(self) -> object:
        parts = re.split(r"[,;\n]", self.text.toPlainText())
        return tuple(part.strip() for part in parts if part.strip())


class TicksEditor(Editor):
    """Any of a few values; all of them is what an empty list means, none of them is wrong."""

    def __init__(self, name: str, values: Sequence[str]) -> None:
        self.boxes = {value: QCheckBox(choice_words(name, value)) for value in values}
        first, *others = self.boxes.values()
        super().__init__(first, *others, stretches=False)
        self.layout().setSpacing(tokens.LARGE)
        for one in self.boxes.values():
            one.toggled.connect(lambda: self.edited.emit())

    def raw(self) -> object:
        ticked = tuple(value for value, box in self.boxes.items() if box.isChecked())
        if not ticked:
            return None
        return ticked if len(ticked) < len(self.boxes) else ()

    def show_value(self, value: Any) -> None:
        for name, box in self.boxes.items():
            box.setChecked(not value or name in value)


def _unit(name: str, field: Any) -> tuple[QWidget, ...]:
    unit = unit_of(name, field)
    return (label(unit, "muted"),) if unit else ()


def editor_for(name: str, field: Any) -> Editor:
    """The editor that fits a setting's declaration."""
    annotation = field.annotation
    if annotation is bool:
        return SwitchEditor(name)
    if annotation == bool | None:
        return PresetEditor()
    if get_origin(annotation) is Literal:
        return ChoiceEditor([(choice_words(name, value), value) for value in get_args(annotation)])
    if get_origin(annotation) is tuple:
        of = get_args(annotation)[0]
        if get_origin(of) is Literal:
            return TicksEditor(name, get_args(of))
        if name in _EITHER:
            return MixedEditor(name, field)
        return CommasEditor(name, field) if name in _COMMAS else LinesEditor(name, field)
    limits = _limits(field)
    if annotation is int and limits is not None:
        return NumberEditor(name, field, *limits)
    return FileEditor(name, field) if metavar_of(field) == "FILE" else LineEditor(name, field)


def _limits(field: Any) -> tuple[int, int] | None:
    """The least and the most, where they are near to each other."""
    found = {key: getattr(rule, key) for rule in field.metadata for key in ("ge", "le") if hasattr(rule, key)}
    if len(found) == 2 and found["le"] - found["ge"] <= _MOST_OF_SPIN:
        return int(found["ge"]), int(found["le"])
    return None
