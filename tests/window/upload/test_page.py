"""The page's actions, its live view, and how it ends; against real peers and the engine's own process."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from PyQt5.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from migrator.core.outcome import State
from migrator.engine.accounting import Accounting, Ledger
from migrator.engine.manifest_lines import encode
from migrator.jobs.launch import launch
from migrator.ui.configuration import Configuration, Destination
from migrator.ui.desk import Desk, Selection
from migrator.ui.dialogs.dry_run import DryRunDialog
from migrator.ui.pages.upload.page import UploadPage
from migrator.ui.pages.upload.standing import Standing
from migrator.ui.running import Sight
from tests.peers import KeepingScp, Rule, ScriptedPacs
from tests.peers.archives import Archive

Make = Callable[..., Archive]
Open = Callable[..., UploadPage]
Record = Callable[..., Path]
Peer = KeepingScp | ScriptedPacs


def configured(desk: Desk, source: Archive, peer: Peer) -> None:
    node = peer.node
    destination = Destination(host=node.host, port=node.port, ae_title=node.ae_title)
    settings = desk.configuration.settings
    settings = settings.model_copy(
        update={
            "scan": settings.scan.model_copy(update={"settle": 0.0}),
            "recovery": settings.recovery.model_copy(update={"waves": 0}),
            "send": settings.send.model_copy(update={"workers": 1}),
        }
    )
    desk.change(
        Configuration(source=str(source.folder), destinations=(destination,), verify=False, settings=settings)
    )


def test_nothing_can_be_started_before_it_is_configured(qtbot: QtBot, desk: Desk, page: UploadPage) -> None:
    for each in (page.bar.start_button, page.bar.stream_button, page.bar.dry_run_button):
        assert not each.isEnabled()
        assert "No source folder and no destination" in each.toolTip()
    assert page.head.note.text() == "No source folder and no destination are set yet."
    with qtbot.waitSignal(desk.page_wanted) as wanted:
        page.head._configure.click()
    assert wanted.args == ["configuration"]
    desk.change(Configuration(source="/mnt/archive", destinations=(Destination(host="pacs.example"),)))
    assert page.bar.start_button.isEnabled()
    assert page.bar.start_button.text() == "Start Copy"
    assert not page.bar.pause_button.isEnabled()
    assert page.bar.retry_button.toolTip().endswith("Nothing has failed")
    desk.select(Selection(studies=("1.2",), words="1 of 2 studies"))
    assert page.head.note.text() == "Selected: 1 of 2 studies"


def test_a_job_with_earlier_results_is_resumed_and_what_failed_retried(
    qtbot: QtBot, desk: Desk, record: Record, opened: Open
) -> None:
    record(studies=100)
    page = opened()
    job = page.progress.ledger.job
    qtbot.waitUntil(lambda: job.found.text() == "1,010")
    assert page.bar.start_button.text() == "Resume"
    assert page.bar.retry_button.isEnabled()
    assert job.states[State.QUARANTINED].text() == "2"
    assert job.balance.accessibleName().startswith("Balances")
    desk.update(source="/mnt/other")
    assert page.head.note.text() == "This is not what is configured."
    assert page.bar.start_button.text() == "Start Copy"
    assert not page.bar.retry_button.isEnabled()


def test_the_source_of_an_earlier_run_is_told_as_it_was_checked(
    qtbot: QtBot, desk: Desk, record: Record, opened: Open
) -> None:
    manifest = record()
    page = opened()
    assert page.head.source.words.text() == "Source: not yet checked"
    whole = manifest.read_bytes()
    last = whole.rindex(b'"scanned":true')
    check = b'"source":{"checked":210,"modified":0,"deleted":1},'
    manifest.unlink()
    manifest.write_bytes(whole[:last] + check + whole[last:])
    qtbot.waitUntil(lambda: page.head.source.words.text() == "Source: 0 modified, 1 deleted")


def test_how_a_run_ended_is_shown_by_its_record_not_by_the_last_look(
    qtbot: QtBot, desk: Desk, record: Record, opened: Open
) -> None:
    manifest = record(problems=0, is_killed=True, troubles=())
    page = opened()
    migration = desk.migration
    assert migration is not None
    run = Ledger(found=60, sent=57, pending=3)
    accounting = Accounting("PACS@pacs.example:104").snapshot()
    seen = replace(accounting, phase="sending", run=run, job=Ledger(found=200, sent=197, pending=3))
    migration.sight = Sight((seen,), code=0)
    migration.sighted.emit(migration.sight)
    assert page.progress._phase.text() == "Ended before its end"
    end = {"t": "ended", "at": 1.0, "bytes": 5_200_000, "source": {"modified": 0, "deleted": 0}}
    run, job = Ledger(found=60, sent=60), Ledger(found=200, sent=200)
    with manifest.open("ab") as stream:
        stream.write(encode(end | {"run": run.as_dict(), "job": job.as_dict()}))
    qtbot.waitUntil(lambda: page.progress._phase.text() == "Ended")
    assert page.progress.ledger.run.states[State.SENT].text() == "60"
    assert page.progress.ledger.job.states[State.PENDING].text() == "0"
    assert "5.2 MB" in [number.text() for number, _ in page.progress._figures]
    assert page.head.source.words.text() == "Source: 0 modified, 0 deleted"


def test_what_else_of_this_window_is_on_keeps_a_migration_from_being_started() -> None:
    standing = Standing(is_live=True, is_own=False, work="A verification")
    assert standing.against_start == standing.against_retry == "A verification is on"


def test_a_copy_with_failures_is_followed_to_its_end_and_retried(
    qtbot: QtBot,
    desk: Desk,
    page: UploadPage,
    archive: Make,
    scripted_pacs: Callable[..., ScriptedPacs],
) -> None:
    source, peer = archive(studies=2, instances=4), scripted_pacs(Rule(0x0122, first=2))
    configured(desk, source, peer)
    page.bar.start_button.click()
    assert not page.bar.start_button.isEnabled()
    migration = desk.migration
    assert migration is not None
    with qtbot.waitSignal(migration.ended, timeout=60_000) as ended:
        pass
    assert ended.args == [1], migration.running and migration.running.launched.messages()
    qtbot.waitUntil(page.banner.isVisible)
    assert "2 failed." in page.banner.text.text()
    qtbot.waitUntil(page.banner._retry.isEnabled)
    desk.update(source="/mnt/other")
    assert not page.banner._retry.isEnabled()  # it would send another job's
    desk.update(source=str(source.folder))
    assert page.banner._retry.isEnabled()
    qtbot.waitUntil(lambda: page.table.rows.shown == 8)
    qtbot.waitUntil(lambda: page.head.source.words.text() == "Source: 0 modified, 0 deleted")
    assert page.progress.ledger.run.states[State.FAILED].text() == "2"
    page.banner.retry.emit()
    migration = desk.migration
    assert not page.banner.isVisible()
    with qtbot.waitSignal(migration.ended, timeout=60_000) as ended:
        pass
    assert ended.args == [0]
    qtbot.waitUntil(lambda: page.banner.title.text() == "Done")
    qtbot.waitUntil(lambda: page.progress.ledger.job.states[State.SENT].text() == "8")
    qtbot.waitUntil(lambda: not page.bar.retry_button.isEnabled())
    # A run of another process comes and goes: its end is not told with the result of the run before.
    migration.sight = replace(migration.sight, code=None)
    migration.ended.emit(-1)
    assert page.banner.title.text() == "The other process has ended"
    assert page.banner._retry.isHidden()


def test_a_run_is_paused_and_cancelled_after_a_question(
    qtbot: QtBot, desk: Desk, page: UploadPage, archive: Make, keeping_scp: Callable[..., KeepingScp]
) -> None:
    source, peer = archive(studies=10, instances=10), keeping_scp(delay=0.3)
    configured(desk, source, peer)
    page.start()
    desk.show_none()
    page.start()
    assert len(desk.commands) == 1  # the run that is on comes on view again: there is no second one
    migration = desk.migration
    assert migration is not None
    qtbot.waitUntil(lambda: page.table.rows.shown > 2, timeout=30_000)
    page.bar.pause_button.click()
    qtbot.waitUntil(lambda: page.bar.pause_button.text() == "Continue")
    assert page.progress._phase.text().startswith("Paused")
    page.bar.cancel_button.click()
    box = page.findChild(QMessageBox)
    assert box is not None
    assert "Resume goes on" in box.informativeText()
    with qtbot.waitSignal(migration.ended, timeout=30_000) as ended:
        next(one for one in box.buttons() if one.text() == "Cancel Migration").click()
    assert ended.args == [130]
    qtbot.waitUntil(lambda: page.banner.title.text() == "Cancelled")
    assert page.bar.start_button.isEnabled()
    qtbot.waitUntil(lambda: page.bar.start_button.text() == "Resume")


def test_another_process_s_run_is_shown_live_and_steered(
    qtbot: QtBot, desk: Desk, page: UploadPage, archive: Make, keeping_scp: Callable[..., KeepingScp]
) -> None:
    source, peer = archive(studies=10, instances=10), keeping_scp(delay=0.3)
    configured(desk, source, peer)
    words = ["migrate", str(source.folder), "--json"]
    elsewhere = launch(desk.home, words, desk.configuration.for_engine())
    try:
        qtbot.waitUntil(lambda: bool(peer.datasets), timeout=30_000)
        migration = desk.open_job(str(source.folder), [one.node for one in desk.configuration.chosen])
        qtbot.waitUntil(lambda: "Another process" in page.head.note.text())
        assert not page.bar.start_button.isEnabled()
        qtbot.waitUntil(lambda: page.progress._percent.text().endswith("%"))
        with qtbot.waitSignal(migration.ended, timeout=30_000):
            page._cancel(migration)
        assert page.banner.title.text() == "The other process has ended"
        qtbot.waitUntil(page.bar.start_button.isEnabled)
    finally:
        qtbot.waitUntil(lambda: elsewhere.look().code is not None, timeout=30_000)
        elsewhere.forget()


@contextmanager
def dry_run(qtbot: QtBot, desk: Desk) -> Iterator[DryRunDialog]:
    dialog = DryRunDialog(desk)
    dialog.open()
    yield dialog
    dialog.reject()


def test_a_dry_run_tells_what_would_come_of_it_and_saves_its_table(
    qtbot: QtBot, desk: Desk, archive: Make, keeping_scp: Callable[..., KeepingScp], tmp_path: Path
) -> None:
    source, peer = archive(studies=2, instances=3), keeping_scp()
    (source.folder / "notes.txt").write_text("no image")
    configured(desk, source, peer)
    with dry_run(qtbot, desk) as dialog:
        qtbot.waitUntil(lambda: dialog._save.isEnabled(), timeout=60_000)
        assert "6 instances would be sent" in dialog.findings.text()
        assert any("left out" in row[1] for row in dialog.actions_model.rows)
        assert [row[0] for row in dialog.rows_model.rows] == ["notes.txt"]
        assert not peer.datasets
        with qtbot.waitSignal(desk.noticed) as noticed:
            dialog.save(str(source.folder / "table.csv"))
        assert noticed.args[0] == "error"
        assert "nothing is ever written there" in dialog._phase.text()
        with qtbot.waitSignal(desk.noticed):
            dialog.save(str(tmp_path / "table.csv"))
        with (tmp_path / "table.csv").open(newline="") as stream:
            assert len(list(csv.DictReader(stream))) == 7
    assert not list(desk.home.glob("dry-run-*.csv"))


def test_tables_that_a_killed_window_has_left_are_removed(qtbot: QtBot, desk: Desk) -> None:
    left, fresh = (desk.home / f"dry-run-{name}.csv" for name in ("left", "fresh"))
    for file in (left, fresh):
        file.write_text("path\n")
    os.utime(left, (1.0, 1.0))
    desk.change(
        Configuration(source="/mnt/archive", destinations=(Destination(host="a"), Destination(host="b")))
    )
    with dry_run(qtbot, desk):
        qtbot.waitUntil(lambda: not left.exists())
        assert fresh.exists()


def test_a_dry_run_that_comes_to_nothing_says_why_and_can_be_closed(qtbot: QtBot, desk: Desk) -> None:
    hosts = ("one.example", "two.example")  # of several one is to be chosen, so that nothing begins by itself
    destinations = tuple(Destination(host=host) for host in hosts)
    desk.change(Configuration(source="/mnt/archive", destinations=destinations))
    with dry_run(qtbot, desk) as dialog:
        assert dialog.running is None
        dialog._tell_end(3, (None, "dicom_migrator: PACS@one.example:104 refuses us\n"))
        assert dialog._phase.text().startswith("The destination cannot be reached")
        assert "PACS@one.example:104 refuses us" in dialog._phase.text()
