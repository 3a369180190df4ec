"""Where a run is served: the sign of it in the window, its QR code, and the code to pair with."""

from __future__ import annotations

import segno
from PyQt5.QtCore import QObject, Qt, QUrl, pyqtSlot
from PyQt5.QtGui import QColor, QDesktopServices, QImage
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from migrator.core.model import Node
from migrator.core.settings_monitor import MonitorSettings
from migrator.monitor.place import pairing_link
from migrator.ui.desk import Desk
from migrator.ui.dialogs.monitor import MonitorDialog
from migrator.ui.main_window import MainWindow
from migrator.ui.running import Migration, Sight
from migrator.ui.widgets.qr import QrCode

NODE = Node("127.0.0.1", 11112, "ANY-SCP", "MIGRATOR")
SHARED = {"address": "https://192.0.2.7:8090", "code": "123456"}


def served(desk: Desk, monitor: dict[str, str] | None) -> Migration:
    """A migration on view whose run is served there."""
    migration = desk.migration or desk.open_job("/archive", [NODE])
    migration.sight = Sight(is_live=monitor is not None, monitor=monitor)
    migration.sighted.emit(migration.sight)
    return migration


def shown_dialog(qtbot: QtBot, desk: Desk) -> MonitorDialog:
    dialog = MonitorDialog(desk, lambda: desk.go("configuration"), None)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def modules_of(image: QImage, count: int) -> list[list[bool]]:
    """Which modules are dark, looked at in the middle of each; all around is white."""
    dark = [
        (x, y)
        for y in range(image.height())
        for x in range(image.width())
        if image.pixelColor(x, y).value() < 128
    ]
    left, top = min(x for x, _ in dark), min(y for _, y in dark)
    right = max(x for x, _ in dark)
    side = (right - left + 1) / count
    assert side == int(side), "a module is a whole number of pixels"
    assert left >= 4 * side <= top, "the quiet zone is four modules wide"
    half = int(side) // 2
    return [
        [
            image.pixelColor(left + x * int(side) + half, top + y * int(side) + half).value() < 128
            for x in range(count)
        ]
        for y in range(count)
    ]


def test_the_qr_code_is_drawn_crisp_module_by_module(qtbot: QtBot) -> None:
    text = pairing_link("http://192.168.100.200:8090", "123456")
    assert text == "http://192.168.100.200:8090/#pair=123456"
    code = QrCode("A code")
    qtbot.addWidget(code)
    code.show_text(text)
    matrix = segno.make_qr(text, error="m").matrix
    for size in (280, 213):
        code.setFixedSize(size, size)
        image = code.grab().toImage()
        colours = {image.pixelColor(x, y).name() for y in range(size) for x in range(size)}
        assert colours == {"#000000", "#ffffff"}
        assert modules_of(image, len(matrix)) == [list(map(bool, line)) for line in matrix]
    assert QColor("#ffffff") == image.pixelColor(0, 0)


def test_the_dialog_shows_address_and_code_and_each_new_code(qtbot: QtBot, desk: Desk) -> None:
    served(desk, SHARED)
    dialog = shown_dialog(qtbot, desk)
    assert dialog.address.text() == "https://192.0.2.7:8090"
    assert dialog.address.isReadOnly()
    assert dialog.code.text() == "123456"
    assert dialog.qr.text == "https://192.0.2.7:8090/#pair=123456"
    assert dialog.qr.isVisible()
    assert "browser warns once" in dialog.words.text()
    assert not dialog.alone.isVisible()
    served(desk, SHARED | {"code": "654321"})
    assert dialog.code.text() == "654321"
    assert dialog.qr.text.endswith("#pair=654321")
    dialog.copy.click()
    assert QApplication.clipboard().text() == "https://192.0.2.7:8090"
    served(desk, None)
    assert not dialog.qr.isVisible()
    assert not dialog.address.isVisible()
    assert dialog.qr.text == ""


def test_a_page_for_this_machine_alone_says_so_and_leads_to_where_that_is_set(
    qtbot: QtBot, desk: Desk
) -> None:
    served(desk, {"address": "http://127.0.0.1:8090", "code": ""})
    dialog = shown_dialog(qtbot, desk)
    assert dialog.alone.isVisible()
    assert "Only this machine can open it" in dialog.alone.text()
    assert not dialog.qr.isVisible(), "no phone could open it"
    assert not dialog.code.isVisible()
    assert "nothing to type" in dialog.words.text()
    with qtbot.waitSignal(desk.page_wanted) as wanted:
        dialog.change.click()
    assert wanted.args == ["configuration"]
    assert not dialog.isVisible()


class Opener(QObject):
    """Stands for this machine's browser."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    @pyqtSlot(QUrl)
    def open(self, address: QUrl) -> None:
        self.opened.append(address.toString())


def test_the_page_is_opened_in_the_browser_without_the_code(qtbot: QtBot, desk: Desk) -> None:
    served(desk, {"address": "http://127.0.0.1:8090", "code": "123456"})
    dialog = shown_dialog(qtbot, desk)
    browser = Opener()
    QDesktopServices.setUrlHandler("http", browser, "open")
    try:
        dialog.open_page.click()
    finally:
        QDesktopServices.unsetUrlHandler("http")
    assert browser.opened == ["http://127.0.0.1:8090"]


def test_another_run_that_comes_on_view_comes_into_the_dialog(qtbot: QtBot, desk: Desk) -> None:
    served(desk, SHARED)
    dialog = shown_dialog(qtbot, desk)
    desk.open_job("/other", [NODE])
    assert not dialog.address.isVisible()
    served(desk, {"address": "http://192.0.2.9:8090", "code": "111111"})
    assert dialog.address.text() == "http://192.0.2.9:8090"
    desk.show_none()
    assert not dialog.address.isVisible()


def test_the_sign_in_the_status_bar_is_there_while_a_run_is_served(qtbot: QtBot, window: MainWindow) -> None:
    assert not window.status.monitor.isVisible()
    served(window.desk, SHARED)
    assert window.status.monitor.isVisible()
    qtbot.mouseClick(window.status.monitor, Qt.MouseButton.LeftButton)
    dialog = window.findChild(MonitorDialog)
    assert dialog is not None
    assert dialog.isVisible()
    dialog.accept()
    served(window.desk, None)
    assert not window.status.monitor.isVisible()


def test_the_menu_leads_to_the_settings_where_nothing_is_served(qtbot: QtBot, window: MainWindow) -> None:
    window.go("log")
    entry = next(one for one in window.menus.actions if "Phone monitor" in one.text().replace("&", ""))
    entry.trigger()
    options = window.configuration_page.options
    assert window.page == "configuration"
    assert options.folds["Monitor"].is_open
    box = options.panels["Monitor"].editor.box
    view = window.configuration_page.area.viewport()
    qtbot.waitUntil(lambda: view.rect().contains(box.mapTo(view, box.rect().center())))
    settings = window.desk.configuration.settings
    window.desk.update(settings=settings.model_copy(update={"monitor": MonitorSettings(monitor="8090")}))
    with qtbot.waitSignal(window.desk.noticed) as noticed:
        entry.trigger()
    assert "as soon as a migration runs" in noticed.args[1]
    migration = served(window.desk, None)
    migration.sight = Sight(is_live=True)
    with qtbot.waitSignal(window.desk.noticed) as noticed:
        entry.trigger()
    assert "it was begun without" in noticed.args[1]
