"""Whatever is done to an audit log shows, as long as somebody else knows where it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.records.audit import AuditEvent, Writer
from migrator.records.audit_check import Witness, check_log
from migrator.records.audit_log import AuditLog
from tests.audit.test_chain import WRITER, check, files_of, write

# What somebody might do to a log: each takes its files' contents and a number, and gives them back altered.
Contents = list[bytes]


def flip(contents: Contents, number: int) -> Contents:
    """Another value for one byte."""
    which, at = place(contents, number)
    data = bytearray(contents[which])
    data[at] ^= 1 + number % 255
    return [*contents[:which], bytes(data), *contents[which + 1 :]]


def drop_byte(contents: Contents, number: int) -> Contents:
    which, at = place(contents, number)
    data = contents[which]
    return [*contents[:which], data[:at] + data[at + 1 :], *contents[which + 1 :]]


def add_byte(contents: Contents, number: int) -> Contents:
    which, at = place(contents, number)
    data = contents[which]
    return [*contents[:which], data[:at] + bytes([number % 256]) + data[at:], *contents[which + 1 :]]


def drop_line(contents: Contents, number: int) -> Contents:
    return on_lines(contents, lambda lines: lines[: number % len(lines)] + lines[number % len(lines) + 1 :])


def swap_lines(contents: Contents, number: int) -> Contents:
    def swap(lines: list[bytes]) -> list[bytes]:
        first = number % (len(lines) - 1)
        lines[first], lines[first + 1] = lines[first + 1], lines[first]
        return lines

    return on_lines(contents, swap)


def repeat_line(contents: Contents, number: int) -> Contents:
    return on_lines(contents, lambda lines: [*lines, lines[number % len(lines)]])


def cut_off(contents: Contents, number: int) -> Contents:
    """Only the last file may be shorter: an earlier one would leave a gap, which is easier to see."""
    return [*contents[:-1], contents[-1][: number % len(contents[-1])]]


def drop_file(contents: Contents, number: int) -> Contents:
    which = number % len(contents)
    return [*contents[:which], None, *contents[which + 1 :]]  # type: ignore[list-item]


def place(contents: Contents, number: int) -> tuple[int, int]:
    which = number % len(contents)
    return which, number // len(contents) % len(contents[which])


def on_lines(contents: Contents, change: Callable[[list[bytes]], list[bytes]]) -> Contents:
    """Change the order or number of all lines, wherever they stand; each file keeps its number of lines."""
    counts = [len(data.splitlines()) for data in contents]
    lines = change([line for data in contents for line in data.splitlines(keepends=True)])
    changed = []
    for count in counts[:-1]:
        changed.append(b"".join(lines[:count]))
        lines = lines[count:]
    return [*changed, b"".join(lines)]


@settings(
    max_examples=250,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    attack=st.sampled_from(
        [flip, drop_byte, add_byte, drop_line, swap_lines, repeat_line, cut_off, drop_file]
    ),
    number=st.integers(0, 2**32),
)
def test_whatever_is_done_to_a_log_is_found(
    tmp_path_factory: pytest.TempPathFactory,
    attack: Callable[[Contents, int], Contents],
    number: int,
) -> None:
    file = tmp_path_factory.mktemp("log") / "audit.jsonl"
    head = write(file, 10, most_bytes=2500)
    files = files_of(file)
    contents = [one.read_bytes() for one in files]
    altered = attack(list(contents), number)
    if altered == contents:
        return  # two lines cannot be alike, but a byte may be added beside its like
    for one, data in zip(files, altered, strict=True):
        if data is None:
            one.unlink()
        else:
            one.write_bytes(data)
    report = check(file, head)
    assert not report.is_intact
    assert report.fault is not None
    assert report.fault.what


def test_a_log_that_was_written_anew_from_a_line_on_is_found(tmp_path: Path) -> None:
    """Whoever knows the format can make a chain that is whole; only what others know of it tells."""
    file = tmp_path / "audit.jsonl"
    head = write(file, 5)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:3]))
    write(file, 9)
    assert check(file).is_intact, "without a witness there is nothing to see"
    report = check(file, head)
    assert report.fault is not None
    assert (report.fault.line, report.confirmed) == (6, 0)
    assert "written anew" in report.fault.what


def test_a_cut_off_end_is_found_and_the_older_part_still_confirmed(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    first, second = write(file, 5), write(file, 5)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:8]))
    report = check(file, first, second)
    assert report.fault is not None
    assert (report.fault.line, report.confirmed) == (9, first.seq)
    assert "cut off" in report.fault.what


def test_a_log_that_was_replaced_by_another_is_found(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    head = write(file, 5)
    file.unlink()
    write(file, 9)
    report = check(file, head)
    assert report.fault is not None
    assert "another log" in report.fault.what


def test_a_log_that_was_removed_is_found(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    head = write(file, 5)
    file.unlink()
    report = check(file, head)
    assert report.fault is not None
    assert "knows a log of this name, with 6 events: it was removed" in report.fault.what


def test_events_that_were_added_after_a_run_stay_known_as_such(tmp_path: Path) -> None:
    """Whoever knows the format can add what the next run goes on from: nobody knows it from its own run."""
    file = tmp_path / "audit.jsonl"
    first = Witness("the manifest", write(file, 3), WRITER.run)
    log = AuditLog(file, WRITER)
    log.append(AuditEvent("file_sent"), AuditEvent("file_sent"))
    log.close()
    later = Writer("tester@here", "f" * 12)
    log = AuditLog(file, later)
    log.append(AuditEvent("file_sent"))
    last = Witness("the manifest", log.head, later.run)
    log.close()
    report = check_log(file, [first, last])
    assert report.is_intact
    assert (report.events, report.confirmed, report.adopted) == (7, 7, 2)
    assert check_log(file, [first]).adopted == 0, "they are told as unconfirmed"


def test_an_emptied_log_is_found(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    head = write(file, 5)
    file.write_bytes(b"")
    assert not check(file, head).is_intact


def test_a_copy_elsewhere_is_confirmed_as_well(tmp_path: Path) -> None:
    file, copy = tmp_path / "audit.jsonl", tmp_path / "kept" / "audit.jsonl"
    head = write(file, 5)
    copy.parent.mkdir()
    copy.write_bytes(file.read_bytes())
    report = check(copy, head)
    assert report.is_intact
    assert report.confirmed == head.seq


def test_what_others_know_of_other_logs_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    head = write(file, 5)
    report = check(file, replace(head, log="0" * 64, file="/elsewhere/audit.jsonl", seq=99))
    assert report.is_intact
    assert report.confirmed == 0
