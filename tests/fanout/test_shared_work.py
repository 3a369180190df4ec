"""What is done once, however many destinations there are: scanning, comparing, decoding."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import ImplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from migrator.core.errors import Cancelled, SourceError
from migrator.core.model import Instance, Series
from migrator.dicom import decoding
from migrator.dicom.decoded_cache import DecodedCache
from migrator.dicom.editing.splice import Segments, Span
from migrator.engine.fan import Fan as Spreading
from migrator.jobs import migrate as job
from tests.conftest import lack
from tests.migrate.running import Ran
from tests.peers import KeepingScp, wait_until
from tests.peers.archives import Archive

Make = Callable[..., Archive]
Start = Callable[..., KeepingScp]
Fan = Callable[..., Ran]


def test_a_file_is_opened_once_to_be_scanned_and_once_for_each_destination(
    archive: Make, keeping_scp: Start, tmp_path: Path
) -> None:
    if shutil.which("strace") is None:
        lack("strace is not installed (Debian: apt-get install strace)")
    source = archive(studies=3, instances=5)
    peers = [keeping_scp(), keeping_scp(), keeping_scp()]
    log = tmp_path / "strace.log"
    command = [
        *("strace", "-f", "-y", "-s", "4096", "-o", str(log), "-e", "trace=open,openat"),
        *(sys.executable, "-m", "migrator", "migrate", str(source.folder), "--settle", "0"),
        *(word for peer in peers for word in ("--to", str(peer.node))),
        *("--home", str(tmp_path / "home")),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert all(peer.datasets == source.datasets for peer in peers)
    opened = Counter(re.findall(r'"([^"]+\.dcm)", O_RDONLY', log.read_text(errors="replace")))
    assert {made.path.name for made in source.files} == {Path(path).name for path in opened}
    assert sum(opened.values()) == len(source.files) * (1 + len(peers))


def counting(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[tuple[Any, ...]]:
    """The arguments of every call of a function, which goes on as before."""
    real, calls = getattr(owner, name), []

    def counted(*arguments: Any) -> Any:
        calls.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(owner, name, counted)
    return calls


def test_a_duplicate_is_compared_once(
    archive: Make, keeping_scp: Start, fan: Fan, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = archive(studies=2, instances=3)
    for number in range(4):
        shutil.copy(source.files[number // 2].path, source.folder / f"copy{number}.dcm")
    read = counting(monkeypatch, job, "read_header")
    compared = counting(monkeypatch, job, "same_dataset")
    ran = fan(source.folder, [keeping_scp().node, keeping_scp().node, keeping_scp().node])
    assert (ran.code, *ran.counts("sent", "skipped")) == (0, 18, 12)
    assert len(compared) == 4
    # Each path for the scan, and what the copies are compared with: the first of each two that is found.
    assert len(read) == 10 + 2


def test_two_destinations_that_need_the_same_decoded_have_it_decoded_once(
    archive: Make, keeping_scp: Start, fan: Fan, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = archive(
        studies=3, instances=5, side=32, syntaxes=(RLELossless, JPEGLSLossless, JPEG2000Lossless)
    )
    peers = [keeping_scp(syntaxes=(ImplicitVRLittleEndian,)) for _ in range(2)]
    decoded = counting(monkeypatch, decoding.Decoders, "decode")
    ran = fan(source.folder, [peer.node for peer in peers])
    assert (ran.code, ran.json["sent"]) == (0, 30), ran.told
    assert ran.json["fidelity"] == {"decompressed": 30}
    assert len(decoded) == 15
    assert peers[0].datasets == peers[1].datasets
    assert len(peers[0].datasets) == 15


def test_a_destination_that_takes_it_compressed_gets_it_so(
    archive: Make, keeping_scp: Start, fan: Fan, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = archive(studies=2, instances=4, side=32, syntaxes=(RLELossless,))
    plain, verbatim = keeping_scp(syntaxes=(ImplicitVRLittleEndian,)), keeping_scp()
    ran = fan(source.folder, [plain.node, verbatim.node])
    assert ran.code == 0
    assert [part["fidelity"] for part in ran.json["destinations"]] == [{"decompressed": 8}, {"verbatim": 8}]
    assert verbatim.datasets == source.datasets


def test_the_scan_waits_for_the_quickest_taker_and_not_for_the_slowest() -> None:
    spreading, scanned = Spreading(2, most_ahead=3), []

    def scan() -> Iterator[list[Any]]:
        for number in range(20):
            scanned.append(number)
            yield []

    thread = threading.Thread(target=lambda: spreading.spread(scan()), daemon=True)
    quick, slow = spreading.blocks(0), spreading.blocks(1)
    thread.start()
    wait_until(lambda: len(scanned) == 4, "the scan is as far ahead as it may be")
    for _ in range(10):
        next(quick)
    wait_until(lambda: len(scanned) == 14, "the scan follows the quick one")
    assert thread.is_alive()
    assert len(list(quick)) == 10
    thread.join(10)
    assert len(list(slow)) == 20


def test_the_scan_goes_on_without_a_taker_that_leaves_and_ends_with_the_last() -> None:
    spreading, scanned = Spreading(2, most_ahead=2), []

    def scan() -> Iterator[list[Any]]:
        for number in range(1000):
            scanned.append(number)
            yield []

    thread = threading.Thread(target=lambda: spreading.spread(scan()), daemon=True)
    thread.start()
    left = spreading.blocks(1)
    for _ in range(5):
        next(left)
    spreading.leave(0)
    for _ in range(5):
        next(left)
    spreading.leave(1)
    thread.join(10)
    assert not thread.is_alive()
    assert len(scanned) < 1000


@pytest.mark.parametrize("error", [SourceError("unmounted"), Cancelled("stopped")])
def test_what_ends_the_scan_reaches_every_taker_after_what_was_found(error: Exception) -> None:
    spreading = Spreading(2)

    def scan() -> Iterator[list[Any]]:
        yield []
        raise error

    spreading.spread(scan())
    for number in (0, 1):
        blocks = spreading.blocks(number)
        assert next(blocks) == []
        with pytest.raises(type(error)):
            next(blocks)


class Copying:
    """Decoders that answer with what they were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def decode(
        self,
        path: str,
        instance: Instance,
        target: str,
        is_cancelled: Callable[[], bool] = lambda: False,
        segments: Segments | None = None,
    ) -> bytearray:
        self.asked.append((path, target))
        return bytearray(f"{path} {instance.transfer_syntax} {target} {segments}".encode())


def test_what_differs_in_syntax_file_or_edits_is_not_taken_for_the_same() -> None:
    one = Instance("a", 100, 5, 10, RLELossless, "1.2", "1.2.3", Series("1"))
    questions = [
        ("a", one, "x", None),
        ("b", one, "x", None),
        ("a", replace(one, mtime_ns=6), "x", None),
        ("a", replace(one, size=101), "x", None),
        ("a", replace(one, transfer_syntax=JPEG2000Lossless), "x", None),
        ("a", replace(one, uid="1.2.4"), "x", None),
        ("a", one, "y", None),
        ("a", one, "x", Segments((b"header", Span(10, 90)), 96)),
        ("a", one, "x", Segments((b"header", Span(11, 89)), 95)),
        ("a", one, "x", Segments((b"another", Span(10, 90)), 97)),
    ]
    decoders = Copying()
    cache = DecodedCache(lambda: decoders, 2)
    for _ in range(2):
        for path, instance, target, segments in questions:
            expected = Copying().decode(path, instance, target, segments=segments)
            assert cache.decode(path, instance, target, segments=segments) == expected
    assert len(decoders.asked) == len(questions)
    assert cache.weight == 0


def test_what_a_second_destination_does_not_come_for_stays_within_the_budget() -> None:
    cache = DecodedCache(Copying, 2, budget=200)
    for number in range(100):
        one = Instance(str(number), 100, 5, 10, RLELossless, "1.2", "1.2.3", Series("1"))
        cache.decode(str(number), one, "x")
        assert cache.weight <= 200
    assert cache.weight > 100
