"""Serving a run's monitor while a block lasts: in a daemon thread with a loop of its own.

    with serving(settings, home, watched, say) as place:
        …  # the run
        watched.code = 0

Whatever goes wrong once the place is taken is one warning; the run goes on.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
import uvicorn.lifespan.off  # uvicorn names it in a string, which a frozen program cannot follow

from migrator.core.settings_monitor import MonitorSettings
from migrator.jobs import watched as jobs_watched
from migrator.monitor.app import Access, Routes
from migrator.monitor.certificate import Secured, secured
from migrator.monitor.connections import MOST_HEAD, Connection, Server, quiet
from migrator.monitor.guard import Guard
from migrator.monitor.numbers import Numbers
from migrator.monitor.place import Listening, check, listen, pairing_link
from migrator.monitor.sessions import Pairing
from migrator.monitor.stream import Pulse
from migrator.monitor.watched import Watched

_log = logging.getLogger("migrator.monitor")

_LAST_WORDS = 2.0  # seconds for those who look to hear how it ended
_STARTS = 10.0  # seconds in which the server has to be there
_STOPS = 3.0  # seconds for it to end
_IDLE = 5  # seconds for which a client's connection is kept between two requests

Say = Callable[[str], None]
Told = Callable[[], dict[str, str]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a monitor is. `addresses` without a slash at the end, the best first; `fingerprint` is empty
    without TLS, else the certificate's SHA-256; `is_local` tells that this machine alone reaches it."""

    addresses: tuple[str, ...]
    fingerprint: str
    needs_pairing: bool
    is_local: bool
    pairing: Pairing = field(repr=False)

    @property
    def address(self) -> str:
        return self.addresses[0]

    @property
    def code(self) -> str:
        """What pairs now; empty where nobody needs to be paired."""
        return self.pairing.code if self.needs_pairing else ""

    @property
    def link(self) -> str:
        """What a QR code is to hold."""
        return pairing_link(self.address, self.code)


@contextmanager
def serving(
    settings: MonitorSettings,
    home: Path,
    watched: Watched,
    say: Say,
    paired: Callable[[Place], None] = lambda place: None,
) -> Iterator[Place | None]:
    """Serve `watched` where `settings.monitor` says; `jobs.watched.MONITOR` knows of it while it is there.

    None where the server did not start; that is a warning.
    `say` is told warnings; `paired`, from the monitor's thread, that there is another code. Whoever looks is
    told how the run ended, for two seconds at most. Raises UsageError for settings that cannot be, before
    anything is served.
    """
    check(settings)
    listening = listen(settings.monitor)
    try:
        tls = secured(settings, home, listening.names, say)
        pairing = Pairing()
        place = Place(
            listening.addresses("https" if tls is not None else "http"),
            tls.fingerprint if tls is not None else "",
            not listening.is_loopback or settings.monitor_control,
            listening.is_loopback,
            pairing,
        )
        if not listening.is_loopback and tls is None:
            say("what the monitor shows can be read on its way through the network (--monitor-tls)")
        access = _access(settings, place, listening, lambda: paired(place))
        thread = _Thread(watched, settings, access, (listening, tls), say)

        def told() -> dict[str, str]:
            return {"address": place.address, "code": place.code}

        try:
            yield place if thread.begin(told) else None
        finally:
            thread.end()
    finally:
        listening.socket.close()


def _access(
    settings: MonitorSettings, place: Place, listening: Listening, paired: Callable[[], None]
) -> Access:
    is_secure = bool(place.fingerprint)
    # Browsers send cookies to every port of a host: each monitor has its own.
    name = f"__Host-monitor-{listening.port}" if is_secure else f"monitor-{listening.port}"
    return Access(place.pairing, place.needs_pairing, settings.monitor_control, is_secure, name, paired)


class _Thread:
    """The server's own thread and loop."""

    def __init__(
        self,
        watched: Watched,
        settings: MonitorSettings,
        access: Access,
        where: tuple[Listening, Secured | None],
        say: Say,
    ) -> None:
        self._numbers = Numbers(watched, control=settings.monitor_control, details=settings.monitor_details)
        self._watched = watched
        self._access = access
        self._listening, self._tls = where
        self._say = say
        self._is_blind = False
        self._server: Server | None = None
        self._pulse: Pulse | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_up = threading.Event()
        """Set too where it did not come up."""
        self._told: Told = dict
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)

    def begin(self, told: Told) -> bool:
        """Return once it serves and MONITOR holds `told`; False where it does not, which is a warning."""
        quiet()
        self._told = told
        self._thread.start()
        if not self._is_up.wait(_STARTS):
            self._warn(f"the monitor does not serve after {_STARTS:g} s; the run goes on")
        return told in jobs_watched.MONITOR

    def _came_up(self) -> None:
        if not self._is_up.is_set():
            jobs_watched.MONITOR.append(self._told)
            self._is_up.set()

    def _withdraw(self) -> None:
        with suppress(ValueError):
            jobs_watched.MONITOR.remove(self._told)

    def end(self) -> None:
        """Let those who look see the last of it, and stop."""
        self._withdraw()
        loop = self._loop
        if loop is None or not self._thread.is_alive():
            return
        try:
            asyncio.run_coroutine_threadsafe(self._finish(), loop).result(_LAST_WORDS + _STOPS)
        except Exception as error:  # noqa: BLE001 - the run has ended, and its end is what counts
            _log.debug("the monitor did not end in order: %s", type(error).__name__)
        self._thread.join(_STOPS)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - a thread's outermost loop: the run goes on
            _log.debug("the monitor failed", exc_info=error)
            self._listening.socket.close()  # or whoever comes would wait there for an answer
            self._warn(f"the monitor does not serve any more ({type(error).__name__}); the run goes on")
        finally:
            self._is_up.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pulse = Pulse(self._numbers, time.monotonic)
        routes = Routes(self._watched, self._pulse, self._access)
        config = uvicorn.Config(
            Guard(routes.application(), self._listening.is_meant),
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_IDLE,
            h11_max_incomplete_event_size=MOST_HEAD,
            interface="asgi3",
        )
        tls = self._tls.context if self._tls is not None else None
        self._server = Server(config, self._listening.socket, tls)
        self._server.ticks += [self._came_up, self._tick]
        try:
            await self._server.serve()
        except Exception:
            await self._server.shutdown()  # which uvicorn leaves out then
            raise
        finally:
            self._withdraw()

    def _tick(self) -> None:
        """Look at the run. Where that fails, it may not the next time: a run may last for days."""
        if self._pulse is None:
            return
        try:
            self._pulse.tick()
        except Exception as error:  # noqa: BLE001 - the loop's own: whatever the numbers are made of
            if not self._is_blind:
                _log.debug("the monitor could not look at the run", exc_info=error)
                self._warn(f"the monitor cannot look at the run ({type(error).__name__}); it tries again")
            self._is_blind = True
        else:
            self._is_blind = False

    def _warn(self, words: str) -> None:
        _log.warning("%s", words)
        self._say(words)

    async def _finish(self) -> None:
        if self._pulse is None or self._server is None:
            return
        try:
            self._pulse.end()
            until = time.monotonic() + _LAST_WORDS
            while time.monotonic() < until and self._pulse.is_awaited:
                await asyncio.sleep(0.02)
        finally:
            self._server.finish()
