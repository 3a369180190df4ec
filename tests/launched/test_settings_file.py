"""--settings FILE: settings and destinations as JSON, under options and profiles."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.main import main
from migrator.core.errors import UsageError
from migrator.core.settings import SendSettings, Settings
from migrator.jobs.settings_file import FileDestination, as_json, read_settings
from tests.migrate.running import Command, Ran, migrate
from tests.peers import KeepingScp
from tests.peers.archives import Archive

__all__ = ["migrate"]

Make = Callable[..., Archive]
Keeping = Callable[..., KeepingScp]


def write(file: Path, value: Any) -> Path:
    file.write_text(json.dumps(value))
    return file


def runs_of(ran: Ran) -> list[dict[str, Any]]:
    """The beginnings of runs in the manifest."""
    lines = Path(ran.json["manifest"]).read_text().splitlines()
    return [line for line in map(json.loads, lines) if line["t"] == "run"]


def destination(peer: KeepingScp, **settings: Any) -> dict[str, Any]:
    node = peer.node
    return {"host": node.host, "port": node.port, "ae_title": node.ae_title, "settings": settings}


def test_all_destinations_of_the_file_get_everything(
    archive: Make, keeping_scp: Keeping, migrate: Command, tmp_path: Path
) -> None:
    source, first, second = archive(studies=2, instances=2), keeping_scp(), keeping_scp()
    file = write(tmp_path / "s.json", {"destinations": [destination(first), destination(second)]})
    ran = migrate(source.folder, None, "--settings", str(file))
    assert ran.code == 0, ran.told
    assert len(first.datasets) == len(second.datasets) == 4


def test_what_the_file_says_of_a_destination_goes_before_what_it_says_of_all(
    archive: Make, keeping_scp: Keeping, migrate: Command, tmp_path: Path
) -> None:
    source, peer = archive(studies=1, instances=1), keeping_scp()
    content = {
        "settings": {"send": {"workers": 7, "retries": 3}},
        "destinations": [destination(peer, send={"workers": 2})],
    }
    file = write(tmp_path / "s.json", content)
    ran = migrate(source.folder, peer.node, "--settings", str(file), "--retries", "5")
    assert ran.code == 0, ran.told
    (run,) = runs_of(ran)
    assert run["settings"]["send"] == {"workers": 2, "retries": 5}


def test_the_calling_ae_title_of_the_file_is_used(
    archive: Make, keeping_scp: Keeping, migrate: Command, tmp_path: Path
) -> None:
    source, peer = archive(studies=1, instances=1), keeping_scp()
    content = {"destinations": [destination(peer) | {"calling_ae_title": "NIGHT"}]}
    ran = migrate(source.folder, peer.node, "--settings", str(write(tmp_path / "s.json", content)))
    (run,) = runs_of(ran)
    assert run["calling"] == "NIGHT"


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    settings = Settings(send=SendSettings(workers=9))
    node = FileDestination(host="pacs", port=11112, ae_title="PACS")
    read = read_settings(write(tmp_path / "s.json", as_json(settings, (node,))))
    assert read.settings.send.workers == 9
    assert read.destination(node.node) == node


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ('{"settings": {"send": {"workers": 17}}}', "settings.send.workers"),
        ('{"sendings": {}}', "sendings"),
        ('{"destinations": [{"host": "a b"}]}', "destinations.0.host"),
        ('{"destinations": [{"host": "a", "ae_title": "much too long for one"}]}', "AE title"),
    ],
)
def test_what_is_wrong_with_the_file_is_said(
    content: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "s.json"
    file.write_text(content)
    assert main(["echo", "127.0.0.1:9", "--settings", str(file)]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert str(file) in told


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_settings(tmp_path / "none.json")
