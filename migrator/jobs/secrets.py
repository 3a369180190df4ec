"""Where secrets come from, never settings: a file of their own, the environment, the system's keyring."""

from __future__ import annotations

import logging
import os
import queue
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from migrator.core.errors import UsageError

SERVICE = "dicom-migrator"
KEYRING_SECONDS = 60.0  # for somebody to unlock it

_log = logging.getLogger("migrator")


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret: `words` name it for people, `user` in the keyring, `variable` in the environment."""

    words: str
    user: str
    variable: str

    def read(self, file: str, warn: Callable[[str], None]) -> str:
        """From `file` where one is named, else from the environment, else from the system's keyring; empty
        where there is none.

        Raises UsageError where `file` cannot be read; `warn` is told where others can read it too, and of a
        keyring that does not answer.
        """
        if file:
            return self._from_file(Path(file), warn)
        return os.environ.get(self.variable) or self._from_keyring(warn)

    def keep(self, text: str) -> None:
        """Store it in the system's keyring. Raises UsageError where that cannot be."""
        try:
            _keyring().set_password(SERVICE, self.user, text)
        except Exception as error:  # noqa: BLE001 - each system's own keyring fails in ways of its own
            # Its words may quote what it was to keep.
            kind = type(error).__name__
            raise UsageError(f"the system's keyring cannot keep the {self.words} ({kind})") from None

    def forget(self) -> None:
        """Remove it from the system's keyring. Raises UsageError where that cannot be."""
        try:
            _keyring().delete_password(SERVICE, self.user)
        except Exception as error:  # noqa: BLE001 - each system's own keyring fails in ways of its own
            kind = type(error).__name__
            raise UsageError(f"the system's keyring cannot forget the {self.words} ({kind})") from None

    def is_kept(self) -> bool:
        """Whether the system's keyring keeps it; waits for it to be unlocked."""
        return bool(self._from_keyring(lambda words: None))

    def _from_file(self, file: Path, warn: Callable[[str], None]) -> str:
        try:
            mode = file.stat().st_mode
            text = file.read_text("utf-8")
        except (OSError, ValueError) as error:
            words = getattr(error, "strerror", None) or "it is not text in UTF-8"
            raise UsageError(f"the {self.words} file {file} cannot be read: {words}") from error
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            warn(f"the {self.words} file {file} can be read by others on this machine: chmod 600 {file}")
        secret = text.rstrip("\r\n")
        if not secret or "\n" in secret:
            raise UsageError(f"the {self.words} file {file} must hold one line, the {self.words}")
        return secret

    def _from_keyring(self, warn: Callable[[str], None]) -> str:
        """Empty where it knows none, where this system has no keyring (a server), or none answers."""
        answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        # A daemon: a keyring that is locked asks whoever sits there; where nobody does, it waits for ever.
        threading.Thread(target=lambda: answers.put(self._asked()), daemon=True, name="keyring").start()
        try:
            return answers.get(timeout=KEYRING_SECONDS)
        except queue.Empty:
            warn("the system's keyring did not answer; it may be locked")
            return ""

    def _asked(self) -> str:
        try:
            return _keyring().get_password(SERVICE, self.user) or ""
        except Exception as error:  # noqa: BLE001 - each system's own keyring fails in ways of its own
            _log.debug("the system's keyring could not be asked: %s", error)
            return ""


@dataclass(frozen=True, slots=True)
class Keeping:
    """What the system's keyring says of a secret; of none, only whether there is a keyring."""

    has_keyring: bool
    is_kept: bool = False


EMAIL_PASSWORD = Secret("e-mail password", "e-mail password", "DICOM_MIGRATOR_EMAIL_PASSWORD")
WEBHOOK_URL = Secret("webhook address", "webhook address", "DICOM_MIGRATOR_WEBHOOK_URL")


def passphrase_of(key: str) -> Secret:
    """The passphrase of our own key in the file `key`."""
    return Secret("passphrase", str(Path(key).absolute()), "DICOM_MIGRATOR_KEY_PASSPHRASE")


def _keyring() -> ModuleType:
    """The package, imported where a secret is asked for: few starts of the program do."""
    import keyring

    return keyring


def has_keyring() -> bool:
    """Whether this system has a keyring that could keep something."""
    # The backends that stand in where there is none have no priority to be chosen for.
    return float(_keyring().get_keyring().priority) > 0


def keeping_of(secret: Secret | None) -> Keeping:
    """Ask the keyring, which may have to be unlocked first."""
    if not has_keyring():
        return Keeping(has_keyring=False)
    return Keeping(has_keyring=True, is_kept=secret is not None and secret.is_kept())
