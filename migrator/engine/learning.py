"""What one destination has taught in this run: which encoding and route it takes a kind of instance by.

Only what leaves an object's values alone is learnt, and the patient of a study, which is the same in all of
it. Whether contents have to be changed is asked anew for each instance: the next may be accepted as it is.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

from migrator.core.edits import Edit, RemapPatient, SuffixPatientId, Uncompress
from migrator.core.model import ContextPair, Instance, Patient
from migrator.core.outcome import Cause, Outcome
from migrator.engine.recovery import Attempt, Route
from migrator.engine.remedies.contents import RENEGOTIATED
from migrator.engine.remedies.patient import REMAPPED, SUFFIXED

_SURE_AFTER = 3  # identical heals, or identical failures, in a row
_MOST_STUDIES = 1000  # whose patients are remembered


@dataclass(frozen=True, slots=True)
class Lesson:
    """How instances of one kind are sent at once; `remedies` names the steps that were found to heal them."""

    remedies: tuple[str, ...]
    edits: tuple[Edit, ...]
    route: Route


class Learning:
    """Shared by the workers of one destination; all methods are for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lessons: dict[ContextPair, tuple[Lesson, int]] = {}  # guarded by _lock, as all below
        self._failures: dict[ContextPair, int] = {}
        self._identities: OrderedDict[str, _Identity] = OrderedDict()

    def lesson(self, instance: Instance) -> Lesson | None:
        """How such an instance is to be sent first, if that is known by now."""
        if not self._lessons and not self._identities:
            return None
        with self._lock:
            lesson, count = self._lessons.get(instance.pair, (None, 0))
            identity = self._identities.get(instance.study.uid)
        if count < _SURE_AFTER:
            lesson = None
        if identity is None or identity.own != instance.study.patient:
            return lesson
        if lesson is None:
            return Lesson((identity.remedy,), (identity.edit,), Route.SAME)
        remedies = (*lesson.remedies, identity.remedy)
        return replace(lesson, remedies=remedies, edits=(identity.edit, *lesson.edits))

    def is_hopeless(self, pair: ContextPair) -> bool:
        """Whether further associations have never made the destination accept such instances."""
        with self._lock:
            return self._failures.get(pair, 0) >= _SURE_AFTER

    def ended(self, attempt: Attempt, outcome: Outcome) -> Lesson | None:
        """Take note of how an instance fared that needed a remedy; returns what is sure from now on."""
        pair = attempt.instance.pair
        if outcome.is_stored:
            return self._healed(pair, attempt)
        is_refused = outcome.cause in (Cause.CONTEXT, Cause.ENCODING) and outcome.status is None
        if is_refused and not outcome.may_retry:
            with self._lock:
                self._lessons.pop(pair, None)
                self._failures[pair] = self._failures.get(pair, 0) + 1
        return None

    def _healed(self, pair: ContextPair, attempt: Attempt) -> Lesson | None:
        others = tuple(edit for edit in attempt.edits if not isinstance(edit, RemapPatient | SuffixPatientId))
        if others != attempt.edits:
            self._note_identity(attempt)
        is_plain = not others and attempt.route is Route.SAME
        if is_plain or any(not isinstance(edit, Uncompress) for edit in others):
            return None
        # What came after it, such as another try, healed this instance alone.
        step = next(remedy for remedy in reversed(attempt.remedies) if remedy in RENEGOTIATED)
        lesson = Lesson((step,), others, attempt.route)
        with self._lock:
            self._failures.pop(pair, None)
            before, count = self._lessons.get(pair, (lesson, 0))
            is_same = (before.edits, before.route) == (lesson.edits, lesson.route)
            count = count + 1 if is_same else 1
            self._lessons[pair] = (before if is_same else lesson, count)
        return lesson if count == _SURE_AFTER else None

    def _note_identity(self, attempt: Attempt) -> None:
        """The rest of the study has the same patient, and would be refused for the same reason."""
        study = attempt.instance.study
        for edit in attempt.edits:
            if isinstance(edit, RemapPatient | SuffixPatientId):
                remedy = REMAPPED if isinstance(edit, RemapPatient) else SUFFIXED
                with self._lock:
                    self._identities[study.uid] = _Identity(study.patient, edit, remedy)
                    if len(self._identities) > _MOST_STUDIES:
                        self._identities.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Identity:
    """Whom the destination takes a study's patient for, who is `own` in the files."""

    own: Patient
    edit: Edit
    remedy: str
