"""Where every path of a job stands, in about a hundred bytes each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migrator.core.model import LEFT_OUT, Reason
from migrator.core.outcome import State
from migrator.engine.manifest_lines import path_of

MTIME_TOLERANCE_NS = 2_000_000_000  # FAT keeps times to two seconds

_STATES = tuple(State)
_CODES = {state: code for code, state in enumerate(_STATES)}
_BY_NAME = {state.value: state for state in _STATES}
_OPEN = 0x10  # a later run takes the path up again
_PASSING_REASONS = frozenset(reason.name for reason in (*LEFT_OUT, Reason.GONE))


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a path: `is_settled` tells that a later run leaves it alone."""

    size: int
    mtime_ns: int
    state: State
    is_settled: bool


class ManifestIndex:
    """Keyed by the 64-bit hash of the path; size, time and state are packed into one integer.

    Two of a million paths share a hash with a probability of 3e-8, and a settled file is recognised only
    if size and time fit too. Not locked: the record that owns it serialises.
    """

    def __init__(self) -> None:
        self._paths: dict[int, int] = {}
        self._uids: set[int] = set()
        self._codes = [0] * 0x100  # paths by code
        self._duplicates: list[tuple[str, int]] = []  # while loading: path and hash of the UID
        self.in_doubt: set[str] = set()

    def __len__(self) -> int:
        return len(self._paths)

    def put(self, path: str, size: int, mtime_ns: int, state: State, is_settled: bool) -> State | None:
        """Note where a path stands; return the state in which it stood, None for a new one."""
        code = _CODES[state] | (0 if is_settled else _OPEN)
        key = hash(path)
        before = self._paths.get(key)
        self._paths[key] = mtime_ns << 56 | size << 8 | code
        self._codes[code] += 1
        if before is None:
            return None
        self._codes[before & 0xFF] -= 1
        return _STATES[before & 0xF]

    def get(self, path: str) -> Standing | None:
        packed = self._paths.get(hash(path))
        if packed is None:
            return None
        code = packed & 0xFF
        size = packed >> 8 & 0xFFFFFFFFFFFF
        return Standing(size, packed >> 56, _STATES[code & 0xF], not code & _OPEN)

    def settled_as(self, path: str, size: int, mtime_ns: int) -> State | None:
        """The state of a settled path that is unchanged, else None. Made for a million calls."""
        packed = self._paths.get(hash(path))
        if packed is None or packed & _OPEN or packed >> 8 & 0xFFFFFFFFFFFF != size:
            return None
        if not -MTIME_TOLERANCE_NS <= (packed >> 56) - mtime_ns <= MTIME_TOLERANCE_NS:
            return None
        return _STATES[packed & 0xF]

    def has_time(self, path: str, mtime_ns: int) -> bool:
        """Whether this is exactly the recorded modification time."""
        return self._paths[hash(path)] >> 56 == mtime_ns

    def add_uid(self, uid: str) -> None:
        self._uids.add(hash(uid))

    def may_know_uid(self, uid: str) -> bool:
        """False when this SOP instance was never stored; True may, very rarely, be wrong."""
        return hash(uid) in self._uids

    def counts(self) -> dict[State, int]:
        counts = dict.fromkeys(_STATES, 0)
        for code, number in enumerate(self._codes):
            if number:
                counts[_STATES[code & 0xF]] += number
        return counts

    def take_up(self, line: Mapping[str, Any]) -> None:
        """Apply one line of the manifest."""
        kind = line["t"]
        if kind == "o":
            self._take_up_outcome(line)
        elif kind == "begin":
            self.in_doubt.update(line["uids"])
        elif kind == "end":
            self.in_doubt.difference_update(line["uids"])

    def _take_up_outcome(self, line: Mapping[str, Any]) -> None:
        state, path, why = _BY_NAME[line["state"]], path_of(line), line.get("why")
        self.put(path, line["size"], line["mtime"], state, is_settled(state, line))
        uid = line.get("uid")
        if uid is None:
            return
        if state.is_stored:
            self.add_uid(uid)
        if why == Reason.DUPLICATE.name:
            self._duplicates.append((path, hash(uid)))
        elif state is State.UNKNOWN:
            self.in_doubt.add(uid)
        elif why not in _PASSING_REASONS:
            self.in_doubt.discard(uid)

    def loaded(self) -> None:
        """All lines were taken up: a duplicate of what was never stored is to be looked at again."""
        for path, uid in self._duplicates:
            standing = self.get(path)
            if uid not in self._uids and standing is not None and standing.state is State.SKIPPED:
                self.put(path, standing.size, standing.mtime_ns, State.SKIPPED, False)
        self._duplicates.clear()


def is_settled(state: State, line: Mapping[str, Any]) -> bool:
    """Whether a recorded outcome stands: passing failures, filters and unknown ones are taken up again."""
    if state is State.PENDING or state is State.UNKNOWN or line.get("retry"):
        return False
    return line.get("why") not in _PASSING_REASONS
