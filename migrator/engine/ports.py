"""What the engine and the checks need of the DICOM world; `migrator.dicom` fits these."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from migrator.core.edits import Edit
from migrator.core.model import ContextPair, Instance, Patient, StudyHoldings
from migrator.core.outcome import Outcome, Problem


class ReadHeader(Protocol):
    """Reads one file's identity without changing anything about the file."""

    def __call__(self, root: str, path: str, size: int, mtime_ns: int) -> Instance | Problem:
        """Classify the file at `path` (relative to `root`) by its content. Never raises for bad content."""
        ...


class SameDataset(Protocol):
    """Tells duplicates from conflicts."""

    def __call__(self, root: str, first: Instance, second: Instance) -> bool:
        """Whether both files hold the same dataset, byte by byte, under the same transfer syntax.

        Raises InstanceError when either cannot be read.
        """
        ...


class Sender(Protocol):
    """At most one association to one destination, owned by one thread."""

    @property
    def is_open(self) -> bool: ...

    def open(self, pairs: Collection[ContextPair], *, is_uncompressed: bool = False) -> None:
        """Request an association that proposes `pairs`, in this order of need, with uncompressed fallbacks.

        With `is_uncompressed` only the fallbacks of their SOP classes are proposed.
        Raises Unreachable, AssociationRejected, AssociationLost.
        """
        ...

    def covers(self, pairs: Collection[ContextPair]) -> bool:
        """Whether every pair was proposed on the association that is open (accepted or not)."""
        ...

    def store(
        self, instance: Instance, edits: tuple[Edit, ...] = (), then: Instance | None = None
    ) -> Outcome:
        """Send one instance and wait for the answer; `then` is likely to follow and may be opened early.

        A refusal, a file that cannot be read or encoded, a context that was not accepted are Outcomes.
        Raises AssociationLost when the association ended before the answer came: nobody knows whether
        it was stored, unless the error's `nothing_sent` says that no byte had left; `unanswered` tells how
        it was sent.
        """
        ...

    def release(self) -> None:
        """End the association in order (A-RELEASE); never raises. Without one: nothing."""
        ...

    def abort(self) -> None:
        """End the association at once; the only method that another thread may call."""
        ...


class Finder(Protocol):
    """Asks a destination what it holds, on associations of its own. Owned by one thread."""

    def holdings(self, study_uid: str) -> StudyHoldings:
        """What the destination holds of one study, by the best proof it can give.

        Raises Unreachable, AssociationRejected, AssociationLost.
        """
        ...

    def holds(self, instance: Instance) -> bool | None:
        """Whether the destination holds this instance; None when it cannot tell.

        Raises Unreachable, AssociationRejected, AssociationLost.
        """
        ...

    def patients(self, study_uid: str) -> tuple[Patient, ...] | None:
        """The patients under whom the destination knows a study, each once; None when it cannot tell.

        Raises Unreachable, AssociationRejected, AssociationLost.
        """
        ...

    def interrupt(self) -> None:
        """Make the present call and all further ones raise AssociationLost soon; any thread may call it."""
        ...

    def close(self) -> None:
        """End its association, if there is one; never raises. A later question opens another."""
        ...
