"""The main job on an embedded default: a sample archive, a PACS on the loopback interface, and the truth."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from migrator.core.control import Control
from migrator.core.errors import UsageError
from migrator.core.events import Emit
from migrator.core.model import Node
from migrator.core.settings import ScanSettings, Settings
from migrator.dicom.receiver import Receiver
from migrator.dicom.sample import SampleTruth, make_sample
from migrator.jobs.migrate import MigrateJob, MigrateRequest, MigrateResult, Target


@dataclass(frozen=True, slots=True)
class DemoResult:
    """How the demo's migration ended, and in what it deviates from what this archive must give."""

    truth: SampleTruth
    node: Node
    result: MigrateResult
    deviations: tuple[str, ...]


def demo(keep: str | None, control: Control, emit: Emit, started: Callable[[MigrateJob], None]) -> DemoResult:
    """Make the sample, migrate it, verify it, compare it with the truth; `started` hears of the job.

    The archive stays in `keep` when that is given, else nothing stays. Raises UsageError when `keep` is not
    empty, and what a migration raises.
    """
    with _workplace(keep) as (archive, work):
        truth = make_sample(str(archive))
        with Receiver(str(work / "pacs")) as pacs:
            request = MigrateRequest(
                source=str(archive),
                destinations=(Target(pacs.node, Settings(scan=ScanSettings(settle=0.0))),),
                home=work / "home",
                verify=True,
            )
            job = MigrateJob(request, control, emit)
            started(job)
            result = job.run()
            deviations = tuple(_deviations(truth, result, pacs))
        return DemoResult(truth, pacs.node, result, deviations)


@contextmanager
def _workplace(keep: str | None) -> Iterator[tuple[Path, Path]]:
    """A folder for the archive and one for everything else."""
    if keep is not None:
        kept = Path(keep)
        if kept.exists() and (not kept.is_dir() or any(kept.iterdir())):
            raise UsageError(f"--keep {keep}: the folder must be new or empty")
    work = Path(tempfile.mkdtemp(prefix="dicom-migrator-demo-"))
    try:
        yield (Path(keep) if keep is not None else work / "archive"), work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _deviations(truth: SampleTruth, result: MigrateResult, pacs: Receiver) -> Iterator[str]:
    """Everything that is not exactly as this archive must give it, in words."""
    run = result.snapshot.run
    expected = dict.fromkeys(run.as_dict(), 0) | {
        name: getattr(truth, name) for name in ("found", "sent", "skipped", "held", "quarantined")
    }
    for name, count in run.as_dict().items():
        if count != expected[name]:
            yield f"{name}: {count}, not {expected[name]}"
    if not run.balances:
        yield "the ledger does not balance"
    if pacs.uids != truth.uids:
        missing, extra = len(truth.uids - pacs.uids), len(pacs.uids - truth.uids)
        yield f"the PACS lacks {missing} instances and holds {extra} that it should not"
    if pacs.stored != truth.sent:
        yield f"the PACS was sent {pacs.stored} objects, not {truth.sent}"
    if result.snapshot.fidelity != {"verbatim": truth.sent}:
        yield "not everything arrived verbatim"
    verification = result.destinations[0].verification
    if verification is None or not verification.is_proven:
        yield "the verification does not prove that everything is there"
    if result.source_check is None or not result.source_check.is_intact:
        yield "the source changed"
