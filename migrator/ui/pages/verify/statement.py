"""What a check said, as a card: one word, the sentences, and when it was made. Problems look the same."""

from __future__ import annotations

from PyQt5.QtWidgets import QFrame

from migrator.jobs.verified import Statement
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import column, label, row, set_role

_ICONS = {
    "good": "check-circle",
    "warn": "alert",
    "bad": "close-circle",
    "none": "information-outline",
}
_ROLES = {"good": "good", "warn": "warning", "bad": "error", "none": "muted"}
_ICON = 20


class StatementCard(QFrame):
    """Shows a Statement, or words of the page's own."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._sign = label()
        self._word = label("", "title")
        self._text = label("", wraps=True)
        self._facts = label("", "caption", wraps=True)
        head = row(self._sign, self._word, None)
        layout = column(spacing=tokens.TIGHT)
        layout.setContentsMargins(tokens.LARGE, tokens.MEDIUM, tokens.LARGE, tokens.MEDIUM)
        layout.addLayout(head)
        layout.addWidget(self._text)
        layout.addWidget(self._facts)
        self.setLayout(layout)

    @property
    def word(self) -> str:
        return self._word.text()

    @property
    def text(self) -> str:
        return self._text.text()

    def tell(self, word: str, text: str, tone: str = "none", facts: str = "") -> None:
        """Show this; `tone` is good, warn, bad or none."""
        self._sign.setPixmap(icon(_ICONS[tone], tokens.TONE[tone]).pixmap(_ICON, _ICON))
        self._word.setText(word)
        set_role(self._word, _ROLES[tone])
        self._text.setText(text)
        self._facts.setText(facts)
        self._facts.setVisible(bool(facts))
        self.setAccessibleName(f"{word}: {text}")

    def show_statement(self, statement: Statement) -> None:
        """Show what a check said; the text is what it says of the command line's words too."""
        facts = " · ".join(f"{name}: {value}" if name != "Done" else value for name, value in statement.facts)
        self.tell(_words(statement.word), statement.text, statement.tone, facts)


def _words(word: str) -> str:
    """NOT ALL COMMITTED as Not all committed: the colour is loud enough."""
    return word.capitalize().replace("c-find", "C-FIND")
