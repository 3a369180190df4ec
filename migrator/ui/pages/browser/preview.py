"""The image of one file and its important attributes, beside the tree of the source."""

from __future__ import annotations

from html import escape
from pathlib import Path

from PyQt5.QtCore import QByteArray, QObject, Qt, QTimer
from PyQt5.QtGui import QHideEvent, QResizeEvent
from PyQt5.QtWidgets import QApplication, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from migrator.jobs.imaging import Look, Wanted
from migrator.ui.desk import Desk
from migrator.ui.pages.browser.preview_controls import FrameBar, WindowBar
from migrator.ui.pages.browser.preview_loader import Loader
from migrator.ui.pages.browser.preview_states import Message
from migrator.ui.pages.browser.preview_tags import TagPane
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import column, label
from migrator.ui.widgets.image_view import ImageView

_LOADING_AFTER = 150  # milliseconds: a flash of "Loading" is worse than none
_SPLIT = "browser/preview"


class PreviewPane(QWidget):
    """Shows one file at a time; used from the event loop only. All reading happens elsewhere."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.setAccessibleName("Preview")
        self.loader = Loader(self._arrived)
        self._wanted: Wanted | None = None
        self.shown: Wanted | None = None
        self._caption_text = ""
        self._loading = QTimer(self)
        self._loading.setSingleShot(True)
        self._loading.timeout.connect(self._tell_loading)
        self.view = ImageView()
        self.window_bar = WindowBar(self.view)
        self.frame_bar = FrameBar(lambda: self.loader.is_busy)
        self.note = label("", "warning", wraps=True)
        self.message = Message()
        self.tags = TagPane()
        self.caption = label("", "title")
        self.caption.setMinimumWidth(1)
        self.empty = Message()
        self.empty.tell(
            "image-outline",
            "Nothing is selected",
            "Choose an instance to see its image and its important attributes.",
        )
        self._arrange()
        self.view.stepped.connect(self.frame_bar.step)
        self.view.play_wanted.connect(self.frame_bar.turn)
        self.frame_bar.frame_wanted.connect(self._want_frame)
        self._close_when_gone()

    def _close_when_gone(self) -> None:
        loader = self.loader
        quitting = QApplication.instance().aboutToQuit.connect(loader.close)

        def close() -> None:
            QObject.disconnect(quitting)
            loader.close()

        self.destroyed.connect(close)

    def _arrange(self) -> None:
        image = QWidget()
        image.setLayout(column(self.view, self.window_bar, self.note))
        image.layout().setStretch(0, 1)
        self.places = QStackedWidget()
        self.places.addWidget(image)
        self.places.addWidget(self.message)
        upper = QWidget()
        upper.setLayout(column(self.caption, self.places, self.frame_bar))
        upper.layout().setStretch(1, 1)
        upper.layout().setContentsMargins(0, 0, 0, tokens.SMALL)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(upper)
        self.splitter.addWidget(self.tags)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 2)
        self.tags.layout().setContentsMargins(0, tokens.SMALL, 0, 0)
        self.splitter.restoreState(self.desk.state.value(_SPLIT, QByteArray()))
        self.splitter.splitterMoved.connect(
            lambda: self.desk.state.setValue(_SPLIT, self.splitter.saveState())
        )
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.splitter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.stack)

    def show_file(self, path: Path, caption: str) -> None:
        """Show a file's image and attributes as soon as they are read; the newest call wins."""
        self.frame_bar.stop()
        self._wanted, self.shown = Wanted(str(path)), None
        self._caption_text = caption
        self._loading.start(_LOADING_AFTER)
        self.loader.want(self._wanted)

    def clear(self) -> None:
        """Show that nothing is selected."""
        self.loader.forget()
        self._loading.stop()
        self.frame_bar.stop()
        self._wanted = self.shown = None
        self.stack.setCurrentWidget(self.empty)
        self.view.clear()
        self.tags.show_tags(())

    def _want_frame(self, frame: int) -> None:
        if self._wanted is not None and self.shown is not None:
            self.loader.want(Wanted(self._wanted.path, frame))

    def _tell_loading(self) -> None:
        self._show_caption()
        self.tags.show_tags(())
        self.frame_bar.hide()
        self.message.tell("timer-sand", "Loading")
        self.places.setCurrentWidget(self.message)
        self.stack.setCurrentWidget(self.splitter)

    def _arrived(self, wanted: Wanted, look: Look) -> None:
        if self._wanted is None or wanted.path != self._wanted.path:
            return
        is_new = self.shown is None
        self._loading.stop()
        self.shown = wanted
        if is_new:
            self._show_caption()
            self.frame_bar.show_frames(look.frames, look.rate)
        self.tags.show_tags(look.tags)
        self.frame_bar.show_frame(wanted.frame)
        if look.picture is None:
            if is_new:
                # Nothing of another file's picture may come back with a frame of this one.
                self.view.clear()
            self._tell_why(look)
        else:
            self._show_picture(look, is_new=is_new)
        self.stack.setCurrentWidget(self.splitter)

    def _show_picture(self, look: Look, *, is_new: bool) -> None:
        assert look.picture is not None
        self.window_bar.show_modality(look.modality)
        if is_new or self.view.picture is None:
            self.view.show_picture(look.picture, look.aspect, look.frames)
        else:
            self.view.show_frame(look.picture, look.aspect)
        self.note.setText(look.trouble)
        self.note.setVisible(bool(look.trouble))
        self.places.setCurrentIndex(0)

    def _tell_why(self, look: Look) -> None:
        self.frame_bar.stop()
        assert self._wanted is not None
        if look.absence:
            self.message.tell("file-document-outline", "No image", look.absence, self._wanted.path)
        else:
            self.message.tell(
                "image-broken-variant", "This image cannot be shown", look.trouble, self._wanted.path
            )
        self.places.setCurrentWidget(self.message)

    def _show_caption(self) -> None:
        room = max(40, self.width() - tokens.SMALL)
        metrics = self.caption.fontMetrics()
        text = metrics.elidedText(self._caption_text, Qt.TextElideMode.ElideMiddle, room)
        self.caption.setText(text)
        path = self._wanted.path if self._wanted is not None else ""
        self.caption.setToolTip(f"<p>{escape(path)}</p>")
        self.caption.setVisible(bool(text))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.shown is not None:
            self._show_caption()

    def hideEvent(self, event: QHideEvent) -> None:
        self.frame_bar.stop()
        super().hideEvent(event)
