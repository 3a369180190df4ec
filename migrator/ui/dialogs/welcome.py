"""A first start: what there is to do, in three steps, or a demo."""

from __future__ import annotations

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QFrame, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from migrator.ui.configuration import Configuration
from migrator.ui.desk import Desk
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import button, card, column, label, row, scrolled, set_role

_WIDEST = 760  # pixels


class Step(QFrame):
    """One thing to do: its number, a sentence, a button; a tick once it is done."""

    def __init__(self, number: int, title: str, words: str, act: QPushButton) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.act = act
        self._figure = str(number)
        self._number = label(self._figure, "figure")
        self._number.setFixedWidth(tokens.WIDE * 2)
        self._number.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._plain = words
        self.words = label(words, "muted", wraps=True)
        text = QWidget()
        text.setLayout(column(label(title, "title"), self.words, spacing=tokens.TIGHT))
        text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        act.setMinimumWidth(tokens.NAVIGATION)
        layout = row(self._number, text, tokens.SMALL, act)
        layout.setContentsMargins(tokens.SMALL, tokens.LARGE, tokens.LARGE, tokens.LARGE)
        self.setLayout(layout)

    def done(self, words: str) -> None:
        """Say what was done; nothing: it is still to do."""
        if words:
            self._number.setPixmap(icon("check-circle", tokens.GREEN).pixmap(tokens.WIDE, tokens.WIDE))
        else:
            self._number.setText(self._figure)
        self.words.setText(words or self._plain)
        set_role(self.words, "good" if words else "muted")


class Welcome(QWidget):
    """Stands in the pages' place until there is something to show."""

    source_wanted = pyqtSignal()
    pacs_wanted = pyqtSignal()
    demo_wanted = pyqtSignal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.setAccessibleName("First steps")
        self.choose = button("Choose the folder…", "folder-open-outline", kind="primary")
        self.name = button("Name the PACS", "server-network")
        self.start = button("Go to Upload", "cloud-upload-outline")
        self.demo = button("Try it with a demo", "test-tube")
        self.steps = (
            Step(1, "Choose the folder", "The archive to copy: an export, a share, a disk. Or drop it here. "
                 "It is only ever read.", self.choose),
            Step(2, "Name the PACS, and test it", "Its host, port and AE title; a C-ECHO tells whether it "
                 "answers. It must know ours: DICOM_MIGRATOR.", self.name),
            Step(3, "Start", "Copy everything, or rehearse it first with a dry run. What was interrupted "
                 "goes on where it was.", self.start),
        )  # fmt: skip
        self._arrange()
        self.choose.clicked.connect(lambda: self.source_wanted.emit())
        self.name.clicked.connect(lambda: self.pacs_wanted.emit())
        self.start.clicked.connect(lambda: desk.go("upload"))
        self.demo.clicked.connect(lambda: self.demo_wanted.emit())
        desk.configuration_changed.connect(self.show_configuration)
        self.show_configuration(desk.configuration)

    def _arrange(self) -> None:
        inner = QWidget()
        inner.setMaximumWidth(_WIDEST)
        layout = QVBoxLayout(inner)
        layout.setSpacing(tokens.MEDIUM)
        layout.addStretch(1)
        layout.addWidget(label("Copy a DICOM archive to a PACS", "heading"))
        layout.addWidget(
            label("Byte for byte, safe against crashes, and with proof that everything arrived.", "muted")
        )
        layout.addSpacing(tokens.SMALL)
        for step in self.steps:
            layout.addWidget(step)
        frame, inside = card()
        words = label(
            "Just looking? A sample archive is made, and migrated to a PACS that runs on this machine alone. "
            "Both are removed when the demo ends.",
            "muted",
            wraps=True,
        )
        self.demo.setMinimumWidth(tokens.NAVIGATION)
        words.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        inside.setContentsMargins(tokens.LARGE, tokens.LARGE, tokens.LARGE, tokens.LARGE)
        inside.addLayout(row(words, tokens.SMALL, self.demo))
        layout.addWidget(frame)
        layout.addStretch(2)
        whole = QWidget()
        whole.setLayout(row(spacing=0))
        whole.layout().setContentsMargins(tokens.WIDE, tokens.WIDE, tokens.WIDE, tokens.WIDE)
        whole.layout().addWidget(inner)
        outer = column(scrolled(whole))
        self.setLayout(outer)

    def show_configuration(self, configuration: Configuration) -> None:
        """Tick what is done, and offer what is next."""
        source, chosen = configuration.source, configuration.chosen
        self.steps[0].done(f"{source} is the source" if source else "")
        self.steps[1].done(f"{chosen[0].node} is the destination" if chosen else "")
        self.start.setEnabled(configuration.is_ready)
