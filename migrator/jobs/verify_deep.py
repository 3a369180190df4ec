"""Retrieving a sample back, wired: from the record to the destination and to the source's files."""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from migrator.checks.deep import DeepCheck, DeepReport, new_seed
from migrator.checks.verify_sent import SentRow
from migrator.core.addresses import listen_address
from migrator.core.comparison import Examined, Fate
from migrator.core.control import Control
from migrator.core.errors import InstanceError
from migrator.core.model import ContextPair, Instance
from migrator.core.outcome import State
from migrator.core.settings import ProofSettings
from migrator.dicom.arrivals import Arrived
from migrator.dicom.comparing.compare_objects import Comparer, Source
from migrator.dicom.header import read_header
from migrator.engine.manifest_lines import row_as_found
from migrator.jobs.verify_proving import Proving
from migrator.jobs.verify_sent import RuleShelf

# What listens is imported where it is needed: pynetdicom is a tenth of the start of every migration.
if TYPE_CHECKING:
    from migrator.dicom.retrieve import Retriever

_one_listens = threading.Lock()
_TICK = 0.2
_SCRATCH, _HELD, _SWEEPING = "deep-", "held.lock", "deep.lock"


def listening_at(settings: ProofSettings) -> tuple[str, int] | None:
    """Where the destination reaches us; None where that was not said. Raises UsageError."""
    return listen_address(settings.listen) if settings.listen else None


def check_listening(settings: ProofSettings) -> None:
    """Raise UsageError at once where we cannot listen as the settings say, should that be needed."""
    where = listening_at(settings)
    if settings.deep:
        # Before the run, which may take days, and not at its end: the program may be another by then.
        importlib.import_module("migrator.dicom.retrieve")
    if where is not None and settings.deep:
        from migrator.dicom.listening import can_listen

        can_listen(where)


def deep_report(
    rows: Callable[[], Iterable[SentRow]], proving: Proving, control: Control
) -> DeepReport | None:
    """Retrieve and compare a sample of what was stored, as large as the settings say; None: none is asked.

    `rows` gives the same ones each time. Raises Cancelled.
    """
    proof = proving.settings.proof
    _remove_leftovers(proving.home)
    if not proof.deep:
        return None
    from migrator.dicom.retrieve import Retriever

    with ExitStack() as opened:
        folder = opened.enter_context(scratch(proving.home))
        retriever = Retriever(proving.node, proving.settings.send, folder)
        control.on_cancel(retriever.interrupt)
        if proof.listen:
            # Given back after the retriever has left the port.
            opened.enter_context(_listener(control))
        opened.enter_context(retriever)
        if proof.listen:
            retriever.listen(listen_address(proof.listen))
        examining = _Examining(proving.root, retriever, Comparer(folder, lambda: control.is_cancelled))
        check = DeepCheck(rows, proof.deep, new_seed())
        return check.run(examining.examine, control, proving.compared)


@contextmanager
def scratch(home: Path) -> Iterator[Path]:
    """A folder for objects that come back, for their owner only. Whoever holds its lock uses it."""
    with FileLock(str(home / _SWEEPING), mode=0o600):
        name = tempfile.mkdtemp(prefix=_SCRATCH, dir=home)
        hold = FileLock(str(Path(name, _HELD)), mode=0o600)
        hold.acquire()
    try:
        yield Path(name)
    finally:
        hold.release()
        shutil.rmtree(name, ignore_errors=True)


def _remove_leftovers(home: Path) -> None:
    """Remove what runs that were killed have retrieved: nobody holds it any more."""
    left = [folder for folder in home.glob(f"{_SCRATCH}*") if folder.is_dir()]
    if not left:
        return
    with FileLock(str(home / _SWEEPING), mode=0o600):
        for folder in left:
            try:
                with FileLock(str(folder / _HELD), mode=0o600, timeout=0):
                    pass
            except (OSError, Timeout):
                continue
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _listener(control: Control) -> Iterator[None]:
    """Wait until no other destination's part of this run listens, for there is one port. Raises Cancelled."""
    while not _one_listens.acquire(timeout=_TICK):
        control.check()
    try:
        yield
    finally:
        _one_listens.release()


class _Examining:
    def __init__(self, root: str, retriever: Retriever, comparer: Comparer) -> None:
        self._root = root
        self._retriever = retriever
        self._comparer = comparer
        self._shelf = RuleShelf()

    def examine(self, sent: SentRow) -> Examined:
        """Retrieve one object and compare it with its file. Raises DestinationError, Cancelled."""
        from migrator.dicom.retrieve import Wanted

        row = sent.row
        source = self._source(sent)
        if isinstance(source, str):
            return Examined(Fate.UNCOMPARED, reason=source)
        assert row.series is not None, "what was stored has a series"
        pair = ContextPair(row.sop_class, row.transfer_syntax)
        arrived = self._retriever.fetch(Wanted(row.series.study.uid, row.series.uid, row.uid, pair))
        if not isinstance(arrived, Arrived):
            return Examined(Fate.UNRETRIEVED, reason=arrived)
        try:
            return self._comparer.compare(source, arrived)
        except InstanceError as error:
            return Examined(Fate.UNCOMPARED, arrived.by, str(error))
        finally:
            arrived.path.unlink(missing_ok=True)

    def _source(self, sent: SentRow) -> Source | str:
        """The file as it was sent, or why it cannot be compared."""
        row, edits = sent.row, self._shelf.edits(sent.rules)
        if edits is None:
            return "it was sent by rules whose files are gone or say something else now"
        item = read_header(self._root, row.path, row.size, row.mtime_ns)
        if not isinstance(item, Instance):
            return f"its file: {item.reason.value}"
        path = os.path.join(self._root, row.path)  # noqa: PTH118 - bytes that are no text must survive
        return Source(path, item, edits, row.changes)


def as_if_sent(instance: Instance) -> SentRow:
    """An instance that was found in the source, as a row that says that it was sent as it is."""
    return SentRow(row_as_found(instance, State.SENT))
