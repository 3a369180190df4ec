"""One worker's association: opened when needed, renewed at study boundaries, the next one ahead of need."""

from __future__ import annotations

import threading
from collections.abc import Collection

from migrator.core.errors import AssociationRejected, Cancelled, DestinationError
from migrator.core.events import AssociationOpened
from migrator.core.model import ContextPair
from migrator.engine.lane import Lane
from migrator.engine.ports import Sender

_AHEAD = 12  # files before the renewal at which the next association is requested


class _Ahead:
    """An association that is being opened while another one still sends."""

    def __init__(self, lane: Lane, pairs: Collection[ContextPair]) -> None:
        self._lane = lane
        self._pairs = pairs
        self._sender: Sender | None = None
        self.was_refused = False
        self._thread = threading.Thread(target=self._open, name="association-ahead", daemon=True)
        self._thread.start()

    def _open(self) -> None:
        try:
            self._sender = self._lane.open_sender(self._pairs, is_needed=False)
        except AssociationRejected:
            self.was_refused = True
        except (DestinationError, Cancelled):
            pass  # the worker opens one itself and meets the error there

    @property
    def is_ready(self) -> bool:
        return self._sender is not None

    def result(self) -> Sender | None:
        """The open association, or None when it could not be opened; waits for the peer's answer."""
        self._thread.join()
        return self._sender


class Line:
    """Owned by one worker thread."""

    def __init__(self, lane: Lane, number: int) -> None:
        self._lane = lane
        self._number = number
        self._sender: Sender | None = None
        self._ahead: _Ahead | None = None
        self._files = 0  # sent over the association that is open
        self._releasing: threading.Thread | None = None

    def sender_for(self, pairs: Collection[ContextPair], *, is_needed: bool = True) -> Sender:
        """An open association that proposed these pairs. Raises DestinationError."""
        sender = self._sender
        if sender is not None and sender.is_open and sender.covers(pairs):
            return sender
        return self._replace(pairs, is_needed)

    def study_begins(self, pairs: Collection[ContextPair]) -> None:
        """Renew the association when it has carried enough files. Raises DestinationError."""
        most = self._lane.settings.batch_size
        if most and self._files >= most:
            self._replace(pairs, is_needed=False)
        else:
            self.sender_for(pairs, is_needed=False)

    def file_done(self, left_of_study: int) -> None:
        """Count a file; request the next association shortly before this one's renewal."""
        self._files += 1
        most = self._lane.settings.batch_size
        if not most or self._ahead is not None or not self._lane.may_open_ahead:
            return
        if (
            left_of_study <= _AHEAD
            and self._files + left_of_study >= most
            and self._lane.queue.head is not None
        ):
            self._ahead = _Ahead(self._lane, ())

    def _replace(self, pairs: Collection[ContextPair], is_needed: bool) -> Sender:
        ahead, self._ahead = self._ahead, None
        if ahead is None or not ahead.is_ready:
            # Before waiting: a peer that serves one association at a time accepts the next only now.
            self._drop()
        sender = ahead.result() if ahead is not None else None
        if ahead is not None and ahead.was_refused:
            self._lane.may_open_ahead = False
        if sender is not None and not (sender.is_open and sender.covers(pairs)):
            self._lane.close_sender(sender)
            sender = None
        self._drop_aside() if sender is not None else self._drop()
        self._sender = sender or self._lane.open_sender(pairs, is_needed=is_needed)
        self._files = 0
        self._lane.emit(AssociationOpened(self._lane.destination.name, self._number))
        return self._sender

    def lost(self) -> None:
        """The association that was open ended by itself."""
        self._drop()

    def _drop(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            self._lane.close_sender(sender)

    def _drop_aside(self) -> None:
        """Release the old association while the new one already sends."""
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
        """Release everything."""
        self._drop()
        if self._ahead is not None:
            sender = self._ahead.result()
            if sender is not None:
                self._lane.close_sender(sender)
        if self._releasing is not None:
            self._releasing.join()
