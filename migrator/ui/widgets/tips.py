"""Tooltips of what comes from data."""

from __future__ import annotations

from html import escape


def plain_tip(text: str) -> str:
    """A tooltip that shows the text as it is: Qt takes whatever looks like markup for markup."""
    return f"<qt>{escape(text)}</qt>".replace("\n", "<br>")
