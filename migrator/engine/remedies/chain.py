"""The chain in its order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from migrator.core.model import ContextPair
from migrator.core.settings import Settings
from migrator.engine.recovery import Remedy
from migrator.engine.remedies.connection import Holds, back_off, reconnect, resolve_unknown, try_again
from migrator.engine.remedies.contents import reclassify, renegotiate, simplify
from migrator.engine.remedies.patient import Patients, reidentify


@dataclass(frozen=True, slots=True)
class Questions:
    """What remedies may ask: the destination, over associations of their own, and what was learnt of it."""

    holds: Holds
    patients: Patients
    is_hopeless: Callable[[ContextPair], bool] = lambda pair: False


def remedies_of(settings: Settings, questions: Questions) -> list[Remedy]:
    """Every remedy that the settings allow, in the order in which they are asked."""
    recovery = settings.recovery
    return [
        resolve_unknown(recovery, questions.holds),
        reconnect(recovery),
        renegotiate(recovery, questions.is_hopeless),
        reidentify(recovery, questions.patients),
        simplify(recovery),
        reclassify(recovery),
        back_off(recovery),
        try_again(settings.send.retries),
    ]
