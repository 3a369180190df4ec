"""The desk and the engine's processes: started, watched, steered, found again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytestqt.qtbot import QtBot

from migrator.jobs.left_running import left_running
from migrator.jobs.tail import WORDS
from migrator.ui.configuration import Configuration, Destination
from migrator.ui.desk import Desk
from migrator.ui.feed import Feed
from tests.peers import KeepingScp, wait_until
from tests.peers.archives import Archive

Make = Callable[..., Archive]


def configured(desk: Desk, source: Archive, peer: KeepingScp) -> None:
    node = peer.node
    destination = Destination(host=node.host, port=node.port, ae_title=node.ae_title)
    desk.change(Configuration(source=str(source.folder), destinations=(destination,), verify=False))


def test_a_scan_is_watched_and_its_rows_come_as_they_are_found(
    qtbot: QtBot, desk: Desk, archive: Make, tmp_path: Path
) -> None:
    source = archive(studies=3, instances=4)
    listed = tmp_path / "list.jsonl"
    running = desk.run(["scan", str(source.folder), "--list", str(listed), "--json"])
    feed = Feed(listed)
    feed.start()
    with qtbot.waitSignal(running.ended, timeout=30_000) as ended:
        pass
    assert ended.args == [0]
    qtbot.waitUntil(lambda: len(feed.tail) == len(source.files))
    assert {feed.tail.row(row).uid for row in range(len(feed.tail))} == source.uids
    feed.stop()


def test_a_migration_is_seen_to_its_end(
    qtbot: QtBot, desk: Desk, archive: Make, keeping_scp: Callable[..., KeepingScp]
) -> None:
    source, peer = archive(studies=4, instances=5), keeping_scp()
    configured(desk, source, peer)
    migration = desk.migrate()
    with qtbot.waitSignal(migration.ended, timeout=60_000) as ended:
        pass
    assert ended.args == [0], migration.running.launched.messages()
    assert len(peer.datasets) == 20
    assert migration.running.result()["sent"] == 20
    feed = Feed(migration.manifests[0])
    feed.start()
    qtbot.waitUntil(lambda: feed.tail.counts[WORDS.index("OK")] == 20)
    feed.stop()


def test_a_run_is_paused_resumed_and_cancelled_and_tells_so(
    qtbot: QtBot, desk: Desk, archive: Make, keeping_scp: Callable[..., KeepingScp]
) -> None:
    source, peer = archive(studies=10, instances=10), keeping_scp(delay=0.3)
    configured(desk, source, peer)
    migration = desk.migrate("--workers", "1")
    qtbot.waitUntil(lambda: bool(peer.datasets), timeout=30_000)
    migration.do("pause")
    qtbot.waitUntil(lambda: migration.sight.is_paused)
    migration.do("resume")
    qtbot.waitUntil(lambda: not migration.sight.is_paused)
    with qtbot.waitSignal(migration.ended, timeout=30_000) as ended:
        migration.do("cancel")
    assert ended.args == [130]
    total = migration.sight.total
    assert total is not None
    assert total.run.balances


def test_the_next_desk_finds_what_an_earlier_one_left_running(
    qtbot: QtBot, desk: Desk, archive: Make, keeping_scp: Callable[..., KeepingScp]
) -> None:
    source, peer = archive(studies=10, instances=10), keeping_scp(delay=0.3)
    configured(desk, source, peer)
    first = desk.migrate("--workers", "1")
    qtbot.waitUntil(lambda: bool(peer.datasets), timeout=30_000)
    later = Desk(desk.home)
    (found,) = left_running(desk.home)
    left = found.command
    assert (found.source, found.nodes) == (str(source.folder), first.nodes)
    attached = later.attach(left, found.nodes)
    qtbot.waitUntil(lambda: attached.sight.total is not None and attached.sight.total.run.sent > 0)
    with qtbot.waitSignal(attached.ended, timeout=30_000) as ended:
        attached.do("cancel")
    assert ended.args == [130]
    wait_until(lambda: left.has_ended, "the run has ended")
    later.close()
