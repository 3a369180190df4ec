"""The programs that send: ours, DCMTK's dcmsend and storescu, stock pynetdicom.

The send phase is, for every one that tells it, the time from the first association request to the last
response, without start-up and scan. dcmsend's is read from its log (its own messages alone are switched on:
a dozen lines); four of them begin when the first begins and end when the last ends. storescu does not tell:
its whole process counts.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from corpora import HERE, Archive
from measure import Ended, RunFailed, Together

Command = list[str]


@dataclass(frozen=True)
class Delivery:
    """What to send and where to. `scratch` is an empty folder on disk for the sender's own files."""

    archive: Archive
    port: int
    scratch: Path


@dataclass(frozen=True)
class Phase:
    """What a sender says of its run; `note` holds what the reader of the figures should know."""

    sent: int
    seconds: float
    note: str = ""


class Sender(Protocol):
    """One way of sending. `is_ours` tells whose goals it counts for."""

    @property
    def name(self) -> str: ...

    @property
    def is_ours(self) -> bool: ...

    def commands(self, delivery: Delivery) -> list[Command]: ...

    def phase(self, together: Together) -> Phase:
        """Read the send phase from what the programs said. Raises RunFailed when it was not completed."""
        ...


@dataclass(frozen=True)
class Ours:
    """`migrate` with its defaults, apart from the number of workers and the wait for files to settle."""

    workers: int
    options: tuple[str, ...] = ()
    is_ours: bool = True

    @property
    def name(self) -> str:
        return " ".join(["ours", f"x{self.workers}", *self.options])

    def commands(self, delivery: Delivery) -> list[Command]:
        target = f"ANY-SCP@127.0.0.1:{delivery.port}"
        return [
            [
                *OUR_PROGRAM,
                *("migrate", str(delivery.archive.folder), "--to", target),
                *("--workers", str(self.workers), "--settle", "0", "--json"),
                *("--home", str(delivery.scratch / "home"), *self.options),
            ]
        ]

    def phase(self, together: Together) -> Phase:
        together.ended[0].must_succeed()
        result = json.loads(together.ended[0].output)
        return Phase(result["sent"], result["seconds"])


OUR_PROGRAM = (sys.executable, "-m", "migrator")


@dataclass(frozen=True)
class Dcmsend:
    """DCMTK's dcmsend, in as many processes as told, each with its share of the studies."""

    processes: int
    is_ours: bool = False

    @property
    def name(self) -> str:
        return f"dcmsend x{self.processes}"

    def commands(self, delivery: Delivery) -> list[Command]:
        configuration = delivery.scratch / "log.cfg"
        configuration.write_text(_DCMSEND_LOG)
        base = ["dcmsend", "-lc", str(configuration), "+sd", "+r", "127.0.0.1", str(delivery.port)]
        return [[*base, *map(str, share)] for share in delivery.archive.shares(self.processes)]

    def phase(self, together: Together) -> Phase:
        phases = [_dcmsend_phase(one) for one in together.ended]
        begin, end = min(phase.begin for phase in phases), max(phase.end for phase in phases)
        return Phase(sum(phase.sent for phase in phases), end - begin)


@dataclass(frozen=True)
class _Logged:
    begin: float
    end: float
    sent: int


_DCMSEND_LOG = """\
log4cplus.rootLogger = OFF, console
log4cplus.logger.dcmtk.apps.dcmsend = INFO
log4cplus.appender.console = log4cplus::ConsoleAppender
log4cplus.appender.console.logToStdErr = true
log4cplus.appender.console.layout = log4cplus::PatternLayout
log4cplus.appender.console.layout.ConversionPattern = %D{%s.%q} %m%n
"""
_BEGIN = re.compile(r"^([\d.]+) negotiating network association", re.MULTILINE)
_END = re.compile(r"^([\d.]+) Status Summary", re.MULTILINE)
_SENT = re.compile(r"with status SUCCESS\s*: (\d+)")


def _dcmsend_phase(ended: Ended) -> _Logged:
    ended.must_succeed()
    begin, end, sent = (pattern.search(ended.messages) for pattern in (_BEGIN, _END, _SENT))
    if begin is None or end is None or sent is None:
        raise RunFailed(f"dcmsend's log is not understood:\n{ended.messages[-500:]}")
    return _Logged(float(begin[1]), float(end[1]), int(sent[1]))


@dataclass(frozen=True)
class Storescu:
    """DCMTK's storescu. It stops at the first store that fails, so its end with 0 means all."""

    files: int
    is_ours: bool = False
    name: str = "storescu"

    def commands(self, delivery: Delivery) -> list[Command]:
        return [["storescu", "+sd", "+r", "127.0.0.1", str(delivery.port), str(delivery.archive.folder)]]

    def phase(self, together: Together) -> Phase:
        together.ended[0].must_succeed()
        return Phase(self.files, together.seconds, "whole process")


@dataclass(frozen=True)
class StockPynetdicom:
    """pynetdicom's own send_c_store, one association for each thread."""

    threads: int
    is_ours: bool = False

    @property
    def name(self) -> str:
        return f"pynetdicom x{self.threads}"

    def commands(self, delivery: Delivery) -> list[Command]:
        script = str(HERE / "stock_pynetdicom.py")
        return [[sys.executable, script, str(delivery.archive.folder), str(delivery.port), str(self.threads)]]

    def phase(self, together: Together) -> Phase:
        together.ended[0].must_succeed()
        result = json.loads(together.ended[0].output)
        lost = result["lost"]
        return Phase(result["sent"], result["seconds"], f"{lost} responses lost" if lost else "")
