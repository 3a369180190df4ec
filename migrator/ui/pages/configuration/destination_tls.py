"""How one destination is spoken to by TLS, and the passphrase of our key, which only the keyring keeps."""

from __future__ import annotations

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QLineEdit, QWidget

from migrator.core.errors import MigratorError
from migrator.core.settings import TlsSettings
from migrator.jobs.secrets import Keeping, keeping_of, passphrase_of
from migrator.ui.desk import Desk
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, column, label, row, set_role
from migrator.ui.widgets.fields import SettingsForm
from migrator.ui.widgets.fields_words import sentence


class PassphrasePanel(QWidget):
    """Puts the passphrase of one key into the system's keyring; it goes nowhere else."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._key = ""
        self._keeping: Keeping | None = None
        self.line = QLineEdit()
        self.line.setEchoMode(QLineEdit.EchoMode.Password)
        self.line.setAccessibleName("Passphrase of our key")
        self.line.setFixedWidth(2 * tokens.NAVIGATION)
        self.keep = button("Keep in the keyring", "key-variant")
        self.forget = button("Forget", kind="quiet")
        self.note = label("", "caption", wraps=True)
        name = label("Passphrase of our key")
        name.setBuddy(self.line)
        layout = column(name, spacing=tokens.TIGHT)
        layout.addLayout(row(self.line, self.keep, self.forget, None))
        layout.addWidget(self.note)
        self.setLayout(layout)
        self.line.textChanged.connect(lambda: self._show())
        self.line.returnPressed.connect(self._keep)
        self.keep.clicked.connect(lambda: self._keep())
        self.forget.clicked.connect(lambda: self._forget())
        self._show()

    def load(self, key: str) -> None:
        """Show what the keyring knows of the key in this file; it is asked in a thread."""
        if key == self._key and self._keeping is not None:
            return
        if key != self._key:
            self.line.clear()
        self._key = key
        self._ask()

    def _ask(self) -> None:
        key = self._key

        def take(came: object) -> None:
            if key == self._key:
                self._keeping = came if isinstance(came, Keeping) else Keeping(has_keyring=False)
                self._show()

        self._desk.later(lambda: keeping_of(passphrase_of(key) if key else None), take)

    def _keep(self) -> None:
        key, passphrase = self._key, self.line.text()
        if key and passphrase:
            self._desk.later(lambda: passphrase_of(key).keep(passphrase), lambda came: self._done(key, came))

    def _forget(self) -> None:
        key = self._key
        self._desk.later(lambda: passphrase_of(key).forget(), lambda came: self._done(key, came))

    def _done(self, key: str, came: object) -> None:
        if key != self._key:
            return
        if isinstance(came, MigratorError):
            self._say(
                f"{sentence(str(came))}. A passphrase file, readable by you only, works instead", "error"
            )
            return
        self.line.clear()
        self._ask()

    def _show(self) -> None:
        known = self._keeping
        can_keep = known is not None and known.has_keyring
        self.line.setEnabled(can_keep and bool(self._key))
        self.keep.setEnabled(can_keep and bool(self._key and self.line.text()))
        self.forget.setVisible(known is not None and known.is_kept)
        if known is None:
            self._say("")
        elif not known.has_keyring:
            self._say("This system has no keyring: name a passphrase file, readable by you only", "warning")
        elif not self._key:
            self._say("Name our certificate first; an encrypted key needs a passphrase")
        elif known.is_kept:
            self._say("A passphrase for this key is kept in the system's keyring", "good")
        else:
            self._say("None is kept for this key; only an encrypted key needs one")

    def _say(self, words: str, role: str = "caption") -> None:
        set_role(self.note, role)
        self.note.setText(words)


class TlsPanel(QWidget):
    """The TLS settings of one destination."""

    edited = pyqtSignal(object)
    """The new TlsSettings."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.form = SettingsForm(TlsSettings)
        self.passphrase = PassphrasePanel(desk)
        self._settings = TlsSettings()
        self.setLayout(column(self.form, self.passphrase, spacing=tokens.MEDIUM))
        self.form.changed.connect(self._take)
        self._enable()

    def load(self, settings: TlsSettings) -> None:
        self._settings = settings
        self.form.load(settings)
        self._enable()

    @property
    def note(self) -> str:
        """In a few words, for the head of the fold."""
        if not self._settings.tls:
            return "off: the connection is not encrypted"
        return "on, with our own certificate" if self._settings.cert else "on"

    def _take(self, settings: TlsSettings) -> None:
        self._settings = settings
        self._enable()
        self.edited.emit(settings)

    def _enable(self) -> None:
        settings = self._settings
        for name, field in self.form.fields.items():
            field.setEnabled(name == "tls" or settings.tls)
        self.passphrase.setEnabled(settings.tls)
        if settings.tls:
            self.passphrase.load(settings.key or settings.cert)
