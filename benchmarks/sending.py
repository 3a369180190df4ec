"""The cases that send: contenders in turn against one kind of sink."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from corpora import Archive, Ground
from measure import RunFailed, run
from results import Goal, Result, Run
from senders import Delivery, Sender
from sinks import Orthanc, Sink, Storescp, regime
from turns import Contender, Load, in_turn


@dataclass(frozen=True)
class SendCase:
    """What is sent, to whom, by whom, and what is to be reached."""

    name: str
    title: str
    sink: Literal["storescp", "storescp +xa", "orthanc"]
    has_no_delay: bool
    corpus: str
    senders: tuple[Sender, ...]
    goals: tuple[Goal, ...] = ()

    def brief(self) -> SendCase:
        """The same case with only those senders that a goal compares; all of them where there is no goal."""
        named = {name for goal in self.goals for name in goal.names}
        return replace(self, senders=tuple(s for s in self.senders if s.name in named) or self.senders)

    def run(self, ground: Ground, rounds: int) -> Result:
        archive = ground.archive(self.corpus)
        sink = self._sink(ground)
        contenders = [
            Contender(sender.name, partial(self._measure, sender, archive, sink)) for sender in self.senders
        ]
        try:
            rows = in_turn(contenders, Load(archive.files, archive.bytes), rounds)
        finally:
            sink.stop()
        return Result(self.name, self.title, rows, tuple(goal.judge(rows) for goal in self.goals))

    def _sink(self, ground: Ground) -> Sink:
        if self.sink == "orthanc":
            return Orthanc(self.has_no_delay, ground.folder / "orthanc")
        return Storescp(self.has_no_delay, accepts_all=self.sink == "storescp +xa")

    def _measure(self, sender: Sender, archive: Archive, sink: Sink) -> Run:
        scratch = Path(tempfile.mkdtemp(prefix="migrator-bench-"))
        try:
            sink.ready()
            commands = sender.commands(Delivery(archive, sink.port, scratch))
            together = run(commands, regime(self.has_no_delay))
            phase = sender.phase(together)
            if phase.sent != archive.files:
                raise RunFailed(f"{phase.sent} of {archive.files} files sent")
            sink.check(archive)
        finally:
            shutil.rmtree(scratch)
        return Run(phase.seconds, together.seconds, together.cpu_seconds, together.peak_bytes, phase.note)
