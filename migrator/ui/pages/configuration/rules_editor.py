"""A text editor with line numbers that marks lines."""

from __future__ import annotations

from collections.abc import Iterable

from PyQt5.QtCore import QRect, QSize, Qt
from PyQt5.QtGui import QColor, QFontDatabase, QPainter, QPaintEvent, QResizeEvent, QTextFormat
from PyQt5.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from migrator.ui.theme import tokens


class _Numbers(QWidget):
    """The margin at the left."""

    def __init__(self, editor: LineNumberEditor) -> None:
        super().__init__(editor)
        self._editor = editor

    def sizeHint(self) -> QSize:
        return QSize(self._editor.margin, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        self._editor.paint_numbers(self, event.rect())


class LineNumberEditor(QPlainTextEdit):
    """Plain text in a fixed font. Tab leaves it, as it leaves every other field."""

    def __init__(self) -> None:
        super().__init__()
        self.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setTabChangesFocus(True)
        self._marked: frozenset[int] = frozenset()
        self._numbers = _Numbers(self)
        self.blockCountChanged.connect(lambda _: self._make_room())
        self.updateRequest.connect(self._scroll)
        self._make_room()

    @property
    def margin(self) -> int:
        """Its width in pixels."""
        digits = max(2, len(str(self.blockCount())))
        return int(self.fontMetrics().horizontalAdvance("9") * digits) + tokens.MEDIUM

    def mark(self, lines: Iterable[int]) -> None:
        """Mark these lines, counted from 1, and no others."""
        self._marked = frozenset(lines)
        selections = []
        for number in sorted(self._marked):
            block = self.document().findBlockByNumber(number - 1)
            if not block.isValid():
                continue
            selection = QTextEdit.ExtraSelection()
            colour = QColor(tokens.RED)
            colour.setAlphaF(0.16)
            selection.format.setBackground(colour)
            selection.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
            selection.cursor = self.textCursor()
            selection.cursor.setPosition(block.position())
            selections.append(selection)
        self.setExtraSelections(selections)
        self._numbers.update()

    def go_to(self, line: int) -> None:
        """Put the caret at a line's begin, and the focus into the editor."""
        cursor = self.textCursor()
        cursor.setPosition(self.document().findBlockByNumber(line - 1).position())
        self.setTextCursor(cursor)
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def add_line(self, text: str) -> None:
        """Insert a line below that of the caret, or in its place where that one is empty."""
        cursor = self.textCursor()
        is_empty = not cursor.block().text().strip()
        cursor.movePosition(cursor.MoveOperation.EndOfBlock)
        cursor.insertText(text if is_empty else f"\n{text}")
        self.setTextCursor(cursor)
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def paint_numbers(self, margin: QWidget, area: QRect) -> None:
        painter = QPainter(margin)
        painter.fillRect(area, QColor(tokens.SURFACE))
        painter.setFont(self.font())
        block, offset = self.firstVisibleBlock(), self.contentOffset()
        width = margin.width() - tokens.SMALL
        while block.isValid():
            box = self.blockBoundingGeometry(block).translated(offset)
            if box.top() > area.bottom():
                break
            number = block.blockNumber() + 1
            painter.setPen(QColor(tokens.RED if number in self._marked else tokens.FAINT))
            place = QRect(0, round(box.top()), width, self.fontMetrics().height())
            painter.drawText(place, Qt.AlignmentFlag.AlignRight, str(number))
            block = block.next()
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def _make_room(self) -> None:
        self.setViewportMargins(self.margin, 0, 0, 0)
        self._place()

    def _place(self) -> None:
        inner = self.contentsRect()
        self._numbers.setGeometry(inner.left(), inner.top(), self.margin, inner.height())

    def _scroll(self, area: QRect, by: int) -> None:
        if by:
            self._numbers.scroll(0, by)
        else:
            self._numbers.update(0, area.y(), self._numbers.width(), area.height())
