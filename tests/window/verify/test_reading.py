"""What checks have kept is read back whole, with names and paths."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from migrator.checks.verify_report import VerifyReport
from migrator.core.errors import UsageError
from migrator.jobs import pieces
from migrator.jobs.verified import Found, read_verified, write_verified
from migrator.jobs.verify_json import as_json
from migrator.jobs.verify_read import deep_of, study_of
from tests.window.verify.making import NODE, SOURCE, instance_uid, keep, report, study_uid

VALUES = [
    {},
    [],
    None,
    'a, ] } " \\ text',
    {"a": [], "b": {}, "c": [{"d": [{"e": [1, 2.5, -3e9, True, None]}]}, []], 'quoted "]': "\u2028 é"},
    [[[[[1]]]], [[[]]], {"deep": {"deeper": {"deepest": {"x": [1, {"y": 2}]}}}}],
]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("indent", [None, 2])
def test_reading_in_pieces_gives_what_reading_at_once_gives(value: object, indent: int | None) -> None:
    assert pieces.loads(json.dumps(value, indent=indent)) == value


@pytest.mark.parametrize(
    "text", ["", "{", "[1", '{"a"}', '{"a": 1]', "[1 2]", "[1]]", "{1: 2}", '{"a": [1, 2}', "[,]", '{"a":}']
)
def test_what_is_not_json_is_refused_in_pieces_too(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        pieces.loads(text)


def test_a_kept_verification_is_read_back_as_it_was() -> None:
    kept = json.loads(json.dumps(as_json(report())))
    read = VerifyReport(tuple(map(study_of, kept["per_study"])), kept["unsent"], deep_of(kept["deep"]))
    assert as_json(read) == kept


def test_members_of_a_list_are_taken_one_by_one() -> None:
    text = '{"at": 1, "many": [{"a": 1}, {"a": 2}], "none": [], "other": [3]}'
    taken: list[object] = []
    makers = {"many": taken.append, "none": taken.append}
    assert pieces.loads(text, makers) == {"at": 1, "many": [None, None], "none": [], "other": [3]}
    assert taken == [{"a": 1}, {"a": 2}]


def test_what_no_version_can_have_written_is_told_as_such() -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        study_of({"study": "1.2", "verdict": "perhaps"})
    with pytest.raises(UsageError, match="cannot be read"):
        deep_of({"percent": "some"})


def test_studies_have_their_names_and_missing_instances_their_paths(data_directory: Path) -> None:
    keep(data_directory, report())
    verified = read_verified(data_directory, SOURCE, NODE)
    named = {found.study_uid: found for found in verified.studies}
    assert named[study_uid(0)].patient_name == "MUSTERMANN^ERIKA"
    assert verified.paths[instance_uid(2, 1)] == "000002/1"
    assert instance_uid(0, 0) not in verified.paths
    assert verified.missing == 4
    statement = verified.statement("Verification")
    assert statement is not None
    assert statement.word == "INSTANCES MISSING"


def test_where_nothing_was_migrated_there_is_nothing_to_show(data_directory: Path) -> None:
    verified = read_verified(data_directory, SOURCE, NODE)
    assert (verified.manifest, verified.is_verified, verified.studies) == (None, False, ())


def test_a_study_is_kept_in_short_and_whole_on_demand(data_directory: Path) -> None:
    keep(data_directory, report())
    verified = read_verified(data_directory, SOURCE, NODE)
    assert tuple(found.result for found in verified.studies) == report().studies
    for found in verified.studies:  # or the collector would have more to go through
        assert not any(isinstance(getattr(found, name), (list, tuple, dict)) for name in Found.__slots__)


def test_without_a_job_what_was_printed_is_shown(data_directory: Path, tmp_path: Path) -> None:
    printed = tmp_path / "result.json"
    printed.write_text(json.dumps(as_json(report())), "utf-8")
    verified = read_verified(data_directory, SOURCE, NODE, printed)
    assert (len(verified.studies), verified.is_kept) == (4, False)


def test_the_table_of_a_kept_verification_is_that_of_a_fresh_one(
    data_directory: Path, tmp_path: Path
) -> None:
    keep(data_directory, report())
    verified = read_verified(data_directory, SOURCE, NODE)
    write_verified(tmp_path / "kept.csv", verified, SOURCE)
    with (tmp_path / "kept.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert sum(row["level"] == "instance" and row["verdict"] == "missing" for row in rows) == 4
    assert {row["attribute"] for row in rows if row["level"] == "attribute"} == {"PatientBirthDate"}


def test_no_table_is_written_inside_the_source(data_directory: Path) -> None:
    keep(data_directory, report())
    verified = read_verified(data_directory, SOURCE, NODE)
    with pytest.raises(UsageError, match="inside the source"):
        write_verified(Path(SOURCE, "table.csv"), verified, SOURCE)
