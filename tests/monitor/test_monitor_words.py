"""What the command tells its monitor of how the run ended, and people of where it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from migrator.cli.monitor_words import Monitored, monitored
from migrator.core.control import Control
from migrator.core.errors import Cancelled, JobBusy, ManifestError, SourceError, Unreachable, UsageError
from migrator.core.model import Node
from migrator.core.settings import Settings
from migrator.core.settings_monitor import MonitorSettings
from migrator.engine.accounting import Ledger
from migrator.engine.upload import Ending
from migrator.jobs.migrate import DestinationResult, MigrateRequest, MigrateResult, Target
from migrator.monitor import connections
from tests.monitor.made_up import A_SNAPSHOT

NODE = Node("127.0.0.1", 104, "PACS")
LOST_SIGHT = "an error that its log tells more of"


def a_request(folder: Path, *, details: bool = False) -> MigrateRequest:
    settings = Settings(monitor=MonitorSettings(monitor="127.0.0.1:0", monitor_details=details))
    return MigrateRequest(str(folder), (Target(NODE, settings),), folder)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (RuntimeError("patient DOE"), 1, f"{LOST_SIGHT} (RuntimeError)"),
        (ManifestError("cannot open DOE JANE: disk full"), 1, "its record cannot be written or read"),
        (JobBusy("another process migrates /data/DOE JANE"), 1, "another process works on it already"),
        (UsageError("cannot read the list DOE JANE.txt: no such file"), 2, f"{LOST_SIGHT} (UsageError)"),
        (Unreachable("127.0.0.1:104: connection refused"), 3, "127.0.0.1:104: connection refused"),
        (SourceError("DOE, JANE is gone"), 4, "the source cannot be read"),
        (Cancelled(), 130, ""),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_a_run_that_broke_off_says_by_what_and_quotes_no_file(
    tmp_path: Path, error: BaseException, code: int, words: str
) -> None:
    with pytest.raises(type(error)), monitored(a_request(tmp_path), Control()) as shown:
        assert shown is not None
        raise error
    assert (shown.watched.code, shown.watched.ending) == (code, words)


def test_with_details_it_is_told_whole(tmp_path: Path) -> None:
    error = SourceError("DOE, JANE is gone")
    with pytest.raises(SourceError), monitored(a_request(tmp_path, details=True), Control()) as shown:
        assert shown is not None
        raise error
    assert shown.watched.ending == "DOE, JANE is gone"


def test_each_destination_has_the_code_of_its_own_result(tmp_path: Path) -> None:
    arrived = replace(A_SNAPSHOT, job=Ledger(sent=3, found=3))
    good = DestinationResult(NODE, arrived, Ending(), None, tmp_path / "manifest.jsonl", 0, (), 0)
    other = Node("127.0.0.1", 105, "VNA")
    bad = DestinationResult(
        other, arrived, Ending(Unreachable("it is away")), None, tmp_path / "manifest.jsonl", 0, (), 0
    )
    shown = Monitored(a_request(tmp_path), Control(), str)
    shown.ended(MigrateResult((good, bad), None), 1)
    assert shown.watched.codes == {str(NODE): 0, str(other): 1}
    assert (shown.watched.code, shown.watched.ending) == (1, "it is away")


def test_where_it_does_not_start_no_address_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def breaks(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(connections.Server, "startup", breaks)
    with monitored(a_request(tmp_path), Control()):
        pass
    told = capsys.readouterr().err
    assert "does not serve any more (RuntimeError)" in told
    assert "Monitor:" not in told
