"""The palette and the style sheet that the tokens make."""

from __future__ import annotations

from pathlib import Path
from string import Template

from PyQt5.QtGui import QColor, QPalette
from PyQt5.QtWidgets import QApplication

from migrator.ui.theme import tokens

# ruff: noqa: E501 - one rule per line reads better

_MARKS = Path(__file__).parent / "marks"  # signs that a style sheet can only take from files

_SHEET = Template("""
* { font-size: ${BODY}pt; }
QToolTip { background: $RAISED; color: $TEXT; border: 1px solid $LINE; padding: ${TIGHT}px; }
QMainWindow, QDialog { background: $GROUND; }
QLabel[role="heading"] { font-size: ${HEADING}pt; font-weight: 600; }
QLabel[role="title"] { font-size: ${TITLE}pt; font-weight: 600; }
QLabel[role="caption"] { font-size: ${CAPTION}pt; color: $MUTED; }
QLabel[role="muted"] { color: $MUTED; }
QLabel[role="figure"] { font-size: ${FIGURE}pt; font-weight: 600; }
QLabel[role="code"] { font-size: ${CODE}pt; font-weight: 600; }
QLabel[tone="bad"] { color: $RED; }
QLabel[role="error"] { color: $RED; }
QLabel[role="warning"] { color: $AMBER; }
QLabel[role="good"] { color: $GREEN; }
QFrame[role="card"] { background: $SURFACE; border: 1px solid $LINE; border-radius: ${RADIUS}px; }
QFrame[role="badge"] { background: $RAISED; border: 1px solid $LINE; border-radius: ${RADIUS}px; }
QFrame[role="strip"] { background: $RAISED; border: none; border-bottom: 1px solid $LINE; }
QFrame[role="overlay"] { background: $SURFACE; border: 2px dashed $ACCENT; }
QFrame[role="line"] { background: $LINE; border: none; max-height: 1px; }
QPushButton, QToolButton {
    background: $RAISED; border: 1px solid $LINE; border-radius: ${RADIUS}px;
    padding: 5px ${MEDIUM}px; min-height: 18px;
}
QToolButton { padding: 4px ${SMALL}px; }
QPushButton:hover, QToolButton:hover { background: $HOVER; }
QPushButton:pressed, QToolButton:pressed, QToolButton:checked { background: $SELECTED; }
QPushButton:focus, QToolButton:focus { border: 2px solid $ACCENT; padding: 4px 11px; }
QToolButton:focus { padding: 3px 7px; }
QPushButton:disabled, QToolButton:disabled { color: $FAINT; background: $SURFACE; }
QPushButton[kind="primary"] { background: $ACCENT; color: $ON_ACCENT; border-color: $ACCENT; font-weight: 600; }
QPushButton[kind="primary"]:hover { background: $ACCENT_STRONG; }
QPushButton[kind="primary"]:focus { border: 2px solid $TEXT; }
QPushButton[kind="primary"]:disabled { background: $RAISED; color: $FAINT; border-color: $LINE; }
QPushButton[kind="danger"] { color: $RED; }
QPushButton[kind="danger"]:disabled { color: $FAINT; }
QPushButton[kind="quiet"], QToolButton[kind="quiet"] { background: transparent; border-color: transparent; }
QPushButton[kind="quiet"]:hover, QToolButton[kind="quiet"]:hover { background: $HOVER; }
QPushButton[kind="quiet"]:focus, QToolButton[kind="quiet"]:focus { border: 2px solid $ACCENT; }
QPushButton[kind="menu"], QPushButton[kind="menu"]:focus { padding-right: 28px; }
QToolButton::menu-indicator { image: none; }
QPushButton::menu-indicator {
    image: url("$MARKS/down.svg"); width: 14px; height: 14px;
    subcontrol-origin: border; subcontrol-position: right center; right: 9px;
}
QPushButton[kind="link"] {
    background: transparent; border: 2px solid transparent; color: $ACCENT; padding: 0 2px; text-align: left;
}
QPushButton[kind="link"]:hover { color: $ACCENT_STRONG; }
QPushButton[kind="link"]:focus { border: 2px solid $ACCENT; }
QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox, QComboBox, QDateTimeEdit {
    background: $GROUND; border: 1px solid $LINE; border-radius: ${RADIUS}px; padding: 4px ${SMALL}px;
    selection-background-color: $SELECTED; selection-color: $TEXT;
}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus,
QDateTimeEdit:focus { border: 2px solid $ACCENT; padding: 3px 7px; }
QLineEdit[invalid="true"], QSpinBox[invalid="true"], QPlainTextEdit[invalid="true"] { border: 1px solid $RED; }
QLineEdit[invalid="true"]:focus, QSpinBox[invalid="true"]:focus, QPlainTextEdit[invalid="true"]:focus {
    border: 2px solid $RED;
}
QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled { color: $FAINT; }
QSpinBox, QDoubleSpinBox { padding-right: 20px; }
QSpinBox::up-button, QDoubleSpinBox::up-button { subcontrol-position: top right; width: 18px; border: none; margin-top: 1px; }
QSpinBox::down-button, QDoubleSpinBox::down-button { subcontrol-position: bottom right; width: 18px; border: none; margin-bottom: 1px; }
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url("$MARKS/up.svg"); width: 10px; height: 10px; }
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url("$MARKS/down.svg"); width: 10px; height: 10px; }
QComboBox::drop-down { border: none; width: 22px; }
QComboBox::down-arrow { image: url("$MARKS/down.svg"); width: 14px; height: 14px; }
QCheckBox, QRadioButton { spacing: ${SMALL}px; }
QCheckBox:focus, QRadioButton:focus { color: $ACCENT_STRONG; }
QCheckBox::indicator, QRadioButton::indicator, QAbstractItemView::indicator {
    background: $GROUND; border: 1px solid $FAINT; border-radius: 3px; width: 14px; height: 14px;
}
QRadioButton::indicator { border-radius: 8px; }
QCheckBox::indicator:hover, QRadioButton::indicator:hover, QCheckBox::indicator:focus, QRadioButton::indicator:focus { border: 1px solid $ACCENT_STRONG; }
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked { background: $ACCENT; border: 1px solid $ACCENT; image: url("$MARKS/check.svg"); }
QCheckBox::indicator:indeterminate, QAbstractItemView::indicator:indeterminate { background: $ACCENT; border: 1px solid $ACCENT; image: url("$MARKS/minus.svg"); }
QRadioButton::indicator:checked { background: $ON_ACCENT; border: 5px solid $ACCENT; width: 6px; height: 6px; }
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled { border: 1px solid $LINE; }
QRadioButton::indicator:checked:disabled { background: $GROUND; border: 5px solid $LINE; }
QAbstractItemView {
    background: $SURFACE; alternate-background-color: $GROUND; border: 1px solid $LINE;
    selection-background-color: $SELECTED; selection-color: $TEXT; outline: none;
}
QAbstractItemView:focus { border: 1px solid $ACCENT; }
QHeaderView::section {
    background: $RAISED; color: $MUTED; border: none; border-right: 1px solid $LINE; border-bottom: 1px solid $LINE;
    padding: 4px ${SMALL}px;
}
QTableCornerButton::section { background: $RAISED; border: none; }
QTabWidget::pane { border: 1px solid $LINE; border-radius: ${RADIUS}px; }
QTabBar::tab { padding: 6px ${LARGE}px; color: $MUTED; border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: $TEXT; border-bottom: 2px solid $ACCENT; }
QTabBar::tab:focus { color: $ACCENT_STRONG; }
QProgressBar {
    background: $RAISED; border: none; border-radius: 4px; min-height: 8px; max-height: 8px; text-align: center;
}
QProgressBar::chunk { background: $ACCENT; border-radius: 4px; }
QScrollArea { border: none; background: transparent; }
QScrollBar:vertical { background: transparent; width: 12px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 0; }
QScrollBar::handle { background: $LINE; border-radius: 4px; margin: 2px; min-height: 24px; min-width: 24px; }
QScrollBar::handle:hover { background: $FAINT; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QMenuBar { background: $SURFACE; border-bottom: 1px solid $LINE; }
QMenuBar::item { padding: 4px ${MEDIUM}px; background: transparent; }
QMenuBar::item:selected, QMenu::item:selected { background: $SELECTED; }
QMenu { background: $RAISED; border: 1px solid $LINE; padding: ${TIGHT}px; }
QMenu::item { padding: 5px ${WIDE}px; }
QMenu::item:disabled { color: $FAINT; }
QMenu::separator { height: 1px; background: $LINE; margin: ${TIGHT}px; }
QSplitter::handle { background: $LINE; }
QSplitter[kind="gap"]::handle { background: transparent; }
QSplitter[kind="gap"]::handle:hover { background: $LINE; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }
QStatusBar { background: $SURFACE; border-top: 1px solid $LINE; color: $MUTED; }
QStatusBar::item { border: none; }
QPushButton[kind="number"] {
    background: transparent; border: 1px solid transparent; border-radius: 3px; padding: 0 3px; min-height: 18px;
    min-width: 0; text-align: right; font-weight: 600;
}
QPushButton[kind="number"]:hover { background: $HOVER; }
QPushButton[kind="number"]:focus { border: 1px solid $ACCENT; padding: 0 3px; }
QPushButton[tone="none"] { color: $FAINT; font-weight: 400; }
QPushButton[tone="good"] { color: $GREEN; }
QPushButton[tone="warning"] { color: $AMBER; }
QPushButton[tone="skip"] { color: $ORANGE; }
QPushButton[tone="held"] { color: $PINK; }
QPushButton[tone="error"] { color: $RED; }
QToolButton[status="OK"] { color: $GREEN; }
QToolButton[status="WARN"] { color: $AMBER; }
QToolButton[status="HEALED"] { color: $TEAL; }
QToolButton[status="REMAP"] { color: $PURPLE; }
QToolButton[status="SKIP"] { color: $ORANGE; }
QToolButton[status="HELD"] { color: $PINK; }
QToolButton[status="FAIL"] { color: $RED; }
QFrame[role="banner"] { background: $RAISED; border: 1px solid $LINE; border-left: 3px solid $ACCENT; border-radius: 3px; }
QFrame[role="banner"][tone="good"] { border-left-color: $GREEN; }
QFrame[role="banner"][tone="warning"] { border-left-color: $AMBER; }
QFrame[role="banner"][tone="error"] { border-left-color: $RED; }
QListWidget[role="navigation"] { background: $SURFACE; border: none; border-right: 1px solid $LINE; }
QListWidget[role="navigation"]::item { padding: 9px ${MEDIUM}px; border-left: 3px solid transparent; color: $MUTED; }
QListWidget[role="navigation"]::item:hover { background: $HOVER; }
QListWidget[role="navigation"]::item:selected {
    background: $RAISED; color: $TEXT; border-left: 3px solid $ACCENT;
}
""")


def sheet() -> str:
    """The style sheet of the whole application."""
    values = {name: str(value) for name, value in vars(tokens).items() if name.isupper()}
    return _SHEET.substitute(values, MARKS=_MARKS.as_posix())


def dress(application: QApplication) -> None:
    """Give the application its style, palette and style sheet."""
    application.setStyle("Fusion")
    application.setPalette(_palette())
    application.setStyleSheet(sheet())


def _palette() -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: tokens.GROUND,
        QPalette.ColorRole.WindowText: tokens.TEXT,
        QPalette.ColorRole.Base: tokens.SURFACE,
        QPalette.ColorRole.AlternateBase: tokens.GROUND,
        QPalette.ColorRole.ToolTipBase: tokens.RAISED,
        QPalette.ColorRole.ToolTipText: tokens.TEXT,
        QPalette.ColorRole.Text: tokens.TEXT,
        QPalette.ColorRole.Button: tokens.RAISED,
        QPalette.ColorRole.ButtonText: tokens.TEXT,
        QPalette.ColorRole.BrightText: tokens.RED,
        QPalette.ColorRole.Link: tokens.ACCENT,
        QPalette.ColorRole.LinkVisited: tokens.ACCENT,
        QPalette.ColorRole.Highlight: tokens.SELECTED,
        QPalette.ColorRole.HighlightedText: tokens.TEXT,
        QPalette.ColorRole.PlaceholderText: tokens.FAINT,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(tokens.FAINT))
    return palette
