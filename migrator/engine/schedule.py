"""When hours of the day begin and end, as moments on one time line that clock changes do not bend.

A moment is in seconds since the epoch. `zone` is whose clock on the wall counts; None is the system's.
What would begin at a time that the clock skips begins when it jumps; what would begin or end at a time that
comes twice does so at the first. So a clock change neither skips a night nor ends it twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from migrator.core.times import Hours

_DAYS_AHEAD = 8  # the same weekday comes again within seven days; one more for hours across midnight
NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Span:
    """From one moment up to, but not including, another."""

    begin: float
    end: float

    def holds(self, now: float) -> bool:
        return self.begin <= now < self.end


def wall(now: float, zone: tzinfo | None = None) -> datetime:
    """What the clock on the wall shows at a moment."""
    return datetime.fromtimestamp(now, zone).replace(tzinfo=None)


def moment_of(shown: datetime, zone: tzinfo | None = None) -> float:
    """The first moment at which the clock on the wall shows `shown`, or something later by a jump."""
    # PEP 495: of a time that comes twice fold 0 is the first; of a skipped one it lies behind the jump, and
    # fold 1 before it.
    first = shown.replace(tzinfo=zone, fold=0).timestamp()
    other = shown.replace(tzinfo=zone, fold=1).timestamp()
    if other >= first:
        return first
    before, behind = round(other), round(first)
    while behind - before > 1:
        middle = (before + behind) // 2
        if wall(middle, zone) >= shown:
            behind = middle
        else:
            before = middle
    return float(behind)


def span_of(hours: Hours, day: date, zone: tzinfo | None = None) -> Span:
    """The hours that begin on this day."""
    begin, end = hours.on(day)
    span = Span(moment_of(begin, zone), moment_of(end, zone))
    if span.end <= span.begin:
        # All of it lies within what the clock skips: it comes behind the jump, at its full length.
        return Span(span.begin, span.begin + (end - begin).total_seconds())
    return span


def spans(hours: Hours, now: float, zone: tzinfo | None = None) -> list[Span]:
    """The spans of these hours that have not ended at `now`, in order; those that touch are one."""
    today = wall(now, zone).date()
    found: list[Span] = []
    for offset in range(-2, _DAYS_AHEAD + 1):
        day = today + timedelta(days=offset)
        if day.weekday() not in hours.days:
            continue
        span = span_of(hours, day, zone)
        if found and span.begin <= found[-1].end:
            span = Span(found.pop().begin, max(span.end, span.begin))
        found.append(span)
    return [span for span in found if span.end > now]


def is_within(hours: Hours, now: float, zone: tzinfo | None = None) -> bool:
    """Whether `now` lies within these hours."""
    return any(span.holds(now) for span in spans(hours, now, zone))


def next_change(hours: Hours, now: float, zone: tzinfo | None = None) -> float:
    """When these hours end, where `now` is within them; else when they begin. Never where they never end."""
    following = spans(hours, now, zone)[0]
    if not following.holds(now):
        return following.begin
    is_endless = following.end - now > (_DAYS_AHEAD - 1) * 86400
    return NEVER if is_endless else following.end
