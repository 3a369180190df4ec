"""Fixtures for all tests: the real peers, small archives, and a data directory of each test's own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Before anything imports Qt: no test shows a window.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from tests.peers import (
    Dcmqrscp,
    KeepingScp,
    Manners,
    MissingPeer,
    Orthanc,
    Rule,
    Script,
    ScriptedPacs,
    Storescp,
)
from tests.peers.archives import Archive, ArchivePlan, make_archive

Start = Callable[..., Any]

# The same examples at every run, however long each takes on a busy machine. New ones are tried by
# `python tests/run.py --only tests -- --hypothesis-profile exploring`.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("exploring", _PATIENT)
settings.register_profile("repeatable", _PATIENT, derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def data_directory(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees, or leaves anything in, the user's own data directory."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("DICOM_MIGRATOR_HOME", str(home))
    return home


@pytest.fixture
def start_peer() -> Iterator[Start]:
    """Start any peer, with its arguments: `start_peer(Storescp, ["--fork"])`. Stopped at the test's end."""
    with ExitStack() as stack:

        def start(kind: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
            try:
                return stack.enter_context(kind(*arguments, **options))
            except MissingPeer as missing:
                lack(str(missing))

        yield start


def lack(reason: str) -> None:
    """Skip for want of a peer; where all peers are required, fail."""
    if os.environ.get("DICOM_MIGRATOR_REQUIRE_PEERS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def orthanc(start_peer: Start) -> Orthanc:
    """An empty Orthanc as it ships, that answers strangers."""
    return start_peer(Orthanc)


@pytest.fixture
def dcmqrscp(start_peer: Start) -> Dcmqrscp:
    """An empty dcmqrscp."""
    return start_peer(Dcmqrscp)


@pytest.fixture
def storescp(start_peer: Start) -> Storescp:
    """A bit-preserving storescp that serves one association at a time."""
    return start_peer(Storescp)


@pytest.fixture
def keeping_scp(start_peer: Start) -> Callable[..., KeepingScp]:
    """Start byte-keeping SCPs: `keeping_scp()`, `keeping_scp(delay=0.1, syntaxes=(…))`."""
    return lambda **manners: start_peer(KeepingScp, Manners(**manners))


@pytest.fixture
def scripted_pacs(start_peer: Start) -> Callable[..., ScriptedPacs]:
    """Start PACS that misbehave by script: `scripted_pacs(Rule(0xA700, first=3), close_after=5)`."""

    def start(*rules: Rule, receive_buffer: int = 0, **manners: Any) -> ScriptedPacs:
        return start_peer(ScriptedPacs, Script(rules=rules, **manners), receive_buffer=receive_buffer)

    return start


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., Archive]:
    """Make seeded archives: `archive(studies=3, syntaxes=(…))`, each in a folder of its own."""
    made: list[Archive] = []

    def make(**plan: Any) -> Archive:
        made.append(make_archive(tmp_path / f"archive{len(made) + 1}", ArchivePlan(**plan)))
        return made[-1]

    return make


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Make a file system of so many bytes: `small_disk(64 * 1024)`; only root may."""
    with ExitStack() as mounted:

        def make(room: int) -> Path:
            place = tmp_path / "disk"
            place.mkdir()
            mount = ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(place)]
            is_root = hasattr(os, "geteuid") and not os.geteuid()
            if not is_root or subprocess.run(mount, capture_output=True).returncode:
                pytest.skip("only root may mount a small file system")
            mounted.callback(subprocess.run, ["umount", str(place)], check=True)
            return place

        yield make
