"""Rows of a manifest while it grows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.core.model import Instance, Patient, Reason, Series, Study
from migrator.core.outcome import Fidelity, Outcome, Problem, State
from migrator.engine.manifest_lines import encode, outcome_line, problem_line, series_line
from migrator.jobs.tail import WORDS, Search, Tail

CT = "1.2.840.10008.5.1.4.1.1.2"
SERIES = Series(
    "1.1.1", "CT", "Thorax", "1", Study("1.1", "20260101", "Chest", "A1", Patient("7", "", "Roe^Jane"))
)


def instance(number: int, path: str | None = None) -> Instance:
    return Instance(
        path or f"a/{number}.dcm", 100 + number, 0, 132, "1.2.840.10008.1.2.1", CT, f"9.{number}", SERIES
    )


def line(number: int, outcome: Outcome, path: str | None = None) -> bytes:
    return encode(outcome_line(instance(number, path), outcome, 1, 0.0))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "manifest.jsonl"
    made.write_bytes(encode({"t": "manifest", "version": 1, "source": "/s", "destination": "d"}))
    return made


def add(file: Path, *lines: bytes) -> None:
    with file.open("ab") as stream:
        stream.write(b"".join(lines))


def words(tail: Tail) -> list[str]:
    return [WORDS[word] for word in tail.words]


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(State.SENT),
        Outcome(State.WARNED, status=0xB000),
        Outcome(State.SENT, healed=True, fidelity=Fidelity.DECOMPRESSED),
        Outcome(State.WARNED, status=0xB000, healed=True),
        Outcome(State.SENT, healed=True, fidelity=Fidelity.REMAPPED),
        Outcome(State.SENT, fidelity=Fidelity.EDITED),
        Outcome(State.SKIPPED),
        Outcome(State.HELD),
        Outcome(State.FAILED, healed=True),
        Outcome(State.QUARANTINED),
        Outcome(State.UNKNOWN),
    ],
)
def test_a_row_has_the_word_of_its_outcome(file: Path, outcome: Outcome) -> None:
    add(file, encode(series_line(1, SERIES)), line(1, outcome))
    tail = Tail(file)
    tail.read(1.0)
    assert words(tail) == [outcome.word]
    tail.close()


def test_rows_come_as_they_are_written_and_a_torn_line_when_it_is_whole(file: Path) -> None:
    tail = Tail(file)
    assert tail.read(1.0).added == 0
    whole = line(2, Outcome(State.SENT))
    add(file, encode(series_line(1, SERIES)), line(1, Outcome(State.SENT)), whole[:20])
    growth = tail.read(1.0)
    assert (growth.first, growth.added, growth.is_all) == (0, 1, True)
    add(file, whole[20:])
    growth = tail.read(1.0)
    assert (growth.first, growth.added) == (1, 1)
    row = tail.row(1)
    assert row is not None
    assert (row.uid, row.series) == ("9.2", SERIES)
    assert list(tail.sizes) == [101, 102]
    tail.close()


def test_a_damaged_line_leaves_the_columns_of_one_length(file: Path) -> None:
    damaged = [b'{"size":-1}', b'{"size":"many"}', b"{}", b'{"size":1e300}', b'{"size":99999999999999999999}']
    usual = line(1, Outcome(State.SENT)).replace(b'"size":101', b"@")
    for number, size in enumerate(damaged, 5):
        add(file, usual.replace(b"@", size.strip(b"{}") or b'"other":1').replace(b"a/1.dcm", b"%d" % number))
    add(file, encode(series_line(1, SERIES)), line(2, Outcome(State.SENT)))
    tail = Tail(file)
    tail.read(1.0)
    assert words(tail) == ["OK"]
    assert (list(tail.sizes), list(tail.places)) == ([102], [0])
    tail.close()


def test_where_each_path_has_one_line_none_is_kept_to_find_it_again(file: Path) -> None:
    add(file, encode(series_line(1, SERIES)), *(line(number, Outcome(State.PENDING)) for number in range(9)))
    tail = Tail(file, is_once=True)
    tail.read(1.0)
    assert [row.path for row in map(tail.row, range(9)) if row] == [f"a/{number}.dcm" for number in range(9)]
    assert not tail._of_path
    tail.close()


def test_the_end_of_a_run_is_told_though_no_row_comes_with_it(file: Path) -> None:
    add(file, encode({"t": "run", "at": 1.0}), line(1, Outcome(State.SENT)))
    tail = Tail(file)
    assert tail.read(1.0).has_turned
    assert not tail.read(1.0).has_turned
    add(file, encode({"t": "ended", "at": 2.0, "run": {"found": 1, "sent": 1}, "bytes": 101}))
    growth = tail.read(1.0)
    assert (growth.added, growth.has_turned) == (0, True)
    assert tail.run_bytes == 101
    tail.close()


def test_a_later_outcome_of_a_path_changes_its_row(file: Path) -> None:
    add(
        file,
        encode(series_line(1, SERIES)),
        line(1, Outcome(State.FAILED, reason="no")),
        line(2, Outcome(State.SENT)),
    )
    tail = Tail(file)
    tail.read(1.0)
    assert words(tail) == ["FAIL", "OK"]
    add(file, line(1, Outcome(State.SENT, healed=True)))
    growth = tail.read(1.0)
    assert (growth.added, list(growth.changed)) == (0, [0])
    assert words(tail) == ["HEALED", "OK"]
    assert {WORDS[word]: count for word, count in tail.counts.items() if count} == {"HEALED": 1, "OK": 1}
    row = tail.row(0)
    assert row is not None
    assert row.reason == ""
    tail.close()


def test_a_file_that_was_replaced_is_read_anew(file: Path) -> None:
    add(file, encode(series_line(1, SERIES)), line(1, Outcome(State.SENT)), line(2, Outcome(State.SENT)))
    tail = Tail(file)
    tail.read(1.0)
    other = file.with_name("new")
    other.write_bytes(encode(series_line(1, SERIES)) + line(3, Outcome(State.HELD)))
    other.replace(file)
    growth = tail.read(1.0)
    assert (growth.is_anew, growth.first, growth.added) == (True, 0, 1)
    assert words(tail) == ["HELD"]
    file.unlink()
    assert tail.read(1.0).is_anew
    assert len(tail) == 0
    tail.close()


def test_damage_is_passed_over_and_long_lines_are_read(file: Path) -> None:
    long = Outcome(State.FAILED, reason="x" * 600_000)
    add(
        file,
        encode(series_line(1, SERIES)),
        b"{damaged\n",
        b'{"t": "o"}\n',
        b"{torn\r\n{torn\r{\n",
        line(1, long),
        line(2, Outcome(State.SENT)),
    )
    tail = Tail(file)
    while not tail.read(1.0).is_all:
        pass
    assert words(tail) == ["FAIL", "OK"]
    row = tail.row(0)
    assert row is not None
    assert len(row.reason) == 600_000
    assert [tail.line(number)["uid"] for number in (0, 1)] == ["9.1", "9.2"]
    tail.close()


def test_reading_stops_after_its_time_and_goes_on_where_it_was(file: Path) -> None:
    add(file, encode(series_line(1, SERIES)), *(line(number, Outcome(State.SENT)) for number in range(3000)))
    tail, slices = Tail(file), 0
    while not tail.read(0.0).is_all:
        slices += 1
    assert slices >= 5
    assert len(tail) == 3000
    assert {row.uid for row in map(tail.row, range(3000)) if row} == {f"9.{number}" for number in range(3000)}
    tail.close()


def test_a_path_without_a_header_has_no_series(file: Path) -> None:
    add(file, encode(problem_line(Problem("x.txt", 3, 0, State.SKIPPED, Reason.NOT_DICOM), None, 0.0)))
    tail = Tail(file)
    tail.read(1.0)
    assert words(tail) == ["SKIP"]
    assert tail.series_of(0) is None
    tail.close()


@pytest.fixture
def full(file: Path) -> Callable[[], Tail]:
    add(
        file,
        encode(series_line(1, SERIES)),
        line(1, Outcome(State.SENT)),
        line(2, Outcome(State.FAILED, reason="Refused: out of resources")),
        encode(problem_line(Problem("sent/notes.txt", 3, 0, State.SKIPPED, Reason.NOT_DICOM), None, 0.0)),
    )

    def read() -> Tail:
        tail = Tail(file)
        tail.read(1.0)
        return tail

    return read


@pytest.mark.parametrize(
    ("wanted", "text", "found"),
    [
        ((), "roe", [0, 1]),
        ((), "roe, jane", [0, 1]),
        ((), "2026-01-01", [0, 1]),
        ((), "ct image", [0, 1]),
        ((), "OUT OF RESOURCES", [1]),
        ((), "9.2", [1]),
        ((), "notes", [2]),
        (("FAIL", "SKIP"), "", [1, 2]),
        (("OK",), "roe", [0]),
        ((), "sent", [2]),
        ((), "nowhere", []),
    ],
)
def test_rows_are_found_by_words_and_texts(
    full: Callable[[], Tail], wanted: tuple[str, ...], text: str, found: list[int]
) -> None:
    tail = full()
    search = Search(tail, [WORDS.index(word) for word in wanted], text)
    while not search.step(0.0):
        pass
    assert list(search.found) == found
    tail.close()
