"""What stands below a study in the tree: what differs, its series, and single instances. Without Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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
    "There",
    "Missing",
    "Unexpected",
    "Different",
    "Proof",
    "Remark",
)
NUMBERS = range(6, 10)
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
    return _TEXTS[column](found)


def sort_key(found: Found, column: int) -> Any:
    """By what to order studies; those that want attention first where the verdict is the order."""
    return _KEYS[column](found)


_TEXTS: tuple[Callable[[Found], str], ...] = (
    lambda found: VERDICTS[found.verdict],
    lambda found: person(found.patient_name),
    lambda found: found.patient_id,
    lambda found: day(found.date),
    lambda found: found.description if found.is_named else found.study_uid,
    lambda found: found.modalities,
    lambda found: _there(found),
    lambda found: _missing(found.missing, found.verdict),
    lambda found: f"{found.unexpected:,}",
    lambda found: f"{found.different:,}",
    lambda found: PROOFS[found.proof],
    lambda found: found.reason,
)
_KEYS: tuple[Callable[[Found], Any], ...] = (
    lambda found: (_RANK[found.verdict], not found.different),
    lambda found: found.patient_name.casefold(),  # to turn many thousand names round takes too long
    lambda found: found.patient_id.casefold(),
    lambda found: found.date,
    lambda found: (found.description if found.is_named else found.study_uid).casefold(),
    lambda found: found.modalities,
    lambda found: (found.matched, found.expected),
    lambda found: found.missing,
    lambda found: found.unexpected,
    lambda found: found.different,
    lambda found: PROOFS[found.proof],
    lambda found: found.reason.casefold(),
)


def _there(one: Found | SeriesResult) -> str:
    return f"{'?' if _is_unknown(one.matched, one.verdict) else f'{one.matched:,}'} of {one.expected:,}"


def _missing(count: int, verdict: Verdict) -> str:
    return "?" if _is_unknown(count, verdict) else f"{count:,}"


def _is_unknown(count: int, verdict: Verdict) -> bool:
    """Where nothing is proven, none are known: neither to be there nor to be missing."""
    return verdict is Verdict.UNPROVEN and not count


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
    if (unnamed := result.extra_count - len(result.extra)) > 0:
        yield Part(text=f"{counted(unnamed, 'unexpected instance')}: the destination does not tell which")


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
        _there(series),
        _missing(series.missing_count, series.verdict),
        *(f"{count:,}" for count in (series.extra_count, len(series.elsewhere))),
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
