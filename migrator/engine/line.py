"""One worker's association: opened when needed, renewed at study boundaries, the next one ahead of need."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass

from migrator.core.errors import AssociationLost, AssociationRejected, Cancelled, DestinationError
from migrator.core.events import AssociationOpened
from migrator.core.model import ContextPair
from migrator.engine.lane import Lane, Need
from migrator.engine.ports import Sender
from migrator.engine.recovery import Route

_AHEAD = 4  # files before the renewal at which the next association is requested
_MOST_UNUSED = 50  # files that go another way until an association of its own is released
_PATIENCE = 0.05  # seconds that it may still take when it is needed


class _Ahead:
    """An association that is being opened while another one still sends."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._lock = threading.Lock()
        self._sender: Sender | None = None  # guarded by _lock
        self._is_abandoned = False  # guarded by _lock
        self._thread = threading.Thread(target=self._open, name="association-ahead", daemon=True)
        self._thread.start()

    def _open(self) -> None:
        try:
            sender = self._lane.open_sender((), Need.AHEAD)
        except (DestinationError, Cancelled):
            return  # the worker opens one itself and meets the error there
        with self._lock:
            if not self._is_abandoned:
                self._sender = sender
                return
        self._lane.close_sender(sender)

    def result(self) -> Sender | None:
        """The open association; None when the destination has not accepted it in good time."""
        self._thread.join(_PATIENCE)
        with self._lock:
            self._is_abandoned = True
            return self._sender


@dataclass(slots=True)
class _Side:
    """An association for one kind of instance, and how many files went another way since it was used."""

    kind: tuple[Route, frozenset[ContextPair]]
    sender: Sender
    unused: int = 0


class Line:
    """Owned by one worker thread."""

    def __init__(self, lane: Lane, number: int) -> None:
        self._lane = lane
        self._number = number
        self._sender: Sender | None = None
        self._ahead: _Ahead | None = None
        self._files = 0  # sent over the association that is open
        self._releasing: threading.Thread | None = None
        self._side: _Side | None = None
        self._study: Collection[ContextPair] = ()  # the pairs of the study that was begun last

    def side(self, pairs: Collection[ContextPair], route: Route) -> Sender:
        """An association of its own for these pairs, kept open for the next of their kind.

        Raises DestinationError.
        """
        kind = (route, frozenset(pairs))
        if self._side is not None and self._side.kind == kind and self._side.sender.is_open:
            self._side.unused = 0
            return self._side.sender
        self._drop_side()
        sender = self._open(pairs, Need.TAKEN, route)
        self._side = _Side(kind, sender)
        self._lane.emit(AssociationOpened(self._lane.destination.name, self._number))
        return sender

    def sender_for(self, pairs: Collection[ContextPair], need: Need = Need.TAKEN) -> Sender:
        """An open association that proposed these pairs. Raises DestinationError."""
        sender = self._sender
        if sender is not None and sender.is_open and sender.covers(pairs):
            return sender
        return self._replace(pairs, need)

    def study_begins(self, pairs: Collection[ContextPair]) -> None:
        """Renew the association when it has carried enough files. Raises DestinationError."""
        self._study = pairs
        most = self._lane.settings.send.batch_size
        if most and self._files >= most:
            self._replace(pairs, Need.NEXT)
        else:
            self.sender_for(pairs, Need.NEXT)

    def study_goes_on(self) -> None:
        """Have the study's association open, were it only to see that it can be. Raises DestinationError."""
        self.sender_for(self._study)

    def file_done(self, left_of_study: int) -> None:
        """Count a file; request the next association shortly before this one's renewal."""
        self._files += 1
        if self._side is not None:
            self._side.unused += 1
            if self._side.unused > _MOST_UNUSED:
                self._drop_side()
        most = self._lane.settings.send.batch_size
        if not most or self._ahead is not None or not self._lane.may_open_ahead:
            return
        if (
            left_of_study <= _AHEAD
            and self._files + left_of_study >= most
            and self._lane.queue.head is not None
        ):
            self._ahead = _Ahead(self._lane)

    def _replace(self, pairs: Collection[ContextPair], need: Need) -> Sender:
        sender = self._opened_ahead(pairs)
        self._drop_aside()
        self._sender = sender = sender or self._open(pairs, need)
        self._files = 0
        self._lane.emit(AssociationOpened(self._lane.destination.name, self._number))
        return sender

    def _open(self, pairs: Collection[ContextPair], need: Need, route: Route = Route.SAME) -> Sender:
        """Ask for an association while others of ours are open or being released; again after those."""
        try:
            return self._lane.open_sender(pairs, need, route)
        except (AssociationRejected, AssociationLost) as error:
            # A peer that serves few may have room only then; some hang up on one too many, or say nothing.
            has_no_work = need is not Need.TAKEN and self._lane.queue.is_exhausted
            if has_no_work or not error.may_retry or not self.make_room():
                raise
            return self._lane.open_sender(pairs, need, route)

    def make_room(self) -> bool:
        """End what is open, so that the destination may accept another; False when nothing was."""
        releasing = self._releasing
        is_releasing = releasing is not None and releasing.is_alive()
        has_others = self._sender is not None or self._side is not None
        self._drop()
        self._drop_side()
        if releasing is not None:
            releasing.join()
        return is_releasing or has_others

    def _opened_ahead(self, pairs: Collection[ContextPair]) -> Sender | None:
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return None
        sender = ahead.result()
        if sender is None:
            self._lane.open_no_more_ahead()
        elif not (sender.is_open and sender.covers(pairs)):
            self._lane.close_sender(sender)
            return None
        return sender

    def lost(self, sender: Sender) -> None:
        """An association that was open ended by itself."""
        if self._side is not None and self._side.sender is sender:
            self._drop_side()
        else:
            self._drop()

    def _drop_side(self) -> None:
        side, self._side = self._side, None
        if side is not None:
            self._lane.close_sender(side.sender)

    def _drop(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            self._lane.close_sender(sender)

    def _drop_aside(self) -> None:
        """Release the old association while the new one is opened, or already sends."""
        sender, self._sender = self._sender, None
        if sender is None:
            return
        if self._releasing is not None:
            self._releasing.join()
        self._releasing = threading.Thread(
            target=self._lane.close_sender, args=(sender,), name="association-release", daemon=True
        )
        self._releasing.start()

    def close(self) -> None:
        """Release everything; a new association is opened when one is needed."""
        self._drop_side()
        self._drop()
        ahead, self._ahead = self._ahead, None
        if ahead is not None and (sender := ahead.result()) is not None:
            self._lane.close_sender(sender)
        if self._releasing is not None:
            self._releasing.join()
