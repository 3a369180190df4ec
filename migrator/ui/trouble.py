"""What hindered a command, as it told on stderr."""

from __future__ import annotations

_MARK = "dicom_migrator: "


def trouble_of(messages: str) -> str:
    """The last that it said of it, as a sentence."""
    lines = [line.strip() for line in messages.splitlines() if line.strip()]
    told = [line.removeprefix(_MARK) for line in lines if line.startswith(_MARK)]
    text = (told or lines or ["it ended without a word; the log may tell more"])[-1]
    return text[:1].upper() + text[1:]
