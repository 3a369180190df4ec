"""What would happen now, or what is missing for it; each lack leads to its field."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PyQt5.QtGui import QResizeEvent
from PyQt5.QtWidgets import QFrame, QSizePolicy, QWidget

from migrator.records.words import counted
from migrator.ui.configuration import Configuration
from migrator.ui.desk import Desk, Selection
from migrator.ui.pages.configuration.destination_check import faults, title, twins
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import button, label, row
from migrator.ui.widgets.fields_words import title_of

_ROOM_TO_COUNT = 96  # pixels for "and 3 more"
_MOST = 6  # lacks that are named
SETTINGS = -2
"""The number of what stands in the folds."""


@dataclass(frozen=True, slots=True)
class Lack:
    """What keeps a migration from being begun: `field` of destination `number`, of the source (-1), or one
    of the SETTINGS; without `field`, their rules.
    """

    words: str
    number: int = -1
    field: str = ""


def lacks(configuration: Configuration, source_fault: str) -> list[Lack]:
    """What is missing or wrong, in the order of the page."""
    found = []
    if not configuration.source or source_fault:
        found.append(Lack("Source folder"))
    several = len(configuration.destinations) > 1
    for number, one in enumerate(configuration.destinations):
        if one.is_on:
            of = f" of {title(one, number)}" if several else ""
            found += [Lack(f"{_CALLED[field]}{of}", number, field) for field in faults(one)]
    found += [
        Lack(f"{title(configuration.destinations[number], number)} is there twice", number, "host")
        for number in twins(configuration.destinations)
    ]
    if not any(one.is_on for one in configuration.destinations):
        found.append(Lack("A destination that is switched on", 0, "is_on"))
    return found


def open_settings(errors: Mapping[str, str], is_unsaved: bool) -> list[Lack]:
    """Where a run would use something else than stands here: the last right value, the rules of the file."""
    found = [Lack(f"{title_of(name)} to correct", SETTINGS, name) for name in errors]
    return [*found, Lack("Tag rules to save", SETTINGS, "")] if is_unsaved else found


_CALLED = {
    "host": "Host",
    "port": "Port",
    "ae_title": "Called AE title",
    "calling_ae_title": "Our AE title",
}


class Summary(QFrame):
    """Stands below the page's cards, whatever is scrolled."""

    def __init__(self, desk: Desk, go_to: Callable[[Lack], None]) -> None:
        super().__init__()
        self._desk = desk
        self._go_to = go_to
        self.setProperty("role", "card")
        self._sign = label()
        self._words = label()
        self._more = label("", "muted")
        self._links = [button("", kind="link") for _ in range(_MOST)]
        self._shown: Sequence[Lack] = ()
        for number, link in enumerate(self._links):
            link.clicked.connect(lambda _, number=number: self._go_to(self._shown[number]))
        self._beside = QWidget()
        self._beside.setLayout(row(self._words, *self._links, self._more, None))
        # What does not fit is counted, so the links never ask for room.
        self._beside.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.browser = button("Open File Browser", "file-tree", tip="See and choose what is in the source")
        self.upload = button("Go to Upload", "arrow-right", kind="primary", tip="Start the migration there")
        self.browser.clicked.connect(lambda: desk.go("browser"))
        self.upload.clicked.connect(lambda: desk.go("upload"))
        layout = row(self._sign)
        layout.addWidget(self._beside, 1)
        layout.addWidget(self.browser)
        layout.addWidget(self.upload)
        layout.setContentsMargins(tokens.LARGE, tokens.SMALL, tokens.LARGE, tokens.SMALL)
        self.setLayout(layout)

    @property
    def text(self) -> str:
        """All that is said."""
        links = [link.text() for link in self._links if not link.isHidden()]
        return " ".join(filter(None, [self._words.text(), *links, self._more.text()]))

    def show_state(self, found: Sequence[Lack], is_source_good: bool) -> None:
        """Show what is lacking; without any, what would happen."""
        self._shown = found
        is_ready = not found and is_source_good
        name, colour = ("check-circle", tokens.GREEN) if is_ready else ("circle-outline", tokens.AMBER)
        self._sign.setPixmap(icon(name, colour).pixmap(18, 18))
        ready = _ready(self._desk.configuration, self._desk.selection) if is_ready else ""
        self._words.setText(ready or ("Still needed:" if found else "Looking at the source…"))
        self._words.setToolTip(ready)
        for number, link in enumerate(self._links):
            words = found[number].words if number < len(found) else ""
            link.setText(words)
            link.setAccessibleName(f"Still needed: {words or 'nothing'}")
        self.upload.setEnabled(is_ready)
        self.browser.setEnabled(is_source_good)
        self._fit()

    def _fit(self) -> None:
        """Show as many links as there is room for, the first always, and count the others."""
        widths = [one.sizeHint().width() + tokens.SMALL for one in self._links[: len(self._shown)]]
        room = self._beside.width() - self._words.sizeHint().width()
        if len(self._shown) > _MOST or sum(widths) > room:
            room -= _ROOM_TO_COUNT
        shown = 0
        for width in widths:
            room -= width
            if room < 0 and shown:
                break
            shown += 1
        for number, link in enumerate(self._links):
            link.setVisible(number < shown)
        rest = len(self._shown) - shown
        self._more.setText(f"and {rest} more" if rest else "")
        self._more.setVisible(bool(rest))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()


def _ready(configuration: Configuration, selection: Selection) -> str:
    chosen = configuration.chosen
    where = str(chosen[0].node) if len(chosen) == 1 else counted(len(chosen), "destination")
    return f"Ready to copy {selection.words} to {where}"
