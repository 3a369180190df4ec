"""commit against Orthanc, which looks for each instance, and reports on associations of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrator.core.model import Node
from tests.commit.making import CT, Command
from tests.conftest import Start
from tests.migrate.running import Command as Migrate
from tests.migrate.running import migrate as migrate
from tests.peers import Orthanc, Rule
from tests.peers.archives import Archive
from tests.peers.committing import CommittingScp, commits
from tests.tls.making import Authority, orthanc_settings

Make = Callable[..., Archive]


@pytest.fixture
def knowing(start_peer: Start, port: int) -> Orthanc:
    """An Orthanc that knows where we listen."""
    settings = {"DicomModalities": {"us": ["DICOM_MIGRATOR", "127.0.0.1", port]}}
    return start_peer(Orthanc, settings=settings)


def test_orthanc_commits_to_what_it_holds_and_names_what_it_lost(
    knowing: Orthanc, archive: Make, migrate: Migrate, commit: Command, listen: Any
) -> None:
    made = archive(studies=3, instances=4)
    commit.source = made.folder
    assert migrate(made.folder, knowing.node).code == 0
    ran = commit(knowing.node, *listen)
    assert (ran.code, ran.counts) == (0, (12, 12, 0, 0))

    lost = set(sorted(made.uids)[:3])
    knowing.delete(lost)
    ran = commit(knowing.node, *listen)
    assert (ran.code, ran.counts) == (1, (12, 9, 3, 0))
    assert {failure["uid"] for failure in ran.json["failures"]} == lost
    assert {failure["code"] for failure in ran.json["failures"]} == {"0112"}


def test_an_orthanc_that_cannot_reach_us_commits_nothing_but_is_asked_by_c_find(
    knowing: Orthanc, archive: Make, migrate: Migrate, commit: Command
) -> None:
    made = archive(studies=2)
    commit.source = made.folder
    assert migrate(made.folder, knowing.node).code == 0
    knowing.delete(set(sorted(made.uids)[:1]))
    ran = commit(knowing.node, wait=0.3)
    assert (ran.code, ran.counts) == (1, (6, 0, 0, 6))
    assert ran.json["found_by_cfind"] == 5
    assert "--listen" in ran.told


def test_orthanc_reports_over_tls_both_ways(
    start_peer: Start,
    port: int,
    tmp_path: Path,
    archive: Make,
    migrate: Migrate,
    commit: Command,
    listen: Any,
) -> None:
    authority = Authority(tmp_path / "ca")
    us = {"AET": "DICOM_MIGRATOR", "Host": "127.0.0.1", "Port": port, "UseDicomTls": True}
    settings = orthanc_settings(authority.issue(), authority.file, is_mutual=True)
    peer = start_peer(Orthanc, settings=settings | {"DicomModalities": {"us": us}})
    made = archive(studies=1)
    commit.source = made.folder
    ours = authority.issue()
    options = ("--tls", "--ca", authority.file, "--cert", ours.cert, "--key", ours.key)
    assert migrate(made.folder, peer.node, *options).code == 0
    ran = commit(peer.node, *options, *listen)
    assert (ran.code, ran.counts) == (0, (3, 3, 0, 0))


def test_a_secondary_capture_copy_is_asked_about_as_it_was_sent(
    scripted_pacs: Any,
    start_peer: Start,
    archive: Make,
    migrate: Migrate,
    commit: Command,
) -> None:
    pacs = scripted_pacs(Rule(0xA900, sop_classes=(CT,)))
    made = archive(studies=1, instances=2)
    commit.source = made.folder
    ran = migrate(made.folder, pacs.node)
    assert ran.json["fidelity"] == {"reclassified": 2}
    node: Node = pacs.node
    pacs.stop()
    scp = CommittingScp(commits)
    scp.port = node.port
    with scp:
        assert commit(node).counts == (2, 2, 0, 0)
    (asked,) = scp.asked
    assert {sop_class for sop_class, _ in asked.references} == {"1.2.840.10008.5.1.4.1.1.7"}
    assert not set(asked.uids) & made.uids
    assert set(asked.uids) == pacs.uids
