"""What an earlier window has left: which commands still are on, and from where to where a migration goes."""

from __future__ import annotations

import json
import time
from pathlib import Path

from migrator.core.model import Node
from migrator.core.settings import Settings
from migrator.jobs.launch import Launched, launch
from migrator.jobs.left_running import left_running, nodes_of
from migrator.jobs.settings_file import FileDestination, as_json
from tests.peers import wait_until

FIRST = FileDestination(host="pacs.example", port=104, ae_title="PACS", calling_ae_title="OURS")
SECOND = FileDestination(host="other.example", port=11112)


def launched_as(home: Path, *arguments: str, ago: float = 0.0) -> Launched:
    """The folder of a command that was started so long ago, and has not answered yet."""
    folder = home / "running" / f"20260101-000000-{len(arguments)}{round(ago)}"
    folder.mkdir(parents=True)
    command = {"arguments": list(arguments), "at": time.time() - ago}
    (folder / "command.json").write_text(json.dumps(command))
    (folder / "settings.json").write_text(json.dumps(as_json(Settings(), (FIRST, SECOND))))
    return Launched(folder)


def test_a_migration_goes_to_all_destinations_of_its_settings(tmp_path: Path) -> None:
    assert nodes_of(launched_as(tmp_path, "migrate", "/mnt")) == (FIRST.node, SECOND.node)


def test_or_to_those_that_it_names_as_the_settings_know_them(tmp_path: Path) -> None:
    named = ("--to", "PACS@pacs.example:104", "--to=third.example")
    nodes = nodes_of(launched_as(tmp_path, "migrate", "/mnt", *named))
    assert nodes == (FIRST.node, Node("third.example", 104, "ANY-SCP"))
    assert nodes[0].calling_ae_title == "OURS"


def test_a_name_that_is_no_node_names_no_destination(tmp_path: Path) -> None:
    assert nodes_of(launched_as(tmp_path, "migrate", "/mnt", "--to", "::::")) == ()


def test_what_was_just_started_is_on_and_what_never_answered_is_not(tmp_path: Path) -> None:
    new = launched_as(tmp_path, "migrate", "/mnt")
    launched_as(tmp_path, "scan", "/old", ago=3600)
    (left,) = left_running(tmp_path)
    assert (left.command.folder, left.source, len(left.nodes)) == (new.folder, "/mnt", 2)
    assert not left.is_lost
    assert left_running(tmp_path, {new.folder}) == []


def test_a_migration_that_was_lost_is_told_once_and_its_folder_goes_in_time(tmp_path: Path) -> None:
    lost = launched_as(tmp_path, "migrate", "/mnt", ago=3600)
    (left,) = left_running(tmp_path)
    assert (left.is_lost, left.source, left.look.code) == (True, "/mnt", -1)
    assert left_running(tmp_path) == []
    assert Launched(lost.folder).look().code == -1
    for number in range(60):
        launched_as(tmp_path, "scan", "/old", ago=3601 + number)
    left_running(tmp_path)
    one = launch(tmp_path, ["history"])
    wait_until(lambda: one.look().code is not None, "it has ended", 60)
    one.forget()
    assert len(list((tmp_path / "running").iterdir())) <= 51
