"""The main job over TLS."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrator.core.control import Control
from migrator.core.errors import TlsRefused
from migrator.core.events import Event, InstanceSettled, ignore
from migrator.core.model import Node, Tls
from migrator.core.settings import Settings
from migrator.jobs.migrate import MigrateJob
from migrator.jobs.migrate_model import MigrateRequest, Target
from tests.peers import Orthanc, Storescp
from tests.peers.archives import Archive
from tests.tls.making import Authority, orthanc_settings, over_tls, storescp_options


def request_of(archive: Archive, node: Node, home: Path, **more: Any) -> MigrateRequest:
    settings = Settings.model_validate(
        {"scan": {"settle": 0}, "send": {"workers": 1, "batch_size": 1}, "pace": {"keep_awake": False}}
    )
    return MigrateRequest(str(archive.folder), (Target(node, settings),), home, **more)


def test_an_archive_is_migrated_and_proven_over_mutual_tls(
    authority: Authority,
    start_peer: Callable[..., Any],
    archive: Callable[..., Archive],
    data_directory: Path,
) -> None:
    peer = start_peer(Orthanc, settings=orthanc_settings(authority.issue(), authority.file, is_mutual=True))
    ours = authority.issue("migrator.example")
    made = archive(studies=3)
    node = over_tls(peer, Tls(authority.file, ours.cert, ours.key))
    result = MigrateJob(request_of(made, node, data_directory, verify=True), Control(), ignore).run()
    (one,) = result.destinations
    assert one.snapshot.run.sent == len(made.uids)
    assert one.verification is not None
    assert one.verification.is_proven
    assert peer.uids() == made.uids


def test_objects_arrive_bit_for_bit_over_tls(
    authority: Authority,
    start_peer: Callable[..., Any],
    archive: Callable[..., Archive],
    data_directory: Path,
) -> None:
    peer = start_peer(Storescp, storescp_options(authority.issue()))
    made = archive(studies=2)
    MigrateJob(
        request_of(made, over_tls(peer, Tls(ca=authority.file)), data_directory), Control(), ignore
    ).run()
    assert peer.datasets() == made.datasets


def test_a_certificate_that_is_not_trusted_ends_the_run_before_it_begins(
    authority: Authority,
    start_peer: Callable[..., Any],
    archive: Callable[..., Archive],
    data_directory: Path,
    tmp_path: Path,
) -> None:
    peer = start_peer(Storescp, storescp_options(authority.issue()))
    node = over_tls(peer, Tls(ca=Authority(tmp_path / "other").file))
    with pytest.raises(TlsRefused, match="not trusted"):
        MigrateJob(request_of(archive(), node, data_directory), Control(), ignore).run()
    assert peer.count() == 0


def test_what_waiting_cannot_mend_stops_a_run_at_once_instead_of_trying_all_night(
    authority: Authority,
    start_peer: Callable[..., Any],
    archive: Callable[..., Archive],
    data_directory: Path,
    tmp_path: Path,
) -> None:
    """The authority that we trust changes in the middle of the run."""
    peer = start_peer(Storescp, storescp_options(authority.issue()))
    other = Authority(tmp_path / "other")
    made = archive(studies=5)
    at: list[float] = []

    def emit(event: Event) -> None:
        if isinstance(event, InstanceSettled) and not at:
            shutil.copyfile(other.file, authority.file)
            at.append(time.monotonic())

    node = over_tls(peer, Tls(ca=authority.file))
    (one,) = MigrateJob(request_of(made, node, data_directory), Control(), emit).run().destinations
    assert time.monotonic() - at[0] < 30.0
    assert isinstance(one.stopped_by, TlsRefused)
    assert "not trusted" in str(one.stopped_by)
    ledger = one.snapshot.run
    assert ledger.pending > 0
    assert ledger.failed == 0
    assert ledger.sent + ledger.pending == len(made.uids)
