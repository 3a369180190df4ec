"""The panel of notifications over a desk, and a keyring that is not this machine's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from pytestqt.qtbot import QtBot

from migrator.ui.desk import Desk
from migrator.ui.pages.configuration.notify_panel import NotifyPanel
from migrator.ui.pages.configuration.options import OptionsPanel
from tests.tls.test_secrets import MemoryKeyring


class Keyring(MemoryKeyring):
    """One that can be told to forget."""

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def use_keyring(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[KeyringBackend], None]]:
    """Puts a keyring into the place of this machine's; secrets of the environment are not there."""
    for name in ("DICOM_MIGRATOR_EMAIL_PASSWORD", "DICOM_MIGRATOR_WEBHOOK_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


@pytest.fixture
def ring(use_keyring: Callable[[KeyringBackend], None]) -> MemoryKeyring:
    """One that forgets."""
    memory = Keyring()
    use_keyring(memory)
    return memory


@pytest.fixture
def options(qtbot: QtBot, desk: Desk, ring: MemoryKeyring) -> OptionsPanel:
    """All settings, with those of notifications unfolded."""
    made = OptionsPanel(desk)
    qtbot.addWidget(made)
    made.open("Notifications")
    made.show()
    return made


@pytest.fixture
def panel(options: OptionsPanel) -> NotifyPanel:
    made = options.panels["Notifications"]
    assert isinstance(made, NotifyPanel)
    return made
