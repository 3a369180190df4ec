"""The rows of a manifest, or of a scan's list, while another process writes it. For one thread.

In memory stand columns: 24 bytes a row, and some 130 more where a path may come again; texts are read from
the file when wanted. All is done in slices of a given time, so that an event loop can go on between them.
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

from migrator.core.model import Reason, Series
from migrator.core.outcome import Fidelity, State
from migrator.engine.accounting import Ledger
from migrator.engine.manifest_lines import Row as Row  # the faces' too
from migrator.engine.manifest_lines import path_of, row_of, series_of
from migrator.jobs.naming import uid_words
from migrator.jobs.shared_file import open_shared
from migrator.records.words import day, person

WORDS = ("", "OK", "WARN", "HEALED", "REMAP", "SKIP", "HELD", "FAIL")
"""What a row's `word` is an index into; the first is that of what is still pending."""

STATES = tuple(State)
"""What a row's `state` is an index into."""

_NUMBER_OF = {state.value: number for number, state in enumerate(STATES)}
_WORD_OF = {
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
_REMAPPED = Fidelity.REMAPPED.value
_STORED = frozenset({1, 2})
_BLOCK = 1 << 18
_LOOK_EVERY = 256  # lines, or rows, between two looks at the clock
_NO_SERIES = -1
_MOST_SIZE = 2**64 - 1
_MOST_KINDS = 0xFFFF  # SOP classes; damage alone could bring more


@dataclass(frozen=True, slots=True)
class Growth:
    """What one slice of reading brought.

    `is_anew`: the file is another one now, and all rows before were forgotten. `first` and `added` tell which
    rows are new, `changed` which earlier ones stand otherwise now. `is_all`: nothing more was there to read.
    `has_turned`: a run has begun, or has told how it ended.
    """

    is_anew: bool
    first: int
    added: int
    changed: Sequence[int]
    is_all: bool
    has_turned: bool = False


class Tail:
    """One file's rows, numbered in the order in which their paths first came.

    `words`, `states` and `sizes` (bytes) are columns; `places` holds the index into `series` of each row, -1
    where its header could not be read, and `kinds` that into `sop_classes`. `ends` are the lines that tell
    how a run ended, by the number of the run in `runs`. `is_once`: each path has one line, as in the list of
    a scan, so that none need be found again.
    """

    def __init__(self, file: Path, *, is_once: bool = False) -> None:
        self.file = file
        self._is_once = is_once
        self._stream: BufferedReader | None = None
        self._identity: tuple[int, int] | None = None
        self._clear()

    def _clear(self) -> None:
        self.series: list[Series] = []
        self.words = bytearray()
        self.sizes = array("Q")
        self.states = bytearray()
        self.places = array("i")
        self.kinds = array("H")
        self.sop_classes: list[str] = []
        self.counts: Counter[int] = Counter()
        self._in_state = [0] * len(STATES)
        self.header: dict[str, Any] = {}
        self.runs: list[dict[str, Any]] = []
        self.ends: dict[int, dict[str, Any]] = {}
        self._offsets = array("Q")
        self._of_path: dict[int, int] = {}
        self._of_key: dict[int, int] = {}
        self._of_class: dict[str, int] = {}
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
        first, changed, turns = len(self), list[int](), self._turns
        is_all = True
        if self._stream is not None:
            is_all = self._read_lines(self._stream, time.perf_counter() + seconds, changed)
        known = [row for row in changed if row < first]
        return Growth(is_anew, first, len(self) - first, known, is_all, self._turns != turns)

    @property
    def _turns(self) -> int:
        return len(self.runs) + len(self.ends)

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
                self._stream = open_shared(self.file)
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
            for number, raw in enumerate(block[: whole - 1].split(b"\n")):
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
                series = series_of(line)
                self._of_key[line["series"]] = len(self.series)
                self.series.append(series)
            elif kind == "run":
                self.runs.append(line)
            elif kind == "ended":
                self.ends[len(self.runs) - 1] = line
            elif kind == "manifest":
                self.header = line
        except (ValueError, KeyError, TypeError):
            return  # damaged: the record's own reader tells of it

    def _take_row(self, line: dict[str, Any], offset: int, changed: list[int]) -> None:
        word = word_of(line)
        key = 0 if self._is_once else hash(path_of(line))
        row = None if self._is_once else self._of_path.get(key)
        place = self._of_key.get(line.get("series", 0), _NO_SERIES)
        state = _NUMBER_OF[line["state"]]
        size = line["size"]
        if not isinstance(size, int) or not 0 <= size <= _MOST_SIZE:
            raise ValueError("no size")  # before any column has it: they must stay of one length
        kind = self._of_class.get(line.get("class", ""))
        if kind is None:
            kind = self._new_kind(line.get("class", ""))
        if row is None:
            if not self._is_once:
                self._of_path[key] = len(self.words)
            self.words.append(word)
            self.states.append(state)
            self.sizes.append(size)
            self.places.append(place)
            self.kinds.append(kind)
            self._offsets.append(offset)
        else:
            self.counts[self.words[row]] -= 1
            self._in_state[self.states[row]] -= 1
            self.words[row], self.states[row], self.sizes[row] = word, state, size
            self.places[row], self.kinds[row], self._offsets[row] = place, kind, offset
            changed.append(row)
        self.counts[word] += 1
        self._in_state[state] += 1

    def _new_kind(self, sop_class: str) -> int:
        if len(self.sop_classes) >= _MOST_KINDS:
            return 0
        kind = self._of_class[sop_class] = len(self.sop_classes)
        self.sop_classes.append(sop_class)
        return kind

    @property
    def ledger(self) -> Ledger:
        """The job's: as its last run has left it, or else where the recorded paths stand; what a run that
        did not come to its end has found, and never settled, is not among these."""
        end = self._last_end()
        if end is not None and "job" in end:
            return _ledger(end["job"])
        return Ledger.of(dict(zip(STATES, self._in_state, strict=True)), len(self))

    @property
    def run_ledger(self) -> Ledger | None:
        """That of the last run; None where it did not tell."""
        end = self._last_end()
        return None if end is None else _ledger(end["run"])

    @property
    def run_bytes(self) -> int:
        """What the last run has sent; 0 where it did not tell."""
        return int((self._last_end() or {}).get("bytes", 0))

    def _last_end(self) -> dict[str, Any] | None:
        return self.ends.get(len(self.runs) - 1)

    @property
    def source_check(self) -> dict[str, Any]:
        """What the last run that was to look at the source again saw of it; empty where it did not come to
        that, or is still on. Runs that send named files only do not count."""
        for number in reversed(range(len(self.runs))):
            end = self.ends.get(number)
            if end is None or end.get("source"):
                return {} if end is None else dict(end["source"])
            if end.get("scanned") or end.get("interrupted") or end.get("stopped"):
                return {}
        return {}

    def series_of(self, row: int) -> Series | None:
        place = self.places[row]
        return None if place == _NO_SERIES else self.series[place]

    def raw(self, row: int) -> bytes:
        """The row's line in the file; empty where that has just been replaced."""
        if self._stream is None:
            return b""
        self._stream.seek(self._offsets[row])
        return self._stream.readline()

    def line(self, row: int) -> dict[str, Any]:
        """The row's record as it stands in the file; empty where the file has just been replaced."""
        return _outcome(self.raw(row))

    def row(self, row: int) -> Row | None:
        """The row's record; None where the file has just been replaced."""
        line = self.line(row)
        return row_of(line, self.series_of(row)) if line else None

    def rows_of(self, places: Collection[int]) -> Iterator[int]:
        """The rows of these series (indices into `series`)."""
        wanted = frozenset(places)
        return (row for row, place in enumerate(self.places) if place in wanted)


def _ledger(counts: dict[str, Any]) -> Ledger:
    """From a line that another version may have written."""
    return Ledger(**{name: int(counts.get(name, 0)) for name in Ledger().as_dict()})


def word_of(line: dict[str, Any]) -> int:
    """The index into WORDS of an outcome's line; as `Outcome.word` has it."""
    word = _WORD_OF[line["state"]]
    if word in _STORED:
        if line.get("fidelity") == _REMAPPED:
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
        self._needle = _needle(self._text)
        self._reasons = [
            f'"why":"{reason.name}"'.encode() for reason in Reason if self._text in reason.value.casefold()
        ]
        self._next = 0
        self._series: list[bool] = []
        self._classes: list[bool] = []
        self.found = array("I")

    @property
    def looked(self) -> int:
        """How many rows were looked at, from the first on."""
        return self._next

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
        kind = self._tail.kinds[row]
        while len(self._classes) <= kind:
            sop_class = self._tail.sop_classes[len(self._classes)]
            self._classes.append(self._text in uid_words(sop_class).casefold())
        if self._classes[kind]:
            return True
        raw = self._tail.raw(row)
        if any(reason in raw for reason in self._reasons):
            return True
        if raw.isascii() and self._needle not in raw.lower():
            return False
        return self._text in _line_text(_outcome(raw))


def _needle(text: str) -> bytes:
    """What a line must hold, in small letters, to hold the text; empty where its letters do not tell."""
    is_plain = text.isascii() and text.isprintable() and '"' not in text and "\\" not in text
    return text.encode() if is_plain else b""


def _outcome(raw: bytes) -> dict[str, Any]:
    """The line of an outcome; empty for any other, and for one that is damaged."""
    try:
        line = orjson.loads(raw)
    except ValueError:
        return {}
    return line if isinstance(line, dict) and line.get("t") == "o" else {}


def _series_text(series: Series) -> str:
    study, patient = series.study, series.study.patient
    parts = (patient.name, patient.id, study.description, series.description, study.accession, study.date)
    shown = (person(patient.name), day(study.date))  # as a table has them
    return "\n".join((*parts, *shown, series.modality, study.uid, series.uid)).casefold()


def _line_text(line: dict[str, Any]) -> str:
    names: Sequence[str] = ("path", "uid", "sent_uid", "reason", "comment")
    texts = [str(line.get(name, "")) for name in names]
    return "\n".join([*texts, *line.get("remedies", ())]).casefold()
