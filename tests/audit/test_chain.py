"""An audit log is one chain through all its files, whatever happens while it is written."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.core.errors import AuditError, UsageError
from migrator.records.audit import AuditEvent, Head, Writer, decode
from migrator.records.audit_check import AuditReport, Witness, check_log
from migrator.records.audit_files import numbers, part
from migrator.records.audit_log import AuditLog

WRITER = Writer("tester@here", "0123456789ab")

# Written by hand: what people and modalities put into names, and what file systems put into paths.
HOSTILE = (
    'O"Hara^"quoted"\\',
    "line\nbreak\r\nand\ttab",
    "\x00\x01\x1f\x7f",
    '","hash":"' + "0" * 64 + '"}',
    "山田^太郎=やまだ^たろう",
    "\U0001d53b\U0001f9e0^\U0002a6d6",
    "caf\udce9^undecodable",
    "\u2028\u2029\ufeff",
)


def write(file: Path, count: int, most_bytes: int = 0) -> Head:
    """A log of so many events by this call; the head that a manifest would keep."""
    log = AuditLog(file, WRITER, most_bytes)
    try:
        for number in range(count):
            log.append(AuditEvent("file_sent", sop_uid=f"1.2.{number}", patient="DOE^JANE", patient_id="7"))
        log.sync()
        return log.head
    finally:
        log.close()


def check(file: Path, *heads: Head) -> AuditReport:
    return check_log(file, [Witness("the manifest", head) for head in heads])


def files_of(file: Path) -> list[Path]:
    return [*(part(file, number) for number in numbers(file)), file]


def test_a_log_holds_what_was_told_and_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    head = write(file, 3)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["log_opened", "file_sent", "file_sent", "file_sent"]
    assert [line["seq"] for line in lines] == [1, 2, 3, 4]
    assert ",".join(lines[1]) == (
        "timestamp,event,status,sop_uid,patient,patient_id,destination,fidelity,who,run,detail,seq,prev,hash"
    )
    assert lines[1]["patient"] == "DOE^JANE"
    assert lines[1]["who"] == "tester@here"
    report = check(file, head)
    assert report.is_intact
    assert (report.events, report.files, report.confirmed) == (4, 1, 4)
    assert (report.first, report.last) == (lines[0]["timestamp"], lines[-1]["timestamp"])


def test_a_log_is_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    file.touch(0o666)
    write(file, 1, most_bytes=300)
    if os.name != "nt":
        assert {stat.S_IMODE(one.stat().st_mode) for one in files_of(file)} == {0o600}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_kept_on_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "audit.jsonl"
    log = AuditLog(file, WRITER)
    log.append(AuditEvent("file_sent", patient=text, patient_id=text, detail={"path": text, text: [text]}))
    log.close()
    raw = file.read_bytes().splitlines(keepends=True)
    assert len(raw) == 2
    fields = decode(raw[1]).fields
    expected = text.encode("utf-8", "replace").decode()
    assert (fields["patient"], fields["detail"]["path"]) == (expected, expected)
    assert check(file).is_intact


def test_further_runs_go_on_where_the_last_one_ended(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    heads = [write(file, 2), write(file, 3), write(file, 1)]
    report = check(file, *heads)
    assert report.is_intact
    assert (report.events, report.confirmed) == (7, 7)


def test_files_follow_one_another_without_a_gap(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    heads = [write(file, 30, most_bytes=2000), write(file, 30, most_bytes=2000)]
    assert len(numbers(file)) > 10
    assert all(one.stat().st_size <= 2000 for one in files_of(file))
    report = check(file, *heads)
    assert report.is_intact
    assert report.files == len(files_of(file))
    assert report.confirmed == report.events == heads[-1].seq


def test_a_limit_smaller_than_a_line_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    head = write(file, 5, most_bytes=1)
    report = check(file, head)
    assert report.is_intact
    assert report.confirmed == head.seq


def test_a_file_that_somebody_reads_is_finished_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows renames no file that is open elsewhere."""
    file = tmp_path / "audit.jsonl"
    with monkeypatch.context() as windows:

        def in_use(self: Path, target: Path) -> Path:
            raise PermissionError(13, "The process cannot access the file")

        windows.setattr(Path, "rename", in_use)
        first = write(file, 10, most_bytes=1000)
    assert numbers(file) == []
    last = write(file, 10, most_bytes=1000)
    assert len(numbers(file)) > 3
    report = check(file, first, last)
    assert report.is_intact
    assert report.confirmed == last.seq == 20 + 1 + len(numbers(file))


def test_a_run_killed_between_two_files_harms_nothing(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    head = write(file, 2)
    file.rename(part(file, 1))
    assert check(file, head).is_intact
    later = write(file, 2)
    report = check(file, head, later)
    assert report.is_intact
    assert (report.files, report.events) == (2, 6)
    assert decode(file.read_bytes().splitlines(keepends=True)[0]).fields["event"] == "log_continued"


@pytest.mark.parametrize(
    "left", [b'{"timestamp":"2027', b'{"timestamp":"2027-01-01T00:00:00.000000Z","event":']
)
def test_a_torn_line_is_noted_with_what_is_left_of_it(tmp_path: Path, left: bytes) -> None:
    import base64

    file = tmp_path / "audit.jsonl"
    head = write(file, 2)
    with file.open("ab") as stream:
        stream.write(left)
    torn = check(file, head)
    assert torn.is_intact, "a run that is on may be writing it just now"
    assert (torn.is_torn, torn.confirmed) == (True, 3)
    later = write(file, 1)
    repaired = decode(file.read_bytes().splitlines(keepends=True)[3]).fields
    assert (repaired["event"], repaired["status"]) == ("log_repaired", "warning")
    assert base64.b64decode(repaired["detail"]["torn"]) == left
    assert check(file, head, later).is_intact


@pytest.mark.parametrize("left", [b'{"timestamp":"2027', b'{"ti', b"{"])
def test_a_first_line_that_was_torn_is_noted_too(tmp_path: Path, left: bytes) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_bytes(left)
    head = write(file, 1)
    assert check(file, head).is_intact
    assert decode(file.read_bytes().splitlines(keepends=True)[0]).fields["detail"]["torn_bytes"] == len(left)


@pytest.mark.parametrize("left", [b'{"timestamp":"2027', b'{"ti', b""])
def test_a_further_file_whose_first_line_was_torn_goes_on(tmp_path: Path, left: bytes) -> None:
    file = tmp_path / "audit.jsonl"
    head = write(file, 2)
    file.rename(part(file, 1))
    file.write_bytes(left)
    assert check(file, head).is_intact
    later = write(file, 1)
    assert check(file, head, later).is_intact


def test_two_processes_cannot_write_one_log(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    first = AuditLog(file, WRITER)
    with pytest.raises(UsageError, match="another run"):
        AuditLog(file, WRITER)
    first.close()
    AuditLog(file, WRITER).close()


@pytest.mark.parametrize(
    "content", [b"my own notes\n", b'{"event": "login"}\n', b"\x00" * 100, b'{"timestamp": 1}\n', b"\n"]
)
def test_a_file_that_is_something_else_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_bytes(content)
    with pytest.raises(UsageError, match="no audit log"):
        AuditLog(file, WRITER)
    assert file.read_bytes() == content
    with pytest.raises(UsageError, match="no audit log"):
        check(file)


def test_what_is_no_file_or_lies_nowhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a regular file"):
        AuditLog(tmp_path, WRITER)
    with pytest.raises(UsageError, match="there is no folder"):
        AuditLog(tmp_path / "nowhere" / "audit.jsonl", WRITER)
    with pytest.raises(UsageError, match="there is no audit log"):
        check(tmp_path / "nowhere" / "audit.jsonl")


def test_a_part_of_a_log_is_checked_with_the_whole(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    head = write(file, 9, most_bytes=1000)
    with pytest.raises(UsageError, match=r"is a part of .*audit\.jsonl: check that"):
        check(part(file, 1))
    with pytest.raises(UsageError, match=r"is a part of the audit log .*audit\.jsonl; name that"):
        AuditLog(part(file, 1), WRITER)
    assert check(file, head).is_intact


def test_a_log_may_be_named_like_a_part_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "audit").mkdir()
    file = tmp_path / "audit.2026"
    head = write(file, 1)
    assert check(file, head).is_intact


def test_a_log_whose_end_was_altered_is_not_gone_on_with(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    write(file, 2)
    raw = file.read_bytes()
    file.write_bytes(raw[:-100] + b"X" + raw[-99:])
    with pytest.raises(UsageError, match="does not end as it was written"):
        AuditLog(file, WRITER)


def test_after_a_failed_write_nothing_is_torn_and_nothing_more_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "audit.jsonl"
    log = AuditLog(file, WRITER)
    log.append(AuditEvent("file_sent"))
    real, room = os.write, [100]

    def full(descriptor: int, data: bytes) -> int:
        if not room:
            raise OSError(28, "No space left on device")
        return real(descriptor, data[: room.pop()])

    with monkeypatch.context() as disk:
        disk.setattr(os, "write", full)
        with pytest.raises(AuditError, match="No space left"):
            log.append(AuditEvent("file_sent"))
    before = file.read_bytes()
    with pytest.raises(AuditError, match="No space left"):
        log.append(AuditEvent("file_sent"))
    log.close()
    assert file.read_bytes() == before
    assert check(file).events == 2
    write(file, 1)
    assert check(file).is_intact


def move(file: Path) -> None:
    file.rename(file.with_name("moved"))


def replace_by_a_copy(file: Path) -> None:
    data = file.read_bytes()
    file.unlink()
    file.write_bytes(data)


def empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.skipif(os.name == "nt", reason="nobody can move a file there that is open")
@pytest.mark.parametrize("meddle", [Path.unlink, move, replace_by_a_copy, empty])
def test_a_log_that_is_taken_away_while_it_is_written_fails(
    tmp_path: Path, meddle: Callable[[Path], None]
) -> None:
    file = tmp_path / "audit.jsonl"
    log = AuditLog(file, WRITER)
    log.append(AuditEvent("file_sent"))
    log.sync()
    meddle(file)
    log.append(AuditEvent("file_sent"))
    with pytest.raises(AuditError, match=r"moved, replaced or cut it off|No such file"):
        log.sync()
    with pytest.raises(AuditError):
        log.append(AuditEvent("file_sent"))
    log.close()
