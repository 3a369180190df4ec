"""When people are told how a run goes, and by whom; a run never waits for that, nor fails by it."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from migrator.core.control import Control
from migrator.core.errors import Cancelled, UsageError
from migrator.core.events import Emit, Notice
from migrator.core.paths import encodable
from migrator.core.settings_notify import NotifySettings
from migrator.engine.accounting import Snapshot
from migrator.jobs.migrate_model import MigrateRequest, MigrateResult
from migrator.jobs.notifying_carriers import Kind as Kind  # the faces' too
from migrator.jobs.notifying_carriers import (
    Warn,
    carriers_of,
    mail_carrier,
    wants_email,
    wants_webhook,
    web_carrier,
)
from migrator.jobs.notifying_watch import Outages, Room
from migrator.jobs.restart import Entry
from migrator.notify.delivery import WAITS, Carrier, Delivery, Told
from migrator.notify.message import Message
from migrator.notify.places import web_address as web_address  # the faces' too

_log = logging.getLogger("migrator")

LAST_WORDS = 20.0  # seconds that the last messages of a run may take
HASTE = 3.0  # seconds, where the system shuts down
_LOOK = 1.0  # seconds between two looks at the destinations
_DISK_LOOK = 30.0  # seconds between two looks at the disk

_OCCASIONS = {"recovered": "breaker"}  # what `notify_on` calls it


def test(
    settings: NotifySettings, kind: Kind, secret: str | None = None, warn: Warn = lambda words: None
) -> str:
    """Tell people now, once, that notifications arrive, and return what became of that, in words.

    `secret` is the password (email) or the address (webhook) to use; None for the one that is kept. It waits
    for the other side, some ten seconds at most for each of its answers. Raises UsageError where a setting
    or the secret is missing or wrong, and NotDelivered, both with words that help.
    """
    make = mail_carrier if kind == "email" else web_carrier
    carrier = make(settings, secret, warn)
    carrier.attempt_for(
        Message(
            "test",
            time.time(),
            "Test: notifications of DICOM PACS Migrator arrive",
            "This is how you will be told of a migration. Nothing was migrated.",
        )
    )()
    if kind == "email":
        return f"{carrier.place} took the e-mail to {', '.join(settings.email_to)}"
    return f"{carrier.place} took the message"


def tell_given_up(settings: NotifySettings, entry: Entry, why: str, code: int, tell: Warn) -> None:
    """Tell people that the system goes on with their run no more; `tell` hears what became of that.

    Raises UsageError where a secret is missing.
    """
    if settings.notify_on and "failure" not in settings.notify_on:
        return
    from migrator.jobs import notifying_words

    source = encodable(entry.source) if settings.notify_details else ""
    about = notifying_words.About(entry.destinations, entry.at, source)
    message = notifying_words.given_up(about, why, code, entry.tries)

    def told(one: Told) -> None:
        tell(_told_words(one))

    deliveries = [Delivery(one, told, WAITS) for one in carriers_of(settings, _log.warning)]
    for delivery in deliveries:
        delivery.put(message)
        delivery.closing(time.monotonic() + LAST_WORDS)
    for delivery in deliveries:
        delivery.close(lambda: False)


def _told_words(told: Told) -> str:
    if told.trouble:
        return f"Not told by {told.carrier} ({told.event}): {told.trouble}"
    return f"Told by {told.carrier} ({told.event}): {told.place}"


class Notifying:
    """Tells people of one run, where its settings name somebody; else it does nothing at all."""

    def __init__(self, request: MigrateRequest, root: str, control: Control, emit: Emit) -> None:
        """Take the settings and the secrets; nobody is told yet. Raises UsageError."""
        settings = _settings_of(request)
        self._settings = settings
        self._home = request.home
        self._control = control
        self._emit = emit
        self._carriers: list[Carrier] = carriers_of(settings, _log.warning)
        self._nodes = tuple(str(target.node) for target in request.destinations)
        self._source = encodable(root) if settings.notify_details else ""
        self._deliveries: list[Delivery] = []
        self._stopped = threading.Event()
        self._watcher: threading.Thread | None = None

    @contextmanager
    def run(self, snapshots: Callable[[], Sequence[Snapshot]]) -> Iterator[None]:
        """While it lasts, the run is watched; what ends it by an error is told, and what the system ends."""
        if not self._carriers:
            yield
            return
        # Imported only here: most runs tell nobody, and the words draw on all that judges a migration.
        from migrator.jobs import notifying_words

        self._words = notifying_words
        self._about = notifying_words.About(self._nodes, time.time(), self._source)
        self._deliveries = [Delivery(one, self._told, WAITS) for one in self._carriers]
        self._watcher = threading.Thread(target=self._watch, args=(snapshots,), daemon=True, name="notify")
        self._watcher.start()
        try:
            yield
        except (Cancelled, KeyboardInterrupt):
            if self._control.is_ended_by_system:
                self._tell(lambda: self._words.shut_down(self._about, snapshots()))
            raise
        except BaseException as error:
            self._tell(partial(self._words.broken_off, self._about, error, snapshots))
            raise
        finally:
            self._close()

    def ended(self, result: MigrateResult) -> None:
        """Tell what the run came to. A user who stopped it knows; what the system stopped is told."""
        if not self._carriers:
            return
        # Of several destinations one may have been stopped by itself: then nobody stopped the run.
        if not (result.is_cancelled and self._control.is_cancelled):
            self._tell(partial(self._words.ended, self._about, result))
        elif self._control.is_ended_by_system:
            self._tell(
                partial(self._words.shut_down, self._about, [one.snapshot for one in result.destinations])
            )

    def _tell(self, make: Callable[[], Message]) -> None:
        """Have the message delivered, if its occasion is one of those asked for. Never raises."""
        try:
            message = make()
        except Exception as error:  # noqa: BLE001 - what people are told must not end what they are told of
            self._emit(Notice(f"people could not be told of the run: {type(error).__name__}"))
            return
        occasion = _OCCASIONS.get(message.event, message.event)
        if not self._settings.notify_on or occasion in self._settings.notify_on:
            for delivery in self._deliveries:
                delivery.put(message)

    def _told(self, told: Told) -> None:
        self._emit(Notice(_told_words(told), "warning" if told.trouble else "info"))

    def _watch(self, snapshots: Callable[[], Sequence[Snapshot]]) -> None:
        try:
            self._look_on(snapshots)
        except Exception as error:  # noqa: BLE001 - a thread's outermost loop: the run goes on unwatched
            self._emit(Notice(f"the run is not watched for notifications any more: {type(error).__name__}"))

    def _look_on(self, snapshots: Callable[[], Sequence[Snapshot]]) -> None:
        outages = Outages(self._settings.notify_breaker)
        room = Room(self._settings.notify_disk * 1e9)
        next_disk = 0.0
        while True:
            now = time.monotonic()
            for seen in outages.look(snapshots(), now):
                words = self._words.back_again if seen.is_back else self._words.left_alone
                self._tell(partial(words, self._about, seen.snapshot, seen.seconds))
            if now >= next_disk:
                next_disk = now + _DISK_LOOK
                self._look_at_disk(room)
            if self._stopped.wait(min(_LOOK, max(0.05, self._settings.notify_breaker / 4))):
                return

    def _look_at_disk(self, room: Room) -> None:
        with suppress(OSError):  # a disk that cannot be asked ends nothing here
            free = shutil.disk_usage(self._home).free
            if room.look(free):
                limit = self._settings.notify_disk
                self._tell(partial(self._words.disk_low, self._about, free, limit, self._home))

    def _close(self) -> None:
        """Wait for what is under way, not for long, and not at all where the user wants to stop."""
        self._stopped.set()
        was_cancelled = self._control.is_cancelled
        deadline = time.monotonic() + (HASTE if was_cancelled else LAST_WORDS)
        if self._watcher is not None:
            self._watcher.join(HASTE)  # a disk that does not answer must not keep the run from its end
        for delivery in self._deliveries:
            delivery.closing(deadline)
        for delivery in self._deliveries:
            delivery.close(lambda: self._control.is_cancelled and not was_cancelled)


def _settings_of(request: MigrateRequest) -> NotifySettings:
    """Who is told: of one run all are told the same. Raises UsageError where destinations say different."""
    if request.is_rehearsal or request.is_check_only or request.only:
        return NotifySettings()  # of a check, or of a speed test's samples, nobody waits to hear
    asked = [target.settings.notify for target in request.destinations]
    named = [one for one in asked if wants_email(one) or wants_webhook(one)]
    if any(one != named[0] for one in named):
        raise UsageError(
            "the destinations' settings name different people to tell, and one run tells one lot"
        )
    return named[0] if named else NotifySettings()
