from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("trustme")

from tests.tls.making import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority, with its files in a folder of the test's own."""
    return Authority(tmp_path / "authority")
