"""What holds one destination's flow, or steers it, is felt by that one alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.cli.main import main
from migrator.core.control import Control
from tests.migrate.running import Ran
from tests.peers import KeepingScp, Manners, wait_until
from tests.peers.archives import Archive

Make = Callable[..., Archive]
Start = Callable[..., KeepingScp]
Fan = Callable[..., Ran]


def test_a_cap_holds_for_each_destination(archive: Make, keeping_scp: Start, fan: Fan) -> None:
    source = archive(studies=2, instances=10, side=256)
    peers = [keeping_scp(), keeping_scp()]
    ran = fan(source.folder, [peer.node for peer in peers], "--bandwidth", "1")
    assert ran.code == 0
    size = sum(map(len, source.datasets.values()))
    for part, peer in zip(ran.json["destinations"], peers, strict=True):
        # The budget lends a little at the start.
        assert part["seconds"] > 0.7 * size / 1e6
        assert peer.datasets == source.datasets


def test_a_time_limit_ends_all_in_order_with_exit_code_5(archive: Make, keeping_scp: Start, fan: Fan) -> None:
    source = archive(studies=20, instances=5, side=4)
    peers = [keeping_scp(delay=0.2), keeping_scp(delay=0.2)]
    # It counts from before the scan, of which something must come within that time.
    ran = fan(source.folder, [peer.node for peer in peers], "--max-duration", "4s", "--workers", "2")
    assert ran.code == 5
    for part in ran.json["destinations"]:
        assert part["run"]["pending"] > 0
        assert part["run"]["failed"] == 0
        assert "max-duration" in part["stopped"]
    for peer in peers:
        peer.manners = Manners()
    assert fan(source.folder, [peer.node for peer in peers]).code == 0
    assert all(peer.datasets == source.datasets for peer in peers)


def test_control_pauses_and_resumes_the_one_that_it_names(
    archive: Make, keeping_scp: Start, fan: Fan, data_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = archive(studies=20, instances=5, side=4)
    steered, other = keeping_scp(delay=0.1), keeping_scp(delay=0.005)
    codes: list[int] = []

    def control(word: str) -> None:
        codes.append(main(["control", str(source.folder), "--to", str(steered.node), word]))

    def steer() -> None:
        wait_until(lambda: len(steered.kept) >= 5, "some were sent", 30)
        control("pause")
        wait_until(lambda: len(other.kept) == 100, "the other has all", 30)
        held.append(len(steered.kept))
        steered.manners = Manners()
        control("resume")

    held: list[int] = []
    thread = threading.Thread(target=steer)
    thread.start()
    to = [word for peer in (steered, other) for word in ("--to", str(peer.node))]
    code = main(["migrate", str(source.folder), *to, "--settle", "0", "--workers", "2"])
    thread.join()
    capsys.readouterr()
    assert (code, codes) == (0, [0, 0])
    assert held[0] < 100
    assert steered.datasets == other.datasets == source.datasets
    assert not list(data_directory.glob("jobs/*/control.json"))


def test_a_run_says_how_its_destination_stands(
    archive: Make, keeping_scp: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    source = archive(studies=4, instances=5, side=4)
    peer = keeping_scp()
    answers: list[tuple[int, str]] = []

    def ask(kept: object) -> int:
        if kept is peer.kept[0]:
            code = main(["control", str(source.folder), "--to", str(peer.node), "status", "--json"])
            answers.append((code, capsys.readouterr().out))
        return 0

    peer.manners = Manners(status=ask)
    assert main(["migrate", str(source.folder), "--to", str(peer.node), "--settle", "0"]) == 0
    code, out = answers[0]
    assert code == 0
    status = json.loads(out)
    assert status["run"]["found"] == 20
    assert status["destination"] == str(peer.node)


def test_the_whole_pauses_and_resumes_its_parts_and_each_of_them_goes_on_alone() -> None:
    whole = Control()
    parts = [whole.child(), whole.child()]

    def stand() -> list[bool]:
        return [one.is_paused for one in (whole, *parts)]

    whole.pause()
    assert stand() == [True, True, True]
    assert whole.child().is_paused
    parts[0].resume()
    assert stand() == [False, False, True]
    whole.resume()
    assert stand() == [False, False, False]
    parts[1].pause()
    assert stand() == [False, False, True]
    whole.cancel()
    assert all(one.is_cancelled for one in parts)
