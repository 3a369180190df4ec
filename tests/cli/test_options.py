"""Nodes, options and the exit code of wrong usage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator.cli.main import main
from migrator.cli.options import parse_node
from migrator.core.errors import Cancelled, UsageError


@pytest.mark.parametrize(
    ("text", "host", "port", "title"),
    [
        ("PACS@archive.example:11112", "archive.example", 11112, "PACS"),
        ("archive:104", "archive", 104, "ANY-SCP"),
        ("Archive", "archive", 104, "ANY-SCP"),
        ("MY PACS@10.0.0.1", "10.0.0.1", 104, "MY PACS"),
        ("PACS@[::1]:4242", "::1", 4242, "PACS"),
    ],
)
def test_a_node_is_read_as_people_write_it(text: str, host: str, port: int, title: str) -> None:
    node = parse_node(text)
    assert (node.host, node.port, node.ae_title) == (host, port, title)


@pytest.mark.parametrize(
    "text", ["", "@host", "PACS@", "host:0", "host:70000", "A" * 17 + "@host", "A\\B@host", "a:b:c"]
)
def test_a_node_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_node(text)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["migrate"],
        ["migrate", ".", "--to", "host", "--workers", "17"],
        ["migrate", ".", "--to", "host", "--workers", "many"],
        ["migrate", ".", "--to", "host", "--shard", "0/3"],
        ["migrate", ".", "--to", "host", "--order", "random"],
        ["migrate", ".", "--to", "host", "--stream", "--order", "newest"],
        ["migrate", ".", "--to", "a@b@c"],
        ["migrate", ".", "--to", "host", "--calling-aet", "X" * 17],
        ["migrate", ".", "--to", "host", "--wrkers", "3"],
    ],
)
def test_wrong_usage_ends_at_once_with_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(arguments)
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2
    captured = capsys.readouterr()
    assert captured.err or "usage:" in captured.out


def test_a_source_that_does_not_exist_ends_with_exit_code_4(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "/no/such/folder", "--to", "localhost:1"]) == 4
    assert "does not exist" in capsys.readouterr().err


def test_an_unknown_command_is_told_with_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", "elsewhere", "nonsense"]) == 2
    told = capsys.readouterr().err
    assert "no command 'nonsense'" in told
    assert "migrate" in told


def test_global_options_may_stand_before_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scan").mkdir()
    home = str(tmp_path / "home")
    assert main(["--home", home, "--log-level=debug", "scan", str(tmp_path / "scan"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["found"] == 0
    assert main(["--log-level", "debug", "--home", home, "migrate", "/no/such/folder", "--to", "h:1"]) == 4


def test_the_options_of_the_data_directory_are_shown_only_where_they_matter(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command, is_shown in {
        "demo": False,
        "echo": False,
        "scan": False,
        "migrate": True,
        "verify": True,
    }.items():
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert ("--home" in capsys.readouterr().out) is is_shown


def test_verify_takes_the_options_of_sending_and_writes_a_log(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (tmp_path / "source").mkdir()
    options = ["--home", str(home), "--workers", "2", "--settle", "0", "--network-timeout", "5"]
    assert (
        main(["verify", str(tmp_path / "source"), "--to", "127.0.0.1:1", "--resend-missing", *options]) == 2
    )
    assert "nothing is recorded as sent" in (home / "logs" / "migrator.log").read_text()


def test_a_job_that_is_cancelled_anywhere_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def cancelled(arguments: object) -> int:
        raise Cancelled("stopped by the user")

    monkeypatch.setattr("migrator.cli.echo.run", cancelled)
    assert main(["echo", "host"]) == 130
