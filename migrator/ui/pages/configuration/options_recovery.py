"""The two presets of recovery, as a choice that says what each means."""

from __future__ import annotations

from PyQt5.QtWidgets import QButtonGroup, QGridLayout, QRadioButton, QWidget

from migrator.core.settings import RecoverySettings
from migrator.ui.configuration import Configuration
from migrator.ui.desk import Desk
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import label
from migrator.ui.widgets.fields_words import help_of

_PRESETS = (
    (
        "standard",
        "Standard",
        "Every step is tried until an object is stored, also steps that change it, such as taking over the "
        "destination's patient on a conflict. Each change is recorded.",
    ),
    (
        "strict",
        "Strict",
        "Only steps that change nothing but the encoding. What needs more is held for a person to decide.",
    ),
)


class RecoveryChoice(QWidget):
    """Standard or strict; saved as it is changed."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._group = QButtonGroup(self)
        self.choices: dict[str, QRadioButton] = {}
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(tokens.WIDE)
        layout.setVerticalSpacing(2)
        words = help_of("recovery", RecoverySettings.model_fields["recovery"])
        for place, (name, title, sentence) in enumerate(_PRESETS):
            choice = QRadioButton(title)
            choice.setToolTip(words)
            choice.setAccessibleDescription(sentence)
            choice.clicked.connect(lambda _, name=name: self._take(name))
            self._group.addButton(choice)
            self.choices[name] = choice
            layout.addWidget(choice, 0, place)
            layout.addWidget(label(sentence, "caption", wraps=True), 1, place)
            layout.setColumnStretch(place, 1)
        desk.configuration_changed.connect(self._load)
        self._load(desk.configuration)

    @property
    def is_other(self) -> bool:
        """Whether it is not the default."""
        recovery = self._desk.configuration.settings.recovery
        return bool(recovery.recovery != RecoverySettings().recovery)

    def _take(self, name: str) -> None:
        settings = self._desk.configuration.settings
        recovery = settings.recovery.model_copy(update={"recovery": name})
        self._desk.update(settings=settings.model_copy(update={"recovery": recovery}))

    def _load(self, configuration: Configuration) -> None:
        self.choices[configuration.settings.recovery.recovery].setChecked(True)
