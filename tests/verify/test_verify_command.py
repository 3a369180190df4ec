"""verify on the command line, against Orthanc and dcmqrscp."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from migrator.cli.main import main
from migrator.core.model import Node
from tests.conftest import Start
from tests.contract.conftest import instances_of, send
from tests.peers import Dcmqrscp, KeepingScp, Orthanc, free_port
from tests.peers.archives import Archive

Make = Callable[..., Archive]


@pytest.fixture(params=[Orthanc, Dcmqrscp])
def peer(request: pytest.FixtureRequest, start_peer: Start) -> Any:
    return start_peer(request.param)


@pytest.fixture
def made(archive: Make) -> Archive:
    return archive(studies=3, series=2, instances=2)


@pytest.fixture
def verify(made: Archive, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Run `verify --json` on the archive; its exit code and result."""

    def run(node: Node, *options: str) -> tuple[int, dict[str, Any]]:
        code = main(["verify", str(made.folder), "--to", str(node), "--json", "--settle", "0", *options])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else {}

    return run


def test_without_a_manifest_the_source_is_scanned_and_matches(peer: Any, made: Archive, verify: Any) -> None:
    send(peer.node, made, instances_of(made))
    code, result = verify(peer.node)
    assert code == 0
    assert (result["studies"], result["matched"], result["missing"], result["extra"]) == (3, 12, 0, 0)
    assert {study["proof"] for study in result["per_study"]} == {"uid set"}


def test_missing_instances_are_named_study_by_study(peer: Any, made: Archive, verify: Any) -> None:
    sent = instances_of(made)[:7]
    send(peer.node, made, sent)
    code, result = verify(peer.node)
    assert code == 1
    assert (result["matched"], result["missing"]) == (7, 5)
    named = {uid for study in result["per_study"] for uid in study["missing"]}
    assert named == made.uids - {instance.uid for instance in sent}


def test_what_the_destination_holds_beyond_is_extra_and_no_failure(
    peer: Any, made: Archive, verify: Any
) -> None:
    send(peer.node, made, instances_of(made))
    made.files[0].path.unlink()
    code, result = verify(peer.node)
    assert (code, result["matched"], result["extra"]) == (0, 11, 1)


def test_a_destination_without_c_find_proves_nothing(
    keeping_scp: Callable[..., KeepingScp], made: Archive, verify: Any
) -> None:
    peer = keeping_scp()
    code, result = verify(peer.node)
    assert code == 1
    assert {study["verdict"] for study in result["per_study"]} == {"unproven"}
    assert {study["proof"] for study in result["per_study"]} == {"none"}


def test_an_unreachable_destination_gives_3(made: Archive, verify: Any) -> None:
    assert verify(Node("127.0.0.1", free_port()))[0] == 3


def test_a_source_that_is_none_gives_4(tmp_path: Any) -> None:
    assert main(["verify", str(tmp_path / "nowhere"), "--to", f"127.0.0.1:{free_port()}"]) == 4
