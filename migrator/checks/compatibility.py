"""What a destination accepts, against what a source holds: how each kind of object would travel.

The ways are those of the recovery chain (`engine/remedies/contents.py`): as it is; else decoded or
re-encoded; else over an association for its SOP class alone; else over one that proposes uncompressed
syntaxes only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import groupby
from typing import Protocol

from migrator.core.control import Control
from migrator.core.errors import AssociationLost, AssociationRejected, DestinationError, PeerSilent
from migrator.core.model import ContextPair
from migrator.core.settings import RecoverySettings

ACCEPTED = 0
# No results of the standard: the association was never accepted; nothing was proposed.
HUNG_UP, NOT_ASKED = -1, -2
MOST_CONTEXTS = 128  # PS3.8 9.3.2.2: the odd numbers from 1 to 255

# Seconds between two requests while the destination has no room for one association more.
_WAITS = (1.0, 2.0, 4.0, 8.0)


class Prober(Protocol):
    """Proposes presentation contexts to one destination."""

    def ask(self, pairs: Collection[ContextPair]) -> Mapping[ContextPair, int]:
        """The result of each pair (PS3.8 Table 9-18; 0 is accepted), at most 128 over one association.

        Raises Unreachable, TlsRefused, AssociationRejected, AssociationLost.
        """
        ...


class Way(str, Enum):
    """How objects of one kind would travel. The value is the wording shown to people."""

    ACCEPTED = "accepted"
    REENCODED = "will be re-encoded"
    DECOMPRESSED = "will be decompressed"
    NO_WAY = "no way"


class Road(str, Enum):
    """Over which association."""

    COMMON = ""
    TARGETED = "over an association for this SOP class alone"
    UNCOMPRESSED = "over an association that proposes uncompressed syntaxes only"


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of one kind there is."""

    files: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """One SOP class in one transfer syntax. `sent_as` is the syntax in which it would arrive, if it does.

    `result` is what the destination said of the pair itself; `is_lossy` that its pixel data may have been
    compressed with loss; `reason` is for people.
    """

    pair: ContextPair
    amount: Amount
    way: Way
    sent_as: str = ""
    road: Road = Road.COMMON
    result: int = ACCEPTED
    is_lossy: bool = False
    reason: str = ""

    @property
    def is_stuck(self) -> bool:
        """Whether the source holds such objects, and none of them can get there."""
        return self.way is Way.NO_WAY and self.amount.files > 0

    @property
    def is_hung_up(self) -> bool:
        """Whether the destination ends an association that proposes it."""
        return self.result == HUNG_UP


@dataclass(frozen=True, slots=True)
class Means:
    """What we can do about a syntax that is not accepted: facts of the DICOM world, and what is allowed.

    `greeting` is a pair that every destination can be asked for; `refusals` tells the results of PS3.8
    Table 9-18 in words; `why_not_decoded` is empty where a syntax can be brought into an uncompressed one.
    """

    recovery: RecoverySettings
    greeting: ContextPair
    refusals: Mapping[int, str]
    fallbacks: Sequence[str]
    native: Collection[str]
    is_lossy: Callable[[str], bool]
    why_not_decoded: Callable[[str], str]
    can_propose: Callable[[ContextPair], bool]

    def hindrance(self, syntax: str) -> str:
        """Why objects in this syntax are not brought into an uncompressed one; empty where they are."""
        if not self.recovery.allows("decompress"):
            return "re-encoding is switched off (--no-decompress)"
        if words := self.why_not_decoded(syntax):
            return words
        if self.is_lossy(syntax) and not self.recovery.allows("decompress_lossy"):
            return "it may be compressed with loss, and such are not decompressed (--decompress-lossy)"
        return ""

    def words(self, result: int) -> str:
        """What the destination said of a pair."""
        if result == HUNG_UP:
            return "the destination ends an association that proposes it"
        if result == NOT_ASKED:
            return "not asked"
        return "accepted" if result == ACCEPTED else self.refusals.get(result, "refused")


@dataclass(slots=True)
class Answers:
    """The results by the kind of association over which they were asked for.

    `hang_ups` counts the common associations that the destination ended on what the source holds. One is
    enough to hold up a migration, whose associations propose all of that together.
    """

    common: dict[ContextPair, int] = field(default_factory=dict)
    targeted: dict[ContextPair, int] = field(default_factory=dict)
    uncompressed: dict[ContextPair, int] = field(default_factory=dict)
    associations: int = 0
    hang_ups: int = 0


class Probing:
    """Asks one destination, an association at a time. `asked` is told of how many, and of how many in all."""

    def __init__(
        self, prober: Prober, means: Means, control: Control, asked: Callable[[int, int], None]
    ) -> None:
        self._prober = prober
        self._means = means
        self._control = control
        self._asked = asked
        self._answers = Answers()
        self._left = 0
        self._hang_ups = 0
        self._borne: set[str] = set()  # classes on which it does not hang up in every syntax

    def greet(self) -> None:
        """See whether there is an association to be had at all. Raises DestinationError, Cancelled."""
        self._patiently([self._means.greeting])

    def run(self, held: Collection[ContextPair], others: Collection[ContextPair] = ()) -> Answers:
        """Find out about what a source holds, and about other pairs, these over common associations only.

        Raises DestinationError where no association is to be had, Cancelled.
        """
        answers = self._of_source(held)
        wanted = {pair for pair in others if pair not in answers.common and self._means.can_propose(pair)}
        self._ask_all(_portions(wanted), answers.common)
        if self._hang_ups:
            self.greet()  # or it has gone down meanwhile
        return answers

    def _of_source(self, held: Collection[ContextPair]) -> Answers:
        means, answers = self._means, self._answers
        classes = dict.fromkeys(pair.sop_class for pair in held)
        fallbacks = (ContextPair(one, syntax) for one in classes for syntax in means.fallbacks)
        wanted = {pair for pair in (*held, *fallbacks) if means.can_propose(pair)}
        self._ask_all(_portions(wanted), answers.common)
        answers.hang_ups = self._hang_ups
        if not means.recovery.allows("targeted"):
            return answers
        borne = [pair for pair in held if answers.common.get(pair) != HUNG_UP]
        stuck = self._stuck(borne, (answers.common,))
        self._ask_all(_by_class(stuck, means.fallbacks), answers.targeted)
        stuck = self._stuck(stuck, (answers.common, answers.targeted))
        if means.recovery.allows("decompress"):
            classes = dict.fromkeys(pair.sop_class for pair in stuck)
            portions = [[ContextPair(one, syntax) for syntax in means.fallbacks] for one in classes]
            self._ask_all(portions, answers.uncompressed)
        return answers

    def _stuck(
        self, pairs: Iterable[ContextPair], known: Sequence[Mapping[ContextPair, int]]
    ) -> list[ContextPair]:
        """Those for which there is no way yet."""
        return [
            pair
            for pair in pairs
            if self._means.can_propose(pair) and not any(_way(pair, one, self._means) for one in known)
        ]

    def _ask_all(self, portions: Sequence[list[ContextPair]], results: dict[ContextPair, int]) -> None:
        self._left += len(portions)
        for portion in portions:
            self._control.checkpoint()
            results.update(self._ask(portion))
            self._left -= 1
            self._asked(self._answers.associations, self._answers.associations + self._left)

    def _ask(self, pairs: list[ContextPair]) -> dict[ContextPair, int]:
        """Ask; in parts where the destination hangs up on so many, or on one of them."""
        try:
            return dict(self._patiently(pairs))
        except PeerSilent:
            raise
        except AssociationLost:
            self._answers.associations += 1
            self._hang_ups += 1
        if len(pairs) == 1:
            return {pairs[0]: HUNG_UP}
        results: dict[ContextPair, int] = {}
        for part in self._parts(pairs):
            results |= self._ask(part)
        return dict.fromkeys(pairs, HUNG_UP) | results

    def _parts(self, pairs: list[ContextPair]) -> Iterator[list[ContextPair]]:
        """The classes; of a single one halves, unless the destination hangs up on the class itself.

        That does so even in implicit VR little endian, which goes with every class (PS3.5 10.1).
        """
        classes = [list(group) for _, group in groupby(pairs, key=lambda pair: pair.sop_class)]
        if len(classes) > 1:
            yield from classes
            return
        plain = ContextPair(pairs[0].sop_class, self._means.greeting.transfer_syntax)
        if plain.sop_class in self._borne or self._ask([plain])[plain] != HUNG_UP:
            self._borne.add(plain.sop_class)
            half = len(pairs) // 2
            yield from (pairs[:half], pairs[half:])

    def _patiently(self, pairs: list[ContextPair]) -> Mapping[ContextPair, int]:
        """Ask; again after a while where the destination has no room for one association more now."""
        for seconds in _WAITS:
            try:
                return self._once(pairs)
            except AssociationRejected as error:
                if not error.is_transient:
                    raise
            except DestinationError:
                self._control.check()
                raise
            self._control.wait(seconds)
        return self._once(pairs)

    def _once(self, pairs: list[ContextPair]) -> Mapping[ContextPair, int]:
        results = self._prober.ask(pairs)
        self._answers.associations += 1
        return results


def _portions(pairs: Iterable[ContextPair]) -> list[list[ContextPair]]:
    """The pairs by SOP class, in portions that fit on one association; a class is kept together."""
    portions: list[list[ContextPair]] = []
    for _, group in groupby(sorted(pairs), key=lambda pair: pair.sop_class):
        of_class = list(group)
        if portions and len(portions[-1]) + len(of_class) <= MOST_CONTEXTS:
            portions[-1] += of_class
            continue
        portions += [of_class[at : at + MOST_CONTEXTS] for at in range(0, len(of_class), MOST_CONTEXTS)]
    return portions


def _by_class(pairs: Iterable[ContextPair], fallbacks: Sequence[str]) -> list[list[ContextPair]]:
    """One proposal for each pair and the fallbacks of its class, as the recovery chain makes it."""
    return [
        list(dict.fromkeys((pair, *(ContextPair(pair.sop_class, one) for one in fallbacks))))
        for pair in pairs
    ]


@dataclass(frozen=True, slots=True)
class _Found:
    way: Way
    sent_as: str


def _way(pair: ContextPair, results: Mapping[ContextPair, int], means: Means) -> _Found | None:
    """How a pair gets over an association of these results, if it does."""
    if results.get(pair) == ACCEPTED:
        return _Found(Way.ACCEPTED, pair.transfer_syntax)
    target = next(
        (one for one in means.fallbacks if results.get(ContextPair(pair.sop_class, one)) == ACCEPTED), None
    )
    if target is None or means.hindrance(pair.transfer_syntax):
        return None
    is_native = pair.transfer_syntax in means.native
    return _Found(Way.REENCODED if is_native else Way.DECOMPRESSED, target)


def cells_of(
    held: Mapping[ContextPair, Amount], others: Iterable[ContextPair], answers: Answers, means: Means
) -> tuple[Cell, ...]:
    """The matrix: what the source holds, the most frequent first, then what else was asked for."""
    ordered = sorted(held, key=lambda pair: (-held[pair].files, pair))
    rest = (pair for pair in sorted(set(others)) if pair not in held)
    return tuple(_cell(pair, held.get(pair, Amount()), answers, means) for pair in (*ordered, *rest))


def _cell(pair: ContextPair, amount: Amount, answers: Answers, means: Means) -> Cell:
    is_lossy = means.is_lossy(pair.transfer_syntax)
    result = answers.common.get(pair, answers.targeted.get(pair, NOT_ASKED))
    for road, results in _roads(answers) if result != HUNG_UP else ():
        found = _way(pair, results, means)
        if found is not None:
            reason = "" if found.way is Way.ACCEPTED else means.words(result)
            return Cell(pair, amount, found.way, found.sent_as, road, result, is_lossy, reason)
    reason = _why_no_way(pair, result, answers, means)
    return Cell(pair, amount, Way.NO_WAY, "", Road.COMMON, result, is_lossy, reason)


def _roads(answers: Answers) -> Iterator[tuple[Road, Mapping[ContextPair, int]]]:
    yield Road.COMMON, answers.common
    yield Road.TARGETED, answers.targeted
    yield Road.UNCOMPRESSED, answers.uncompressed


def _why_no_way(pair: ContextPair, result: int, answers: Answers, means: Means) -> str:
    if not means.can_propose(pair):
        return "it cannot be proposed: not a UID"
    said = means.words(result)
    if result == HUNG_UP:
        return f"{said}, as a migration's do"
    plain = [ContextPair(pair.sop_class, one) for one in means.fallbacks]
    takes_plain = any(results.get(one) == ACCEPTED for _, results in _roads(answers) for one in plain)
    if takes_plain:
        return f"{said}, and {means.hindrance(pair.transfer_syntax)}"
    return f"{said}, nor is this SOP class accepted in any uncompressed syntax"
