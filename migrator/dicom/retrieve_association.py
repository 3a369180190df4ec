"""An association that asks for objects (PS3.4 C.4.2, C.4.3), and takes in what C-GET sends over it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from migrator.core.errors import AssociationLost
from migrator.core.model import ContextPair, Node
from migrator.dicom import commands, pdus
from migrator.dicom.arrivals import Arrived, Draft, Tray
from migrator.dicom.association import Association, Timeouts
from migrator.dicom.commands import Response
from migrator.dicom.contexts import IMPLICIT_LITTLE, Negotiation, Plan
from migrator.dicom.identifier import Keys, encode_keys
from migrator.dicom.protocol import COMMAND, LAST, Accepted, Delivery, Happening, Requestor

GET_MODEL = ContextPair("1.2.840.10008.5.1.4.1.2.2.3", IMPLICIT_LITTLE)
MOVE_MODEL = ContextPair("1.2.840.10008.5.1.4.1.2.2.2", IMPLICIT_LITTLE)

_MAX_PDU = 128 * 1024
_PDV_HEADER = struct.Struct(">IBB")
_LONGEST_MESSAGE = 1 << 20  # of commands and identifiers; objects have no limit
_SUCCESS, _OUT_OF_RESOURCES = 0x0000, 0xA700


class Flowing(Delivery):
    """A piece of an object came."""


@dataclass(frozen=True, slots=True)
class Stored(Delivery):
    """A C-STORE-RQ with all of its object, to be answered on this context."""

    context_id: int
    request: dict[int, bytes]
    status: int


class RetrievingRequestor(Requestor):
    """A requestor to whom the peer sends C-STORE requests while it asks (PS3.4 C.4.3)."""

    def __init__(self, node: Node, plan: Plan, max_pdu: int, tray: Tray) -> None:
        super().__init__(node, plan, max_pdu)
        self._tray = tray
        self._pairs: dict[int, ContextPair] = {}
        self._coming: tuple[int, dict[int, bytes]] | None = None
        self._draft: Draft | None = None

    def associate(self) -> bytes:
        """The A-ASSOCIATE-RQ, in which we propose to be the SCP of all storage classes."""
        queries = (GET_MODEL, MOVE_MODEL)
        classes = dict.fromkeys(pair.sop_class for pair in self._plan.contexts if pair not in queries)
        return pdus.associate_request(self._node, self._plan, self._max_pdu, classes)

    def ask(self, context_id: int, keys: Keys, move_to: str = "") -> bytes:
        """The next C-MOVE-RQ to an AE title, or C-GET-RQ without one, with its identifier, as PDUs."""
        if move_to:
            self._begin(commands.C_MOVE)
            command = commands.move_request(self._message_id, MOVE_MODEL.sop_class, move_to)
        else:
            self._begin(commands.C_GET)
            command = commands.get_request(self._message_id, GET_MODEL.sop_class)
        identifier = encode_keys(keys)
        return self._fragments(command, context_id, COMMAND) + self._fragments(identifier, context_id, 0)

    def reply(self, stored: Stored) -> bytes:
        """The C-STORE-RSP, as PDUs."""
        response = commands.store_response(stored.request, stored.status)
        return self._fragments(response, stored.context_id, COMMAND)

    def give_up(self) -> None:
        """Throw away what has come of an object that will not be completed."""
        draft, self._draft = self._draft, None
        if draft is not None:
            draft.discard()

    def _read_accept(self, body: bytes) -> Accepted:
        accepted = super()._read_accept(body)
        self._pairs = {number: pair for pair, number in accepted.negotiation.accepted.items()}
        return accepted

    def _read_pdata(self, body: bytes) -> Iterator[Happening]:
        position = 0
        while position < len(body):
            if position + 6 > len(body):
                raise AssociationLost("the destination sent a malformed data PDU")
            length, context_id, flags = _PDV_HEADER.unpack_from(body, position)
            end = position + 4 + length
            if length < 2 or end > len(body):
                raise AssociationLost("the destination sent a malformed data PDU")
            fragment, position = body[position + 6 : end], end
            if self._coming is not None and not flags & COMMAND:
                yield from self._take_in(fragment, bool(flags & LAST))
            else:
                yield from self._read_other(context_id, flags, fragment)

    def _take_in(self, fragment: bytes, is_last: bool) -> Iterator[Happening]:
        if self._draft is not None:
            self._draft.write(fragment)
        if not is_last:
            yield Flowing()
            return
        assert self._coming is not None
        (context_id, request), self._coming = self._coming, None
        draft, self._draft = self._draft, None
        status = _SUCCESS
        if draft is not None:
            draft.close()
            if draft.trouble:
                draft.discard()
                status = _OUT_OF_RESOURCES
            else:
                self._tray.put(Arrived(draft.path, _uid_of(request), self._pairs[context_id], "C-GET"))
        yield Stored(context_id, request, status)

    def _read_other(self, context_id: int, flags: int, fragment: bytes) -> Iterator[Happening]:
        """A piece of a command, or of an answer's identifier."""
        is_expected = bool(flags & COMMAND) is (self._headed is None)
        if not is_expected or len(self._message) > _LONGEST_MESSAGE:
            raise AssociationLost("the destination sent a data PDU that belongs to no response")
        self._message += fragment
        if not flags & LAST:
            return
        message, self._message = self._message, b""
        if self._headed is not None:
            response, self._headed = replace(self._headed, data=message), None
            yield response
            return
        elements = commands.command_elements(message)
        if commands.is_store_request(elements):
            self._begin_store(context_id, elements)
            return
        response = commands.read_response(message, self._operation)
        if not self._is_asked or response.message_id != self._message_id:
            raise AssociationLost("the destination answered a request that was not made")
        self._is_asked = response.is_pending
        if response.has_data:
            self._headed = response
        else:
            yield response

    def _begin_store(self, context_id: int, request: dict[int, bytes]) -> None:
        if context_id not in self._pairs:
            raise AssociationLost("the destination sent an object on a context that was not accepted")
        self.give_up()  # of an object that was announced and never came
        self._coming = (context_id, request)
        try:
            self._draft = self._tray.draft(_uid_of(request))
        except OSError:
            self._draft = None  # then it does not arrive, which is told


def _uid_of(request: dict[int, bytes]) -> str:
    value = request.get(commands.AFFECTED_SOP_INSTANCE, b"")
    return value.decode("utf-8", "surrogateescape").strip(" \0")


class RetrieveAssociation(Association):
    """One association for C-GET, or for C-MOVE. One thread owns it; others may only call `interrupt`."""

    def __init__(self, node: Node, timeouts: Timeouts, tray: Tray) -> None:
        super().__init__(node, timeouts)
        self._tray = tray
        self.negotiation = Negotiation({})

    def _requestor(self, plan: Plan, max_pdu: int) -> Requestor:
        return RetrievingRequestor(self._node, plan, max_pdu, self._tray)

    def open_for(self, plan: Plan) -> Negotiation:
        """Connect and negotiate; as `open`."""
        self.negotiation = self.open(plan, _MAX_PDU)
        return self.negotiation

    def retrieve(self, keys: Keys, move_to: str = "") -> Response:
        """Ask, and take in what comes until the last answer, which is given back: it proves nothing.

        Raises PeerSilent where nothing comes for too long, AssociationLost.
        """
        requestor = self._protocol
        assert isinstance(requestor, RetrievingRequestor)
        operation = "C-MOVE" if move_to else "C-GET"
        context_id = self.negotiation.accepted[MOVE_MODEL if move_to else GET_MODEL]
        self._sent = 0
        try:
            self.send(memoryview(requestor.ask(context_id, keys, move_to)))
            while True:
                happening = self._await(self._timeouts.dimse, f"the {operation} request")
                if isinstance(happening, Stored):
                    self.send(memoryview(requestor.reply(happening)))
                elif isinstance(happening, Response) and not happening.is_pending:
                    return happening
                elif not isinstance(happening, Response | Flowing):
                    raise self._lost(f"the destination answered the {operation} request with something else")
        except AssociationLost:
            requestor.give_up()
            raise
