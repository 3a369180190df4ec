"""What stands above the table when something has ended or gone wrong, with what can be done next."""

from __future__ import annotations

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QFrame, QLabel, QPushButton, QVBoxLayout

from migrator.ui.pages.upload.words import Banner
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import button, column, label, row, set_look, set_role, tool

_RETRY = "Try again what failed, was damaged or held, or was never answered"
_SIGNS = {
    "good": ("check-circle", tokens.GREEN),
    "warning": ("alert", tokens.AMBER),
    "error": ("alert-circle", tokens.RED),
}


class BannerFrame(QFrame):
    """Hidden until `show_banner`, and when it was closed."""

    retry = pyqtSignal()
    verify = pyqtSignal()
    report = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "banner")
        self._sign = QLabel()
        self._sign.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.title = label("", "title", wraps=True)
        self.text = label("", wraps=True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._retry = _next("Retry Failed", "refresh", _RETRY)
        self._verify = _next("Verify", "shield-search", "Compare with what the destination holds")
        self._report = _next("Report", "file-document-outline", "Write the report of this migration")
        for each, signal in (
            (self._retry, self.retry),
            (self._verify, self.verify),
            (self._report, self.report),
        ):
            each.clicked.connect(lambda checked, signal=signal: signal.emit())
        close = tool("close", "Close this message", self.hide)
        set_look(close, "kind", "quiet")
        words = QVBoxLayout()
        words.setSpacing(tokens.TIGHT)
        words.addWidget(self.title)
        words.addWidget(self.text)
        layout = row(self._sign, spacing=tokens.MEDIUM)
        layout.setContentsMargins(tokens.MEDIUM, tokens.SMALL, tokens.SMALL, tokens.SMALL)
        layout.addLayout(words, 1)
        layout.addLayout(row(self._retry, self._verify, self._report, close))
        whole = column()
        whole.addLayout(layout)
        self.setLayout(whole)
        self.hide()

    def show_banner(self, banner: Banner) -> None:
        sign, colour = _SIGNS[banner.tone]
        self._sign.setPixmap(icon(sign, colour).pixmap(22, 22))
        set_look(self, "tone", banner.tone)
        set_role(self.title, "title")
        self.title.setText(banner.title)
        self.text.setText(banner.text)
        self.text.setVisible(bool(banner.text))
        self._retry.setVisible(banner.retries)
        self._verify.setVisible(banner.verifies)
        self._report.setVisible(banner.reports)
        self.setAccessibleName(f"{banner.title}. {banner.text}")
        self.show()

    def allow_retry(self, against: str) -> None:
        """Enable Retry Failed, or say why it cannot be."""
        self._retry.setEnabled(not against)
        self._retry.setToolTip(against or _RETRY)


def _next(text: str, sign: str, tip: str) -> QPushButton:
    made = button(text, sign, tip=tip)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    return made
