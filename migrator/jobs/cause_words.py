"""Why an instance was not stored: words that name no file and no patient, and repeat nothing a PACS said."""

from __future__ import annotations

from collections.abc import Mapping

from migrator.core.outcome import Cause

CAUSE_WORDS: Mapping[Cause, str] = {
    Cause.STATUS: "refused by the destination",
    Cause.CONTEXT: "the destination accepts no encoding of it",
    Cause.ASSOCIATION: "the association was refused or lost",
    Cause.FILE: "the file could not be read as it was scanned",
    Cause.ENCODING: "it cannot be brought into an encoding that the destination accepts",
    Cause.DECISION: "it waits for a decision",
}
