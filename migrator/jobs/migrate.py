"""The main job: a folder to one PACS or several."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import replace

from migrator.core.control import Control
from migrator.core.errors import Cancelled, DestinationError, MigratorError, SourceError, UsageError
from migrator.core.events import Emit, Notice, PhaseStarted, Steered
from migrator.dicom.decoded_cache import DecodedCache
from migrator.dicom.decoding import close_shared_decoders, shared_decoders
from migrator.dicom.header import read_header, same_dataset
from migrator.dicom.trace import AssociationTrace
from migrator.engine.accounting import Snapshot
from migrator.engine.fan import Fan, known_to_all, shared_readers
from migrator.engine.feed import Block
from migrator.engine.filters import filters_of
from migrator.engine.ports import ReadHeader
from migrator.engine.scanner import Scanner, restat
from migrator.engine.source_check import SourceCheck, check_source
from migrator.jobs.audit import Audit
from migrator.jobs.awake import awake
from migrator.jobs.home import known_source, source_folder
from migrator.jobs.integrity import IntegrityRequest
from migrator.jobs.integrity_around import AFTER, BEFORE, SourceWatch
from migrator.jobs.migrate_destination import Common, DestinationRun
from migrator.jobs.migrate_model import DestinationResult as DestinationResult  # the faces' too
from migrator.jobs.migrate_model import MigrateRequest as MigrateRequest
from migrator.jobs.migrate_model import MigrateResult as MigrateResult
from migrator.jobs.migrate_model import Target as Target
from migrator.jobs.migrate_totals import total_of
from migrator.jobs.notifying import Notifying
from migrator.jobs.recorded import job_in
from migrator.jobs.restart import Restart

_LOOK_EVERY = 512  # entries between two looks at whether to stop
_WATCH = 0.2  # seconds between two looks at the destinations; waits in between would outlast Ctrl-C


class MigrateJob:
    """One run of a migration. `run` is called once; `snapshot` and `snapshots` may be asked from any thread.

    `destinations` are the parts of the run, in the order asked for: each with its lane, its record and, where
    there are several, a control of its own.
    """

    def __init__(self, request: MigrateRequest, control: Control, emit: Emit) -> None:
        """Check the request and open the job. Raises UsageError, SourceError, JobBusy, ManifestError."""
        self._request = request
        self._control = control
        _check(request)
        self._root = str(source_folder(request.source))
        self._restart = Restart(request, control, emit)
        count = len(request.destinations)
        with ExitStack() as opened:
            self._audit = Audit(request, self._root, emit)
            opened.callback(self._audit.close)
            self._emit = self._audit.emit
            self._notifying = Notifying(request, self._root, control, self._emit)
            self._trace = AssociationTrace(request.trace) if request.trace else None
            if self._trace is not None:
                opened.callback(self._trace.close)
            common = self._common()
            self.destinations: list[DestinationRun] = []
            names = _known_names(request, self._root)
            for target, name in zip(request.destinations, names, strict=True):
                own = control if count == 1 else control.child()
                self.destinations.append(DestinationRun(target, name, common, own))
                opened.callback(self.destinations[-1].close)
            self._watch = self._watch_over_source()
            self._is_audited = False  # what is asked for before the audit's beginning is not told it
            self._opened = opened.pop_all()

    def _watch_over_source(self) -> SourceWatch | None:
        """Who vouches for the source around this run, if that is wanted."""
        request = self._request
        if not request.integrity:
            return None
        hashing = IntegrityRequest(
            request.source, request.home, request.settings.scan.readers, restart=request.restart
        )
        jobs = [job for one in self.destinations if (job := job_in(one.record.manifest.file.parent))]
        return SourceWatch(hashing, jobs, self._control, self._emit)

    def _common(self) -> Common:
        """What the destinations share; where there are several, they share what was read and decoded."""
        request, count = self._request, len(self._request.destinations)
        read: ReadHeader = read_header  # which can also be asked for findings, but is not here
        is_same, decoders = same_dataset, None
        if count > 1:
            read, is_same = shared_readers(read_header, same_dataset, count)
            decoders = DecodedCache(shared_decoders, count)
        filters = filters_of(request.settings.filter, self._root)
        return Common(request, self._root, self._emit, filters, self._trace, read, is_same, decoders)

    def snapshot(self) -> Snapshot:
        """The sum over all destinations."""
        return total_of(self.snapshots())

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Each destination's."""
        shown = [one.snapshot() for one in self.destinations]
        if self._watch is not None and (words := self._watch.words()):
            shown = [replace(one, hold=words) for one in shown]
        return tuple(shown)

    def pause(self, by: str) -> None:
        """Hold the whole run; `by` names the way in which that was asked for. The audit hears of it, as of
        those below. From any thread.
        """
        self._control.pause()
        self._steered("paused", by)

    def resume(self, by: str) -> None:
        """Let it go on."""
        self._control.resume()
        self._steered("resumed", by)

    def cancel(self, by: str) -> None:
        """Ask it to stop."""
        self._steered("cancelled", by)  # before the run can come to its end by that
        self._control.cancel()

    def _steered(self, action: str, by: str) -> None:
        for one in self.destinations if self._is_audited else ():
            self._emit(Steered(action, destination=str(one.node), by=by))

    def run(self) -> MigrateResult:
        """Do the whole job.

        Raises DestinationError when no destination can be reached at the start, SourceError, and
        ManifestError when no destination's record can be kept.
        """
        with self._opened as opened:
            opened.enter_context(awake(self._request.settings.pace.keep_awake))
            opened.enter_context(self._notifying.run(self.snapshots))
            opened.enter_context(self._audit.run(self.destinations))
            self._is_audited = True
            for one in self.destinations:
                opened.enter_context(one.reachable())
            try:
                self._greet()
                jobs = [one.record.manifest.file.parent for one in self.destinations]
                opened.enter_context(self._restart.kept(self._root, jobs))
                if self._watched(SourceWatch.before, BEFORE):
                    self._send()
                check = self._check_source()
                self._vouch_again()
            finally:
                close_shared_decoders()
            for one in self.destinations:
                one.phase("done")
            proof = None if self._watch is None else self._watch.proof
            results = tuple(one.result(check) for one in self.destinations)
            result = self._audit.ended(MigrateResult(results, check, proof))
            self._notifying.ended(result)
            return result

    def _greet(self) -> None:
        """See whether the destinations answer; those that do not are left to their circuit breakers."""
        with ThreadPoolExecutor(len(self.destinations), "greeting") as threads:
            greetings = [threads.submit(one.greet) for one in self.destinations]
            while wait(greetings, _WATCH).not_done:
                pass
        errors = [greeting.exception() for greeting in greetings]
        for error in errors:
            if error is not None and not isinstance(error, DestinationError):
                raise error
        failed = [error for error in errors if isinstance(error, DestinationError)]
        if len(failed) == len(errors):
            raise failed[0] if len(failed) == 1 else DestinationError("; ".join(map(str, failed)))
        for one, error in zip(self.destinations, errors, strict=True):
            if error is not None:
                words = (
                    f"{one.node} cannot be reached now, and is tried again while the others go on: {error}"
                )
                self._emit(Notice(words, destination=str(one.node)))

    def _watched(self, look: Callable[[SourceWatch], None], phase: str) -> bool:
        """Where it is wanted, hash the source; False when the user stops that, or has stopped all before."""
        try:
            self._control.checkpoint()
            if self._watch is not None:
                for one in self.destinations:
                    one.phase(phase)
                look(self._watch)
        except Cancelled:
            for one in self.destinations:
                one.cancelled()
            return False
        return True

    def _vouch_again(self) -> None:
        """Hash the source again, unless a later run is to go on: then the proof spans that one too."""
        if self._watch is not None and any(one.is_limited for one in self.destinations):
            self._emit(Notice("The source is hashed again by the run that ends this migration", "info"))
        else:
            self._watched(SourceWatch.after, AFTER)

    def _send(self) -> None:
        """Send to all destinations. Raises what ended the only one, or all of them."""
        if len(self.destinations) == 1:
            self._send_to(self.destinations[0], None)
        elif self._request.is_check_only:
            self._in_threads(None)
        else:
            self._in_threads(Fan(len(self.destinations)))
        failures = [one.failure for one in self.destinations]
        for failure in failures:
            if failure is not None and (all(failures) or not isinstance(failure, MigratorError)):
                raise failure

    def _in_threads(self, fan: Fan | None) -> None:
        """Send to each destination in a thread of its own, and scan here for all of them."""
        threads = [
            threading.Thread(target=self._send_to, args=(one, fan), name=f"destination-{number}", daemon=True)
            for number, one in enumerate(self.destinations, 1)
        ]
        for thread in threads:
            thread.start()
        try:
            if fan is not None:
                fan.spread(self._blocks())
        finally:
            while any(thread.is_alive() for thread in threads):
                for thread in threads:
                    thread.join(_WATCH)

    def _send_to(self, one: DestinationRun, fan: Fan | None) -> None:
        """One destination's part, from first block to proof; what ends it is kept in its `failure`."""
        number = self.destinations.index(one)
        try:
            if self._request.is_check_only:
                one.verify()
            elif fan is None:
                one.send(self._blocks())
            else:
                one.send(fan.blocks(number))
        except Cancelled:
            one.cancelled()
        except Exception as error:  # noqa: BLE001 - a thread's outermost loop: the others go on
            one.failure = error
            if len(self.destinations) > 1:
                kind = error if isinstance(error, MigratorError) else type(error).__name__
                self._emit(Notice(f"{one.node} was given up: {kind}", "error", str(one.node)))
        finally:
            if fan is not None:
                fan.leave(number)
            one.phase("done")

    def _scanner(self) -> Scanner:
        known = known_to_all([one.known() for one in self.destinations])
        return Scanner(self._root, self._request.settings.scan, read_header, self._control, known)

    def _blocks(self) -> Iterator[Block]:
        """What is to be sent: what the scan finds, or what was named."""
        return iter([self._request.only]) if self._request.only else self._scanner().blocks()

    def _check_source(self) -> SourceCheck | None:
        """Look at the source again; None when the user stops that, or has stopped all before."""
        if self._request.only:
            return None
        try:
            self._control.checkpoint()
            for one in self.destinations:
                one.phase("checking the source")
            self._emit(PhaseStarted("checking the source"))
            return check_source(self._entries(), [one.record for one in self.destinations])
        except Cancelled:
            for one in self.destinations:
                one.cancelled()
        except SourceError as error:
            return SourceCheck(0, 0, 0, trouble=str(error))
        return None

    def _entries(self) -> Iterator[tuple[str, int, int]]:
        """Every file of the source as it is now; stops when the user asks."""
        for number, entry in enumerate(restat(self._root)):
            if number % _LOOK_EVERY == 0:
                self._control.checkpoint()
            yield entry


def _check(request: MigrateRequest) -> None:
    """Raise UsageError for what cannot be done as asked."""
    if not request.destinations:
        raise UsageError("there is no destination")
    names = [str(target.node) for target in request.destinations]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{name} is named twice as a destination")
    if request.is_stream and any(one.settings.send.order != "found" for one in request.destinations):
        raise UsageError("--stream sends as it finds; --order needs the whole plan first")


def _known_names(request: MigrateRequest, root: str) -> list[str]:
    """The path under which each destination's record knows the source.

    One that knows nothing yet of --same-source begins with the path as it is now, if another one does.
    Raises UsageError when none does.
    """
    if request.same_source is None:
        return [root] * len(request.destinations)
    names: list[str] = []
    errors: list[UsageError] = []
    for target in request.destinations:
        try:
            names.append(known_source(request.same_source, request.home, target.node))
        except UsageError as error:
            names.append(root)
            errors.append(error)
    if len(errors) == len(names):
        raise errors[0]
    return names
