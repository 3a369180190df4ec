"""Where the passphrase of our own key comes from: a file, the environment, the system's keyring."""

from __future__ import annotations

import logging
import os
import queue
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import keyring

from migrator.core.errors import UsageError

VARIABLE = "DICOM_MIGRATOR_KEY_PASSPHRASE"
SERVICE = "dicom-migrator"
KEYRING_SECONDS = 60.0  # for somebody to unlock it

_log = logging.getLogger("migrator")


def key_passphrase(key: str, file: str, warn: Callable[[str], None]) -> str:
    """The passphrase of the key in the file `key`: from `file` where one is named, else from the
    environment, else from the system's keyring; empty where there is none.

    Raises UsageError where `file` cannot be read; `warn` is told where others can read it too, and of a
    keyring that does not answer.
    """
    if file:
        return _from_file(Path(file), warn)
    return os.environ.get(VARIABLE) or _from_keyring(key, warn)


def keep_passphrase(key: str, passphrase: str) -> None:
    """Store the passphrase in the system's keyring. Raises UsageError where that cannot be."""
    try:
        keyring.set_password(SERVICE, _user(key), passphrase)
    except Exception as error:  # noqa: BLE001 - each system's own keyring fails in ways of its own
        # Its words may quote what it was to keep.
        kind = type(error).__name__
        raise UsageError(f"the system's keyring cannot keep the passphrase ({kind})") from None


def forget_passphrase(key: str) -> None:
    """Remove the passphrase from the system's keyring. Raises UsageError where that cannot be."""
    try:
        keyring.delete_password(SERVICE, _user(key))
    except Exception as error:  # noqa: BLE001 - each system's own keyring fails in ways of its own
        kind = type(error).__name__
        raise UsageError(f"the system's keyring cannot forget the passphrase ({kind})") from None


def has_keyring() -> bool:
    """Whether this system has a keyring that could keep something."""
    # The backends that stand in where there is none have no priority to be chosen for.
    return float(keyring.get_keyring().priority) > 0


def keeps_passphrase(key: str) -> bool:
    """Whether the system's keyring keeps the passphrase of this key; waits for it to be unlocked."""
    return bool(_from_keyring(key, lambda words: None))


def _from_file(file: Path, warn: Callable[[str], None]) -> str:
    try:
        mode = file.stat().st_mode
        text = file.read_text("utf-8")
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise UsageError(f"the passphrase file {file} cannot be read: {words}") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        warn(f"the passphrase file {file} can be read by others on this machine: chmod 600 {file}")
    passphrase = text.rstrip("\r\n")
    if not passphrase or "\n" in passphrase:
        raise UsageError(f"the passphrase file {file} must hold one line, the passphrase")
    return passphrase


def _from_keyring(key: str, warn: Callable[[str], None]) -> str:
    """Empty where it knows none, where this system has no keyring (a service, a server), or none answers."""
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()
    # A daemon: a keyring that is locked asks whoever sits there, and where nobody does, it waits for ever.
    threading.Thread(target=lambda: answers.put(_asked(key)), daemon=True, name="keyring").start()
    try:
        return answers.get(timeout=KEYRING_SECONDS)
    except queue.Empty:
        warn("the system's keyring did not answer; it may be locked")
        return ""


def _asked(key: str) -> str:
    try:
        return keyring.get_password(SERVICE, _user(key)) or ""
    except Exception as error:  # noqa: BLE001 - each system's own keyring fails in ways of its own
        _log.debug("the system's keyring could not be asked: %s", error)
        return ""


def _user(key: str) -> str:
    return str(Path(key).absolute())
