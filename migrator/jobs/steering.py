"""Reaching a run that is on from another process: pause, resume, cancel, prioritise, set, status, watch.

A run listens on a local socket whose address, with a random key, stands in `control.json` in the job's
folder, readable by its owner only. A request is one JSON object, `{"do": "pause"}`; its answer is
`{"done": {…}}` or `{"refused": "why"}`. What clients send cannot hold up or end the run, and is never logged:
it may name a patient.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from migrator.core.control import Control
from migrator.core.errors import MigratorError, NotRunning, UsageError
from migrator.core.model import Instance, Node
from migrator.engine.accounting import Snapshot
from migrator.engine.pacing import Pacing
from migrator.jobs.channel import KEY_BYTES, Channel, Message, Place, connect, left_place, listen, new_place
from migrator.jobs.home import job_folder
from migrator.jobs.watched import told_since

_log = logging.getLogger("migrator.steering")

FILE = "control.json"
_MOST_CLIENTS = 16
_PATIENCE = 5.0  # seconds that a client may take to say who it is, or for the rest of a message
_IDLE = 60.0  # seconds between two requests of a client
_ANSWER = 15.0  # seconds in which a run has to answer
_PAUSE = 0.5  # seconds after the system refused to accept a client


class Steered(Protocol):
    """What can be done to one destination of a run, from any thread. Raises MigratorError with words."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def cancel(self) -> None: ...

    def prioritise(self, study: str | None, patient: str | None) -> int:
        """Send this study or patient first; how many instances of it wait."""
        ...

    def set(self, name: str, value: str) -> None: ...

    def status(self) -> dict[str, Any]: ...

    def watch(self, since: object) -> dict[str, Any]:
        """Snapshots, whether it is paused, and the lines that were told from number `since` on."""
        ...


@dataclass(frozen=True, slots=True)
class DestinationSteering:
    """Fits Steered for one destination: its control, its dials, its queue, its numbers.

    `prioritise_instances` moves those that are wanted to the front of the queue and tells how many they are;
    `told` hears of what was done: paused, resumed, cancelled, or set, and then what to what.
    """

    control: Control
    pacing: Pacing
    prioritise_instances: Callable[[Callable[[Instance], bool]], int]
    snapshot: Callable[[], Snapshot]
    told: Callable[[str, str], None] = lambda action, detail: None

    def pause(self) -> None:
        self.control.pause()
        self.told("paused", "")

    def resume(self) -> None:
        self.control.resume()
        self.told("resumed", "")

    def cancel(self) -> None:
        self.told("cancelled", "")  # before the run can come to its end by that
        self.control.cancel()

    def prioritise(self, study: str | None, patient: str | None) -> int:
        if study:
            return self.prioritise_instances(lambda instance: instance.study.uid == study)
        if patient:
            return self.prioritise_instances(lambda instance: instance.study.patient.id == patient)
        raise UsageError("name the study or the patient that is to be sent first")

    def set(self, name: str, value: str) -> None:
        self.pacing.set(name, value)
        self.told("set", f"{name}={value}")

    def status(self) -> dict[str, Any]:
        """The Snapshot's numbers, and under `pace` how the dials stand."""
        return {**asdict(self.snapshot()), "pace": asdict(self.pacing.view())}

    def watch(self, since: object) -> dict[str, Any]:
        """`latency` is the median time to an answer, in seconds, where it is measured."""
        return {
            "snapshots": [asdict(self.snapshot())],
            "progress": None,
            "pace": asdict(self.pacing.view()),
            "is_paused": self.control.is_paused,
            **told_since(since),
        }


@contextmanager
def steering(folder: Path, steered: Steered) -> Iterator[None]:
    """Let others reach a run while the block lasts. `folder` is the job's, and locked by this process.

    Where that cannot be had the run goes on without: a line in the log says so.
    """
    server: _Server | None = None
    try:
        _clear_away(folder)
        server = _Server(folder, steered)
    except OSError as error:
        _log.warning("this run cannot be reached by `control`: %s", error.strerror or error)
    try:
        yield
    finally:
        if server is not None:
            server.close()


def _clear_away(folder: Path) -> None:
    """Remove what a run that was killed has left."""
    left = _read(folder)
    if left is not None:
        left_place(left[0]).remove()
    (folder / FILE).unlink(missing_ok=True)


class _Server:
    """One thread that accepts, one for each client; none of them keeps the program from ending."""

    def __init__(self, folder: Path, steered: Steered) -> None:
        """Raises OSError."""
        self._file = folder / FILE
        self._steered = steered
        self._key = secrets.token_bytes(KEY_BYTES)
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._clients: set[threading.Thread] = set()  # guarded by _lock
        self._place: Place = new_place()
        with ExitStack() as undo:
            undo.callback(self._place.remove)
            self._listener = listen(self._place)
            undo.callback(self._listener.close)
            _write(self._file, {"address": self._place.address, "key": self._key.hex(), "pid": os.getpid()})
            undo.pop_all()
        self._thread = threading.Thread(target=self._accept, name="steering", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer nobody any more, and remove every trace."""
        self._closing.set()
        with suppress(OSError):
            connect(self._place.address, _PATIENCE).close()  # closing a listener does not wake its accept()
        self._thread.join(_PATIENCE)
        with suppress(OSError):
            self._listener.close()
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            client.join(1.0)
        with suppress(OSError):
            self._file.unlink(missing_ok=True)
        self._place.remove()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection = self._listener.accept()
            except OSError:
                self._closing.wait(_PAUSE)
                continue
            with self._lock:
                if self._closing.is_set() or len(self._clients) >= _MOST_CLIENTS:
                    connection.close()
                    continue
                client = threading.Thread(
                    target=self._serve, args=(connection,), name="steering-client", daemon=True
                )
                self._clients.add(client)
            try:
                client.start()
            except RuntimeError:  # the system has no thread left: this client does without
                connection.close()
                with self._lock:
                    self._clients.discard(client)

    def _serve(self, connection: Connection[Any, Any]) -> None:
        channel = Channel(connection, _PATIENCE)
        try:
            channel.admit(self._key)
            while not self._closing.is_set():
                request = channel.receive(lambda: not self._closing.is_set(), _IDLE)
                channel.send(_answer(self._steered, request))
        except OSError:
            pass  # gone, silent, a stranger, or talking nonsense: its own affair
        finally:
            channel.close()
            with self._lock:
                self._clients.discard(threading.current_thread())


def _answer(steered: Steered, request: Message) -> Message:
    """Do what is asked; never raises."""
    try:
        return {"done": _do(steered, request)}
    except MigratorError as error:
        return {"refused": str(error)}
    except Exception as error:  # noqa: BLE001 - the thread's outermost loop; the run must not suffer
        # Not its text, which may hold what was asked for.
        _log.error("a request to a running job failed: %s", type(error).__name__)
        return {"refused": f"the run could not do it ({type(error).__name__})"}


def _do(steered: Steered, request: Message) -> Message:
    match request:
        case {"do": "pause"}:
            steered.pause()
            _log.info("paused from outside")
        case {"do": "resume"}:
            steered.resume()
            _log.info("resumed from outside")
        case {"do": "cancel"}:
            _log.info("cancelled from outside")
            steered.cancel()
        case {"do": "status"}:
            return steered.status()
        case {"do": "watch", "since": since}:
            return steered.watch(since)
        case {"do": "prioritise", "study": str() | None as study, "patient": str() | None as patient}:
            return {"instances": steered.prioritise(study, patient)}
        case {"do": "set", "name": str() as name, "value": str() as value}:
            steered.set(name, value)
            _log.info("%s was set to %s from outside", name, value)
        case _:
            raise UsageError("this is no request that the run understands; is it of another version?")
    return {}


def _write(file: Path, content: Message) -> None:
    """Whole or not at all, and for the owner only. Raises OSError."""
    descriptor, temporary = tempfile.mkstemp(".tmp", f".{file.name}-", file.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(content, stream)
        Path(temporary).replace(file)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _read(folder: Path) -> tuple[str, bytes] | None:
    """Address and key of the run that wrote its `control.json` here; None where there is no such file."""
    try:
        content = json.loads((folder / FILE).read_text("utf-8"))
        return str(content["address"]), bytes.fromhex(content["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_gone(folder: Path) -> bool:
    """Whether nobody listens any more who wrote the `control.json` of this folder, or there is none.

    A process that is stopped, or too busy to answer, still listens.
    """
    known = _read(folder)
    if known is None:
        return True
    try:
        connect(known[0], _PAUSE).close()
    except TimeoutError:
        return False
    except OSError:
        return True
    return False


class Steering:
    """The other end: steers one destination of a run that is on, or a command that was launched."""

    def __init__(self, home: Path, source: str, node: Node) -> None:
        """Find and call the run. Raises NotRunning."""
        # As written too: a mount that vanished, or another machine's, need not resolve here.
        paths = (os.path.realpath(source), source)
        self._call([job_folder(home, path, node) for path in paths], f"{source} to {node}")

    @classmethod
    def of_folder(cls, folder: Path, what: str) -> Steering:
        """The one whose `control.json` is in this folder; `what` says whose that is. Raises NotRunning."""
        steering = cls.__new__(cls)
        steering._call([folder], what)
        return steering

    def _call(self, folders: Iterable[Path], what: str) -> None:
        self._what = what
        known = next(filter(None, map(_read, folders)), None)
        if known is None:
            raise NotRunning(f"no run is on from {self._what}")
        try:
            self._channel = connect(known[0], _ANSWER)
        except TimeoutError as error:
            raise self._silent() from error
        except OSError as error:
            raise NotRunning(f"no run is on from {self._what}: the last one was killed") from error
        self._talk(lambda: self._channel.introduce(known[1]))

    def ask(self, request: Message) -> Message:
        """What the run answers. Raises UsageError where it refuses, NotRunning where it has ended."""
        answer: list[Message] = []

        def talk() -> None:
            self._channel.send(request)
            answer.append(self._channel.receive())

        self._talk(talk)
        if "refused" in answer[0]:
            raise UsageError(str(answer[0]["refused"]))
        done = answer[0].get("done")
        return done if isinstance(done, dict) else {}

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> Steering:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _talk(self, talk: Callable[[], None]) -> None:
        try:
            talk()
        except TimeoutError as error:
            self.close()
            raise self._silent() from error
        except OSError as error:
            self.close()
            raise NotRunning(f"the run from {self._what} has just ended, or serves too many") from error

    def _silent(self) -> NotRunning:
        return NotRunning(f"the run from {self._what} does not answer")
