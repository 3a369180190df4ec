"""Sending instances by C-STORE (PS3.4 Annex B) over an association of our own, verbatim where accepted."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import NamedTuple

from migrator.core.edits import Edit, Reclassify, Uncompress
from migrator.core.errors import (
    AssociationLost,
    Cancelled,
    CannotEncode,
    DestinationError,
    InstanceError,
)
from migrator.core.model import ContextPair, Instance, Node
from migrator.core.outcome import Cause, Fidelity, Outcome, Refusal, State
from migrator.core.settings import SendSettings
from migrator.dicom.association import Association, Timeouts
from migrator.dicom.commands import Response
from migrator.dicom.contexts import (
    DEFLATED,
    FALLBACKS,
    NATIVE,
    Negotiation,
    Plan,
    can_propose,
    plan_contexts,
    uid_words,
)
from migrator.dicom.decoded_cache import Decodes
from migrator.dicom.decoding import shared_decoders
from migrator.dicom.editing.edits import STANDING, Edited, Editor, farthest
from migrator.dicom.payload import HEADROOM, MemoryPayload, Payload, Slab
from migrator.dicom.pixels import is_lossy
from migrator.dicom.protocol import fragment_size
from migrator.dicom.status import meaning, overrides_of
from migrator.dicom.trace import AssociationTrace

_NO_PLAN = Plan(())
_NO_NEGOTIATION = Negotiation({})


@dataclass(slots=True)
class Shipment:
    """An instance whose first bytes stand ready in a slab."""

    instance: Instance
    edits: tuple[Edit, ...]
    cargo: Edited
    payload: Payload
    slab: Slab
    context_id: int
    size: int
    fidelity: Fidelity
    syntax: str

    @property
    def sent_syntax(self) -> str:
        """The transfer syntax in which it goes; empty where that is the file's."""
        return self.syntax if self.syntax != self.instance.transfer_syntax else ""


class _Load(NamedTuple):
    """What is to be sent, with the edits that made it."""

    instance: Instance
    edits: tuple[Edit, ...]
    cargo: Edited


class _Took(NamedTuple):
    """Seconds of a whole send, and of its wait for the answer alone."""

    seconds: float
    latency: float


class StoreSender:
    """At most one association to one destination; fits `engine.ports.Sender`.

    `root` is the folder that instances' paths are relative to. `pace` is told how many bytes stand ready, and
    answers, after a wait if need be, how many of them may go now (at least one). Memory is two buffers of
    256 KiB, whatever is sent verbatim.
    """

    def __init__(
        self,
        node: Node,
        settings: SendSettings,
        root: str,
        pace: Callable[[int], int] | None = None,
        trace: AssociationTrace | None = None,
    ) -> None:
        self._node = node
        self._max_pdu = settings.max_pdu
        self._timeouts = Timeouts(settings.acse_timeout, settings.dimse_timeout, settings.network_timeout)
        self._prefix = os.path.join(root, "")  # noqa: PTH118 - joined by hand once per file
        self._pace = pace
        self._overrides = overrides_of(settings.status)
        self._trace = trace
        # The thread itself, since the identifier of one that ended is given to another.
        self._owner = threading.current_thread()
        self._is_aborted = threading.Event()
        self._association = Association(node, self._timeouts)
        self._plan = _NO_PLAN
        self._negotiation = _NO_NEGOTIATION
        self._slabs: tuple[Slab, Slab] | None = None
        self._turn = 0
        self._ahead: Shipment | None = None
        self._editor = Editor()
        self.decoders: Decodes | None = None
        """Who decodes, in place of the decoders that all senders share."""

    @property
    def is_open(self) -> bool:
        return self._association.is_open

    def open(self, pairs: Collection[ContextPair], *, is_uncompressed: bool = False) -> None:
        """Request an association that proposes `pairs`, in this order of need, with uncompressed fallbacks.

        With `is_uncompressed` only the fallbacks of their SOP classes are proposed. That no context at all
        was accepted is no error: every instance then says so.

        Raises Unreachable, AssociationRejected, AssociationLost.
        """
        self.release()
        self._plan = plan_contexts(pairs, is_uncompressed=is_uncompressed)
        association = self._association = Association(self._node, self._timeouts)
        # Looked at only now: an abort that comes later finds this association and interrupts it.
        if self._is_aborted.is_set():
            raise AssociationLost("the sender was aborted", nothing_sent=True)
        try:
            self._negotiation = association.open(self._plan, self._max_pdu)
        except DestinationError as error:
            self._negotiation = _NO_NEGOTIATION
            if self._trace is not None:
                self._trace.refused(self._node, str(error))
            raise
        fragment = fragment_size(self._negotiation.max_pdu)
        if self._slabs is None or self._slabs[0].fragment != fragment:
            self._slabs = (Slab(fragment), Slab(fragment))
        if self._trace is not None:
            self._trace.negotiated(self._node, self._plan, self._negotiation)

    def covers(self, pairs: Collection[ContextPair]) -> bool:
        """Whether every pair was proposed on the association that is open (or never can be)."""
        return self.is_open and all(pair in self._plan.contexts or not can_propose(pair) for pair in pairs)

    def store(
        self, instance: Instance, edits: tuple[Edit, ...] = (), then: Instance | None = None
    ) -> Outcome:
        """Send one instance and wait for the answer; `then` is opened before the answer is waited for.

        Raises AssociationLost, with `nothing_sent` where the instance is not in doubt.
        """
        self._owner = threading.current_thread()
        if not self.is_open:
            self._forget_ahead()
            raise AssociationLost("there is no association", nothing_sent=True)
        try:
            shipment = self._prepare(instance, instance.edits + edits)
            if isinstance(shipment, Outcome):
                return shipment
            return self._ship(shipment, then)
        except InstanceError as error:
            return _fault(error, attempts=0)
        except AssociationLost:
            self._forget_ahead()
            raise

    def release(self) -> None:
        """End the association in order (A-RELEASE); never raises. Without one: nothing."""
        self._owner = threading.current_thread()
        self._forget_ahead()
        self._association.release()

    def abort(self) -> None:
        """End the association at once, and for good: `open` raises AssociationLost from now on.

        The only method that another thread may call.
        """
        self._is_aborted.set()
        if threading.current_thread() is self._owner:
            self._forget_ahead()
            self._association.abort()
        else:
            self._association.interrupt()

    def _prepare(self, instance: Instance, edits: tuple[Edit, ...]) -> Shipment | Outcome:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            if ahead.instance is instance and ahead.edits == edits:
                return ahead
            ahead.payload.close()
        cargo = self._edited(instance, edits)
        uncompress = next((edit for edit in edits if isinstance(edit, Uncompress)), None)
        sent, accepted = cargo.instance, self._negotiation.accepted
        context_id = accepted.get(sent.pair)
        if context_id is not None and (uncompress is None or sent.transfer_syntax in FALLBACKS):
            if cargo.is_odd:
                return self._transcoded(_Load(instance, edits, cargo), sent.transfer_syntax, context_id)
            return self._straight(_Load(instance, edits, cargo), context_id)
        if uncompress is None and cargo.sent_uid:
            uncompress = next((edit.decoding for edit in edits if isinstance(edit, Reclassify)), None)
        if uncompress is None:
            return _unaccepted(self._negotiation.explain(sent.pair))
        _check_may_decode(cargo, uncompress)
        target = self._negotiation.fallback(sent.sop_class)
        if target is None:
            words = f"the destination accepts {uid_words(sent.sop_class)} in no uncompressed syntax"
            return _unaccepted(words)
        context_id = accepted[ContextPair(sent.sop_class, target)]
        return self._transcoded(_Load(instance, edits, cargo), target, context_id)

    def _edited(self, instance: Instance, edits: tuple[Edit, ...]) -> Edited:
        """The instance with all edits but for its transfer syntax. Raises InstanceError."""
        path = self._prefix + instance.path
        others = [edit for edit in edits if not isinstance(edit, Uncompress)]
        if not others:
            return Edited(instance, path, instance.transfer_syntax)
        return self._editor.edit(path, instance, others)

    def _straight(self, load: _Load, context_id: int) -> Shipment:
        """As it is, or with another header, in the transfer syntax of the file."""
        payload = load.cargo.open()
        size, fidelity, syntax = payload.remaining, load.cargo.fidelity, load.instance.transfer_syntax
        return self._load(Shipment(*load, payload, self._slab(), context_id, size, fidelity, syntax))

    def _transcoded(self, load: _Load, target: str, context_id: int) -> Shipment:
        """The instance in another syntax, or anew in its own. Raises InstanceError, AssociationLost."""
        association, cargo = self._association, load.cargo
        source = replace(cargo.instance, transfer_syntax=cargo.transfer_syntax)
        try:
            data = (self.decoders or shared_decoders()).decode(
                cargo.path, source, target, lambda: not self.is_open, cargo.segments
            )
        except Cancelled as error:
            association.abort()
            raise AssociationLost("the association was interrupted", nothing_sent=True) from error
        is_same_pixels = target == source.transfer_syntax or source.transfer_syntax in NATIVE
        encoding = Fidelity.REENCODED if is_same_pixels else Fidelity.DECOMPRESSED
        fidelity = farthest(encoding, cargo.fidelity)
        payload = MemoryPayload(data)
        return self._load(Shipment(*load, payload, self._slab(), context_id, len(data), fidelity, target))

    def _slab(self) -> Slab:
        """The buffer that the previous shipment does not use."""
        assert self._slabs is not None
        self._turn ^= 1
        return self._slabs[self._turn]

    def _load(self, shipment: Shipment) -> Shipment:
        try:
            shipment.slab.load(shipment.payload, shipment.context_id)
        except InstanceError:
            shipment.payload.close()
            raise
        return shipment

    def _load_ahead(self, then: Instance | None, edits: tuple[Edit, ...]) -> Shipment | None:
        """Read the beginning of the next file while the destination digests this one.

        Of the `edits` of this one the rules will be those of the next too; should that be sent otherwise,
        this was in vain.
        """
        if then is None or then.edits:
            return None
        standing = tuple(edit for edit in edits if isinstance(edit, STANDING))
        if standing and then.transfer_syntax == DEFLATED:
            return None
        context_id = self._negotiation.accepted.get(then.pair)
        if context_id is None:
            return None
        try:
            cargo = self._edited(then, standing)
            return None if cargo.is_odd else self._straight(_Load(then, standing, cargo), context_id)
        except InstanceError:
            # Its own turn will tell.
            return None

    def _ship(self, shipment: Shipment, then: Instance | None) -> Outcome:
        sent, association = shipment.cargo.instance, self._association
        command = association.begin(shipment.context_id, sent.sop_class, sent.uid)
        started = time.perf_counter()
        try:
            self._send(shipment, command)
            self._ahead = self._load_ahead(then, shipment.edits)
            waiting = time.perf_counter()
            response = association.answer(shipment.size)
            latency = time.perf_counter() - waiting
        except InstanceError as error:
            # Half a data set has left: nothing but the association's end can take it back.
            association.abort()
            size = shipment.size - shipment.payload.remaining
            return _fault(error, attempts=1, seconds=time.perf_counter() - started, size=size)
        except AssociationLost as error:
            self._trace_failure(None, str(error))
            error.unanswered = _unanswered(shipment)
            raise
        finally:
            shipment.payload.close()
        return self._judge(shipment, response, _Took(time.perf_counter() - started, latency))

    def _send(self, shipment: Shipment, command: bytes) -> None:
        association, payload, slab = self._association, shipment.payload, shipment.slab
        if len(command) > HEADROOM:
            association.send(memoryview(command))
            command = b""
        data = slab.pdus(command)
        while True:
            while self._pace is not None and (piece := self._pace(len(data))) < len(data):
                association.send(data[:piece], more=True)
                data = data[piece:]
            association.send(data)
            if not payload.remaining:
                return
            slab.load(payload, shipment.context_id)
            data = slab.pdus()

    def _judge(self, shipment: Shipment, response: Response, took: _Took) -> Outcome:
        status = response.status
        means = meaning(status, self._overrides)
        if status:
            self._trace_failure(response, means.words)
        return Outcome(
            means.state,
            status=status,
            comment=response.comment if status else "",
            fidelity=shipment.fidelity,
            seconds=took.seconds,
            latency=took.latency,
            bytes=shipment.size,
            reason=means.words,
            may_retry=means.may_retry,
            stops=means.stops,
            refusal=means.refusal,
            sent_uid=shipment.cargo.sent_uid,
            sent_syntax=shipment.sent_syntax,
            sent_class=shipment.cargo.sent_class,
            changes=shipment.cargo.changes,
            sent_patient=shipment.cargo.patient if means.refusal is Refusal.PATIENT else None,
        )

    def _trace_failure(self, response: Response | None, words: str) -> None:
        if self._trace is not None:
            answer = None if response is None else response.elements
            self._trace.failed(self._node, self._association.request, answer, words)

    def _forget_ahead(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.payload.close()


def _unaccepted(words: str) -> Outcome:
    return Outcome(State.FAILED, Cause.CONTEXT, attempts=0, reason=words)


def _unanswered(shipment: Shipment) -> Outcome:
    """How an object was sent of which nobody knows whether it was stored."""
    return Outcome(
        State.UNKNOWN,
        Cause.ASSOCIATION,
        fidelity=shipment.fidelity,
        bytes=shipment.size,
        sent_uid=shipment.cargo.sent_uid,
        sent_syntax=shipment.sent_syntax,
        sent_class=shipment.cargo.sent_class,
        changes=shipment.cargo.changes,
    )


def _check_may_decode(cargo: Edited, uncompress: Uncompress) -> None:
    """Raises CannotEncode where decoding is not allowed."""
    syntax = cargo.transfer_syntax
    if uncompress.keeps_lossy and is_lossy(syntax):
        raise CannotEncode(f"{uid_words(syntax)} may be compressed with loss: it is not decoded")
    if cargo.stays_compressed:
        raise CannotEncode("decompressed, the colours of the Secondary Capture copy would not fit its class")


def _fault(error: InstanceError, *, attempts: int, seconds: float = 0.0, size: int = 0) -> Outcome:
    """What became of an instance whose own file or encoding is in the way."""
    cause = Cause.ENCODING if isinstance(error, CannotEncode) else Cause.FILE
    return Outcome(
        State.FAILED,
        cause,
        attempts=attempts,
        seconds=seconds,
        bytes=size,
        reason=str(error),
        may_retry=error.may_retry,
    )
