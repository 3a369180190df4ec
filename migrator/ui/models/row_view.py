"""Which rows of a job a table shows, and in which order. Without Qt, so that it can be tried by itself.

What is shown is one number for each row: the destination's in the upper half, the row's of its tail in the
lower. Filters and orders are made of whole columns at once; only a text is looked for row by row, in slices.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from migrator.core.model import Patient, Series
from migrator.jobs import row_words
from migrator.jobs.tail import Search, Tail

_SHIFT = 32
_ROW = (1 << _SHIFT) - 1

_Numbers = NDArray[np.int64]
_Claims = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be shown: rows in one of these `words` or `states` (indices into tail.WORDS and STATES;
    empty: all), of this patient, in which the text stands. `at` is the number of one destination."""

    words: frozenset[int] = frozenset()
    states: frozenset[int] = frozenset()
    text: str = ""
    patient: Patient | None = None
    at: int | None = None

    @property
    def is_everything(self) -> bool:
        return self == Wanted(at=self.at)


class _Source:
    """One destination's rows, and what was found in them."""

    def __init__(self, tail: Tail, wanted: Wanted) -> None:
        self.tail = tail
        self.search = Search(tail, (), wanted.text)
        self._told = 0
        self._fits = bytearray()
        self._patients = bytearray(1)  # by series; the last is that of rows without one

    @property
    def looked(self) -> int:
        """How many rows it is known of whether they fit."""
        return len(self.tail) if self.search.is_all else self.search.looked

    def step(self, seconds: float) -> bool:
        """Look for the text on; whether all rows were looked at."""
        if self.search.is_all:
            return True
        is_done = self.search.step(seconds)
        self._fits.extend(bytes(self.search.looked - len(self._fits)))
        for row in self.search.found[self._told :]:
            self._fits[row] = 1
        self._told = len(self.search.found)
        return is_done

    def look_again(self, rows: Iterable[int]) -> None:
        """These rows stand otherwise now."""
        if not self.search.is_all:
            for row in rows:
                if row < len(self._fits):
                    self._fits[row] = self.search.fits(row)

    def fitting(self, rows: _Numbers, wanted: Wanted) -> _Claims:
        tail = self.tail
        fits = np.ones(len(rows), np.bool_)
        if not self.search.is_all:
            fits &= np.frombuffer(self._fits, np.uint8)[rows] != 0
        if wanted.words:
            fits &= _among(wanted.words)[np.frombuffer(tail.words, np.uint8)[rows]]
        if wanted.states:
            fits &= _among(wanted.states)[np.frombuffer(tail.states, np.uint8)[rows]]
        if wanted.patient is not None:
            known = len(self._patients) - 1
            for series in tail.series[known:]:
                self._patients.insert(len(self._patients) - 1, series.study.patient == wanted.patient)
            places = np.frombuffer(tail.places, np.int32)[rows]
            fits &= np.frombuffer(self._patients, np.uint8)[places] != 0
        return fits


class RowView:
    """What is shown of the rows of one job. `shown` has the numbers of the rows, in their order."""

    def __init__(self, tails: Sequence[Tail] = ()) -> None:
        self.wanted = Wanted()
        self.column: int | None = None
        self.is_descending = False
        self.shown = array("q")
        self.is_stale = False
        """Whether rows stand otherwise now, so that `refresh` may show others, or in another order."""
        self.follow(tails)

    def follow(self, tails: Sequence[Tail]) -> None:
        """Show the rows of other tails, or of the same ones anew."""
        self.tails = list(tails)
        self._arrival = array("q")
        for number, tail in enumerate(self.tails):
            self._arrive(number, 0, len(tail))
        self.want(self.wanted)

    def want(self, wanted: Wanted) -> None:
        """Show other rows: those that are known to fit at once, the rest as `step` finds them."""
        self.wanted = wanted
        everything = Wanted()  # of a destination that is not shown nothing is looked for
        self._sources = [
            _Source(tail, wanted if wanted.at in (None, number) else everything)
            for number, tail in enumerate(self.tails)
        ]
        self.refresh()

    def order_by(self, column: int | None, is_descending: bool = False) -> None:
        """Show them by a column of row_words.COLUMNS; None, and the last, is the order of their arrival."""
        self.column = None if column == row_words.DETAIL else column
        self.is_descending = is_descending
        self.refresh()

    @property
    def total(self) -> int:
        """All rows, shown or not."""
        tails = self.tails if self.wanted.at is None else self.tails[self.wanted.at : self.wanted.at + 1]
        return sum(len(tail) for tail in tails)

    def place(self, index: int) -> tuple[Tail, int, int]:
        """The tail and the row that are shown there, and the number of the destination."""
        number = self.shown[index]
        return self.tails[number >> _SHIFT], number & _ROW, number >> _SHIFT

    def take(self, number: int, first: int, added: int, changed: Sequence[int]) -> None:
        """Hear of a tail's growth; `advance` shows it."""
        self._arrive(number, first, added)
        if changed:
            self._sources[number].look_again(changed)
            self.is_stale |= not self.wanted.is_everything or self.column == row_words.STATUS

    def _arrive(self, number: int, first: int, added: int) -> None:
        numbers = np.arange(first, first + added, dtype=np.int64) | (number << _SHIFT)
        self._arrival.frombytes(numbers.tobytes())

    def step(self, seconds: float) -> bool:
        """Look for the text for at most about so long in all; whether all rows were looked at."""
        parts = [source for source in self._sources if source.looked < len(source.tail)]
        ends = [source.step(seconds / len(parts)) for source in parts]
        return all(ends)

    @property
    def is_searching(self) -> bool:
        return any(source.looked < len(source.tail) for source in self._sources)

    def coming(self) -> array[int]:
        """The numbers of further rows that fit, to be shown below the others; `append` shows them."""
        numbers = self._next_arrivals()
        self._judged += len(numbers)
        return _array(numbers[self._fitting(numbers)])

    def append(self, numbers: array[int]) -> None:
        self.shown.extend(numbers)
        self.is_stale |= bool(numbers) and self.column is not None

    def refresh(self) -> None:
        """Judge and order all rows anew."""
        self._judged = 0
        numbers = self._next_arrivals()
        self._judged = len(numbers)
        numbers = numbers[self._fitting(numbers)]
        if self.column is not None and len(numbers):
            ranks = self._rank_of(numbers, self.column)
            numbers = numbers[np.argsort(-ranks if self.is_descending else ranks, kind="stable")]
        self.shown = _array(numbers)
        self.is_stale = False

    def index_of(self, numbers: Iterable[int]) -> Mapping[int, int]:
        """Where these are shown now; those that are not are left out."""
        wanted = np.fromiter(numbers, np.int64)
        shown = np.frombuffer(self.shown, np.int64)
        return {int(shown[index]): int(index) for index in np.flatnonzero(np.isin(shown, wanted))}

    def _next_arrivals(self) -> _Numbers:
        """Those that were not judged yet, as far as it is known whether the text stands in them."""
        numbers = np.frombuffer(self._arrival, np.int64)[self._judged :].copy()
        if not self.is_searching:
            return numbers
        looked = np.array([source.looked for source in self._sources], np.int64)
        open_ones = (numbers & _ROW) >= looked[numbers >> _SHIFT]
        return numbers[: int(np.argmax(open_ones))] if open_ones.any() else numbers

    def _fitting(self, numbers: _Numbers) -> _Claims:
        fits = np.zeros(len(numbers), np.bool_)
        whose = numbers >> _SHIFT
        for number, source in enumerate(self._sources):
            if self.wanted.at in (None, number):
                own = whose == number
                fits[own] = source.fitting(numbers[own] & _ROW, self.wanted)
        return fits

    def _rank_of(self, numbers: _Numbers, column: int) -> NDArray[np.int32]:
        """Where each stands by this column."""
        ranks = np.zeros(len(numbers), np.int32)
        whose = numbers >> _SHIFT
        texts = [_texts(tail, column) for tail in self.tails]
        order = {text: rank for rank, text in enumerate(sorted({one for each in texts for one in each}), 1)}
        for number, tail in enumerate(self.tails):
            own = whose == number
            ranks[own] = _keys(tail, column, [order[text] for text in texts[number]])[numbers[own] & _ROW]
        return ranks


def _among(wanted: frozenset[int]) -> _Claims:
    claims = np.zeros(256, np.bool_)
    claims[list(wanted)] = True
    return claims


def _array(numbers: _Numbers) -> array[int]:
    made = array("q")
    made.frombytes(numbers.tobytes())
    return made


def _texts(tail: Tail, column: int) -> list[str]:
    """What the column can say: one text for each series, or SOP class; none where it says a status."""
    if column == row_words.SOP_CLASS:
        return [row_words.class_words(one).casefold() for one in tail.sop_classes]
    if column == row_words.STATUS:
        return []
    return [_text(series, column).casefold() for series in tail.series]


def _text(series: Series, column: int) -> str:
    study, patient = series.study, series.study.patient
    texts = {
        row_words.NAME: patient.name,
        row_words.ID: patient.id,
        row_words.MODALITY: series.modality,
        row_words.DATE: study.date,
        row_words.STUDY: study.description,
        row_words.SERIES: series.description,
    }
    return texts[column]


def _keys(tail: Tail, column: int, ranks: Sequence[int]) -> NDArray[np.int32]:
    """Each row's rank, by the ranks of what the column can say."""
    if column == row_words.STATUS:
        return np.frombuffer(tail.words, np.uint8).astype(np.int32)
    table = np.array([*ranks, 0], np.int32)  # the last is of rows that have none
    if column == row_words.SOP_CLASS:
        return table[np.frombuffer(tail.kinds, np.uint16)]
    return table[np.frombuffer(tail.places, np.int32)]
