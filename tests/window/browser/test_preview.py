"""The preview: what was asked for last is shown, by mouse and by keys; what cannot be shown says why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy
import psutil
import pytest
from pydicom.uid import EncapsulatedPDFStorage, RLELossless
from PyQt5.QtCore import QEvent, QPoint, QPointF, QRectF, QSizeF, Qt
from PyQt5.QtGui import QMouseEvent, QWheelEvent
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from migrator.dicom.imaging.picture import halves
from migrator.jobs.imaging import Gray, Imager, Look, Tag, Wanted, Window
from migrator.ui.desk import Desk
from migrator.ui.pages.browser import preview_loader
from migrator.ui.pages.browser.preview import PreviewPane
from migrator.ui.pages.browser.preview_controls import FrameBar
from migrator.ui.pages.browser.preview_tags import TagPane
from migrator.ui.widgets.image_canvas import Canvas
from migrator.ui.widgets.image_view import ImageView
from tests.imaging.making import is_decoder, make_image, make_object, save

LONG = 60_000  # milliseconds: a process is started


class Kept(Imager):
    """Outlives the panes, as its process takes longer to start than most tests."""

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def imager() -> Iterator[Imager]:
    made = Kept()
    yield made
    Imager.close(made)


@pytest.fixture
def pane(qtbot: QtBot, desk: Desk, imager: Imager, monkeypatch: pytest.MonkeyPatch) -> Iterator[PreviewPane]:
    with monkeypatch.context() as patched:
        patched.setattr(preview_loader, "Imager", lambda: imager)
        made = PreviewPane(desk)
    qtbot.addWidget(made)
    made.resize(420, 640)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.loader.close()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A slice with two windows, a loop of five frames, a document, and a damaged file."""
    ramp = numpy.arange(64 * 48, dtype=numpy.uint16).reshape(64, 48)
    slice_ = make_image(
        ramp, WindowCenter=[40, 600], WindowWidth=[400, 1500], WindowCenterWidthExplanation=["A&B", "LUNG"]
    )
    loop = make_image(numpy.stack([ramp + 100 * number for number in range(5)]), FrameTime=20)
    loop.compress(RLELossless)
    document = make_object(SOPClassUID=EncapsulatedPDFStorage, DocumentTitle="Letter", Modality="DOC")
    broken = make_image(ramp, Rows=9000)
    made = {"slice": slice_, "loop": loop, "document": document, "broken": broken}
    return {name: Path(save(ds, tmp_path / f"{name}.dcm")) for name, ds in made.items()}


def show(qtbot: QtBot, pane: PreviewPane, path: Path) -> None:
    pane.show_file(path, path.name)
    qtbot.waitUntil(lambda: pane.shown == Wanted(str(path)), timeout=LONG)


def shown_tags(pane: PreviewPane) -> dict[str, str]:
    return {row.name: row.value for row in pane.tags.model.rows if isinstance(row, Tag)}


def drag(view: ImageView, button: Qt.MouseButton, start: QPoint, by: QPoint) -> None:
    for kind, place in (
        (QEvent.Type.MouseButtonPress, start),
        (QEvent.Type.MouseMove, start + by),
        (QEvent.Type.MouseButtonRelease, start + by),
    ):
        held = button if kind != QEvent.Type.MouseButtonRelease else Qt.MouseButton.NoButton
        event = QMouseEvent(
            kind, QPointF(place), button, Qt.MouseButtons(held), Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(view, event)


def wheel(view: ImageView, turn: int, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    place = QPointF(view.rect().center())
    whole = QPointF(view.mapToGlobal(place.toPoint()))
    event = QWheelEvent(
        place,
        whole,
        QPoint(),
        QPoint(0, turn),
        Qt.MouseButtons(Qt.MouseButton.NoButton),
        Qt.KeyboardModifiers(modifier),
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


def test_files_of_all_kinds_are_shown_or_say_why_not(
    qtbot: QtBot, pane: PreviewPane, files: dict[str, Path]
) -> None:
    assert pane.empty.isVisible()
    show(qtbot, pane, files["slice"])
    assert pane.view.isVisible()
    assert pane.view.voi == Window(40, 400, words="A&B")
    assert pane.window_bar.presets.text() == "L 40  W 400"
    assert not pane.frame_bar.isVisible()
    assert shown_tags(pane)["Patient's Name"] == "Doe^Jane"

    show(qtbot, pane, files["document"])
    assert not pane.view.isVisible()
    assert pane.message.title.text() == "No image"
    assert pane.message.words.text() == "This is a PDF document: Letter. It holds no image."
    assert shown_tags(pane)["Modality"] == "DOC"

    show(qtbot, pane, files["broken"])
    assert pane.message.title.text() == "This image cannot be shown"
    assert pane.message.words.text() == "The pixel data ends before the image is complete"
    assert pane.message.path.text() == str(files["broken"])

    pane.clear()
    assert pane.empty.isVisible()


def test_only_the_newest_of_many_is_looked_at(
    qtbot: QtBot, pane: PreviewPane, files: dict[str, Path], imager: Imager, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    look = imager.look
    monkeypatch.setattr(
        imager, "look", lambda wanted, stop: (looked.append(wanted.path), look(wanted, stop))[1]
    )
    for _ in range(30):
        pane.show_file(files["loop"], "loop")
        pane.show_file(files["document"], "document")
    show(qtbot, pane, files["slice"])
    qtbot.waitUntil(lambda: not pane.loader.is_busy, timeout=LONG)
    assert looked == [str(files["loop"]), str(files["slice"])]
    assert pane.caption.text() == "slice.dcm"


def test_what_is_cleared_does_not_come_back(qtbot: QtBot, pane: PreviewPane, files: dict[str, Path]) -> None:
    pane.show_file(files["slice"], "slice")
    pane.clear()
    qtbot.waitUntil(lambda: not pane.loader.is_busy, timeout=LONG)
    assert pane.empty.isVisible()
    show(qtbot, pane, files["slice"])


def test_loading_is_told_only_when_it_takes_a_while(
    qtbot: QtBot, pane: PreviewPane, files: dict[str, Path]
) -> None:
    show(qtbot, pane, files["slice"])
    pane.show_file(files["document"], "document")
    assert pane.view.isVisible()
    pane._tell_loading()
    assert (pane.message.title.text(), pane.caption.text()) == ("Loading", "document")
    assert pane.tags.model.rows == []
    qtbot.waitUntil(lambda: pane.message.title.text() == "No image", timeout=LONG)


def test_frames_are_chosen_by_wheel_keys_slider_and_number(
    qtbot: QtBot, pane: PreviewPane, files: dict[str, Path]
) -> None:
    show(qtbot, pane, files["loop"])
    assert pane.frame_bar.isVisible()
    assert pane.frame_bar.number.text() == "1 of 5"

    def arrives(frame: int) -> None:
        qtbot.waitUntil(lambda: pane.frame_bar.frame == frame and not pane.loader.is_busy, timeout=LONG)
        picture = pane.view.picture
        assert isinstance(picture, Gray)
        assert picture.values[picture.indices[0, 0]] == frame * 100

    wheel(pane.view, -120)
    arrives(1)
    qtbot.keyClick(pane.view, Qt.Key.Key_End)
    arrives(4)
    qtbot.keyClick(pane.view, Qt.Key.Key_Right)
    arrives(4)
    qtbot.keyClick(pane.view, Qt.Key.Key_Up)
    arrives(3)
    pane.frame_bar.slider.setValue(2)
    arrives(2)
    pane.frame_bar.number.setValue(1)
    arrives(0)
    assert pane.frame_bar.slider.value() == 0


def test_a_frame_that_arrives_late_takes_back_no_step(qtbot: QtBot) -> None:
    wanted: list[int] = []
    bar = FrameBar(lambda: wanted[-1:] != [bar.frame])
    qtbot.addWidget(bar)
    bar.frame_wanted.connect(wanted.append)
    bar.show_frames(9, 0)
    bar.step(3)
    bar.show_frame(1)
    assert (bar.frame, bar.slider.value(), bar.number.value()) == (1, 3, 4)
    bar.step(1)
    assert wanted == [3, 4]
    bar.show_frame(4)
    assert (bar.frame, bar.slider.value(), bar.number.value()) == (4, 4, 5)


def test_nothing_of_the_last_file_stays_where_the_first_frame_cannot_be_shown(
    qtbot: QtBot, pane: PreviewPane, files: dict[str, Path]
) -> None:
    show(qtbot, pane, files["slice"])
    pane.view.set_voi(Window(700, 90))
    pane.view.zoom_by(3)
    pane.view.invert(True)
    shown = pane.view.picture
    pane._wanted, pane.shown = Wanted("loop"), None
    pane._arrived(Wanted("loop"), Look(trouble="It is damaged", frames=2))
    assert pane.view.picture is None
    pane._arrived(Wanted("loop", 1), Look(picture=shown, frames=2))
    assert (pane.view.voi, pane.view.zoom) == (Window(40, 400, words="A&B"), 1)
    assert not pane.view.is_inverted
    pane.clear()
    assert pane.view.picture is None
    assert pane.tags.model.rows == []


def test_a_key_that_is_held_ends_at_a_width_beyond_all_values(
    qtbot: QtBot, pane: PreviewPane, files: dict[str, Path]
) -> None:
    show(qtbot, pane, files["slice"])
    for _ in range(9):
        drag(pane.view, Qt.MouseButton.LeftButton, QPoint(50, 50), QPoint(9000, 0))
    assert isinstance(pane.view.voi, Window)
    assert pane.view.voi.width == 100 * 3071


def test_a_window_chosen_by_hand_stays_for_all_frames_and_no_other_file(
    qtbot: QtBot, pane: PreviewPane, files: dict[str, Path]
) -> None:
    show(qtbot, pane, files["loop"])
    chosen = Window(700, 90)
    pane.view.set_voi(chosen)
    pane.frame_bar.step(1)
    qtbot.waitUntil(lambda: pane.frame_bar.frame == 1, timeout=LONG)
    assert pane.view.voi is chosen
    show(qtbot, pane, files["slice"])
    assert pane.view.voi == Window(40, 400, words="A&B")


def test_frames_are_played_at_their_rate_until_hidden(
    qtbot: QtBot, pane: PreviewPane, files: dict[str, Path]
) -> None:
    show(qtbot, pane, files["loop"])
    bar = pane.frame_bar
    assert bar._timer.interval() == 20
    qtbot.keyClick(pane.view, Qt.Key.Key_Space)
    assert bar.is_playing
    assert bar.play.accessibleName() == "Stop (Space)"
    seen: set[int] = set()
    qtbot.waitUntil(lambda: seen.add(bar.frame) or seen == {0, 1, 2, 3, 4}, timeout=LONG)
    pane.hide()
    assert not bar.is_playing
    assert bar.play.accessibleName() == "Play (Space)"


def test_presets_of_the_file_and_usual_ones_are_offered(
    qtbot: QtBot, pane: PreviewPane, files: dict[str, Path]
) -> None:
    show(qtbot, pane, files["slice"])
    bar = pane.window_bar
    bar.menu.aboutToShow.emit()
    words = [action.text() for action in bar.menu.actions() if not action.isSeparator()]
    assert words[:3] == ["A&&B (L 40  W 400)", "LUNG (L 600  W 1,500)", "Full range (L 1,536  W 3,071)"]
    assert "Lung (L -600  W 1,500)" in words
    assert bar.menu.actions()[0].isChecked()
    bar.menu.actions()[1].trigger()
    assert pane.view.voi == Window(600, 1500, words="LUNG")


def test_the_left_button_windows_and_a_double_click_resets(
    qtbot: QtBot, pane: PreviewPane, files: dict[str, Path]
) -> None:
    show(qtbot, pane, files["slice"])
    view = pane.view
    drag(view, Qt.MouseButton.LeftButton, QPoint(50, 50), QPoint(30, 0))
    assert isinstance(view.voi, Window)
    assert view.voi.width > 400
    assert view.voi.center == 40
    drag(view, Qt.MouseButton.LeftButton, QPoint(50, 50), QPoint(0, 20))
    assert view.voi.center > 40
    drag(view, Qt.MouseButton.LeftButton, QPoint(50, 50), QPoint(-3000, 0))
    assert view.voi.width == 1
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton)
    assert view.voi == Window(40, 400, words="A&B")


def test_keys_window_invert_zoom_and_reset(qtbot: QtBot, pane: PreviewPane, files: dict[str, Path]) -> None:
    show(qtbot, pane, files["slice"])
    view = pane.view
    qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert isinstance(view.voi, Window)
    assert view.voi.width > 400
    qtbot.keyClick(view, Qt.Key.Key_BracketLeft)
    assert view.voi.center < 40
    qtbot.keyClick(view, Qt.Key.Key_I)
    assert view.is_inverted
    assert pane.window_bar.inverted.isChecked()
    qtbot.keyClick(view, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    assert view.zoom > 1
    qtbot.keyClick(view, Qt.Key.Key_R)
    assert (view.zoom, view.voi) == (1, Window(40, 400, words="A&B"))


def test_the_wheel_zooms_about_the_mouse_and_other_buttons_move(
    qtbot: QtBot, pane: PreviewPane, files: dict[str, Path]
) -> None:
    show(qtbot, pane, files["slice"])
    view, canvas = pane.view, pane.view._canvas
    fitting = canvas.whole
    assert fitting.width() <= view.width() + 0.5
    assert fitting.width() / fitting.height() == pytest.approx(48 / 64)
    wheel(view, 480, Qt.KeyboardModifier.ControlModifier)
    assert view.zoom == pytest.approx(1.25**4)
    assert canvas.whole.center().x() == pytest.approx(view.width() / 2, abs=2)
    before = canvas.whole
    drag(view, Qt.MouseButton.RightButton, QPoint(50, 50), QPoint(10, 12))
    assert canvas.whole.top() - before.top() == pytest.approx(12, abs=0.01)
    drag(view, Qt.MouseButton.MiddleButton, QPoint(50, 50), QPoint(0, 9000))
    assert canvas.whole.top() == pytest.approx(0, abs=0.01)
    wheel(view, -9600)
    assert view.zoom == 1
    assert canvas.whole.topLeft().x() == pytest.approx(fitting.left(), abs=0.01)


def test_what_is_drawn_is_the_windowed_picture(qtbot: QtBot) -> None:
    view = ImageView()
    qtbot.addWidget(view)
    view.resize(400, 200)
    indices = numpy.array([[0, 1]], numpy.uint8)
    window = Window(1, 2, words="")
    view.show_picture(Gray(indices, numpy.array([0.0, 2.0]), 0, 2, window), 1.0, 1)
    image = view.grab().toImage()
    assert (image.pixelColor(40, 100).value(), image.pixelColor(360, 100).value()) == (0, 255)
    view.invert(True)
    image = view.grab().toImage()
    assert (image.pixelColor(40, 100).value(), image.pixelColor(360, 100).value()) == (255, 0)


@pytest.mark.parametrize("aspect", [1.0, 2.0, 0.5])
def test_pixels_keep_their_aspect(aspect: float) -> None:
    canvas = Canvas()
    canvas.resize(QSizeF(100, 100))
    picture = Gray(numpy.zeros((8, 8), numpy.uint8), numpy.zeros(1), 0, 1, Window(0, 1))
    canvas.show(picture, aspect)
    whole = canvas.whole
    assert whole.height() / whole.width() == pytest.approx(aspect)
    assert max(whole.width(), whole.height()) == pytest.approx(100)


@pytest.mark.parametrize("zoom", [1.0, 1.7, 30.0])
def test_only_what_is_visible_is_drawn_from_the_copy_that_fits(zoom: float) -> None:
    pixels = numpy.zeros((3000, 2000), numpy.uint16)
    canvas = Canvas()
    canvas.resize(QSizeF(400, 300))
    canvas.show(Gray(pixels, numpy.zeros(1), 0, 1, Window(0, 1), smaller=halves(pixels)))
    canvas.set_voi(Window(0, 1))
    canvas.zoom_by(zoom, QPointF(200, 150))
    placed = canvas.visible(1.0)
    assert placed is not None
    assert placed.image.width() * placed.image.height() < 4 * 402 * 302
    assert placed.image.width() >= min(placed.target.width(), 2000 * 400 / canvas.whole.width()) - 1
    pane = QRectF(0, 0, 400, 300)
    assert placed.target.adjusted(-1e-6, -1e-6, 1e-6, 1e-6).contains(pane.intersected(canvas.whole))


def test_attributes_are_searched_and_copied(qtbot: QtBot) -> None:
    pane = TagPane()
    qtbot.addWidget(pane)
    pane.show_tags(
        [
            Tag("Patient", "(0010,0010)", "Patient's Name", "<b>Doe</b>"),
            Tag("Patient", "(0010,0020)", "Patient ID", "P1"),
            Tag("Image", "(0028,0010)", "Rows", "512"),
        ]
    )
    model, table = pane.model, pane.table
    assert model.rowCount() == 5
    assert "<b>" not in model.data(model.index(1, 1), Qt.ItemDataRole.ToolTipRole)
    pane.search.setText("0010 patient id")
    assert [row if isinstance(row, str) else row.value for row in model.rows] == ["Patient", "P1"]
    table.selectRow(1)
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == "P1"
    table.copy_rows(table.chosen)
    assert QApplication.clipboard().text() == "(0010,0020)\tPatient ID\tP1"


def test_the_decoder_ends_with_the_pane(qtbot: QtBot, desk: Desk, files: dict[str, Path]) -> None:
    def decoders() -> set[psutil.Process]:
        return {one for one in psutil.Process().children() if is_decoder(one)}

    before = decoders()
    pane = PreviewPane(desk)
    show(qtbot, pane, files["slice"])
    assert decoders() - before
    pane.deleteLater()
    qtbot.waitUntil(lambda: not decoders() - before, timeout=LONG)
    pane.loader.close()


def test_a_pane_that_goes_while_it_loads_leaves_nothing_behind(
    qtbot: QtBot, desk: Desk, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pane = PreviewPane(desk)
    pane.show_file(files["loop"], "loop")
    loader, wait = pane.loader, pane.loader._helper.wait
    monkeypatch.setattr(loader._helper, "wait", lambda: wait(LONG))  # also for a thread that gets no turn
    pane.deleteLater()
    with qtbot.waitSignal(pane.destroyed, timeout=LONG):
        pass
    assert wait(0)
    loader.want(Wanted(str(files["slice"])))
    assert loader._next is None
