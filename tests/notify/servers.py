"""Servers that notifications go to: a real mail server with its bad manners, and a web address over TLS."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.tls.making import Pair, server_context

PASSWORD = "open sesame 4711"


@dataclass(frozen=True)
class Habits:
    """How a mail server behaves. `security` is starttls, tls or none; with `takes_logins` it takes `login`
    in these `ways`; `answers` are given to RCPT TO, the last one again and again; with `drops_at` it cuts the
    connection at that command."""

    security: str = "none"
    pair: Pair | None = None
    takes_logins: bool = False
    login: tuple[str, str] = ("migrator", PASSWORD)
    ways: tuple[str, ...] = ("PLAIN", "LOGIN")
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    data_answers: tuple[str, ...] = ("250 OK",)
    drops_at: str = ""


class _Smtp(SMTP):
    """aiosmtpd's server, which can also leave in the middle."""

    habits = Habits()

    async def smtp_MAIL(self, arg: str) -> None:
        if self.habits.drops_at == "MAIL":
            self.transport.abort()
            return
        await super().smtp_MAIL(arg)

    async def auth_CRAM__MD5(self, server: SMTP, args: list[str]) -> AuthResult:
        """A challenge that is no base64."""
        await self.push("334 a")
        return AuthResult(success=False, handled=False)


class MailServer:
    """A mail server on 127.0.0.1, in a thread of its own; what it took is in `mails`."""

    def __init__(self, habits: Habits | None = None) -> None:
        self.habits = habits or Habits()
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.senders: list[str] = []
        self.connections = 0
        self.logins: list[bool] = []
        self.was_encrypted: list[bool] = []
        self._asked: dict[str, int] = {}
        self._arrived = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail server")

    def __enter__(self) -> MailServer:
        self._thread.start()
        made = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)
        self._server = made.result(30)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        context = server_context(self.habits.pair) if self.habits.pair is not None else None
        at_once = context if self.habits.security == "tls" else None
        return await self._loop.create_server(lambda: self._protocol(context), "127.0.0.1", 0, ssl=at_once)

    async def _stop(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)

    def _protocol(self, context: ssl.SSLContext | None) -> SMTP:
        self.connections += 1
        habits = self.habits
        is_later = habits.security == "starttls"
        made = _Smtp(
            self,
            hostname="mail.example",
            tls_context=context if is_later else None,
            require_starttls=is_later,
            auth_require_tls=is_later,
            authenticator=self._authenticate,
            auth_exclude_mechanism={"CRAM-MD5", "LOGIN", "PLAIN"}.difference(
                habits.ways if habits.takes_logins else ()
            ),
            loop=self._loop,
        )
        made.habits = habits
        return made

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, way: str, data: Any
    ) -> AuthResult:
        given = cast(LoginPassword, data)
        is_right = (given.login.decode(), given.password.decode()) == self.habits.login
        self.logins.append(is_right)
        return AuthResult(success=is_right, handled=is_right)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answers = self.habits.answers.get(address, ("250 OK",))
        number = self._asked.get(address, 0)
        self._asked[address] = number + 1
        answer = answers[min(number, len(answers) - 1)]
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        number = self._asked.get("", 0)
        self._asked[""] = number + 1
        answer = self.habits.data_answers[min(number, len(self.habits.data_answers) - 1)]
        if answer.startswith("250"):
            content = cast(bytes, envelope.content)
            with self._arrived:
                self.mails.append(cast(EmailMessage, message_from_bytes(content, policy=default)))
                self.recipients.append(list(envelope.rcpt_tos))
                self.senders.append(str(envelope.mail_from))
                self.was_encrypted.append(session.ssl is not None or self.habits.security == "tls")
                self._arrived.notify_all()
        return answer

    def wait_for(self, count: int) -> list[EmailMessage]:
        """Wait until so many mails have come."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.mails) >= count, 60), f"{len(self.mails)} came"
            return list(self.mails)


class SilentServer:
    """Takes connections and never says a word."""

    def __enter__(self) -> SilentServer:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._taken: list[socket.socket] = []
        return self

    def accepted(self) -> None:
        """Wait until somebody has come."""
        self._socket.settimeout(60)
        self._taken.append(self._socket.accept()[0])

    def __exit__(self, *_: object) -> None:
        for one in (*self._taken, self._socket):
            one.close()


@dataclass
class Answer:
    """What a web server answers."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class WebServer:
    """A web server on 127.0.0.1, over TLS where it has a certificate; `bodies` are what was POSTed to it.

    It gives its `answers` in turn, the last one again and again.
    """

    def __init__(self, pair: Pair | None = None, *answers: Answer) -> None:
        self.answers = list(answers) or [Answer()]
        self.bodies: list[Any] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self._lock = threading.Condition()
        self._server = _Quiet(("127.0.0.1", 0), _handler(self._take))
        self.port = int(self._server.server_address[1])
        if pair is not None:
            self._server.context = server_context(pair)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="web server"
        )

    def _take(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        with self._lock:
            self.paths.append(path)
            self.headers.append(headers)
            self.bodies.append(json.loads(body))
            self._lock.notify_all()
            return self.answers[min(len(self.bodies), len(self.answers)) - 1]

    def wait_for(self, count: int) -> list[Any]:
        """Wait until so many messages have come."""
        with self._lock:
            assert self._lock.wait_for(lambda: len(self.bodies) >= count, 60), f"{len(self.bodies)} came"
            return list(self.bodies)

    def __enter__(self) -> WebServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Quiet(ThreadingHTTPServer):
    context: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.context is None:
            super().finish_request(request, client_address)
            return
        try:
            with self.context.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, client_address)
        except OSError:
            return  # who does not trust us leaves

    def handle_error(self, request: Any, client_address: Any) -> None:
        return


def _handler(take: Callable[[str, dict[str, str], bytes], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = take(self.path, dict(self.headers), body)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            return

    return Handler
