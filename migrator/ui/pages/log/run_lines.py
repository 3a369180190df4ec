"""Lines of the log that the engine does not tell one by one: what fails, by its row, and what was skipped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from PyQt5.QtCore import QObject

from migrator.core.model import Node
from migrator.jobs.tail import WORDS, Growth, Tail
from migrator.jobs.watched import Line
from migrator.records.words import counted
from migrator.ui.desk import Desk
from migrator.ui.running import Migration, Running

_FAIL = WORDS.index("FAIL")


class RunLines(QObject):
    """Adds them while a run that this window knows of is on; never for what an earlier run had left."""

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._begun = float("inf")
        self._over: Running | None = None
        desk.migration_changed.connect(self._begin)
        desk.rows.grew.connect(self._take)

    def _begin(self, migration: Migration | None) -> None:
        self._desk.log.begin_run()
        self._begun = float("inf")
        if migration is not None:
            migration.ended.connect(self._end)
            if migration.running is not None:
                self._begun = migration.running.launched.begun

    def _end(self, code: int) -> None:
        """Of the migration that tells it, which need not be on view any more; of each run once."""
        migration = self.sender()
        if not isinstance(migration, Migration):
            return
        if migration.running is None:
            self._desk.log.begin_run()  # the next run of another process tells of its own
        elif migration.running is self._over:
            return
        self._over = migration.running
        total = migration.sight.total
        if total is not None and total.run.skipped:
            skipped = counted(total.run.skipped, "file")
            self._desk.log.say(f"{skipped} skipped in this run; the Upload page tells why", "skip")

    def _take(self, number: int, growth: Growth) -> None:
        if self._begun == float("inf"):
            return
        tail, nodes = self._desk.rows.tails[number], self._nodes
        where = f"{nodes[number]}: " if len(nodes) > 1 else ""
        self._desk.log.add(self._lines(tail, growth.changed, where))
        self._desk.log.add(self._lines(tail, range(growth.first, growth.first + growth.added), where))

    @property
    def _nodes(self) -> tuple[Node, ...]:
        return self._desk.migration.nodes if self._desk.migration is not None else ()

    def _lines(self, tail: Tail, rows: Iterable[int], where: str) -> Iterator[Line]:
        """A line for each that failed: its SOP instance UID, neither path nor patient."""
        for number in rows:
            if tail.words[number] != _FAIL or not self._desk.log.tells_failures:
                continue
            row = tail.row(number)
            if row is None or row.at < self._begun:
                continue
            status = f" (status {row.status:04X})" if row.status else ""
            what = row.uid or "a file that holds no instance"
            # Of what the scan found its detail may name a path.
            reason = row.why.value if row.why is not None else row.reason
            told = f"{row.state.value} {what}{status}: {reason or 'no reason was told'}"
            yield Line(row.at, "error", where + told)
