"""The cases of the record: the manifest alone, and a second run over an archive that is settled."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from corpora import Archive, Ground
from measure import RunFailed, run
from results import Goal, Result, Run, Verdict
from senders import Delivery, Ours
from sinks import Storescp
from turns import Contender, Load, in_turn


@dataclass(frozen=True)
class ManifestCase:
    """Appends outcomes to a manifest on disk, then loads it in a process of its own."""

    name: str
    title: str
    outcomes: int
    goals: tuple[Goal, ...]

    def run(self, ground: Ground, rounds: int) -> Result:
        folder = Path(tempfile.mkdtemp(prefix="migrator-bench-"))
        contenders = [Contender(verb, partial(self._measure, verb, folder)) for verb in ("append", "load")]
        try:
            rows = in_turn(contenders, Load(self.outcomes), rounds)
        finally:
            shutil.rmtree(folder)
        return Result(self.name, self.title, rows, tuple(goal.judge(rows) for goal in self.goals))

    def _measure(self, verb: str, folder: Path) -> Run:
        if verb == "append":
            shutil.rmtree(folder / "job", ignore_errors=True)
        program = (sys.executable, "-m", "benchmarks.manifest_probe")
        together = run([[*program, verb, str(folder / "job"), str(self.outcomes)]])
        together.ended[0].must_succeed()
        result = json.loads(together.ended[0].output)
        if result["count"] != self.outcomes:
            raise RunFailed(f"{result['count']} of {self.outcomes} outcomes")
        return Run(result["seconds"], together.seconds, together.cpu_seconds, together.peak_bytes)


@dataclass(frozen=True)
class SecondRunCase:
    """Migrates once for real, then again and again, when there is nothing left to do.

    The whole process counts, from its start to its end.
    """

    name: str
    title: str
    corpus: str
    goals: tuple[Goal, ...]

    def run(self, ground: Ground, rounds: int) -> Result:
        archive = ground.archive(self.corpus)
        scratch = Path(tempfile.mkdtemp(prefix="migrator-bench-"))
        sink = Storescp(has_no_delay=True)
        try:
            sink.ready()
            delivery = Delivery(archive, sink.port, scratch)
            first = Contender("first run", partial(_first, delivery))
            again = Contender("second run", partial(_again, delivery))
            load = Load(archive.files, archive.bytes)
            rows = in_turn([first], load, 1)
            if rows[0].runs:
                rows += in_turn([again], load, rounds)
            opened = _opened(delivery) if len(rows) == 2 else Verdict(_NO_FILE, "not measured", None)
        finally:
            sink.stop()
            shutil.rmtree(scratch)
        return Result(self.name, self.title, rows, (*(goal.judge(rows) for goal in self.goals), opened))


def _first(delivery: Delivery) -> Run:
    together = run(Ours(workers=4).commands(delivery))
    phase = Ours(workers=4).phase(together)
    if phase.sent != delivery.archive.files:
        raise RunFailed(f"{phase.sent} of {delivery.archive.files} files sent")
    return Run(phase.seconds, together.seconds, together.cpu_seconds, together.peak_bytes)


def _again(delivery: Delivery) -> Run:
    together = run(Ours(workers=4).commands(delivery))
    together.ended[0].must_succeed()
    result = json.loads(together.ended[0].output)
    if result["sent"] or result["skipped"] != delivery.archive.files:
        raise RunFailed(f"{result['sent']} files sent, {result['skipped']} skipped")
    return Run(together.seconds, together.seconds, together.cpu_seconds, together.peak_bytes)


_NO_FILE = "files of the source that a second run opens: 0"


def _opened(delivery: Delivery) -> Verdict:
    """Count, under strace and untimed, what a second run opens in the source; folders do not count."""
    if shutil.which("strace") is None:
        return Verdict(_NO_FILE, "not measured: no strace", None)
    log = delivery.scratch / "strace.log"
    watch = ["strace", "-f", "-y", "--seccomp-bpf", "-e", "trace=open,openat,openat2", "-o", str(log)]
    together = run([[*watch, *Ours(workers=4).commands(delivery)[0]]])
    if together.ended[0].code != 0:
        return Verdict(_NO_FILE, "not measured: strace failed", None)
    return _count_opened(log, delivery.archive)


def _count_opened(log: Path, archive: Archive) -> Verdict:
    with log.open(errors="replace") as lines:
        inside = [line for line in lines if str(archive.folder) in line]
    files = sum("O_DIRECTORY" not in line for line in inside)
    if not inside:
        return Verdict(_NO_FILE, "not measured: the trace shows no folder of the source", None)
    return Verdict(_NO_FILE, str(files), files == 0)
