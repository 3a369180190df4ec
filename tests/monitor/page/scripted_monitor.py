"""A monitor that tells what a test wants: states that a real run hardly comes to, at once and for as long."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import migrator

STATIC = Path(migrator.__file__).parent / "monitor" / "static"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_LOOK = 0.03  # seconds between two looks of a stream at the script
CSRF = "the-token-of-the-session"


@dataclass
class Play:
    """What the monitor does. Tests set it from their thread at any time.

    `events`: "sent"; "kept back", as by a proxy that buffers; "refused". With `is_away` nothing is answered,
    with `is_slow` no order. `refusal` is why orders are refused, if they are.
    """

    numbers: dict[str, Any]
    events: str = "sent"
    is_away: bool = False
    needs_pairing: bool = False
    code: str = "123456"
    cookies: set[str] = field(default_factory=set)
    tries_left: int = 3
    wait: int = 30
    refusal: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    is_slow: bool = False
    csrf_seen: list[str] = field(default_factory=list)
    listens: int = 0

    def tell(self, **changed: Any) -> None:
        self.numbers = {**self.numbers, **changed}

    @property
    def json(self) -> dict[str, Any]:
        return {"at": time.time(), **self.numbers}

    def knows(self, request: Request) -> bool:
        return not self.needs_pairing or request.cookies.get("session") in self.cookies


class ScriptedMonitor:
    """Serves the page and a play on a free port of this machine, until it is left."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self._is_ending = False
        config = uvicorn.Config(self._app(), log_level="critical", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    def __enter__(self) -> ScriptedMonitor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_ending = True
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self._page),
                Route("/manifest.webmanifest", self._manifest),
                Route("/api/session", self._session),
                Route("/api/pair", self._pair, methods=["POST"]),
                Route("/api/snapshot", self._snapshot),
                Route("/api/events", self._events),
                Route("/api/control", self._control, methods=["POST"]),
                Mount("/static", StaticFiles(directory=STATIC)),
            ]
        )

    async def _page(self, _: Request) -> Response:
        return FileResponse(STATIC / "index.html", headers={"Content-Security-Policy": CSP})

    async def _manifest(self, _: Request) -> Response:
        return FileResponse(STATIC / "manifest.webmanifest", media_type="application/manifest+json")

    async def _session(self, request: Request) -> Response:
        play = self.play
        if play.is_away:
            return Response(status_code=503)
        is_known = play.knows(request)
        control = bool(play.numbers["control"])
        return JSONResponse(
            {
                "paired": is_known and play.needs_pairing,
                "pairing_needed": play.needs_pairing,
                "control": control,
                "version": "0.1.0",
                "csrf": CSRF if is_known and control else "",
            }
        )

    async def _pair(self, request: Request) -> Response:
        play = self.play
        if not play.tries_left:
            headers = {"Retry-After": str(play.wait)}
            return JSONResponse({"error": "too many tries"}, 429, headers)
        if (await request.json())["code"] != play.code:
            play.tries_left -= 1
            return JSONResponse({"error": "wrong code"}, 403)
        answer = JSONResponse({"paired": True})
        play.cookies.add("a-session")
        answer.set_cookie("session", "a-session", httponly=True, samesite="strict")
        return answer

    async def _snapshot(self, request: Request) -> Response:
        play = self.play
        if play.is_away:
            return Response(status_code=503)
        if not play.knows(request):
            return JSONResponse({"error": "not paired"}, 401)
        return JSONResponse(play.json)

    async def _events(self, request: Request) -> Response:
        play = self.play
        if play.is_away or play.events == "refused":
            return Response(status_code=503)
        if not play.knows(request):
            return JSONResponse({"error": "not paired"}, 401)
        play.listens += 1
        return StreamingResponse(self._stream(request), media_type="text/event-stream")

    async def _stream(self, request: Request) -> AsyncIterator[str]:
        told: dict[str, Any] = {}
        play = self.play
        while not self._is_ending and not play.is_away and play.knows(request):
            numbers = play.numbers
            if numbers is not told and play.events == "sent":
                told = numbers
                yield f"event: snapshot\ndata: {json.dumps(play.json)}\n\n"
            await asyncio.sleep(_LOOK)

    async def _control(self, request: Request) -> Response:
        play = self.play
        play.csrf_seen.append(request.headers.get("X-CSRF-Token", ""))
        play.asked.append(await request.json())
        while play.is_slow and not self._is_ending:
            await asyncio.sleep(_LOOK)
        if play.refusal:
            return JSONResponse({"error": play.refusal}, 409)
        return JSONResponse({"done": True})
