"""The commands under test, with waits that a test can bear."""

from __future__ import annotations

import pytest

from tests.dry_run.running import rehearse
from tests.migrate.running import migrate

__all__ = ["migrate", "rehearse"]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrator.engine.remedies.connection.FIRST_WAIT", 0.02)
    monkeypatch.setattr("migrator.engine.worker._BACKOFF", (0.05,))
