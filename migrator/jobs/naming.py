"""Names for people of what DICOM names by UIDs."""

from __future__ import annotations

from migrator.core.model import ContextPair
from migrator.dicom.contexts import uid_words as uid_words  # the faces' too


def pair_words(pair: ContextPair) -> str:
    """A SOP class in a transfer syntax, by their registered names (PS3.6 Annex A)."""
    return f"{uid_words(pair.sop_class)} in {uid_words(pair.transfer_syntax)}"
