"""Asking destinations by C-ECHO, and what they answered. An answer counts for what was asked only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from PyQt5.QtCore import QObject, pyqtSignal
from PyQt5.QtWidgets import QWidget

from migrator.core.errors import MigratorError
from migrator.core.model import EchoResult
from migrator.core.settings import TlsSettings
from migrator.jobs.echo import answered, echo, verdict
from migrator.jobs.nodes import node_of
from migrator.ui.configuration import Destination
from migrator.ui.desk import Desk
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import column, label, set_role
from migrator.ui.widgets.fields_words import sentence

_SECONDS = 10.0  # for each step

_Key = tuple[str, int, str, str, TlsSettings]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking: `role` is good, warning or error; `words` say it, `details` are the peer's own."""

    role: str
    words: str
    details: str = ""
    in_short: str = ""


class Echoes(QObject):
    """The last answer of each destination as it was then; one that was changed has none."""

    changed = pyqtSignal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._answers: dict[_Key, Answer] = {}
        self._asked: dict[_Key, object] = {}

    def answer(self, destination: Destination) -> Answer | None:
        return self._answers.get(_key(destination))

    def is_asked(self, destination: Destination) -> bool:
        """Whether its answer is waited for."""
        return _key(destination) in self._asked

    def ask(self, destination: Destination) -> None:
        """Ask in a thread; `changed` comes with the answer."""
        key, token = _key(destination), object()
        self._answers.pop(key, None)
        self._asked[key] = token

        def take(answer: object) -> None:
            if self._asked.get(key) is token:
                del self._asked[key]
                self._answers[key] = _answer(answer)
                self.changed.emit()

        self._desk.later(lambda: _echo(destination), take)
        self.changed.emit()

    def forget(self, destination: Destination) -> None:
        """Wait for its answer no longer, and drop what it answered."""
        known = self._answers.pop(_key(destination), None)
        if self._asked.pop(_key(destination), None) is not None or known is not None:
            self.changed.emit()


def _key(destination: Destination) -> _Key:
    one = destination
    return (one.host, one.port, one.ae_title, one.calling_ae_title, one.tls)


def _echo(destination: Destination) -> EchoResult:
    # Files that are named while TLS is off are kept for later; they are not meant for now.
    tls = destination.tls if destination.tls.tls else TlsSettings()
    return echo(node_of(destination.node, tls), _SECONDS)


def _answer(came: object) -> Answer:
    asked_at = f"Asked at {datetime.now():%H:%M:%S}"
    if isinstance(came, EchoResult):
        longest = f"{came.max_pdu:,} bytes" if came.max_pdu else "unlimited"
        system = " ".join(filter(None, (came.implementation_version, came.implementation_uid)))
        details = (
            f"Association {came.association_seconds * 1000:.1f} ms · "
            f"System {system or 'unnamed'} · Max PDU {longest} · {asked_at}"
        )
        role = "error" if not answered(came) else "warning" if came.status is None else "good"
        in_short = {"good": f"{came.echo_seconds * 1000:.1f} ms", "warning": "no C-ECHO", "error": "refused"}
        return Answer(role, f"{came.node} {verdict(came)}", details, in_short[role])
    if isinstance(came, MigratorError):
        return Answer("error", sentence(str(came)), asked_at, "no answer")
    return Answer("error", f"The test could not be made ({type(came).__name__})", asked_at, "no answer")


class EchoView(QWidget):
    """Shows an answer; takes no room without one."""

    def __init__(self) -> None:
        super().__init__()
        self._words = label("", "good", wraps=True)
        self._details = label("", "caption", wraps=True)
        self.setLayout(column(self._words, self._details, spacing=tokens.TIGHT))
        self.setAccessibleName("Result of the test")
        self.show_answer(None, is_asked=False)

    @property
    def text(self) -> str:
        """All that is shown."""
        return "\n".join(filter(None, (self._words.text(), self._details.text())))

    def show_answer(self, answer: Answer | None, *, is_asked: bool) -> None:
        shown = answer or Answer("muted", "Asking…" if is_asked else "")
        set_role(self._words, shown.role)
        self._words.setText(shown.words)
        self._details.setText(shown.details)
        self._details.setVisible(bool(shown.details))
        self.setVisible(bool(shown.words))
