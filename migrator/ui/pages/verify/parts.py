"""What stands below a study in the tree: what differs, its series, and single instances. Without Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from migrator.jobs.verified import Found, SeriesResult, StudyResult, Verdict
from migrator.records.words import counted, day, person
from migrator.ui.pages.verify.words import PROOFS, VERDICTS, attribute_words

COLUMNS = (
    "Verdict",
    "Patient",
    "Patient ID",
    "Study date",
    "Description",
    "Mod",
    "Expected",
    "There",
    "Missing",
    "Unexpected",
    "Different",
    "Proof",
    "Remark",
)
NUMBERS = range(6, 11)
"""The columns that hold numbers."""

_RANK = {verdict: rank for rank, verdict in enumerate(VERDICTS)}


@dataclass(frozen=True, slots=True)
class Part:
    """One line below a study: either cells by COLUMNS, or a text over the whole line.

    `tone` is a verdict's value or nothing; `uid` and `path` are for copying.
    """

    cells: tuple[str, ...] = ()
    text: str = ""
    tone: str = ""
    uid: str = ""
    path: str = ""
    parts: tuple[Part, ...] = ()


def cell_of(found: Found, column: int) -> str:
    """What stands in a study's line."""
    return _number(_NUMBERS[column](found)) if column in _NUMBERS else _TEXTS[column](found)


def sort_key(found: Found, column: int) -> tuple[object, ...]:
    """By what to order studies; those that want attention first where the verdict is the order."""
    if column == 0:
        return (_RANK[found.result.verdict], not found.different)
    if column in NUMBERS:
        return (_NUMBERS[column](found),)
    if column == 1:  # as written in the file: turning 20,000 names round takes too long
        return (found.study.patient.name.casefold() if found.study is not None else "",)
    return (_TEXTS[column](found).casefold(),)


_NUMBERS: dict[int, Callable[[Found], int]] = {
    6: lambda found: found.result.expected,
    7: lambda found: found.result.matched,
    8: lambda found: found.result.missing_count,
    9: lambda found: found.unexpected,
    10: lambda found: found.different,
}
_TEXTS: dict[int, Callable[[Found], str]] = {
    0: lambda found: VERDICTS[found.result.verdict],
    1: lambda found: person(found.study.patient.name) if found.study is not None else "",
    2: lambda found: found.study.patient.id if found.study is not None else "",
    3: lambda found: day(found.study.date) if found.study is not None else "",
    4: lambda found: found.study.description if found.study is not None else found.result.study_uid,
    5: lambda found: found.modalities,
    11: lambda found: PROOFS[found.result.proof],
    12: lambda found: found.result.reason,
}


def _number(number: int) -> str:
    return f"{number:,}"


def parts_of(found: Found, paths: Mapping[str, str]) -> tuple[Part, ...]:
    """The lines below a study."""
    return tuple(_parts(found.result, paths))


def _parts(result: StudyResult, paths: Mapping[str, str]) -> Iterator[Part]:
    attributes = result.attributes
    for one in attributes.differences if attributes is not None else ():
        text = f"{attribute_words(one.attribute)}: sent {_quoted(one.ours)}, there {_quoted(one.theirs)}"
        yield Part(text=text, tone="mismatch", uid=result.study_uid)
    if attributes is not None and attributes.unknown:
        names = ", ".join(map(attribute_words, attributes.unknown))
        yield Part(text=f"Not compared, for the destination does not tell: {names}", uid=result.study_uid)
    for series in result.series:
        yield _series(series, paths)
    known = {uid for series in result.series for uid in series.missing}
    rest = [uid for uid in result.missing if uid not in known]
    yield from (_instance("Missing", uid, paths) for uid in rest)
    yield from (_instance("Unexpected", uid, {}) for uid in result.extra)
    untold = result.missing_count - len(known | set(result.missing))
    if untold > 0:
        yield Part(text=f"{counted(untold, 'missing instance')}: the destination does not tell which")


def _series(series: SeriesResult, paths: Mapping[str, str]) -> Part:
    below = [_instance("Missing", uid, paths) for uid in series.missing]
    below += [
        Part(text=f"Elsewhere   {uid}   under the series {place}", tone="mismatch", uid=uid)
        for uid, place in series.elsewhere
    ]
    cells = (
        VERDICTS[series.verdict],
        "",
        "",
        "",
        series.description or "(no description)",
        series.modality,
        *map(_number, (series.expected, series.matched, series.missing_count, series.extra_count)),
        _number(len(series.elsewhere)),
        PROOFS[series.proof],
        series.reason or f"Series {series.series_uid}",
    )
    return Part(cells, tone=series.verdict.value, uid=series.series_uid, parts=tuple(below))


def _instance(word: str, uid: str, paths: Mapping[str, str]) -> Part:
    path = paths.get(uid, "")
    tone = Verdict.MISSING.value if word == "Missing" else Verdict.MISMATCH.value
    return Part(text=f"{word}   {uid}" + (f"   {path}" if path else ""), tone=tone, uid=uid, path=path)


def _quoted(value: str) -> str:
    return f"“{value}”" if value else "nothing"
