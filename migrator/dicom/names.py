"""The names of UIDs, as the standard's registry has them (PS3.6 A)."""

from __future__ import annotations

from pydicom._uid_dict import UID_dictionary


def name_of(uid: str) -> str:
    """The registered name of a SOP class, transfer syntax …; the UID itself where it is not registered."""
    return UID_dictionary[uid][0] if uid in UID_dictionary else uid
