"""Colours, distances and sizes by name; every style in the window comes from here.

Texts on the surfaces they stand on have a contrast of at least 4.5:1 (WCAG 2.1, 1.4.3); a test holds that.
"""

from __future__ import annotations

# Surfaces, the farthest first.
GROUND = "#12151a"
SURFACE = "#191d24"
RAISED = "#222833"
HOVER = "#2b3340"
SELECTED = "#24405f"
LINE = "#343d4b"
IMAGE = "#000000"
"""Around an image: it is looked at beside nothing brighter than itself."""
PAPER = "#ffffff"
INK = "#000000"
"""Of a code for a camera: the most contrast there is."""

TEXT = "#e7eaf0"
MUTED = "#a3adbd"
FAINT = "#8c97a8"
"""For what is switched off; not for what must be read."""
ON_ACCENT = "#0b1220"

ACCENT = "#5aa9ff"
"""What can be clicked, has the focus, or is chosen."""
ACCENT_STRONG = "#7dbcff"
GREEN = "#4cc98a"
RED = "#ff7b7b"
TEAL = "#41cfcf"
PURPLE = "#bd9bff"
AMBER = "#f3b84b"
YELLOW = "#f0d35e"
ORANGE = "#f2955a"
PINK = "#ff94c9"

STATUS = {
    "": MUTED,
    "OK": GREEN,
    "WARN": AMBER,
    "HEALED": TEAL,
    "REMAP": PURPLE,
    "SKIP": ORANGE,
    "HELD": PINK,
    "FAIL": RED,
}
"""The colour of each word of a table's Status column."""

VERDICT = {"match": GREEN, "mismatch": AMBER, "missing": RED, "unproven": YELLOW}
"""The colour of what a verification says of a study, or of a series."""

TONE = {"good": GREEN, "warn": AMBER, "bad": RED, "none": MUTED}
"""The colour of a statement."""

LEVEL = {"error": RED, "warning": YELLOW, "success": GREEN, "skip": ORANGE, "info": TEXT, "debug": MUTED}
"""The colour of each level of the log."""

# Distances in pixels of a screen at 100 %.
TIGHT = 4
SMALL = 8
MEDIUM = 12
LARGE = 16
WIDE = 24
RADIUS = 6
ROW = 24
"""Height of a table's row."""
NAVIGATION = 176
"""Width of the navigation."""

# Type sizes in points.
CAPTION = 9
BODY = 10
TITLE = 12
HEADING = 15
FIGURE = 20
"""Large numbers on the dashboard."""
CODE = 30
"""A code that is read from the screen and typed elsewhere."""
