"""A snapshot or check that was killed or interrupted goes on, and reads nothing twice."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from migrator.checks.integrity_hashing import MOST_READERS, Climb, Found, Hashed, Hasher, HashPlan, Unreadable
from migrator.checks.integrity_list import Entry, GrowingList
from migrator.core.control import Control
from migrator.core.errors import Cancelled
from tests.integrity.running import Command, Interrupted, flip
from tests.peers import wait_until

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Files that take a while at a limited rate."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(200):
        (folder / f"{number:03}").write_bytes(bytes([number]) * 20_000)
    return folder


def started(action: str, source: Path, home: Path) -> subprocess.Popen[bytes]:
    """At 0.3 MB a second it takes 13 seconds, of which two are enough for some lines to be flushed."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "migrator", "integrity", action, str(source), "--max-read", "0.3"),
            *("--readers", "1", "--json", "--home", str(home)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def hashed(home: Path, action: str) -> int:
    """How many files an unfinished run has put on its list."""
    lists = list(home.glob(f"integrity/*/{action}.partial"))
    return sum(file.read_bytes().count(b"\n") - 1 for file in lists)


@pytest.mark.parametrize(("action", "number"), [("snapshot", signal.SIGINT), ("check", signal.SIGKILL)])
def test_what_was_hashed_is_not_read_again(
    integrity: Command, many: Path, data_directory: Path, action: str, number: signal.Signals
) -> None:
    if action == "check":
        integrity("snapshot", many)
    child = started(action, many, data_directory)
    wait_until(lambda: hashed(data_directory, action) >= 10, "some are hashed", 30)
    child.send_signal(number)
    out, err = child.communicate(timeout=30)
    assert child.returncode == (130 if number == signal.SIGINT else -number), err
    assert not out
    done = hashed(data_directory, action)
    (partial,) = data_directory.glob(f"integrity/*/{action}.partial")
    with partial.open("ab") as stream:
        stream.write(b"0123456789abcdef torn")
    (many / "000").write_bytes(b"other content, hashed anew")

    again = integrity(action, many)
    told = again.json if action == "snapshot" else again.json["after"]
    assert told["files"] == 200
    assert told["read"] == (200 - done) * 20_000 + len(b"other content, hashed anew")
    assert f"{done} files are hashed already" in again.told
    assert not partial.exists()
    if action == "check":
        assert again.found == {("changed", "000")}
    assert integrity("snapshot", many).json["list_sha256"] == told["list_sha256"]


def test_restart_begins_anew(integrity: Command, interrupted: Interrupted, many: Path) -> None:
    interrupted("snapshot", many)
    assert integrity("snapshot", many, "--restart").json["read"] == 200 * 20_000


def test_a_check_goes_on_only_against_the_snapshot_that_it_was_begun_with(
    integrity: Command, interrupted: Interrupted, many: Path
) -> None:
    integrity("snapshot", many)
    interrupted("check", many)
    (many / "new").write_bytes(b"new")
    integrity("snapshot", many)
    assert integrity("check", many).json["after"]["read"] == 200 * 20_000 + 3


def test_what_was_hashed_long_ago_counts_for_nothing(
    integrity: Command, interrupted: Interrupted, many: Path, data_directory: Path
) -> None:
    integrity("snapshot", many)
    interrupted("check", many)
    (partial,) = data_directory.glob("integrity/*/check.partial")
    weeks_ago = time.time() - 8 * 86_400
    os.utime(partial, (weeks_ago, weeks_ago))
    flip(many / "000")
    checked = integrity("check", many)
    assert checked.found == {("corrupted", "000")}
    assert "too old" in checked.told


def test_a_list_that_was_cut_at_any_byte_goes_on(tmp_path: Path) -> None:
    file, header = tmp_path / "list", {"began": 1.0}
    entries = [Entry(f"file{number}\n", number, number, f"{number:064x}") for number in range(3)]

    def grown() -> int:
        """Go on with the list until all are on it; how many were."""
        growing = GrowingList(file, header, lambda old: old == header)
        known = [entry for entry in entries if growing.knows(entry.path, entry.size, entry.mtime_ns)]
        for entry in entries:
            if entry in known:
                assert growing.keep(entry.path) == entry
            else:
                growing.add(entry)
        assert sorted(growing.entries()) == entries
        growing.close()
        return len(known)

    assert (grown(), grown()) == (0, 3)
    whole = file.read_bytes()
    for cut in range(len(whole)):
        file.write_bytes(whole[:cut])
        assert grown() == max(0, whole[:cut].count(b"\n") - 1)
        assert grown() == 3, f"cut after {cut} bytes"


def test_what_a_killed_run_left_half_written_is_removed(
    integrity: Command, many: Path, data_directory: Path
) -> None:
    folder = Path(integrity("snapshot", many).json["snapshot"]).parent
    (folder / ".snapshot-20260101-000000-000000.list-abcd.tmp").write_bytes(b"half")
    integrity("check", many)
    assert not list(folder.glob("*.tmp"))


def test_two_at_a_time_are_one_too_many(integrity: Command, many: Path, data_directory: Path) -> None:
    child = started("snapshot", many, data_directory)
    try:
        wait_until(lambda: hashed(data_directory, "snapshot") >= 1, "it is on", 30)
        second = integrity("snapshot", many)
        assert (second.code, second.json) == (1, {})
        assert "another process" in second.told
    finally:
        child.kill()
        child.communicate()


def test_a_reader_that_hangs_does_not_keep_ctrl_c_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrator.checks.integrity_hashing._END_SECONDS", 0.1)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "file").write_bytes(b"x")
    control = Control()
    never = Control()

    def hang(count: int) -> int:
        control.cancel()
        never.pause()
        never.checkpoint()
        return count

    with pytest.raises(Cancelled):
        list(Hasher(HashPlan(str(tmp_path / "source"), 1, pace=hang), control).found())
    never.resume()


def hashed_while(source: Path, change: Callable[[int], None]) -> Found:
    """What becomes of the one file of a source that is changed after its first piece was read."""
    calls = count(1)

    def pace(size: int) -> int:
        change(next(calls))
        return size

    (found,) = Hasher(HashPlan(str(source), 1, pace=pace), Control()).found()
    return found


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"a" * 600_000)
    os.utime(file, (1, 1))

    def grow(call: int) -> None:
        if call == 1:
            with file.open("ab") as stream:
                stream.write(b"b")

    found = hashed_while(tmp_path, grow)
    assert isinstance(found, Hashed)
    assert found.entry.digest == hashlib.sha256(file.read_bytes()).hexdigest()
    assert found.entry.size == 600_001


def test_a_file_that_is_cut_while_it_is_read_has_the_digest_of_what_is_left(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"a" * 600_000)
    found = hashed_while(tmp_path, lambda call: os.truncate(file, 10) if call == 1 else None)
    assert isinstance(found, Hashed)
    assert (found.entry.size, found.entry.digest) == (10, hashlib.sha256(b"a" * 10).hexdigest())


def test_a_file_that_never_stops_changing_is_told_as_such(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"a" * 1000)
    found = hashed_while(tmp_path, lambda call: os.utime(file, (call, call)))
    assert isinstance(found, Unreadable)
    assert "still being written" in found.why


def test_every_number_of_readers_finds_the_same(many: Path) -> None:
    def digests(readers: int) -> dict[str, str]:
        items = Hasher(HashPlan(str(many), readers), Control()).found()
        return {item.entry.path: item.entry.digest for item in items if isinstance(item, Hashed)}

    one = digests(1)
    assert len(one) == 200
    assert digests(0) == digests(16) == one


def test_more_readers_are_tried_while_they_help_and_not_for_ever() -> None:
    climb = Climb()
    rates = {2: 100.0, 4: 190.0, 8: 350.0, 16: 360.0}
    seen = [climb.measured(rates[climb.readers]) for _ in range(10)]
    assert seen[:4] == [4, 8, 16, 8]
    assert set(seen[3:]) == {8}, "what did not help is given up"
    flat = Climb()
    assert {flat.measured(100.0) for _ in range(200)} <= {2, 4}
    assert max(Climb().measured(float(10**number)) for number in range(9)) <= MOST_READERS


@pytest.mark.parametrize(
    ("knows", "is_measured"), [(lambda *_: True, False), (lambda *_: False, True)], ids=["known", "new"]
)
def test_what_is_passed_over_tells_nothing_about_the_number_of_readers(
    many: Path, monkeypatch: pytest.MonkeyPatch, knows: Callable[..., bool], is_measured: bool
) -> None:
    monkeypatch.setattr("migrator.checks.integrity_hashing._MEASURE", 0.0)
    rates: list[float] = []
    monkeypatch.setattr(Climb, "measured", lambda self, rate: rates.append(rate) or self.readers)
    assert len(list(Hasher(HashPlan(str(many), 0, knows), Control()).found())) == 200
    assert bool(rates) == is_measured
    assert all(rate > 0 for rate in rates)


def test_json_goes_to_stdout_alone(many: Path, data_directory: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "migrator", "integrity", "snapshot", str(many), "--json"], capture_output=True
    )
    assert json.loads(done.stdout)["files"] == 200
