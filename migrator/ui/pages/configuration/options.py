"""Everything that can be set of a migration, in folds that say what differs from the defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PyQt5.QtCore import Qt, QTimer, pyqtSignal
from PyQt5.QtWidgets import QVBoxLayout, QWidget

from migrator.core.settings import Settings
from migrator.jobs.schedule import schedule_words
from migrator.jobs.settings_check import CHECKS
from migrator.records.words import counted
from migrator.ui.configuration import Configuration
from migrator.ui.desk import Desk
from migrator.ui.pages.configuration.monitor_panel import MonitorPanel
from migrator.ui.pages.configuration.notify_panel import NotifyPanel
from migrator.ui.pages.configuration.options_recovery import RecoveryChoice
from migrator.ui.pages.configuration.rules import RulesPanel
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import Fold, label
from migrator.ui.widgets.fields import SettingsForm
from migrator.ui.widgets.fields_words import sentence

_TICK = 30_000  # milliseconds after which the schedule is told anew


@dataclass(frozen=True, slots=True)
class _Part:
    """Some settings of a group; the group without a name is the window's own switches."""

    group: str
    names: tuple[str, ...] = ()


_NETWORK = ("max_pdu", "acse_timeout", "dimse_timeout", "network_timeout", "status")
_TRANSFER = ("workers", "order", "retries", "study_batches", "skip_existing", "batch_size", "split_limit")
_SWITCHES = ("verify", "resend_missing", "integrity", "resume_at_start")
_THROTTLE = ("bandwidth", "adaptive")
_STEPS = tuple(name for name in type(Settings().recovery).model_fields if name != "recovery")
_TIMES = tuple(name for name in type(Settings().pace).model_fields if name not in _THROTTLE)

_FOLDS: tuple[tuple[str, tuple[_Part, ...]], ...] = (
    ("Transfer", (_Part("send", _TRANSFER), _Part("", _SWITCHES))),
    ("Recovery", (_Part("recovery", _STEPS),)),
    ("Throttle", (_Part("pace", _THROTTLE),)),
    ("Peak hours and schedule", (_Part("pace", _TIMES),)),
    ("Tag rules", (_Part("rule"),)),
    ("Filters", (_Part("filter"),)),
    ("Proof", (_Part("proof"),)),
    ("Audit", (_Part("audit"),)),
    ("Monitor", ()),
    ("Notifications", ()),
    ("Network", (_Part("send", _NETWORK),)),
    ("Reading the source", (_Part("scan"),)),
    ("Window", (_Part("", ("minimise_to_tray", "chime")),)),
)

_PANELS: Mapping[str, tuple[str, type[MonitorPanel] | type[NotifyPanel]]] = {
    "Monitor": ("monitor", MonitorPanel),
    "Notifications": ("notify", NotifyPanel),
}
"""Folds with more to them than a list of settings, and their groups."""


class OptionsPanel(QWidget):
    """All groups of settings, saved as they are changed."""

    judged = pyqtSignal()
    """`errors`, or whether the rules are saved, may be others now."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.folds: dict[str, Fold] = {}
        self.forms: dict[str, tuple[SettingsForm, ...]] = {}
        self.panels: dict[str, MonitorPanel | NotifyPanel] = {}
        self._parts: list[tuple[_Part, SettingsForm]] = []
        self.recovery = RecoveryChoice(desk)
        self.rules = RulesPanel(desk)
        self.rules.judged.connect(lambda: self._note("Tag rules"))
        self.rules.judged.connect(self.judged)
        self.schedule = label("", "muted", wraps=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(tokens.TIGHT)
        for title, parts in _FOLDS:
            fold = self._fold(title, parts)
            layout.addWidget(fold)
            self.folds[title] = fold
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tell_schedule)
        desk.configuration_changed.connect(self._load)
        self._load(desk.configuration)

    def open(self, title: str) -> None:
        """Unfold one of the groups, by its title."""
        self.folds[title].open()

    def focus(self, name: str) -> QWidget:
        """Bring a setting to attention, or the rules where no name is given; what has the focus now."""
        title = next(
            (title for title, forms in self.forms.items() if any(name in form.fields for form in forms)),
            "Tag rules",
        )
        self.open(title)
        beside = self.panels[title].focus_on(name) if title in self.panels and name in self.faults else None
        if beside is not None:
            return beside
        for form in self.forms[title]:
            if name in form.fields:
                form.focus(name)
                return form.fields[name]
        self.rules.editor.setFocus(Qt.FocusReason.OtherFocusReason)
        return self.rules

    @property
    def errors(self) -> dict[str, str]:
        """What is wrong, by the setting's name; such settings count as they last were right."""
        return {name: words for _, form in self._parts for name, words in form.errors.items()}

    @property
    def faults(self) -> dict[str, str]:
        """What a run would refuse though each setting is right by itself: what mends it, and its title."""
        return {name: words for panel in self.panels.values() for name, words in panel.faults.items()}

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self._tell_schedule()
        self._timer.start(_TICK)

    def hideEvent(self, event: object) -> None:
        super().hideEvent(event)  # type: ignore[arg-type]
        self._timer.stop()

    def _fold(self, title: str, parts: Sequence[_Part]) -> Fold:
        content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(tokens.WIDE, 0, 0, tokens.MEDIUM)
        inner.setSpacing(tokens.MEDIUM)
        if title == "Recovery":
            inner.addWidget(self.recovery)
        if title == "Peak hours and schedule":
            inner.addWidget(self.schedule)
        forms = tuple(self._form(part) for part in parts)
        for form in forms:
            inner.addWidget(form)
        if title in _PANELS:
            forms = self._panel(title, inner)
        for form in forms:
            form.judged.connect(lambda title=title: self._note(title))
            form.mistaken.connect(self.judged)
        if title == "Tag rules":
            inner.addWidget(self.rules)
        self.forms[title] = forms
        return Fold(title, content)

    def _form(self, part: _Part) -> SettingsForm:
        group = type(getattr(Settings(), part.group)) if part.group else Configuration
        form = SettingsForm(group, part.names or None, CHECKS)
        self._keep(part, form)
        return form

    def _panel(self, title: str, inner: QVBoxLayout) -> tuple[SettingsForm, ...]:
        """Make the panel of this fold; its forms."""
        group, kind = _PANELS[title]
        panel = self.panels[title] = kind(self._desk)
        inner.addWidget(panel)
        panel.judged.connect(lambda: self._note(title))
        panel.judged.connect(self.judged)
        for form in panel.forms:
            self._keep(_Part(group), form)
        return panel.forms

    def _keep(self, part: _Part, form: SettingsForm) -> None:
        form.changed.connect(lambda _: self._take(part, form))
        self._parts.append((part, form))

    def _take(self, part: _Part, form: SettingsForm) -> None:
        """Keep what a form holds; of a group that two forms share, only what is its own."""
        if not part.group:
            self._desk.update(**form.values)
            return
        settings = self._desk.configuration.settings
        group = getattr(settings, part.group).model_copy(update=form.values)
        self._desk.update(settings=settings.model_copy(update={part.group: group}))

    def _load(self, configuration: Configuration) -> None:
        for part, form in self._parts:
            form.load(getattr(configuration.settings, part.group) if part.group else configuration)
        for title in self.folds:
            self._note(title)
        self._tell_schedule()

    def _note(self, title: str) -> None:
        if title not in self.folds:
            return
        forms = self.forms[title]
        changed = sum(form.difference for form in forms)
        if title == "Recovery":
            changed += self.recovery.is_other
        wrong = sum(len(form.errors) for form in forms)
        if title in self.panels:
            wrong += len(self.panels[title].faults)
        words = [f"{changed} changed"] if changed else []
        if wrong:
            words.append(f"{counted(wrong, 'field')} to correct")
        if title == "Tag rules" and self.rules.wrong_lines:
            words.append(f"{counted(self.rules.wrong_lines, 'line')} to correct")
        self.folds[title].note(", ".join(words))

    def _tell_schedule(self) -> None:
        settings = self._desk.configuration.settings
        held = schedule_words(settings.pace, settings.send.workers)
        words = f"A migration started now: {held}." if held else "A migration started now sends at once."
        self.schedule.setText(sentence(words))
