"""Fixtures for the tests of `quality`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.migrate.running import migrate
from tests.quality.making import Command

__all__ = ["migrate"]


@pytest.fixture
def quality(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder
