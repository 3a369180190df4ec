"""A run that is broken off by a restart of the machine, and what the system starts after it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from migrator.cli.main import main
from migrator.core.control import Control
from migrator.core.errors import UsageError
from migrator.core.settings import Settings
from migrator.engine.manifest import Manifest
from migrator.jobs.home import data_home, job_folder
from migrator.jobs.launch import launched
from migrator.jobs.left_running import nodes_of
from migrator.jobs.migrate import MigrateRequest, Target
from migrator.jobs.restart import Entry, Restart, entries, entry_folder, mount_of
from migrator.jobs.restart_run import MOST_TRIES, GoOn, missing_source
from migrator.jobs.steering import Steering
from tests.peers import KeepingScp, Manners, wait_until
from tests.peers.archives import Archive
from tests.restart.system import Account, Once

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")

Make = Callable[..., Archive]
Keeping = Callable[..., KeepingScp]


def begun(account: Account, peer: KeepingScp, *words: str) -> subprocess.Popen[bytes]:
    """A run in the middle of sending."""
    child = account.start("migrate", *words, "--settle", "0", "--json", "--resume-at-start")
    wait_until(lambda: len(peer.kept) >= 3 or child.poll() is not None, "some were sent", 60)
    assert child.poll() is None, child.communicate()
    return child


def test_a_run_that_died_with_the_machine_is_gone_on_with_at_its_next_start(
    archive: Make, keeping_scp: Keeping, account: Account
) -> None:
    source = archive(studies=12, instances=10, side=4)
    chosen = source.folder.parent / "chosen.txt"
    names = [str(file.relative_to(source.folder)) for file in sorted(source.folder.rglob("*.dcm"))]
    chosen.write_text("\n".join(names[:100]))
    peer = keeping_scp(delay=1.0)
    child = begun(account, peer, str(source.folder), "--to", str(peer.node), "--files-from", str(chosen))
    child.kill()
    _, told = child.communicate()
    assert b"Should the machine restart, this run goes on when the system starts" in told
    chosen.unlink()  # as a list that a window had made
    (unit,) = account.units
    assert str(source.folder) not in unit.read_text()
    (entry,) = entries(account.data)
    files = list(entry_folder(account.data, entry.id).iterdir())
    assert {file.name for file in files} == {"entry.json", "settings.json", "files_from.txt"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    peer.manners = Manners()
    assert 3 <= len(set(peer.datasets)) < 100

    done = account.boot()

    assert done.returncode == 0, done.stderr.decode()
    assert len(set(peer.datasets)) == 100
    (command,) = launched(account.data)
    result = command.result()
    assert result["job"]["sent"] == 100
    assert [str(node) for node in nodes_of(command)] == [str(peer.node)]  # so that a window shows it
    assert command.arguments[1] == os.path.realpath(source.folder)
    assert account.units == []
    assert entries(account.data) == []
    assert ["systemctl", "--user", "disable", unit.name] in account.calls
    assert "Going on with run" in (account.data / "logs" / "migrator.log").read_text()


def migrated(here: Account, source: Archive, peer: KeepingScp, *options: str) -> int:
    """The exit code of a run in this very process that is to go on after a restart."""
    words = ["migrate", str(source.folder), "--to", str(peer.node), "--settle", "0", "--workers", "1"]
    return main([*words, "--resume-at-start", "--home", str(here.data), *options])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_systems_signal_keeps_a_run_and_its_users_does_not(
    archive: Make,
    keeping_scp: Keeping,
    here: Account,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
) -> None:
    stays = number == signal.SIGTERM
    peer = keeping_scp(delay=0.2, status=Once(lambda: os.kill(os.getpid(), number)))
    assert migrated(here, archive(studies=4, instances=10, side=4), peer) == 130
    assert bool(here.units) == bool(entries(here.data)) == stays
    words = "was ended by the system, and goes on" if stays else "it does not go on after a restart"
    assert words in capsys.readouterr().err


def test_a_run_that_was_cancelled_from_elsewhere_does_not_go_on(
    archive: Make, keeping_scp: Keeping, here: Account
) -> None:
    source = archive(studies=4, instances=10, side=4)

    def cancel() -> None:
        with Steering(here.data, str(source.folder), peer.node) as steering:
            steering.ask({"do": "cancel"})

    peer = keeping_scp(delay=0.2, status=Once(cancel))
    assert migrated(here, source, peer) == 130
    assert here.units == entries(here.data) == []


def test_a_run_that_ends_by_itself_leaves_nothing_behind(
    archive: Make, keeping_scp: Keeping, here: Account
) -> None:
    assert migrated(here, archive(studies=1, instances=2, side=4), keeping_scp()) == 0
    assert here.units == entries(here.data) == []
    called = [call[2] for call in here.calls if call[0] == "systemctl"]
    assert called == ["show", "enable", "disable", "daemon-reload"]


def test_a_run_that_reached_its_limit_does_not_go_on(
    archive: Make, keeping_scp: Keeping, here: Account
) -> None:
    source, peer = archive(studies=4, instances=10, side=4), keeping_scp(delay=0.1)
    assert migrated(here, source, peer, "--max-duration", "0.5") == 5
    assert here.units == entries(here.data) == []


def test_a_system_that_starts_nothing_is_told_of_before_anything_is_sent(
    archive: Make, keeping_scp: Keeping, here: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    here.tool("systemctl", ("", 1, "System has not been booted with systemd as init system"))
    peer = keeping_scp()
    assert migrated(here, archive(studies=1, instances=2, side=4), peer) == 2
    assert "--resume-at-start cannot be kept here" in capsys.readouterr().err
    assert peer.associations == 0


def test_a_destination_that_is_not_there_begins_no_run_that_could_go_on(
    archive: Make, keeping_scp: Keeping, here: Account
) -> None:
    peer = keeping_scp()
    peer.stop()
    assert migrated(here, archive(studies=1), peer) == 3
    assert here.units == entries(here.data) == []


@pytest.fixture
def broken(archive: Make, keeping_scp: Keeping, here: Account) -> tuple[Entry, Archive, KeepingScp]:
    """A run that was broken off before it sent anything, with its unit."""
    source, peer = archive(studies=2, instances=30, side=4), keeping_scp()
    target = Target(peer.node, Settings.model_validate({"scan": {"settle": 0}}))
    home = data_home(str(here.data))
    request = MigrateRequest(str(source.folder), (target,), home, verify=True, resume_at_start=True)
    root = os.path.realpath(source.folder)
    job = job_folder(home, root, peer.node)
    job.mkdir(parents=True)
    with suppress(InterruptedError), Restart(request, Control(), lambda event: None).kept(root, [job]):
        raise InterruptedError
    (one,) = entries(here.data)
    return one, source, peer


Broken = tuple[Entry, Archive, KeepingScp]


def ours(here: Account, *words: str) -> int:
    """The exit code of one of our commands."""
    return main(["restart", *words, "--home", str(here.data)])


def test_what_goes_on_is_listed_and_can_be_removed(
    broken: Broken, here: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    one, source, peer = broken
    assert ours(here, "list", "--json") == 0
    (listed,) = json.loads(capsys.readouterr().out)["runs"]
    assert (listed["id"], listed["source"], listed["is_written"]) == (
        one.id,
        os.path.realpath(source.folder),
        True,
    )
    assert (listed["destinations"], listed["when"]) == ([str(peer.node)], "when the system starts")
    ours(here, "list")
    assert one.id in capsys.readouterr().out
    assert ours(here, "remove", one.id, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"removed": [one.id]}
    assert here.units == entries(here.data) == []
    assert ours(here, "remove", one.id) == 2
    assert "no run goes on after a restart under the id" in capsys.readouterr().err


def test_one_that_was_removed_behind_our_back_is_listed_as_such_and_all_are_removed_at_once(
    broken: Broken, here: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    here.units[0].unlink()
    ours(here, "list")
    assert "does not know of it any more" in capsys.readouterr().out
    assert ours(here, "remove", "--all") == 0
    assert entries(here.data) == []


def test_a_run_that_somebody_works_on_already_is_left_to_them(
    broken: Broken, here: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    one, _, peer = broken
    manifest = Manifest(Path(one.jobs[0]), one.source, one.destinations[0])
    try:
        assert ours(here, "run", one.id) == 0
    finally:
        manifest.close()
    assert "somebody else" in capsys.readouterr().err
    assert peer.associations == 0
    assert [kept.tries for kept in entries(here.data)] == [0]
    assert len(here.units) == 1


def test_a_run_whose_data_directory_is_gone_does_not_haunt(
    broken: Broken, here: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(here.data)
    assert ours(here, "run", broken[0].id, "--wait", "0") == 0
    assert "There is no such run any more" in capsys.readouterr().err
    assert here.units == []
    assert not here.data.exists()


def test_a_run_that_is_not_known_any_more_does_not_haunt(broken: Broken, here: Account) -> None:
    shutil.rmtree(entry_folder(here.data, broken[0].id))
    assert ours(here, "run", broken[0].id) == 0
    assert "There is no such run any more" in (here.data / "logs" / "migrator.log").read_text()
    assert here.units == []


def test_a_source_that_stays_away_is_tried_at_some_more_starts_and_then_no_more(
    broken: Broken, here: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    one, source, _ = broken
    source.folder.rename(source.folder.with_name("elsewhere"))
    for tries in range(1, MOST_TRIES):
        assert ours(here, "run", one.id, "--wait", "0") == 4
        assert [kept.tries for kept in entries(here.data)] == [tries]
    assert "the source cannot be read" in capsys.readouterr().err
    assert ours(here, "run", one.id, "--wait", "0") == 4
    assert "it is not tried again" in capsys.readouterr().err
    assert here.units == entries(here.data) == []


def test_destinations_that_stay_away_are_told_of_and_tried_at_the_next_start(
    broken: Broken, here: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    one, _, peer = broken
    peer.stop()
    assert ours(here, "run", one.id, "--wait", "0") == 3
    assert f"no answer from {peer.node.host}:{peer.node.port}" in capsys.readouterr().err
    assert len(here.units) == 1


def test_source_and_network_are_waited_for_and_the_run_ends_with_what_started_it(
    broken: Broken, here: Account
) -> None:
    one, source, peer = broken
    away = source.folder.with_name("away")
    source.folder.rename(away)
    told: list[str] = []

    def tell(words: str) -> None:
        told.append(words)
        if words.startswith("Waiting"):
            away.rename(source.folder)

    control = Control()
    # As on systems that tell only the process which they have started that it is to end.
    peer.manners = Manners(delay=0.2, status=Once(control.cancel))
    go_on = GoOn(here.data, control, tell)
    go_on.every = 0.01
    assert go_on.run(one.id) == 130
    assert told[0] == "Waiting, 600 s at most: the source cannot be read (No such file or directory)"
    assert 3 <= len(set(peer.datasets)) < len(source.uids)
    assert len(here.units) == len(entries(here.data)) == 1
    assert entries(here.data)[0].tries == 0  # it had begun


def test_an_empty_folder_is_no_source_that_could_be_gone_on_with(tmp_path: Path) -> None:
    entry = Entry("0", str(tmp_path), (), (), (), "", "/", 0.0)
    missing = missing_source(entry)
    assert missing is not None
    assert missing.why == "the source is empty"


def test_a_mount_point_without_its_mount_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "left.dcm").touch()
    missing = missing_source(Entry("0", str(tmp_path), (), (), (), str(tmp_path), "/", 0.0))
    assert missing is not None
    assert missing.why == "the source is not mounted"


def test_the_mount_of_a_source_is_known(small_disk: Callable[[int], Path], tmp_path: Path) -> None:
    disk = small_disk(64 * 1024)
    (disk / "a" / "b").mkdir(parents=True)
    assert mount_of(str(disk / "a" / "b")) == str(disk)
    assert mount_of("/") == ""


def test_what_is_no_id_never_names_a_folder(tmp_path: Path) -> None:
    for bad in ("..", "a/b", "", "../jobs"):
        with pytest.raises(UsageError, match="is not the id of a run"):
            entry_folder(tmp_path, bad)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("list", "abc"), "takes no id"),
        (("remove",), "takes one id or --all"),
        (("remove", "abc", "--all"), "takes one id or --all"),
        (("run",), "takes one id"),
        (("list", "--all"), "no use for --all"),
        (("list", "--wait", "1"), "no use for --wait"),
        (("run", "abc", "--wait", "soon"), "--wait soon"),
        (("run", "abc", "--json"), "no use for --json"),
        (("remove", "../jobs"), "is not the id of a run"),
    ],
)
def test_what_makes_no_sense_is_refused(
    here: Account, words: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["restart", *words, "--home", str(here.data)]) == 2
    assert complaint in capsys.readouterr().err
