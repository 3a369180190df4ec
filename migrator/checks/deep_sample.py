"""Choosing a sample that is spread over kinds of objects and over studies. Memory is bounded by the sample,
and by the number of studies."""

from __future__ import annotations

import heapq
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import blake2b

from migrator.checks.verify_sent import SentRow
from migrator.engine.manifest_lines import Row

# What objects have in common that may be damaged alike: modality, fidelity, transfer syntax.
_Kind = tuple[str, str, str]
_Cell = tuple[_Kind, str]  # with the study


def place_of(seed: int, path: str) -> int:
    """Where a path stands in the order that this seed makes."""
    digest = blake2b(path.encode("utf-8", "surrogatepass"), digest_size=8, key=seed.to_bytes(8, "big"))
    return int.from_bytes(digest.digest(), "big")


def choose(rows: Callable[[], Iterable[SentRow]], percent: float, seed: int) -> frozenset[int]:
    """The places (`place_of`) of so many percent of these objects, at least one unless there is none.

    Every kind of object gets its turn, and within it every study; `rows` is gone through twice.
    """
    counts = Counter(_cell_of(sent.row) for sent in rows())
    total = counts.total()
    quotas = _quotas(counts, min(total, max(1, math.ceil(total * percent / 100))), seed)
    nearest: dict[_Cell, list[int]] = {}
    for sent in rows():
        cell = _cell_of(sent.row)
        quota = quotas.get(cell, 0)
        if not quota:
            continue
        heap = nearest.setdefault(cell, [])
        place = -place_of(seed, sent.row.path)
        if len(heap) < quota:
            heapq.heappush(heap, place)
        else:
            heapq.heappushpop(heap, place)
    return frozenset(-place for heap in nearest.values() for place in heap)


def _cell_of(row: Row) -> _Cell:
    series = row.series
    modality, study = (series.modality, series.study.uid) if series is not None else ("", "")
    return (modality, row.fidelity.value, row.transfer_syntax), study


def _quotas(counts: Counter[_Cell], wanted: int, seed: int) -> Counter[_Cell]:
    """How many of each cell: one of each kind in turn, and within a kind one of each study in turn."""
    order = random.Random(seed)
    kinds: dict[_Kind, list[_Cell]] = {}
    for cell in counts:
        kinds.setdefault(cell[0], []).append(cell)
    turns = list(kinds.values())
    order.shuffle(turns)
    for cells in turns:
        order.shuffle(cells)
    quotas: Counter[_Cell] = Counter()
    places = [0] * len(turns)
    while wanted:
        for number, cells in enumerate(turns):
            if not cells or not wanted:
                continue
            place = places[number] % len(cells)
            cell = cells[place]
            quotas[cell] += 1
            wanted -= 1
            if quotas[cell] == counts[cell]:
                # The last one takes its place, so that no cell is moved twice.
                cells[place] = cells[-1]
                cells.pop()
            else:
                places[number] = place + 1
    return quotas
