"""What was found wrong with an archive, as a document for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrator.records.page import render
from migrator.records.words import counted

_TONES = {"error": "bad", "warning": "warn", "notice": "none"}


def quality_page(report: Mapping[str, Any]) -> str:
    """The page of a report in the form of its JSON: counts of the source, and its findings in order."""
    return render("quality.html", report=report, tones=_TONES, counted=counted)
