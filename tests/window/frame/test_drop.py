"""A folder that is dropped becomes the source; anything else is refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt5.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt5.QtGui import QDragEnterEvent, QDropEvent
from PyQt5.QtWidgets import QApplication

from migrator.core.model import Node
from migrator.ui.main_window import MainWindow
from migrator.ui.running import Sight


def dragged(*places: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(place)) for place in places])
    return data


def drop(window: MainWindow, data: QMimeData) -> str:
    """Drag this over the window and drop it; what was said while it was over it."""
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    action = Qt.DropAction.CopyAction
    enter = QDragEnterEvent(QPoint(50, 50), action, data, buttons, keys)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    assert window.overlay.isVisible()
    QApplication.sendEvent(window, QDropEvent(QPointF(50, 50), action, data, buttons, keys))
    assert not window.overlay.isVisible()
    return window.overlay.words.text()


def test_a_folder_becomes_the_source(window: MainWindow, tmp_path: Path) -> None:
    assert "becomes the source" in drop(window, dragged(tmp_path))
    assert window.desk.configuration.source == str(tmp_path)
    assert window.page == "configuration"


@pytest.mark.parametrize("is_file", [True, False])
def test_a_file_or_several_folders_do_not(window: MainWindow, tmp_path: Path, is_file: bool) -> None:
    file = tmp_path / "file"
    file.touch()
    data = dragged(file) if is_file else dragged(tmp_path, tmp_path.parent)
    assert "Only one folder" in drop(window, data)
    assert window.desk.configuration.source == ""


def test_in_a_run_from_elsewhere_the_source_stays(window: MainWindow, tmp_path: Path) -> None:
    migration = window.desk.open_job("/mnt/archive", [Node("pacs.example", 104, "PACS")])
    migration.sight = Sight(is_live=True)
    assert "/mnt/archive is on" in drop(window, dragged(tmp_path))
    assert window.desk.configuration.source == ""
