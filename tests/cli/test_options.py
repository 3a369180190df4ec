"""Nodes, options and the exit code of wrong usage."""

from __future__ import annotations

import pytest

from migrator.cli.main import main
from migrator.cli.options import parse_node
from migrator.core.errors import UsageError


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
