"""An account on a machine with a systemd that takes everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.restart.system import Account


@pytest.fixture
def account(tmp_path: Path) -> Account:
    """Its systemd answers and lingers; nothing of it is real but its files."""
    made = Account(tmp_path / "the user's home", tmp_path / "tools")
    made.home.mkdir()
    made.tools.mkdir()
    made.tool("systemctl")
    made.tool("loginctl", ("Linger", 0, "yes"))
    return made


@pytest.fixture
def here(account: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    """The same account, as that of the tests' own process."""
    for name in ("XDG_CONFIG_HOME", "XDG_CURRENT_DESKTOP", "XDG_CACHE_HOME", "DICOM_MIGRATOR_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in account.variables.items():
        monkeypatch.setenv(name, value)
    return account
