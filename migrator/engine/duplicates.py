"""The same SOP instance twice: a duplicate when the datasets are the same, otherwise a conflict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from migrator.core.errors import InstanceError
from migrator.core.model import Instance, Reason
from migrator.core.outcome import Problem, State
from migrator.core.paths import long_path
from migrator.core.settings import ScanSettings
from migrator.engine.ports import ReadHeader, SameDataset

Earlier = Callable[[str], "tuple[str, int] | None"]


def nothing_earlier(uid: str) -> tuple[str, int] | None:
    """For jobs without an earlier run."""
    return None


class UidRegister:
    """Which file stands for which SOP instance UID. Judges instances in the order in which they are found.

    `earlier` tells path and size of the file that an earlier run sent for a UID.
    """

    def __init__(
        self,
        root: str,
        settings: ScanSettings,
        read: ReadHeader,
        is_same: SameDataset,
        earlier: Earlier = nothing_earlier,
    ) -> None:
        self._root = root
        self._sends_conflicts = settings.conflicts == "send"
        self._read = read
        self._is_same = is_same
        self._earlier = earlier
        # By hash: two of a million UIDs share one with a probability of 3e-8, and then the header tells.
        self._paths: dict[int, str] = {}

    def judge(self, instance: Instance) -> Problem | None:
        """None when this instance is to be sent; otherwise why not."""
        key = hash(instance.uid)
        path = self._paths.setdefault(key, instance.path)
        if path != instance.path:
            return self._compare(instance, path)
        earlier = self._earlier(instance.uid)
        if earlier is None or earlier[0] == instance.path:
            return None
        problem = self._compare(instance, earlier[0], sent_size=earlier[1])
        if problem is not None and problem.reason is not Reason.ALREADY_SENT:
            self._paths[key] = earlier[0]  # what follows is compared with what was sent
        return problem

    def first(self, uid: str) -> str | None:
        """The path of the file that stands for this UID; None where none was seen."""
        return self._paths.get(hash(uid))

    def _compare(self, instance: Instance, path: str, sent_size: int | None = None) -> Problem | None:
        """Judge against the file at `path`, which an earlier run sent when `sent_size` is given."""
        first = self._header(path)
        if first is None or (sent_size is not None and first.uid != instance.uid):
            if sent_size == instance.size:
                return _problem(instance, State.SKIPPED, Reason.ALREADY_SENT, f"moved from {path}")
            return self._conflict(instance, f"{path} is gone")
        if first.uid != instance.uid:
            return None
        try:
            is_same = self._is_same(self._root, first, instance)
        except InstanceError as error:
            return self._conflict(instance, f"cannot be compared with {path}: {error}")
        if is_same:
            return _problem(instance, State.SKIPPED, Reason.DUPLICATE, f"same as {path}")
        return self._conflict(instance, f"differs from {path}")

    def _header(self, path: str) -> Instance | None:
        try:
            status = Path(long_path(self._root), path).stat()
        except OSError:
            return None
        item = self._read(self._root, path, status.st_size, status.st_mtime_ns)
        return item if isinstance(item, Instance) else None

    def _conflict(self, instance: Instance, detail: str) -> Problem | None:
        if self._sends_conflicts:
            return None
        return _problem(instance, State.HELD, Reason.CONFLICT, detail)


def _problem(instance: Instance, state: State, reason: Reason, detail: str) -> Problem:
    return Problem(instance.path, instance.size, instance.mtime_ns, state, reason, detail, instance=instance)
