"""How fast a destination is: where more workers help no more, and what a file and a byte cost. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from migrator.checks.speed_test_steps import Sent, Step

_NEAR = 0.08  # what is less than this below the best is as good
_MOST_NOISE = 0.2  # beyond that, measure again instead of trusting anything
_MOST_SPREAD = 0.5
_LEAST_SPREAD = 0.1  # no estimate is better than that, however steady the measurement was
_UNMEASURED_GAIN = 4.0  # what more workers may bring where they could not be measured


@dataclass(frozen=True, slots=True)
class Rate:
    """What so many workers reach, over all rounds: seconds of work, as one worker needs them, in a second.

    `noise` is half of what the rounds differ by, as a part of the mean.
    """

    workers: int
    speedup: float
    noise: float


def rate_of(steps: Sequence[Step], alone: Mapping[str, float]) -> Rate | None:
    """The rate of one number of workers; None where not every round tells it.

    `alone` are the seconds that each object takes one worker: a step that had to be cut off has sent another
    mixture than others.
    """
    if not steps or not all(step.counts and step.seconds > 0 for step in steps):
        return None
    work = [sum(alone.get(one.instance.uid, one.seconds) for one in step.sent) for step in steps]
    rates = [seconds / step.seconds for seconds, step in zip(work, steps, strict=True)]
    noise = (max(rates) - min(rates)) / max(1e-9, max(rates) + min(rates))
    return Rate(steps[0].workers, sum(work) / sum(step.seconds for step in steps), noise)


def plateau(rates: Sequence[Rate]) -> Rate:
    """The fewest workers that are as good as the best, as far as the noise lets anyone tell."""
    best = max(rate.speedup for rate in rates)
    noise = min(_MOST_NOISE, median(rate.noise for rate in rates))
    enough = best * (1 - max(_NEAR, noise))
    return min((rate for rate in rates if rate.speedup >= enough), key=lambda rate: rate.workers)


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds that a file costs by itself, and each of its bytes."""

    per_file: float
    per_byte: float

    def of(self, files: int, size: int) -> float:
        return self.per_file * files + self.per_byte * size


def cost_of(times: Sequence[tuple[int, float]]) -> Cost:
    """The cost that fits these best: size in bytes and seconds of objects sent one after the other.

    The relative error counts, or else the largest file alone would decide; neither part is below zero.
    """
    if not times:
        return Cost(0.0, 0.0)
    weighted = [(1 / max(seconds, 1e-9) ** 2, size, seconds) for size, seconds in times]
    w = sum(weight for weight, _, _ in weighted)
    wx = sum(weight * x for weight, x, _ in weighted)
    wxx = sum(weight * x * x for weight, x, _ in weighted)
    wy = sum(weight * y for weight, _, y in weighted)
    wxy = sum(weight * x * y for weight, x, y in weighted)
    determinant = w * wxx - wx * wx
    if determinant > 1e-12 * w * wxx:
        per_byte = (w * wxy - wx * wy) / determinant
        per_file = (wy - per_byte * wx) / w
        if per_byte >= 0 and per_file >= 0:
            return Cost(per_file, per_byte)
        if per_file < 0:
            return Cost(0.0, wxy / wxx)
    return Cost(wy / w, 0.0)


def typical(sent: Iterable[Sent]) -> dict[str, tuple[int, float]]:
    """SOP instance UID → its size and the median of its seconds."""
    seconds: dict[str, list[float]] = {}
    sizes: dict[str, int] = {}
    for one in sent:
        seconds.setdefault(one.instance.uid, []).append(one.seconds)
        sizes[one.instance.uid] = one.bytes
    return {uid: (sizes[uid], median(times)) for uid, times in seconds.items()}


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a migration is to reckon with, at so many `workers`; None where only one could be measured.

    `first_factor` is how much longer storing for the first time took than storing again; `low` and `high`
    are what to multiply a reckoning with.
    """

    workers: int | None
    cost: Cost
    files_per_second: float
    bytes_per_second: float
    first_factor: float
    low: float
    high: float


def forecast(first: Step, rounds: Mapping[int, Sequence[Step]]) -> Forecast:
    """From storing each sample once by one worker, and the repeats by their number of workers.

    `first` has stored something.
    """
    once = typical(first.sent)
    again = typical(sent for step in rounds.get(1, ()) if step.counts for sent in step.sent)
    seconds = {uid: time for uid, (_, time) in again.items()}
    rates = [rate for steps in rounds.values() if (rate := rate_of(steps, seconds)) is not None]
    if not again or not rates:
        return _of_one(first, once)
    best = plateau(rates)
    cost = _scaled(cost_of(list(again.values())), rounds[best.workers])
    factor = median([once[uid][1] / max(1e-9, seconds[uid]) for uid in again if uid in once] or [1.0])
    spread = min(_MOST_SPREAD, max(_LEAST_SPREAD, *(rate.noise for rate in rates)))
    return Forecast(
        best.workers,
        cost,
        *_mean_rates(cost, once),
        factor,
        (1 - spread) * min(1.0, factor),
        (1 + spread) * max(1.0, factor),
    )


def _of_one(first: Step, once: Mapping[str, tuple[int, float]]) -> Forecast:
    """Where nothing can be stored again there is no more to go by; more workers may be much faster."""
    cost = _scaled(cost_of(list(once.values())), [first])
    low, high = (1 - _LEAST_SPREAD) / _UNMEASURED_GAIN, 1 + _LEAST_SPREAD
    return Forecast(None, cost, *_mean_rates(cost, once), 1.0, low, high)


def _scaled(cost: Cost, steps: Sequence[Step]) -> Cost:
    """The cost as these steps had it in all, with everything between two sends and by all their workers."""
    reckoned = sum(cost.of(step.files, step.bytes) for step in steps)
    scale = sum(step.seconds for step in steps) / reckoned if reckoned else 1.0
    return Cost(cost.per_file * scale, cost.per_byte * scale)


def _mean_rates(cost: Cost, samples: Mapping[str, tuple[int, float]]) -> tuple[float, float]:
    """Files and bytes per second of the samples, each once."""
    size = sum(size for size, _ in samples.values())
    seconds = cost.of(len(samples), size)
    return (len(samples) / seconds, size / seconds) if seconds else (0.0, 0.0)


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which this part of them lies, by nearest rank; 0 of none."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)]


def levels(most: int) -> list[int]:
    """The numbers of workers to measure: 1, 2, 4, 8 …, and the most itself."""
    powers = [2**n for n in range(5) if 2**n <= most]
    return powers if powers[-1] == most else [*powers, most]
