"""The monitor's routes."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from migrator import __version__
from migrator.core.errors import MigratorError
from migrator.monitor.guard import MOST_BODY, TooLarge, body_of, refused
from migrator.monitor.metrics import TYPE, metrics
from migrator.monitor.openapi import description
from migrator.monitor.problems import scrubbed
from migrator.monitor.sessions import DIGITS, Pairing, Session, TriedTooOften, is_same
from migrator.monitor.static_files import StaticFile, static_files
from migrator.monitor.stream import EventStream, Pulse
from migrator.monitor.watched import Watched

_log = logging.getLogger("migrator.monitor")

_KEPT_FOR = 7 * 24 * 3600  # seconds for which a phone keeps its cookie; a session ends with the command
_NOT_PAIRED = "not paired"

Answer = Callable[[Request], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what. `cookie` is the cookie's name."""

    pairing: Pairing
    is_needed: bool
    has_control: bool
    is_secure: bool
    cookie: str
    paired: Callable[[], None] = lambda: None
    """Called when somebody was paired, and the code is another one."""

    def session_of(self, request: Request) -> Session | None:
        token = request.cookies.get(self.cookie, "")
        return self.pairing.find(token) if token else None


class Routes:
    """What answers, on the monitor's loop."""

    def __init__(self, watched: Watched, pulse: Pulse, access: Access) -> None:
        self._watched = watched
        self._pulse = pulse
        self._access = access
        self._description = description(access.cookie)

    def application(self) -> Starlette:
        guarded = self._for_the_paired
        routes = [
            Route("/healthz", self._health, methods=["GET"]),
            Route("/api/session", self._session, methods=["GET"]),
            Route("/api/pair", self._pair, methods=["POST"]),
            Route("/api/snapshot", guarded(self._snapshot), methods=["GET"]),
            Route("/api/events", guarded(self._events), methods=["GET"]),
            Route("/api/control", guarded(self._control), methods=["POST"]),
            Route("/api/openapi.json", guarded(self._openapi), methods=["GET"]),
            Route("/metrics", guarded(self._metrics), methods=["GET"]),
            *(Route(path, _serving(file), methods=["GET"]) for path, file in static_files().items()),
        ]
        handlers = {HTTPException: _told, TooLarge: _too_large, ClientDisconnect: _gone, Exception: _failed}
        application = Starlette(routes=routes, exception_handlers=handlers)
        application.router.redirect_slashes = False
        return application

    def _for_the_paired(self, answer: Answer) -> Answer:
        async def checked(request: Request) -> Any:
            if self._access.is_needed and self._access.session_of(request) is None:
                return refused(401, _NOT_PAIRED)
            return await answer(request)

        return checked

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _session(self, request: Request) -> Response:
        session = self._access.session_of(request)
        return self._session_told(session)

    def _session_told(self, session: Session | None) -> JSONResponse:
        return JSONResponse(
            {
                "paired": session is not None,
                "pairing_needed": self._access.is_needed,
                "control": self._access.has_control,
                "version": __version__,
                "csrf": session.csrf if session is not None else "",
            }
        )

    async def _pair(self, request: Request) -> Response:
        if not _is_json(request):
            return refused(415, "say it in JSON (Content-Type: application/json)")
        said = await body_of(request)
        code = said.get("code") if isinstance(said, dict) else None
        if not (isinstance(code, str) and len(code) == DIGITS and code.isascii() and code.isdigit()):
            return refused(400, f"the code has {DIGITS} digits")
        access = self._access
        try:
            session = access.pairing.pair(code)
        except TriedTooOften as often:
            seconds = math.ceil(often.seconds)
            return refused(429, f"too many wrong codes: wait {seconds} s", retry_after=str(seconds))
        client = request.client.host if request.client else "somewhere"
        if session is None:
            _log.warning("somebody at %s tried a wrong code to pair with the monitor", client)
            return refused(403, "this is not the code that is shown now")
        _log.info("a browser at %s was paired with the monitor", client)
        access.paired()
        response = self._session_told(session)
        response.set_cookie(
            access.cookie,
            session.token,
            max_age=_KEPT_FOR,
            secure=access.is_secure,
            httponly=True,
            samesite="strict",
        )
        return response

    async def _snapshot(self, request: Request) -> Response:
        return Response(self._pulse.json, media_type="application/json")

    async def _events(self, request: Request) -> EventStream:
        session = self._access.session_of(request)
        client = request.client.host if request.client else ""
        return EventStream(self._pulse, session.csrf if session is not None else client)

    async def _control(self, request: Request) -> Response:
        access = self._access
        session = access.session_of(request)
        if not access.has_control or session is None:
            return refused(403, "this monitor only shows the run (--monitor-control lets it be steered)")
        if not is_same(request.headers.get("x-csrf-token", ""), session.csrf):
            return refused(403, "this does not come from the monitor's own page; load it again")
        if not _is_json(request):
            return refused(415, "say it in JSON (Content-Type: application/json)")
        said = await body_of(request)
        wish = said.get("do") if isinstance(said, dict) else None
        if wish not in ("pause", "resume", "cancel"):
            return refused(400, "what can be done: pause, resume, cancel")
        if self._watched.code is not None:
            return refused(409, "the run has ended")
        try:
            # In a thread: what is done may be written to the audit log first.
            await asyncio.to_thread(getattr(self._watched.steering, wish))
        except MigratorError as error:
            return refused(409, scrubbed(str(error)))
        client = request.client.host if request.client else "somewhere"
        _log.info("%s, asked for on the monitor at %s", wish, client)
        self._pulse.refresh()
        return JSONResponse({"done": True})

    async def _openapi(self, request: Request) -> Response:
        return JSONResponse(self._description)

    async def _metrics(self, request: Request) -> Response:
        return Response(metrics(self._pulse.shown), headers={"content-type": TYPE})


def _serving(file: StaticFile) -> Answer:
    headers = {"etag": file.tag, "cache-control": "no-cache", "content-type": file.type}

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == file.tag:
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers=headers)

    return answer


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == "application/json"


async def _told(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(getattr(error, "headers", None) or {})
    return JSONResponse({"error": HTTPStatus(status).phrase.lower()}, status, headers)


async def _too_large(request: Request, error: Exception) -> Response:
    return refused(413, f"a request may hold {MOST_BODY} bytes", connection="close")


async def _gone(request: Request, error: Exception) -> Response:
    return refused(400, "the request broke off")


async def _failed(request: Request, error: Exception) -> Response:
    """Of what nobody foresaw; the guard logs it."""
    return refused(500, "the monitor could not do it")
