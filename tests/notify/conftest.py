from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import keyring
import pytest

pytest.importorskip("aiosmtpd")
pytest.importorskip("trustme")

from tests.notify.servers import Habits, MailServer
from tests.tls.making import Authority
from tests.tls.test_secrets import MemoryKeyring


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture(autouse=True)
def ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryKeyring]:
    """No test asks the keyring of this machine, or takes a secret or a proxy from the environment."""
    for name in ("DICOM_MIGRATOR_EMAIL_PASSWORD", "DICOM_MIGRATOR_WEBHOOK_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    before, memory = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


@pytest.fixture
def mail_server() -> Iterator[Callable[..., MailServer]]:
    """Start mail servers: `mail_server(takes_logins=True)`."""
    with ExitStack() as stack:
        yield lambda **habits: stack.enter_context(MailServer(Habits(**habits)))
