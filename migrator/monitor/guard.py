"""What holds for every request: who is meant by it, how large it may be, what a browser may do with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from migrator.monitor.pace import Pace

_log = logging.getLogger("migrator.monitor")

MOST_BODY = 4096  # bytes
# Requests a second, after those that come at once: a page with all its files is some thirty.
_RATE, _BURST = 100.0, 300
_LONGEST_WAIT = 2.0  # seconds

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class TooLarge(Exception):
    """A request's body is larger than any that makes sense."""


def refused(status: int, words: str, **headers: str) -> JSONResponse:
    """An error for people."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse({"error": words}, status, named)


class Guard:
    """Wraps the application. `is_meant` tells whether a Host header, and our address, mean this server."""

    def __init__(self, app: ASGIApp, is_meant: Callable[[str, str], bool]) -> None:
        self._app = app
        self._is_meant = is_meant
        self._pace = Pace(_RATE, _BURST, _LONGEST_WAIT)
        self._failures: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        has_started = False

        async def sending(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        app = await self._turn() or self._refusal(scope) or self._app
        try:
            await app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 - the outermost loop of a request: the run must not suffer
            self._tell(type(error).__name__)
            if not has_started:
                await refused(500, "the monitor could not do it")(scope, receive, sending)

    def _tell(self, kind: str) -> None:
        """Each kind of failure once, or clients could fill the run's log; and not its text, which may hold
        what was asked for.
        """
        level = logging.DEBUG if kind in self._failures else logging.WARNING
        self._failures.add(kind)
        _log.log(level, "a request to the monitor failed: %s", kind)

    async def _turn(self) -> JSONResponse | None:
        wait = self._pace.wait(asyncio.get_running_loop().time())
        if wait is None:
            return refused(503, "too many requests at once", retry_after="1", connection="close")
        if wait:
            await asyncio.sleep(wait)
        return None

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        host, server = headers.get("host", ""), scope.get("server")
        if not self._is_meant(host, server[0] if server else ""):
            return refused(421, "this is not the monitor of that address")
        if _length(headers) > MOST_BODY:
            return refused(413, f"a request may hold {MOST_BODY} bytes", connection="close")
        if scope["method"] == "POST" and not _is_own(headers, scope["scheme"], host):
            return refused(403, "this comes from another site")
        return None


def _length(headers: Headers) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else MOST_BODY + 1


def _is_own(headers: Headers, scheme: str, host: str) -> bool:
    """Whether a request that changes something was made by our own page, or by no browser at all."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    return origin is None or origin.lower() == f"{scheme}://{host}".lower()


async def body_of(request: Request) -> Any:
    """What the body says as JSON; None where it says nothing of the kind. Raises TooLarge."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY:
            raise TooLarge
    try:
        return orjson.loads(body)
    except ValueError:
        return None
