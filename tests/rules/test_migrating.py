"""A migration with rules: every object gets them, and the record says which."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.edits.making import EXPLICIT, IMPLICIT, RLE, read
from tests.migrate.running import Command, migrate
from tests.peers import KeepingScp, Orthanc
from tests.peers.archives import Archive

__all__ = ["migrate"]


def manifest_lines(home: Path) -> list[dict[str, object]]:
    (file,) = home.rglob("manifest.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_rules_and_a_crosswalk_shape_everything_that_is_sent(
    migrate: Command,
    keeping_scp: Callable[..., KeepingScp],
    archive: Callable[..., Archive],
    tmp_path: Path,
    data_directory: Path,
) -> None:
    made = archive(studies=2, instances=4, syntaxes=(EXPLICIT, IMPLICIT, RLE))
    (tmp_path / "rules").write_text('InstitutionName set "North"\nAccessionNumber prefix "N"\n')
    (tmp_path / "table.csv").write_text("old_id,new_id\nP1,N1\n")
    scp = keeping_scp()
    options = ("--rules", str(tmp_path / "rules"), "--crosswalk", str(tmp_path / "table.csv"))
    ran = migrate(made.folder, scp.node, *options)
    assert ran.code == 0 and ran.counts("sent", "failed") == (8, 0), ran.told
    found = [read(kept.data, kept.transfer_syntax) for kept in scp.kept]
    assert {ds.PatientID for ds in found} == {"N1", "P2"}
    assert {str(ds.AccessionNumber) for ds in found} == {"NA1", "NA2"}
    assert {ds.InstitutionName for ds in found} == {"North"}
    assert {kept.uid for kept in scp.kept} == made.uids
    assert {kept.transfer_syntax for kept in scp.kept} == {EXPLICIT, IMPLICIT, RLE}
    lines = manifest_lines(data_directory)
    (settings,) = (line["values"] for line in lines if line["t"] == "settings")
    assert isinstance(settings, dict) and len(settings["rule.digest"]) == 32
    outcomes = [line for line in lines if line["t"] == "o"]
    assert {line.get("fidelity") for line in outcomes} == {"edited"}
    assert not any("changes" in line for line in outcomes)


def test_rules_whose_contents_changed_are_other_settings(
    migrate: Command,
    keeping_scp: Callable[..., KeepingScp],
    archive: Callable[..., Archive],
    tmp_path: Path,
    data_directory: Path,
) -> None:
    made, scp = archive(studies=1, instances=1), keeping_scp()
    for value in ("A", "A", "B"):
        (tmp_path / "rules").write_text(f'InstitutionName set "{value}"\n')
        assert migrate(made.folder, scp.node, "--rules", str(tmp_path / "rules")).code == 0
    digests = [line["digest"] for line in manifest_lines(data_directory) if line["t"] == "settings"]
    assert len(digests) == len(set(digests)) == 2


def test_wrong_rules_stop_the_run_before_it_begins(
    migrate: Command,
    keeping_scp: Callable[..., KeepingScp],
    archive: Callable[..., Archive],
    tmp_path: Path,
) -> None:
    made, scp = archive(studies=1, instances=1), keeping_scp()
    (tmp_path / "rules").write_text("\nRows delete\n")
    ran = migrate(made.folder, scp.node, "--rules", str(tmp_path / "rules"))
    assert (ran.code, scp.kept, scp.associations) == (2, [], 0)
    assert "line 2: Rows cannot be changed" in ran.told


@pytest.mark.parametrize("rule", ["strip_private", 'PatientName set "New^Name"'])
def test_what_orthanc_holds_after_rules_is_verified(
    migrate: Command, orthanc: Orthanc, archive: Callable[..., Archive], tmp_path: Path, rule: str
) -> None:
    made = archive(studies=2, instances=2)
    (tmp_path / "rules").write_text(rule)
    ran = migrate(made.folder, orthanc.node, "--rules", str(tmp_path / "rules"), "--verify")
    assert ran.code == 0, ran.told
    assert orthanc.uids() == made.uids
