"""echo on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from migrator.cli.main import main
from tests.peers import Dcmqrscp, KeepingScp, Storescp, free_port


def test_a_node_that_answers_gives_0(storescp: Storescp, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["echo", str(storescp.node)]) == 0
    assert "answers: C-ECHO" in capsys.readouterr().out


def test_json_holds_times_and_what_the_node_says_about_itself(
    storescp: Storescp, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["echo", "--json", str(storescp.node)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["answered"], result["status"], result["max_pdu"]) == (True, 0, 16384)
    assert result["echo_seconds"] > 0
    assert result["implementation_version"].startswith("OFFIS_DCMTK")


def test_nothing_that_listens_gives_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["echo", f"127.0.0.1:{free_port()}"]) == 3
    assert "nothing listens" in capsys.readouterr().err


def test_a_rejection_gives_3_with_the_standards_words(
    dcmqrscp: Dcmqrscp, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["echo", f"WRONG@127.0.0.1:{dcmqrscp.port}"]) == 3
    assert "called AE title not recognised" in capsys.readouterr().err


def test_a_node_without_verification_still_answers(
    keeping_scp: Callable[..., KeepingScp], capsys: pytest.CaptureFixture[str]
) -> None:
    peer = keeping_scp(verifies=False)
    assert main(["echo", str(peer.node)]) == 0
    assert "does not offer Verification" in capsys.readouterr().out


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_a_time_out_that_is_none_gives_2(seconds: str) -> None:
    assert main(["echo", "127.0.0.1", "--timeout", seconds]) == 2


def test_json_tells_of_a_node_that_cannot_be_reached(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["echo", "--json", f"127.0.0.1:{free_port()}"]) == 3
    result = json.loads(capsys.readouterr().out)
    assert not result["reachable"]
    assert "nothing listens" in result["reason"]
