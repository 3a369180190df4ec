"""One PACS that misbehaves by script, and otherwise behaves as the contract for PACS says.

    with ScriptedPacs(Script(rules=(Rule(0xA700, first=3),))) as pacs:
        send_to(pacs.node)
        assert pacs.uids == {...}
        pacs.script = Script()          # from now on it behaves

It speaks on bare sockets throughout, since a server of pynetdicom's cannot be made to misbehave at any byte,
and so that the good and the bad go one way.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BytesIO

from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode, encode
from pynetdicom.pdu_primitives import A_ASSOCIATE

from migrator.core.model import Node
from migrator.dicom.inquiry import PATIENT_ROOT, STUDY_ROOT
from migrator.dicom.probe import VERIFICATION
from tests.peers.processes import free_port
from tests.peers.scripted_find import Holdings
from tests.peers.scripted_rules import LOCAL_LIMIT, Act, Arrived, Greeting, Proposal, Rule, Script
from tests.peers.scripted_talk import ABORT_BY_PROVIDER, GARBAGE, NO_DATA_SET, Over, Silent, Talk, message

C_STORE, C_FIND, C_ECHO, C_CANCEL = 0x0001, 0x0020, 0x0030, 0x0FFF
PENDING, BAD_LEVEL = 0xFF00, 0xA900
CLASS_NOT_SUPPORTED, SYNTAX_NOT_SUPPORTED = 3, 4
_FINDING = (STUDY_ROOT, PATIENT_ROOT)
_QUERY_RETRIEVE = "1.2.840.10008.5.1.4.1.2."
_POLL_SECONDS = 0.2
_END_SECONDS = 10.0
_BEHAVED = Rule()


@dataclass
class Log:
    """One connection. `ended` tells how, and is empty while it is open; `accepted` are class and syntax."""

    number: int
    proposal: Proposal | None = None
    accepted: tuple[tuple[str, str], ...] = ()
    answer: str = ""
    files: int = 0
    finds: int = 0
    echoes: int = 0
    ended: str = ""
    started_at: float = 0.0
    ended_at: float = 0.0

    @property
    def is_open(self) -> bool:
        return not self.ended


class ScriptedPacs:
    """Serves every connection in a thread of its own. `script` may be exchanged at any time.

    `arrived` are all C-STORE requests in order, refused ones too. `stop` and `start` keep the port and what
    is held. `receive_buffer` (bytes) makes a PACS that stops reading felt sooner.
    """

    def __init__(
        self, script: Script | None = None, *, ae_title: str = "SCRIPTED", receive_buffer: int = 0
    ) -> None:
        self._script = script or Script()
        self._ae_title = ae_title
        self._receive_buffer = receive_buffer
        self.port = 0
        self.arrived: list[Arrived] = []
        self.associations: list[Log] = []
        self.errors: list[BaseException] = []
        self._holdings = Holdings()
        self._kept: Counter[str] = Counter()  # guarded by _lock
        self._fits: Counter[int] = Counter()  # requests per rule of the script; guarded by _lock
        self._numbers = 0  # guarded by _lock
        self._earlier: Counter[str] = Counter()  # guarded by _lock
        self._served = 0  # associations that are accepted and open; guarded by _lock
        self._talks: set[Talk] = set()  # guarded by _lock
        self._threads: list[threading.Thread] = []
        self._lock = threading.Condition()
        self._stopping = threading.Event()
        self._stays_down = threading.Event()  # takes back a return that is due
        self._listener: socket.socket | None = None

    @property
    def script(self) -> Script:
        return self._script

    @script.setter
    def script(self, script: Script) -> None:
        with self._lock:
            self._script = script
            self._fits.clear()
            self._lock.notify_all()

    @property
    def node(self) -> Node:
        return Node("127.0.0.1", self.port, self._ae_title)

    @property
    def received(self) -> dict[str, list[Arrived]]:
        """All C-STORE requests by SOP instance UID."""
        found: dict[str, list[Arrived]] = {}
        for arrived in list(self.arrived):
            found.setdefault(arrived.uid, []).append(arrived)
        return found

    @property
    def uids(self) -> frozenset[str]:
        """The SOP instance UIDs of what it holds."""
        return self._holdings.uids

    @property
    def counts(self) -> Counter[str]:
        """How often each SOP instance was stored."""
        with self._lock:
            return Counter(self._kept)

    def count(self) -> int:
        """How many instances it holds."""
        return len(self.uids)

    @property
    def is_listening(self) -> bool:
        return self._listener is not None

    @property
    def is_idle(self) -> bool:
        """Whether no connection is open."""
        return all(not log.is_open for log in list(self.associations))

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._stays_down.set()
        self._stopping = threading.Event()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._receive_buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        self.port = self.port or free_port()  # nobody else takes it while this PACS is down
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        listener.settimeout(_POLL_SECONDS)
        self._listener = listener
        self._thread(self._listen, listener, self._stopping)

    def stop(self) -> None:
        """Stop listening, and cut every connection as a crash would."""
        self._stays_down.set()
        self._go_down()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(_END_SECONDS)
        self._threads = [thread for thread in self._threads if thread.is_alive()]

    def _go_down(self) -> None:
        self._stopping.set()
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            talks = list(self._talks)
            self._lock.notify_all()
        for talk in talks:
            talk.end()

    def __enter__(self) -> ScriptedPacs:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        assert not self.errors, self.errors

    def _thread(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=self._guarded, args=(target, *arguments), daemon=True)
        thread.start()
        self._threads.append(thread)  # only now: who stops this PACS may join it at once

    def _guarded(self, target: object, *arguments: object) -> None:
        try:
            assert callable(target)
            target(*arguments)
        except BaseException as error:  # noqa: BLE001 - handed to the test, at the end
            self.errors.append(error)

    def _listen(self, listener: socket.socket, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            log = Log(len(self.associations) + 1, started_at=time.monotonic())
            talk = Talk(connection, stopping)
            with self._lock:  # before any thread or test sees it, so that a stop finds it too
                if stopping.is_set():
                    talk.close()
                    return
                self._talks.add(talk)
            self.associations.append(log)
            self._thread(self._serve, talk, log, stopping)

    def _serve(self, talk: Talk, log: Log, stopping: threading.Event) -> None:
        conversation = _Conversation(self, talk, log, stopping)
        ended = "ended by the PACS"
        try:
            conversation.run()
        except Over as over:
            ended = str(over)
            if ended == "released" and not self.script.ignores_release:
                if not self.script.lingering:
                    self._give_back(conversation)  # before the other side hears of it, and comes again
                with suppress(Over):
                    talk.confirm_release()
                stopping.wait(self.script.lingering)
            elif ended == "released":
                talk.read_to_the_end()
        finally:
            self._give_back(conversation)
            with self._lock:
                self._talks.discard(talk)
            talk.close()
            log.ended_at = time.monotonic()
            log.ended = ended

    def take_place(self, talk: Talk) -> bool:
        """Count an association among those that are served, or tell that there is no room for it."""
        with self._lock:
            while (most := self._script.most_associations) and self._served >= most:
                if not self._script.queues:
                    return False
                if self._stopping.is_set():
                    raise Over("ended by the PACS")
                self._lock.wait(_POLL_SECONDS)
            self._served += 1
            return True

    def _give_back(self, conversation: _Conversation) -> None:
        """Count its association no more among those that are served."""
        with self._lock:
            self._served -= conversation.is_served
            conversation.is_served = False
            self._lock.notify_all()

    def number(self, command: Dataset, log: Log, syntax: str) -> Arrived:
        with self._lock:
            self._numbers += 1
            log.files += 1
            uid = str(command.AffectedSOPInstanceUID)
            earlier = self._earlier[uid]
            self._earlier[uid] += 1
            sop_class = str(command.AffectedSOPClassUID)
            return Arrived(self._numbers, log.number, log.files, earlier, uid, sop_class, syntax)

    def rule_for(self, arrived: Arrived, *, is_early: bool) -> Rule | None:
        """The rule that decides; None for one that needs the data set, which has not come yet."""
        with self._lock:
            for number, rule in enumerate(self._script.rules):
                if is_early and rule.when is not None:
                    return None
                if not rule.fits(arrived):
                    continue
                if rule.fits_as(self._fits[number] + 1):
                    self._fits[number] += 1
                    return rule
                self._fits[number] += bool(rule.every)
        return _BEHAVED

    def take(self, arrived: Arrived, is_kept: bool) -> None:
        if is_kept:
            self._holdings.add(arrived)
        with self._lock:
            self.arrived.append(arrived)
            if is_kept:
                self._kept[arrived.uid] += 1

    def find(self, identifier: Dataset) -> list[Dataset]:
        return list(self._holdings.find(identifier, self.script.patients))

    def go_down(self, back_after: float) -> None:
        """End as a crash would, from one of its own threads; listen again by itself after some seconds."""
        self._go_down()
        if back_after:
            stays_down = self._stays_down = threading.Event()
            self._thread(self._come_back, back_after, stays_down)

    def _come_back(self, seconds: float, stays_down: threading.Event) -> None:
        if not stays_down.wait(seconds):
            self.start()


class _Conversation:
    """One connection, from its first byte to its last; owned by one thread."""

    def __init__(self, pacs: ScriptedPacs, talk: Talk, log: Log, stopping: threading.Event) -> None:
        self._pacs = pacs
        self._talk = talk
        self._log = log
        self._stopping = stopping
        self._contexts: dict[int, tuple[str, str]] = {}
        self.is_served = False

    @property
    def _script(self) -> Script:
        return self._pacs.script

    def run(self) -> None:
        if self._script.greeting is Greeting.SILENCE:
            self._talk.read_to_the_end()
            raise Over("never answered")
        if self._script.greeting is Greeting.CLOSE:
            raise Over("closed at once")
        self._associate(self._talk.request())
        while True:
            try:
                context, command = self._talk.command(self._script.close_idle)
            except Silent:
                self._finish(self._script.close_by, "closed for idleness")
            self._handle(context, command)

    def _associate(self, request: A_ASSOCIATE) -> None:
        script, talk = self._script, self._talk
        pairs = tuple(
            (str(context.abstract_syntax), str(syntax))
            for context in request.presentation_context_definition_list
            for syntax in context.transfer_syntax
        )
        called, calling = (str(t).strip() for t in (request.called_ae_title, request.calling_ae_title))
        proposal = self._log.proposal = Proposal(calling, called, pairs)
        self._wait(script.accept_delay)
        if script.greeting is Greeting.ABORT:
            talk.say(ABORT_BY_PROVIDER)
            raise Over("aborted by the PACS")
        if script.greeting is Greeting.GARBAGE:
            talk.say(GARBAGE)
            talk.read_to_the_end()
            raise Over("answered garbage")
        refusal = script.reject
        if refusal is None and script.called_ae_titles and called not in script.called_ae_titles:
            refusal = (1, 1, 7)
        if refusal is None:
            self.is_served = self._pacs.take_place(talk)
            if not self.is_served:
                refusal = LOCAL_LIMIT
                self._wait(script.refusal_delay)
        if refusal is not None:
            talk.reject(*refusal)
            self._log.answer = f"rejected {refusal}"
            talk.read_to_the_end()
            raise Over("rejected")
        self._accept(request, proposal)

    def _accept(self, request: A_ASSOCIATE, proposal: Proposal) -> None:
        script = self._script

        def result_of(sop_class: str, syntax: str) -> int:
            if sop_class == VERIFICATION:
                return 0 if script.verifies else CLASS_NOT_SUPPORTED
            if sop_class in _FINDING:
                return 0 if script.finds else CLASS_NOT_SUPPORTED
            if sop_class.startswith(_QUERY_RETRIEVE):
                return CLASS_NOT_SUPPORTED
            if script.sop_classes and sop_class not in script.sop_classes:
                return CLASS_NOT_SUPPORTED
            return 0 if script.takes(sop_class, syntax, proposal) else SYNTAX_NOT_SUPPORTED

        self._log.answer = "accepted"
        self._talk.accept(request, script.max_pdu, result_of)
        contexts = request.presentation_context_definition_results_list
        self._contexts = {
            int(context.context_id or 0): (str(context.abstract_syntax), str(context.transfer_syntax[0]))
            for context in contexts
            if context.result == 0
        }
        self._log.accepted = tuple(self._contexts.values())

    def _handle(self, context: int, command: Dataset) -> None:
        if command.CommandField == C_STORE:
            self._store(context, command)
        elif command.CommandField == C_FIND:
            self._find(context, command)
        elif command.CommandField == C_ECHO:
            self._log.echoes += 1
            self._talk.answer(context, _response(command, self._script.echo_status))
        elif command.CommandField != C_CANCEL:
            raise Over(f"an unexpected command {command.CommandField:04X}")

    def _store(self, context: int, command: Dataset) -> None:
        arrived = self._pacs.number(command, self._log, self._contexts[context][1])
        rule = self._pacs.rule_for(arrived, is_early=True)
        if rule is not None and rule.act is Act.CUT_REQUEST:
            self._pacs.take(arrived, False)
            self._talk.read_some(1)
            self._finish(Act.RESET, "cut in the request")
        if rule is not None and rule.act is Act.STOP_READING:
            self._pacs.take(arrived, False)
            self._talk.wait_for_end()
            raise Over("stopped reading")
        arrived = replace(arrived, data=self._talk.data())
        rule = rule or self._pacs.rule_for(arrived, is_early=False) or _BEHAVED
        # It stores before it answers, as every PACS does, so whoever goes down now holds the instance.
        self._pacs.take(arrived, rule.is_kept)
        self._wait(rule.delay or self._script.delay)
        self._act(rule, context, command)
        if self._script.close_after and self._log.files >= self._script.close_after:
            self._finish(self._script.close_by, "closed after so many files")

    def _act(self, rule: Rule, context: int, command: Dataset) -> None:
        response = _response(command, rule.status)
        response.AffectedSOPInstanceUID = command.AffectedSOPInstanceUID
        if rule.comment:
            response.ErrorComment = rule.comment
        if rule.act is Act.WRONG_MESSAGE_ID:
            response.MessageIDBeingRespondedTo = (command.MessageID + 7) % 65536
        if rule.act in (Act.ANSWER, Act.WRONG_MESSAGE_ID):
            self._talk.answer(context, response)
        elif rule.act is Act.HALF_ANSWER:
            whole = message(context, response, None, self._talk.max_sent)
            self._talk.say(whole[: len(whole) // 2])
            self._finish(Act.RESET, "reset in the answer")
        elif rule.act is Act.GO_DOWN:
            self._pacs.go_down(rule.back_after)
            raise Over("went down")
        else:
            self._finish(rule.act, rule.act.value)

    def _finish(self, act: Act, words: str) -> None:
        """End the association in one of the ways that need no request."""
        if act is Act.ABORT:
            self._talk.say(ABORT_BY_PROVIDER)
            self._talk.read_to_the_end()
        elif act is Act.RESET:
            self._talk.reset()
        elif act is Act.SILENCE:
            self._talk.read_to_the_end()
        elif act is Act.GARBAGE:
            self._talk.say(GARBAGE)
            self._talk.read_to_the_end()
        elif act is not Act.CLOSE:
            raise AssertionError(f"{act} is no way to end an association")
        raise Over(words)

    def _find(self, context: int, command: Dataset) -> None:
        script = self._script
        self._log.finds += 1
        syntax = self._contexts[context][1]
        is_implicit = syntax == "1.2.840.10008.1.2"
        identifier = decode(BytesIO(self._talk.data()), is_implicit, True)
        self._wait(script.find_delay)
        if script.find_act is not Act.ANSWER:
            self._finish(script.find_act, "would not be asked")
        status = script.find_status
        try:
            found = [] if status else self._pacs.find(identifier)
        except ValueError:
            status, found = BAD_LEVEL, []
        for answer in found:
            data = encode(answer, is_implicit, True)
            assert data is not None, "an answer cannot be encoded"
            self._talk.answer(context, _response(command, PENDING), data)
        self._talk.answer(context, _response(command, status))

    def _wait(self, seconds: float) -> None:
        if seconds and self._stopping.wait(seconds):
            raise Over("ended by the PACS")


def _response(command: Dataset, status: int) -> Dataset:
    response = Dataset()
    response.AffectedSOPClassUID = command.AffectedSOPClassUID
    response.CommandField = command.CommandField | 0x8000
    response.MessageIDBeingRespondedTo = command.MessageID
    response.CommandDataSetType = NO_DATA_SET
    response.Status = status
    return response
