"""Fixtures for the launcher's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.launcher.making import TinyClone


@pytest.fixture
def clone(tmp_path: Path) -> TinyClone:
    return TinyClone(tmp_path)
