"""The rows of a manifest, or of a scan's list, while another process writes it.

In memory stand a few columns per row, some 130 bytes in all; texts are read again from the file where they
are wanted. All is done in slices of a given time, so that a face with an event loop can go on between them.
Nothing here may be called from two threads at once.
"""

from __future__ import annotations

import os
import time
from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import orjson

from migrator.core.model import Series
from migrator.core.outcome import Fidelity, State
from migrator.engine.manifest_lines import Row, path_of, row_of, series_of
from migrator.jobs.naming import uid_words

WORDS = ("", "OK", "WARN", "HEALED", "REMAP", "SKIP", "HELD", "FAIL")
"""What a row's `word` is an index into; the first is that of what is still pending."""

_OF_STATE = {
    State.PENDING.value: 0,
    State.SENT.value: 1,
    State.WARNED.value: 2,
    State.SKIPPED.value: 5,
    State.HELD.value: 6,
    State.FAILED.value: 7,
    State.QUARANTINED.value: 7,
    State.UNKNOWN.value: 7,
}
_HEALED, _REMAP = 3, 4
_STORED = frozenset({1, 2})
_BLOCK = 1 << 18
_LOOK_EVERY = 256  # lines, or rows, between two looks at the clock
_NO_SERIES = -1


@dataclass(frozen=True, slots=True)
class Growth:
    """What one slice of reading brought.

    `is_anew`: the file is another one now, and all rows before were forgotten. `first` and `added` tell which
    rows are new, `changed` which earlier ones stand otherwise now. `is_all`: nothing more was there to read.
    """

    is_anew: bool
    first: int
    added: int
    changed: Sequence[int]
    is_all: bool


class Tail:
    """One file's rows, numbered in the order in which their paths first came.

    `words` and `sizes` (bytes) are columns; `places` holds the index into `series` of each row, -1 where its
    header could not be read.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._stream: BufferedReader | None = None
        self._identity: tuple[int, int] | None = None
        self._clear()

    def _clear(self) -> None:
        self.series: list[Series] = []
        self.words = bytearray()
        self.sizes = array("Q")
        self.places = array("i")
        self.counts: Counter[int] = Counter()
        self.header: dict[str, Any] = {}
        self.runs: list[dict[str, Any]] = []
        self._offsets = array("Q")
        self._of_path: dict[int, int] = {}
        self._of_key: dict[int, int] = {}
        self._read = 0

    def __len__(self) -> int:
        return len(self.words)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def read(self, seconds: float) -> Growth:
        """Read on for at most about so long. A file that is not there, or not any more, has no rows."""
        is_anew = self._reopen()
        first, changed = len(self), list[int]()
        is_all = True
        if self._stream is not None:
            is_all = self._read_lines(self._stream, time.perf_counter() + seconds, changed)
        return Growth(is_anew, first, len(self) - first, [row for row in changed if row < first], is_all)

    def _reopen(self) -> bool:
        """Follow the file where it was replaced, cut off or removed; whether it was."""
        try:
            status = os.stat(self.file)  # noqa: PTH116 - ten times a second
            identity = (status.st_dev, status.st_ino)
            is_same = identity == self._identity and status.st_size >= self._read
        except OSError:
            identity, is_same = None, self._identity is None
        if is_same:
            return False
        had_rows = self._identity is not None
        self.close()
        self._clear()
        self._identity = None
        if identity is not None:
            try:
                self._stream = self.file.open("rb")
            except OSError:
                return had_rows
            self._identity = identity
        return had_rows

    def _read_lines(self, stream: BufferedReader, end: float, changed: list[int]) -> bool:
        while True:
            stream.seek(self._read)
            block = stream.read(_BLOCK)
            whole = block.rfind(b"\n") + 1
            if not whole and len(block) == _BLOCK:  # one line longer than a block
                block += stream.readline()
                whole = len(block) if block.endswith(b"\n") else 0
            if not whole:
                return True
            start = 0
            for number, raw in enumerate(block[:whole].splitlines(keepends=False)):
                self._take(raw, self._read + start, changed)
                start += len(raw) + 1
                if number % _LOOK_EVERY == _LOOK_EVERY - 1 and time.perf_counter() > end:
                    break
            self._read += start
            if time.perf_counter() > end:
                return self._read >= self._identity_size()
            if len(block) < _BLOCK:
                return True

    def _identity_size(self) -> int:
        assert self._stream is not None
        return os.fstat(self._stream.fileno()).st_size

    def _take(self, raw: bytes, offset: int, changed: list[int]) -> None:
        try:
            line = orjson.loads(raw)
            kind = line["t"]
            if kind == "o":
                self._take_row(line, offset, changed)
            elif kind == "series":
                self._of_key[line["series"]] = len(self.series)
                self.series.append(series_of(line))
            elif kind == "run":
                self.runs.append(line)
            elif kind == "manifest":
                self.header = line
        except (ValueError, KeyError, TypeError):
            return  # damaged: the record's own reader tells of it

    def _take_row(self, line: dict[str, Any], offset: int, changed: list[int]) -> None:
        word = word_of(line)
        key = hash(path_of(line))
        row = self._of_path.get(key)
        place = self._of_key.get(line.get("series", 0), _NO_SERIES)
        if row is None:
            self._of_path[key] = len(self.words)
            self.words.append(word)
            self.sizes.append(line["size"])
            self.places.append(place)
            self._offsets.append(offset)
        else:
            self.counts[self.words[row]] -= 1
            self.words[row], self.places[row], self._offsets[row] = word, place, offset
            changed.append(row)
        self.counts[word] += 1

    def series_of(self, row: int) -> Series | None:
        place = self.places[row]
        return None if place == _NO_SERIES else self.series[place]

    def line(self, row: int) -> dict[str, Any]:
        """The row's record as it stands in the file; empty where the file has just been replaced."""
        if self._stream is None:
            return {}
        self._stream.seek(self._offsets[row])
        try:
            line = orjson.loads(self._stream.readline())
        except ValueError:
            return {}
        return line if isinstance(line, dict) and line.get("t") == "o" else {}

    def row(self, row: int) -> Row | None:
        """The row's record; None where the file has just been replaced."""
        line = self.line(row)
        return row_of(line, self.series_of(row)) if line else None

    def rows_of(self, places: Collection[int]) -> Iterator[int]:
        """The rows of these series (indices into `series`)."""
        wanted = frozenset(places)
        return (row for row, place in enumerate(self.places) if place in wanted)


def word_of(line: dict[str, Any]) -> int:
    """The index into WORDS of an outcome's line; as `Outcome.word` has it."""
    word = _OF_STATE[line["state"]]
    if word in _STORED:
        if line.get("fidelity") == Fidelity.REMAPPED.value:
            return _REMAP
        if line.get("healed"):
            return _HEALED
    return word


class Search:
    """Which rows fit: `words` (indices into WORDS; empty: all) and a text, in slices.

    The text is looked for, whatever its case, in the patient's name and ID, the study and series, the SOP
    class in words, the path, the SOP instance UID and what was said of the row.
    """

    def __init__(self, tail: Tail, words: Collection[int] = (), text: str = "") -> None:
        self._tail = tail
        self._words = frozenset(words)
        self._text = text.strip().casefold()
        self._next = 0
        self._series: list[bool] = []
        self._classes: dict[str, bool] = {}
        self.found = array("I")

    @property
    def is_all(self) -> bool:
        """Whether every row fits, so that `found` need not be asked."""
        return not self._words and not self._text

    def step(self, seconds: float) -> bool:
        """Look on for at most about so long; whether all rows that are there now were looked at."""
        end = time.perf_counter() + seconds
        tail, words = self._tail, self._words
        for row in range(self._next, len(tail)):
            if (not words or tail.words[row] in words) and (not self._text or self.fits(row)):
                self.found.append(row)
            self._next = row + 1
            if row % _LOOK_EVERY == 0 and time.perf_counter() > end:
                return False
        return True

    def fits(self, row: int) -> bool:
        """Whether the row's texts hold what is looked for."""
        place = self._tail.places[row]
        while len(self._series) <= place:
            self._series.append(self._text in _series_text(self._tail.series[len(self._series)]))
        if place != _NO_SERIES and self._series[place]:
            return True
        line = self._tail.line(row)
        sop_class = line.get("class", "")
        if sop_class not in self._classes:
            self._classes[sop_class] = self._text in uid_words(sop_class).casefold()
        return self._classes[sop_class] or self._text in _line_text(line)


def _series_text(series: Series) -> str:
    study, patient = series.study, series.study.patient
    parts = (patient.name, patient.id, study.description, series.description, study.accession, study.date)
    return "\n".join((*parts, series.modality, study.uid, series.uid)).casefold()


def _line_text(line: dict[str, Any]) -> str:
    names: Sequence[str] = ("path", "uid", "sent_uid", "reason", "comment")
    return "\n".join(str(line.get(name, "")) for name in names).casefold()
