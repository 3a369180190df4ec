"""`commit` against an SCP that is scripted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.commit.making import Command
from tests.conftest import Start
from tests.peers import free_port
from tests.peers.committing import CommittingScp


@pytest.fixture
def commit(tmp_path: Path, data_directory: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path / "source", data_directory, capsys)


@pytest.fixture
def committing_scp(start_peer: Start) -> Callable[..., CommittingScp]:
    """Start scripted SCPs: `committing_scp(commits)`, `committing_scp(decide=lambda asked: 0x0124)`."""
    return lambda *script, **manners: start_peer(CommittingScp, *script, **manners)


@pytest.fixture
def port() -> int:
    """Where we listen."""
    return free_port()


@pytest.fixture
def listen(port: int) -> tuple[Any, ...]:
    return ("--listen", f"127.0.0.1:{port}")
