"""A whole migration through the window, against Orthanc: what an administrator does in a night.

Configure, test, scan, choose, copy, lose the PACS, get it back, verify, report.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from migrator.core.settings import (
    PaceSettings,
    ProofSettings,
    RecoverySettings,
    ScanSettings,
    SendSettings,
    Settings,
)
from migrator.jobs.verify import Verdict
from migrator.ui.dialogs.report import ReportDialog
from migrator.ui.main_window import MainWindow
from tests.peers import Orthanc
from tests.peers.archives import Archive

Make = Callable[..., Archive]
LONG = 60_000  # milliseconds

# Slow enough that the PACS can be lost in the middle, and quick to notice that it is back.
SETTINGS = Settings(
    send=SendSettings(workers=2),
    pace=PaceSettings(bandwidth=0.1),
    recovery=RecoverySettings(breaker_failures=2, breaker_wait=0.5, wave_wait=0.5),
    scan=ScanSettings(settle=0),
    proof=ProofSettings(),
)


def write(qtbot: QtBot, line: QLineEdit, text: str) -> None:
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, text)
    qtbot.keyClick(line, Qt.Key.Key_Tab)


def configure(qtbot: QtBot, window: MainWindow, source: Archive, orthanc: Orthanc) -> None:
    window.desk.update(settings=SETTINGS, verify=False, chime=False)
    page = window.pages["configuration"]
    page.source.take(str(source.folder))
    fields = page.destination.form.fields
    write(qtbot, fields["host"].line, orthanc.node.host)
    write(qtbot, fields["port"].line, str(orthanc.node.port))
    write(qtbot, fields["ae_title"].line, orthanc.node.ae_title)
    assert window.desk.configuration.destinations[0].node == orthanc.node
    qtbot.mouseClick(page.destination.test, Qt.MouseButton.LeftButton)
    echoes, destination = page.destination.echoes, window.desk.configuration.destinations[0]
    qtbot.waitUntil(lambda: echoes.answer(destination) is not None, timeout=LONG)


def leave_a_study_out(qtbot: QtBot, window: MainWindow) -> str:
    """Scan, and uncheck the first study; its UID."""
    window.go("browser")
    page = window.pages["browser"]
    qtbot.waitUntil(lambda: page.scan.is_whole, timeout=LONG)
    qtbot.waitUntil(lambda: not page.panel.slices.is_on("arrange"))
    study = page.scan.tree.root.children[0].children[0]
    page.panel.check([study], False)
    qtbot.waitUntil(lambda: window.desk.selection.studies is not None, timeout=LONG)
    return str(study.about.uid)


def test_a_migration_that_loses_its_pacs_and_gets_it_back(
    qtbot: QtBot, window: MainWindow, archive: Make, orthanc: Orthanc, tmp_path: Path
) -> None:
    source = archive(studies=6, instances=20, side=64)
    configure(qtbot, window, source, orthanc)
    left_out = leave_a_study_out(qtbot, window)
    wanted = source.uids - source.study(left_out)
    assert len(wanted) == 100

    window.go("upload")
    upload = window.pages["upload"]
    qtbot.mouseClick(upload.bar.start_button, Qt.MouseButton.LeftButton)
    migration = window.desk.migration
    assert migration is not None

    def stored() -> int:
        total = migration.sight.total
        return 0 if total is None else total.run.stored

    qtbot.waitUntil(lambda: stored() >= 10, timeout=LONG)
    orthanc.kill()
    qtbot.waitUntil(lambda: any(one.circuit != "closed" for one in migration.sight.snapshots), timeout=LONG)
    assert stored() < 100
    assert migration.sight.is_live
    with qtbot.waitSignal(migration.ended, timeout=LONG) as ended:
        orthanc.start()
        migration.ask({"do": "set", "name": "bandwidth", "value": "0"})
    total = migration.sight.total
    assert total is not None
    assert total.run.balances
    assert (ended.args, total.run.stored, total.run.failed) == ([0], 100, 0)
    assert orthanc.uids() == wanted
    qtbot.waitUntil(lambda: upload.table.rows.total == 120, timeout=LONG)
    assert "0 modified, 0 deleted" in upload.head.source.words.text()

    window.go("verify")
    verify = window.pages["verify"]
    qtbot.waitUntil(verify.verify.isEnabled, timeout=LONG)
    qtbot.mouseClick(verify.verify, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: verify.studies.chips.of[Verdict.MATCH].text() == "MATCH 5", timeout=LONG)

    dialog = ReportDialog(window.desk, window)
    qtbot.addWidget(dialog)
    dialog.open()
    for row, name in zip(dialog.files, ("report.html", "report.pdf"), strict=True):
        row.place.setText(str(tmp_path / name))
    qtbot.mouseClick(dialog.write, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: (tmp_path / "report.pdf").exists(), timeout=LONG)
    assert "COMPLETE" in (tmp_path / "report.html").read_text("utf-8")
    dialog.close()
