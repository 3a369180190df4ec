"""What stands below the image: its window, and its frames."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import QSignalBlocker, Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QHideEvent, QResizeEvent
from PyQt5.QtWidgets import QMenu, QSlider, QSpinBox, QWidget

from migrator.jobs.imaging import CT_PRESETS, Gray, Voi, narrow_window_words, preset_words, window_words
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import button, row, tool
from migrator.ui.widgets.image_view import ImageView

_NARROW, _NARROW_BUTTON, _NARROW_NUMBER = 290, 110, 90  # pixels
_USUAL_RATE = 10.0  # frames a second, where the object names none


class WindowBar(QWidget):
    """Presets, the read-out, inverting and resetting, for one view."""

    def __init__(self, view: ImageView) -> None:
        super().__init__()
        self._view = view
        self._modality = ""
        self.menu = QMenu(self)
        self.menu.aboutToShow.connect(self._fill)
        self.presets = button(
            "", kind="menu", tip="Level (the center) and width of the window; others to choose"
        )
        self.presets.setMenu(self.menu)
        self.presets.setMinimumWidth(_NARROW_BUTTON)
        self.inverted = tool("invert-colors", "Invert (I)", self._invert)
        self.inverted.setCheckable(True)
        self._reset = tool("restore", "Reset window and zoom (R)", view.reset)
        self.setLayout(row(self.presets, None, self.inverted, self._reset))
        view.window_changed.connect(self._tell)

    def show_modality(self, modality: str) -> None:
        """Offer what is usual for it."""
        self._modality = modality

    def _tell(self, voi: Voi | None) -> None:
        is_gray = isinstance(self._view.picture, Gray)
        self.presets.setEnabled(is_gray)
        words = window_words(voi) if voi is not None else "Colour image"
        self.presets.setAccessibleName(f"Window: {words}")
        if self.width() < _NARROW:
            words = narrow_window_words(voi) if voi is not None else "Colour"
        # What a file says is no shortcut.
        self.presets.setText(words.replace("&", "&&"))
        self.inverted.setChecked(self._view.is_inverted)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tell(self._view.voi)

    def _invert(self) -> None:
        self._view.invert(self.inverted.isChecked())

    def _fill(self) -> None:
        self.menu.clear()
        picture = self._view.picture
        if not isinstance(picture, Gray):
            return
        for voi in picture.presets:
            self._add(voi)
        if not picture.presets and picture.initial.words != picture.full.words:
            self._add(picture.initial, "As stored")
        self._add(picture.full)
        if self._modality == "CT":
            self.menu.addSeparator()
            for voi in CT_PRESETS:
                self._add(voi)

    def _add(self, voi: Voi, words: str = "") -> None:
        action = self.menu.addAction((words or preset_words(voi)).replace("&", "&&"))
        action.setCheckable(True)
        now = self._view.voi
        action.setChecked(now is voi or (now is not None and window_words(now) == window_words(voi)))
        action.triggered.connect(lambda: self._view.set_voi(voi))


class FrameBar(QWidget):
    """Chooses a frame, or plays them; hidden where there is but one."""

    frame_wanted = pyqtSignal(int)
    """The first frame has the number 0."""

    def __init__(self, is_busy: Callable[[], bool]) -> None:
        super().__init__()
        self._is_busy = is_busy
        self.frames = 1
        self.frame = 0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._next)
        self.play = tool("play", "Play (Space)", self.turn)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Frame")
        self.slider.setPageStep(10)
        self.number = QSpinBox()
        self.number.setAccessibleName("Number of the frame")
        self.number.setKeyboardTracking(False)
        # An object that announces any number of frames makes the pane no wider.
        self.number.setMinimumWidth(_NARROW_NUMBER)
        self.slider.valueChanged.connect(lambda value: self._want(value))
        self.number.valueChanged.connect(lambda value: self._want(value - 1))
        self.setLayout(row(self.play, self.slider, self.number))
        self.hide()

    def show_frames(self, frames: int, rate: float) -> None:
        """Another object, at its first frame."""
        self.stop()
        self.frames = frames
        self._timer.setInterval(max(8, round(1000 / (rate or _USUAL_RATE))))
        with QSignalBlocker(self.slider), QSignalBlocker(self.number):
            self.slider.setRange(0, frames - 1)
            self.number.setRange(1, frames)
            self.number.setSuffix(f" of {frames:,}")
        self.frame = 0
        self._put(0)
        self.setVisible(frames > 1)

    def show_frame(self, frame: int) -> None:
        """Tell which frame is on view; slider and number stay at another one that is wanted already."""
        self.frame = frame
        if not self._is_busy():
            self._put(frame)

    def _want(self, frame: int) -> None:
        self._put(frame)
        self.frame_wanted.emit(frame)

    def _put(self, frame: int) -> None:
        with QSignalBlocker(self.slider), QSignalBlocker(self.number):
            self.slider.setValue(frame)
            self.number.setValue(frame + 1)

    def step(self, frames: int) -> None:
        """Want a frame so many further, within the object."""
        wanted = min(self.frames - 1, max(0, self.slider.value() + frames))
        self.slider.setValue(wanted)

    @property
    def is_playing(self) -> bool:
        return self._timer.isActive()

    def turn(self) -> None:
        """Play, or stop playing."""
        if self.is_playing:
            self.stop()
        elif self.frames > 1:
            self._timer.start()
            self.play.setIcon(icon("pause", tokens.TEXT))
            self.play.setToolTip("Stop (Space)")
            self.play.setAccessibleName("Stop (Space)")

    def stop(self) -> None:
        self._timer.stop()
        self.play.setIcon(icon("play", tokens.TEXT))
        self.play.setToolTip("Play (Space)")
        self.play.setAccessibleName("Play (Space)")

    def _next(self) -> None:
        # Where decoding takes longer than a frame is to be seen, frames are shown as they come.
        if not self._is_busy():
            self.frame_wanted.emit((self.frame + 1) % self.frames)

    def hideEvent(self, event: QHideEvent) -> None:
        self.stop()
        super().hideEvent(event)
