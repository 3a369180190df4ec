"""One round of chaos: a fresh job, killed and restarted until all is sent, then judged."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from chaos_pacs import Pacs
from chaos_record import Standing, cut_power, standing_of
from proxy import Chances, Proxy

from tests.peers import wait_until
from tests.peers.archives import Archive

HERE = Path(__file__).resolve().parent
STATES = ("sent", "warned", "skipped", "held", "failed", "quarantined", "unknown", "pending")
QUIET_SECONDS = 300.0
IN_ORDER_SECONDS = 20.0
TICK = 0.02
# Short waits, so that many things happen in a minute.
OPTIONS = (
    *("--settle", "0", "--json", "--batch-size", "10", "--retries", "1"),
    *("--acse-timeout", "2", "--dimse-timeout", "2", "--network-timeout", "2"),
    *("--breaker-failures", "3", "--breaker-wait", "0.5", "--waves", "2", "--wave-wait", "0.2"),
)


class End(Enum):
    """How a life of the migrator ends."""

    KILL = "SIGKILL"
    POWER = "power cut"
    SIGNAL = "SIGTERM"
    ITSELF = "by itself"


@dataclass
class Tally:
    """What happened. `wrong` are broken promises, in words; empty is good."""

    rounds: int = 0
    files: int = 0
    lives: Counter[End] = field(default_factory=Counter)
    restarts: int = 0
    cuts: int = 0
    delayed: int = 0
    again: int = 0  # whole requests beyond the first of an instance
    lost_bytes: int = 0  # of manifests, by power cuts
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def words(self) -> str:
        lives = self.lives
        return (
            f"{self.files} files, {lives[End.KILL]} kills, {lives[End.POWER]} power cuts "
            f"({self.lost_bytes / 1e3:.1f} kB of manifest lost), {lives[End.SIGNAL]} SIGTERM, "
            f"{self.restarts} PACS restarts, {self.cuts} connections cut, {self.delayed} delayed, "
            f"received more than once {self.again}, {self.seconds:.0f} s, wrong: {len(self.wrong)}"
        )


@dataclass(frozen=True)
class Plan:
    """What is migrated by which source tree, by how many workers, and for how long at most."""

    archive: Archive
    tree: Path
    workers: int
    until: float


class Round:
    """One job against one destination. `home` is a fresh folder on disk."""

    def __init__(self, plan: Plan, pacs: Pacs, home: Path, chance: random.Random) -> None:
        self._plan = plan
        self._pacs = pacs
        self._home = home
        self._chance = chance
        self._record = home.with_suffix(".forced")
        self._proxy = Proxy(pacs.port, chance.randrange(1 << 30))
        self._node = f"{pacs.ae_title}@127.0.0.1:{self._proxy.port}"
        self._next_restart = 0.0
        self._known_stored: set[str] = set()  # when the present life began
        self._seen = 0  # requests that arrived before it
        self.tally = Tally(rounds=1, files=len(plan.archive.files))

    def run(self) -> Tally:
        started = time.monotonic()
        try:
            self._proxy.chances = Chances()
            self._plan_restart()
            for _ in range(self._chance.randint(6, 14)):
                if self.tally.wrong or time.monotonic() > self._plan.until or self._live() is End.ITSELF:
                    break
            self._proxy.chances = None
            if not self.tally.wrong:
                self._finish_quietly()
        finally:
            self._proxy.close()
        self.tally.cuts = self._proxy.cuts
        self.tally.delayed = sum(self._proxy.faults.values()) - self._proxy.cuts
        self.tally.again = sum(Counter(self._pacs.received()).values()) - len(set(self._pacs.received()))
        self.tally.seconds = time.monotonic() - started
        return self.tally

    @property
    def _manifest(self) -> Path:
        return next(self._home.glob("jobs/*/manifest.jsonl"), self._home / "none")

    def _wrong(self, words: str) -> None:
        self.tally.wrong.append(words)

    def _start(self) -> subprocess.Popen[bytes]:
        plan = self._plan
        command = [
            *(sys.executable, str(HERE / "chaos_victim.py"), str(plan.tree), str(self._record)),
            *("migrate", str(plan.archive.folder), "--to", self._node, "--home", str(self._home)),
            *("--workers", str(plan.workers), *OPTIONS),
        ]
        self._known_stored = standing_of(self._manifest).stored
        self._seen = len(self._pacs.received())
        errors = (self._home.with_suffix(".err")).open("ab")
        with errors:
            return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)

    def _live(self) -> End:
        """One life of the migrator among faults; what it leaves behind is judged."""
        end = self._chance.choices([End.KILL, End.POWER, End.SIGNAL], [55, 30, 15])[0]
        child = self._start()
        enough = self._seen + self._chance.randint(1, max(2, self.tally.files // 8))
        limit = time.monotonic() + self._chance.uniform(4, 12)
        while child.poll() is None and time.monotonic() < limit and len(self._pacs.received()) < enough:
            self._perhaps_restart()
            time.sleep(TICK)
        if child.poll() is not None:
            end = End.ITSELF if child.returncode == 0 else End.SIGNAL
        elif end is End.SIGNAL:
            child.send_signal(signal.SIGTERM)
            self._await_end(child)
        else:
            child.send_signal(signal.SIGKILL)
        output, _ = child.communicate()
        if end in (End.ITSELF, End.SIGNAL):
            self._judge_words(child.returncode, output)
        self._let_all_arrive()
        if end is End.POWER:
            self.tally.lost_bytes += cut_power(self._manifest, self._record)
        self.tally.lives[end] += 1
        self._judge_record()
        return end

    def _await_end(self, child: subprocess.Popen[bytes]) -> None:
        try:
            child.wait(IN_ORDER_SECONDS)
        except subprocess.TimeoutExpired:
            self._wrong("it did not end within 20 s of SIGTERM")
            child.kill()

    def _let_all_arrive(self) -> None:
        """Until nothing that was under way can still reach the destination."""
        wait_until(lambda: self._proxy.open == 0 and self._pacs.is_idle, "the connections ended", 60)

    def _plan_restart(self) -> None:
        self._next_restart = time.monotonic() + self._chance.uniform(2, 8)

    def _perhaps_restart(self) -> None:
        if time.monotonic() >= self._next_restart:
            self._pacs.crash()
            time.sleep(self._chance.uniform(0.1, 1.5))
            self._pacs.start()
            self.tally.restarts += 1
            self._plan_restart()

    def _judge_record(self) -> Standing:
        """The promises that hold at any moment, whatever was lost."""
        standing = standing_of(self._manifest)
        arrived = self._pacs.received()
        if standing.damaged:
            self._wrong(f"the manifest is damaged in lines {standing.damaged[:5]}")
        unknown = set(arrived) - standing.stored - standing.in_doubt - standing.other
        if unknown:
            self._wrong(f"{len(unknown)} instances were sent, and the record on the disk does not know it")
        missing = standing.stored - self._pacs.held()
        if missing:
            self._wrong(f"{len(missing)} instances are recorded as stored, and are not there")
        again = set(arrived[self._seen :]) & self._known_stored
        if again:
            self._wrong(f"{len(again)} instances were sent again, though the record had them as stored")
        return standing

    def _finish_quietly(self) -> None:
        """A last run without faults: it must bring everything to its end."""
        child = self._start()
        try:
            output, _ = child.communicate(timeout=QUIET_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            self._wrong("the last, quiet run did not end")
            return
        result = self._judge_words(child.returncode, output)
        if child.returncode != 0:
            self._wrong(f"the last, quiet run ended with {child.returncode}: {self._last_words()}")
        self._let_all_arrive()
        standing = self._judge_record()
        if result is not None:
            self._judge_end(result, standing)

    def _last_words(self) -> str:
        lines = self._home.with_suffix(".err").read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-3:])

    def _judge_words(self, code: int, output: bytes) -> dict[str, Any] | None:
        """Whether a run that ended in order ended as it may, and its ledgers balance."""
        if code not in (0, 1, 3, 130):
            self._wrong(f"a run ended with {code}: {self._last_words()}")
        if not output.strip():
            if code not in (3, 130):
                self._wrong(f"a run that ended with {code} said nothing")
            return None
        result: dict[str, Any] = json.loads(output)
        for name, ledger in (("run", result), ("job", result["job"])):
            if ledger["found"] != sum(ledger[state] for state in STATES):
                self._wrong(f"the ledger of the {name} does not balance")
        return result

    def _judge_end(self, result: dict[str, Any], standing: Standing) -> None:
        archive, job = self._plan.archive, result["job"]
        lost = archive.uids - self._pacs.held()
        if lost:
            self._wrong(f"{len(lost)} instances are lost")
        if strangers := self._pacs.held() - archive.uids:
            self._wrong(f"{len(strangers)} instances are there that were never in the archive")
        kept = self._pacs.datasets()
        if kept is not None and (altered := [u for u, d in archive.datasets.items() if kept.get(u) != d]):
            self._wrong(f"{len(altered)} data sets arrived otherwise than they are in their files")
        if job["found"] != len(archive.files) or job["sent"] != len(archive.files):
            self._wrong(f"the job counts {job['found']} found and {job['sent']} sent of {len(archive.files)}")
        if standing.stored != archive.uids:
            self._wrong("the manifest's last word is not that everything is stored")
