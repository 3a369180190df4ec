"""How people read a kind of finding.

Errors: something does not arrive, arrives incomplete, or identities contradict each other. Warnings: it is
sent, but a PACS may refuse, change or misfile it. Notices: worth to know.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(str, Enum):
    """How much a finding matters; in this order."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"

    __hash__ = str.__hash__  # Enum's own is written in Python


@dataclass(frozen=True, slots=True)
class Words:
    """What people read of a kind. `unit` is what is counted."""

    severity: Severity
    title: str
    meaning: str
    action: str
    unit: str = "file"
