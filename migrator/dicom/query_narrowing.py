"""Asking for instances by their UIDs, where a list of them was cut off."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from migrator.dicom.identifier import SOP_INSTANCE_UID, Keys
from migrator.dicom.inquiry import Answers

_MOST_IN_A_LIST = 50  # UIDs; some 3 KB
_MOST_SINGLE = 1000  # questions about one study


class Find(Protocol):
    def __call__(self, level: str, keys: Keys, wanted: Iterable[int] = ()) -> Answers: ...


def is_round(number: int) -> bool:
    """Whether an archive may have been told to cut its answers off at this number."""
    return number >= 100 and (number % 50 == 0 or number & (number - 1) == 0)


class Narrowing:
    """For one study. `asked` counts the instances that were asked for by their UIDs."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._knows_lists: bool | None = None
        self._single = 0
        self.asked = 0

    def present(self, parents: Keys, uids: Collection[str]) -> frozenset[str] | None:
        """Those of these instances of a series that are there; None when the destination cannot be asked so.

        By lists of UIDs (PS3.4 C.2.2.2.2), and one by one where it does not match lists.
        """
        present: set[str] = set()
        left = sorted(uids)
        for start in range(0, len(left), _MOST_IN_A_LIST):
            found = self._among(parents, left[start : start + _MOST_IN_A_LIST])
            if found is None:
                return None
            present |= found
        self.asked += len(left)
        return frozenset(present)

    def _among(self, parents: Keys, uids: list[str]) -> set[str] | None:
        present: set[str] = set()
        left = set(uids)
        while len(left) > 1 and self._knows_lists is not False:
            answers = self._find("IMAGE", {**parents, SOP_INSTANCE_UID: "\\".join(sorted(left))})
            found = _uids(answers)
            if not found <= left:
                return None  # it does not look at the UIDs asked for
            if len(found) > 1:
                self._knows_lists = True
            elif answers.refusal:
                self._knows_lists = False
            present |= found
            left -= found
            # As long as something comes, more may have been cut off.
            if not found:
                if self._knows_lists and not answers.refusal:
                    return present
                break
        return self._singly(parents, left, present)

    def _singly(self, parents: Keys, uids: Iterable[str], present: set[str]) -> set[str] | None:
        for uid in sorted(uids):
            self._single += 1
            if self._single > _MOST_SINGLE:
                return None
            answers = self._find("IMAGE", {**parents, SOP_INSTANCE_UID: uid})
            found = _uids(answers)
            if answers.refusal or not found <= {uid}:
                return None
            present |= found
        return present


def _uids(answers: Answers) -> set[str]:
    return {match.get(SOP_INSTANCE_UID, "") for match in answers.matches} - {""}
