"""Comparing what a destination says of patients and studies with what was sent.

The answers to C-FIND come from an archive's index, not from the objects: padding, empty components at the
end and the case of person names (PS3.4 C.2.2.2.1) are its own affair. `--deep` looks at the objects.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

# Keys that an archive must support at STUDY level (PS3.4 Table C.6-5): empty means that it knows no value.
_REQUIRED = frozenset({"PatientName", "PatientID", "StudyDate", "AccessionNumber"})
_DATES = frozenset({"PatientBirthDate", "StudyDate"})
# What stands where a letter was that the answer's character set lacks; and such letters.
_STAND_INS = re.compile(r"[?_*.\ufffd ]+")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")


@dataclass(frozen=True, slots=True)
class AttributeDifference:
    """`attribute` is the keyword; of several values that were sent, `ours` are all."""

    attribute: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class AttributeResult:
    """Of one study, by keyword: what could be compared, what could not, and what differs."""

    compared: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    differences: tuple[AttributeDifference, ...] = ()


def compare_attributes(
    sent: Mapping[str, AbstractSet[str]], unsure: AbstractSet[str], answers: Sequence[Mapping[str, str]]
) -> AttributeResult:
    """Compare with every answer about the study: an archive that lists it twice knows it as two.

    Where objects of one study were sent with several values, each of them is as good. What an answer lacks,
    and what of an optional key is empty, is unknown, as are the attributes in `unsure` unless they match.
    """
    compared, unknown = list[str](), list[str]()
    differences: dict[AttributeDifference, None] = {}
    for keyword, values in sent.items():
        told = [answer[keyword] for answer in answers if _tells(keyword, values, answer)]
        others = [theirs for theirs in told if not any(_is_same(keyword, ours, theirs) for ours in values)]
        if not told or (others and keyword in unsure):
            unknown.append(keyword)
            continue
        compared.append(keyword)
        ours = "\\".join(sorted(values))
        differences |= dict.fromkeys(AttributeDifference(keyword, ours, theirs) for theirs in others)
    return AttributeResult(tuple(compared), tuple(unknown), tuple(differences))


def _tells(keyword: str, values: AbstractSet[str], answer: Mapping[str, str]) -> bool:
    if keyword not in answer:
        return False
    return bool(answer[keyword].strip()) or keyword in _REQUIRED or not any(values)


def _is_same(keyword: str, ours: str, theirs: str) -> bool:
    if keyword == "PatientName":
        return _is_same_name(ours, theirs)
    if keyword in _DATES:
        return _digits(ours) == _digits(theirs)
    return _is_same_text(ours.strip(), theirs.strip())


def _is_same_name(ours: str, theirs: str) -> bool:
    """Group by group (PS3.5 6.2.1); an archive may return the first group alone."""
    if not theirs.strip(" ^="):
        return not ours.strip(" ^=")
    mine, others = ([_plain_name(group) for group in name.casefold().split("=")] for name in (ours, theirs))
    pairs = list(zip(mine, others, strict=False))
    return _is_same_text(*pairs[0]) and all(
        not other or _is_same_text(one, other) for one, other in pairs[1:]
    )


def _plain_name(group: str) -> str:
    return "^".join(" ".join(part.split()) for part in group.split("^")).rstrip("^")


def _digits(text: str) -> str:
    """A date without the separators of ACR-NEMA."""
    return "".join(letter for letter in text if letter.isdigit())


def _is_same_text(ours: str, theirs: str) -> bool:
    ours, theirs = unicodedata.normalize("NFC", ours), unicodedata.normalize("NFC", theirs)
    if ours == theirs:
        return True
    if ours.isascii() or not theirs:
        return False
    # Never matched as a pattern: with many gaps that takes for ever.
    return _STAND_INS.sub("", _BEYOND_ASCII.sub("", ours)) == _STAND_INS.sub("", theirs)
