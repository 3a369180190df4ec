"""A document as one self-contained HTML page."""

from __future__ import annotations

import re

from markupsafe import Markup

from migrator.records.page import render
from migrator.records.report_document import Document, Figure, printable

_FONT = "system-ui, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif"


def as_html(document: Document) -> str:
    """The page. It is UTF-8, needs no script, and fetches nothing."""
    return render("report.html", document=document, drawn=_drawn, anchor=_anchor, printable=printable)


def _drawn(figure: Figure) -> Markup:
    """The figure's SVG, which holds numbers and our own words only, each escaped where it was drawn."""
    return Markup(figure.draw(_FONT))


def _anchor(title: str) -> str:
    return re.sub(r"[^a-z]+", "-", title.lower())
