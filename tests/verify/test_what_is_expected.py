"""What a verification expects to find: from the manifest where one tells anything, else from the source."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.main import main
from migrator.core.errors import SourceError, UsageError
from migrator.core.model import Node
from migrator.jobs.home import job_folder, known_source
from migrator.jobs.verify import VerifyRequest, manifest_of
from migrator.jobs.verify_sent import expectation_of
from tests.peers import Dcmqrscp, ScriptedPacs
from tests.peers.archives import Archive

Make = Callable[..., Archive]
NODE = Node("127.0.0.1", 1, "PEER")


def manifest(home: Path, source: Path | str, node: Node, *lines: dict[str, Any]) -> Path:
    """A manifest of a job, with these lines after its header."""
    file = job_folder(home, source, node) / "manifest.jsonl"
    file.parent.mkdir(parents=True)
    header = {"t": "manifest", "version": 1, "source": str(source), "destination": str(node)}
    file.write_text("".join(json.dumps(line) + "\n" for line in (header, *lines)))
    return file


def outcome(state: str, path: str = "a.dcm", **more: Any) -> dict[str, Any]:
    return {"t": "o", "path": path, "size": 1, "mtime": 1, "state": state, "uid": "1.2", "at": 1.0, **more}


def test_resending_without_anything_sent_is_wrong_usage_and_makes_no_manifest(
    archive: Make, data_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = archive().folder
    assert main(["verify", str(source), "--to", str(NODE), "--resend-missing"]) == 2
    assert "run migrate" in capsys.readouterr().err
    assert not list(data_directory.rglob("manifest*"))


def test_a_manifest_that_tells_of_nothing_stored_proves_nothing(
    archive: Make, data_directory: Path, dcmqrscp: Dcmqrscp, capsys: pytest.CaptureFixture[str]
) -> None:
    source = archive(studies=2)
    manifest(data_directory, source.folder, dcmqrscp.node, outcome("failed"))
    arguments = ["verify", str(source.folder), "--to", str(dcmqrscp.node), "--json", "--settle", "0"]
    assert main(arguments) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["studies"], report["missing"], report["proven"]) == (2, len(source.files), False)


def test_an_empty_source_proves_nothing(tmp_path: Path, dcmqrscp: Dcmqrscp) -> None:
    assert main(["verify", str(tmp_path), "--to", str(dcmqrscp.node), "--settle", "0"]) == 1


def test_what_was_not_sent_is_told_beside_a_proof(
    archive: Make, data_directory: Path, dcmqrscp: Dcmqrscp, capsys: pytest.CaptureFixture[str]
) -> None:
    source, node = archive().folder, str(dcmqrscp.node)
    assert main(["migrate", str(source), "--to", node, "--settle", "0", "--workers", "1"]) == 0
    file = next(data_directory.rglob("manifest.jsonl"))
    with file.open("a") as stream:
        for number, state in enumerate(("failed", "unknown", "held", "quarantined", "skipped")):
            stream.write(json.dumps(outcome(state, f"x{number}", series=1)) + "\n")
    capsys.readouterr()
    assert main(["verify", str(source), "--to", node]) == 0
    assert "4 paths of this job were not sent; see migrate" in capsys.readouterr().out
    assert main(["verify", str(source), "--to", node, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unsent"] == 4


def test_what_was_already_there_is_verified_too(
    archive: Make, dcmqrscp: Dcmqrscp, data_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, node = archive(studies=2), str(dcmqrscp.node)
    assert main(["migrate", str(source.folder), "--to", node, "--settle", "0", "--workers", "1"]) == 0
    shutil.rmtree(data_directory / "jobs")
    again = ["migrate", str(source.folder), "--to", node, "--settle", "0", "--skip-existing"]
    assert main(again) == 0
    capsys.readouterr()
    assert main(["verify", str(source.folder), "--to", node, "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["matched"] == len(source.files)
    assert "scanned" not in captured.err


@pytest.mark.parametrize("is_there", [True, False])
def test_nothing_is_written_inside_the_source_whether_it_is_mounted_or_not(
    tmp_path: Path, is_there: bool
) -> None:
    source = tmp_path / "source"
    if is_there:
        source.mkdir()
    assert main(["verify", str(source), "--to", str(NODE), "--home", str(source / "home")]) == 2
    assert not (source / "home").exists()


def test_another_spelling_of_a_known_source_finds_its_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old"
    old.mkdir()
    manifest(tmp_path / "home", old, NODE)
    monkeypatch.chdir(tmp_path)
    for spelling in (f"{old}/", "old", "./old/../old", str(old)):
        assert known_source(spelling, tmp_path / "home", NODE) == str(old)


def test_a_source_that_resolves_nowhere_is_known_as_it_was_written(tmp_path: Path) -> None:
    manifest(tmp_path / "home", "Z:\\archive", NODE)
    assert known_source("Z:\\archive", tmp_path / "home", NODE) == "Z:\\archive"


def test_an_unknown_source_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    manifest(tmp_path / "home", "/mnt/first", NODE)
    manifest(tmp_path / "home", "/mnt/other", Node("127.0.0.1", 2, "PEER"))
    with pytest.raises(UsageError, match=r"/mnt/first$"):
        known_source("/mnt/frist", tmp_path / "home", NODE)
    request = VerifyRequest("/mnt/new", NODE, tmp_path / "home", same_source="/mnt/frist")
    with pytest.raises(UsageError):
        manifest_of(request)


def test_neither_a_manifest_nor_a_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        manifest_of(VerifyRequest(str(tmp_path / "gone"), NODE, tmp_path / "home"))


def test_a_proof_is_no_younger_than_the_record_that_it_was_asked_by(
    archive: Make,
    data_directory: Path,
    scripted_pacs: Callable[..., ScriptedPacs],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, pacs = archive(studies=1).folder, scripted_pacs()
    manifest(data_directory, source, pacs.node, outcome("sent"))
    read: list[float] = []

    def expectation(*arguments: Any) -> Any:
        read.append(time.time())
        return expectation_of(*arguments)

    monkeypatch.setattr("migrator.jobs.verify.expectation_of", expectation)
    main(["verify", str(source), "--to", str(pacs.node)])
    kept = json.loads(next(data_directory.rglob("verification.json")).read_text())
    assert kept["at"] <= read[0]
