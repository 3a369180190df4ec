"""A comparison for people: what becomes of the objects of each SOP class, and what is accepted beside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby

from migrator.jobs.compat import Cell, CompatReport, Way, summary
from migrator.jobs.scan import name_of
from migrator.records.words import counted, size

_UNSURE = "may be compressed with loss"


def lines_of(report: CompatReport) -> Iterator[str]:
    """The whole report, line by line."""
    system = f" ({report.system})" if report.system else ""
    yield f"{report.node}{system}, asked over {counted(report.associations, 'association')}"
    yield summary(report)
    if report.hang_ups:
        yield from _hung_up(report)
    if report.not_counted:
        yield f"Not to be sent: {counted(report.not_counted, 'further path')}; scan tells why"
    yield from _held(report)
    others = [cell for cell in report.cells if not cell.amount.files]
    if others:
        yield from _all(report.cells)


def _hung_up(report: CompatReport) -> Iterator[str]:
    """What holds up a migration as a whole, whose associations propose all kinds together."""
    kinds = sum(cell.is_hung_up for cell in report.held)
    what = (
        f"propose {kinds:,} of these kinds (no way, below)" if kinds else "propose all of these kinds at once"
    )
    yield f"The destination ends associations that {what}: a migration of this source is held up by that."
    yield "What it is told in parts is what follows; have it mended there, or leave such objects out."


def _held(report: CompatReport) -> Iterator[str]:
    by_class: defaultdict[str, list[Cell]] = defaultdict(list)
    for cell in report.held:
        by_class[cell.pair.sop_class].append(cell)
    width = max((len(way.value) for way in Way), default=0)
    for sop_class, cells in by_class.items():
        yield ""
        yield _words(sop_class)
        for cell in cells:
            noun = "file " if cell.amount.files == 1 else "files"
            amount = f"{cell.amount.files:>9,} {noun} {size(cell.amount.bytes):>10}"
            yield f"  {cell.way.value:<{width}} {amount}  {_told(cell)}"


def _told(cell: Cell) -> str:
    """A kind's syntax, into which it goes, over what, and why."""
    words = _words(cell.pair.transfer_syntax)
    if cell.way in (Way.DECOMPRESSED, Way.REENCODED):
        words += f" to {name_of(cell.sent_as)}"
    if cell.way is Way.DECOMPRESSED and cell.is_lossy:
        words += f" ({_UNSURE}: its flags stay)"
    parts = [words, cell.reason, cell.road.value]
    return "; ".join(part for part in parts if part)


def _all(cells: tuple[Cell, ...]) -> Iterator[str]:
    """What the destination accepts of everything known: classes of which it accepts the same, together."""
    by_class: dict[str, list[str]] = {}
    asked = 0
    for sop_class, group in groupby(sorted(cells, key=lambda one: one.pair), lambda one: one.pair.sop_class):
        of_class = list(group)
        asked = max(asked, len(of_class))
        taken = [cell.pair.transfer_syntax for cell in of_class if cell.way is Way.ACCEPTED]
        by_class[sop_class] = taken
    alike: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for sop_class, taken in by_class.items():
        alike[tuple(taken)].append(sop_class)
    for syntaxes, classes in sorted(alike.items(), key=lambda one: -len(one[1])):
        how = "in none" if not syntaxes else "in all" if len(syntaxes) >= asked else f"in {len(syntaxes):,}"
        yield ""
        yield f"{len(classes):,} SOP classes are accepted {how} of {asked:,} transfer syntaxes:"
        if 0 < len(syntaxes) < asked:
            yield f"  ({', '.join(map(name_of, syntaxes))})"
        yield from (f"  {name_of(sop_class)}" for sop_class in classes)


def _words(uid: str) -> str:
    name = name_of(uid)
    return uid if name == uid else f"{name} ({uid})"
