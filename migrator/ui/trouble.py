"""What hindered a command, as it told on stderr; what else it told there is no trouble."""

from __future__ import annotations

_MARK = "dicom_migrator: "
_BROKEN = "Traceback (most recent call last):"
_SILENT = "Its process ended without a word: it was killed, or the machine was short of memory or restarted"


def trouble_of(messages: str) -> str:
    """The last that it said of it, as a sentence."""
    lines = [line.strip() for line in messages.splitlines() if line.strip()]
    told = [line.removeprefix(_MARK) for line in lines if line.startswith(_MARK)]
    if told:
        return told[-1][:1].upper() + told[-1][1:]
    if _BROKEN in lines:
        return f"It broke off, which is a mistake of the program: {lines[-1]}"
    return _SILENT
