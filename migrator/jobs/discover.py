"""Looking for DICOM nodes: many addresses at once, at a bounded rate, and none but those that were named."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from migrator.core.addresses import is_port
from migrator.core.control import Control
from migrator.core.errors import Cancelled, UsageError
from migrator.dicom.discovery import COMMON_TITLES as COMMON_TITLES  # the faces' too
from migrator.dicom.discovery import DICOM_PORTS as DICOM_PORTS
from migrator.dicom.discovery import Approach as Approach
from migrator.dicom.discovery import Finding as Finding
from migrator.dicom.discovery import Kind as Kind
from migrator.dicom.discovery import Prober
from migrator.jobs.nodes import check_ae_title

_MOST_AT_ONCE = 32
_SLICE = 0.2  # seconds; Windows delivers Ctrl-C to the main thread only between its waits
_END_SECONDS = 0.7  # for probes in flight, when the user stops


@dataclass(frozen=True, slots=True)
class DiscoverRequest:
    """Where to look and how; `rate` is connections per second at most."""

    hosts: tuple[str, ...]
    ports: tuple[int, ...] = DICOM_PORTS
    approach: Approach = field(default_factory=Approach)
    rate: float = 50.0

    @property
    def places(self) -> int:
        return len(self.hosts) * len(self.ports)

    @property
    def least_seconds(self) -> float:
        """How long it takes at least, if nothing answers at once."""
        return self.places / self.rate


def ports_of(text: str) -> tuple[int, ...]:
    """The ports of `104,11112`, each once. Raises UsageError with what is wrong."""
    ports = dict.fromkeys(part.strip() for part in text.split(","))
    for port in ports:
        if not is_port(port):
            raise UsageError(f"{port!r} is not a port (1 to 65535)")
    return tuple(map(int, ports))


def titles_of(text: str) -> tuple[str, ...]:
    """The AE titles of `ANY-SCP,PACS`, each once. Raises UsageError with what is wrong."""
    titles = tuple(dict.fromkeys(title.strip() for title in text.split(",")))
    for title in titles:
        check_ae_title(title)
    return titles


class _Pace:
    """Lets through so many calls per second, of all threads together."""

    def __init__(self, rate: float, control: Control) -> None:
        self._interval = 1.0 / rate
        self._control = control
        self._lock = threading.Lock()
        self._next = 0.0  # guarded by _lock

    def __call__(self) -> None:
        """Wait for one's turn. Raises Cancelled."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._interval
        self._control.wait(turn - now)


class DiscoverJob:
    """One look around. `run` is called once; `probed` may be asked from any thread."""

    def __init__(self, request: DiscoverRequest, control: Control) -> None:
        self._request = request
        self._control = control
        # All hosts at one port, then at the next: no host has all its ports asked at once.
        self._places: Iterator[tuple[int, str]] = product(request.ports, request.hosts)
        self._lock = threading.Lock()
        self._said: queue.SimpleQueue[Finding | BaseException | None] = queue.SimpleQueue()
        self.probed = 0  # guarded by _lock for writing

    def run(self, found: Callable[[Finding], None]) -> None:
        """Look everywhere; `found` is called by this thread, as things are found. Raises Cancelled."""
        pace = _Pace(self._request.rate, self._control)
        count = min(_MOST_AT_ONCE, self._request.places)
        for _ in range(count):
            prober = Prober(self._request.approach, pace)
            self._control.on_cancel(prober.interrupt)
            # Daemons: looking up a name can last, and nothing interrupts that.
            threading.Thread(target=self._work, args=(prober,), daemon=True, name="discover").start()
        deadline = float("inf")
        while count:
            if self._control.is_cancelled:
                deadline = min(deadline, time.monotonic() + _END_SECONDS)
            try:
                said = self._said.get(timeout=_SLICE)
            except queue.Empty:
                if time.monotonic() >= deadline:
                    break
                continue
            if isinstance(said, Finding):
                found(said)
            elif said is None:
                count -= 1
            else:
                raise said
        self._control.checkpoint()

    def _work(self, prober: Prober) -> None:
        try:
            while (place := self._next()) is not None:
                port, host = place
                finding = prober.probe(host, port)
                with self._lock:
                    self.probed += 1
                if finding is not None:
                    self._said.put(finding)
        except Cancelled:
            pass
        except BaseException as error:  # noqa: BLE001 - the thread's outermost loop: raised again by `run`
            self._said.put(error)
        self._said.put(None)

    def _next(self) -> tuple[int, str] | None:
        with self._lock:
            return None if self._control.is_cancelled else next(self._places, None)


def words(finding: Finding) -> str:
    """A finding in one line."""
    where = f"[{finding.host}]" if ":" in finding.host else finding.host
    parts = [f"{finding.ae_title}@{where}:{finding.port}" if finding.ae_title else f"{where}:{finding.port}"]
    if finding.ae_title:
        parts.append(f"{finding.association_seconds * 1000:.1f} ms")
    if system := finding.implementation_version or finding.implementation_uid:
        parts.append(system)
    parts.append({Kind.DICOM: "DICOM", Kind.TLS: "TLS", Kind.OTHER: "no DICOM"}[finding.kind])
    if finding.note:
        parts.append(finding.note)
    return "  ".join(parts)


def as_json(finding: Finding) -> dict[str, Any]:
    """A finding; `ae_title` is null where none was accepted, `status` where C-ECHO was not answered."""
    return {
        "host": finding.host,
        "port": finding.port,
        "kind": finding.kind.value,
        "ae_title": finding.ae_title or None,
        "status": finding.status,
        "association_ms": round(finding.association_seconds * 1000, 3) if finding.ae_title else None,
        "implementation_uid": finding.implementation_uid,
        "implementation_version": finding.implementation_version,
        "note": finding.note,
    }
