"""A run that survives restarts of a real systemd of the user, which starts it by itself each time."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from migrator.jobs.restart import entries
from tests.peers import KeepingScp, Manners, wait_until
from tests.peers.archives import Archive
from tests.restart.system import Account

_SYSTEMD = "/lib/systemd/systemd"

# It asks whether the machine was booted by systemd: so it is, for whoever looks from in there.
_BOOT = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && exec {} --user --log-level=err".format


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """One with nothing on its PATH but the system's own commands."""
    if (
        not hasattr(os, "geteuid")
        or os.geteuid()
        or not shutil.which("unshare")
        or not Path(_SYSTEMD).exists()
    ):
        pytest.skip("only root may start a systemd of its own, where there is one")
    runtime = tempfile.mkdtemp(prefix="run-")  # sockets lie there, whose paths must be short
    made = Account(tmp_path / "the user's home", tmp_path / "tools", {"XDG_RUNTIME_DIR": runtime})
    made.home.mkdir()
    made.tools.mkdir()
    yield made
    shutil.rmtree(runtime, ignore_errors=True)


@contextmanager
def booted(account: Account) -> Iterator[None]:
    """From the start of the user's systemd to the end of all that it has started."""
    systemd = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", _BOOT(_SYSTEMD)],
        env=account.variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def is_up() -> bool:
        asked = ["systemctl", "--user", "is-active", "default.target"]
        return subprocess.run(asked, env=account.variables, capture_output=True, check=False).returncode == 0

    try:
        wait_until(lambda: is_up() or systemd.poll() is not None, "the user's systemd is up", 60)
        if systemd.poll() is not None:
            pytest.skip("no systemd can be started here")
        yield
    finally:
        systemd.terminate()
        systemd.wait(60)


def test_a_run_goes_on_at_every_start_of_the_system_until_it_is_done(
    archive: Callable[..., Archive], keeping_scp: Callable[..., KeepingScp], account: Account
) -> None:
    source = archive(studies=10, instances=20, side=4)
    peer = keeping_scp(delay=0.5)

    def arrived(count: int) -> None:
        wait_until(lambda: len(set(peer.datasets)) >= count, f"{count} have arrived", 90)

    with booted(account):
        words = ["migrate", str(source.folder), "--to", str(peer.node), "--settle", "0", "--resume-at-start"]
        with account.start(*words) as child:
            try:
                arrived(3)
            finally:
                child.kill()
    assert len(account.units) == len(entries(account.data)) == 1
    with booted(account):  # shut down again before it is done
        arrived(len(set(peer.datasets)) + 10)
    assert len(account.units) == len(entries(account.data)) == 1
    assert len(set(peer.datasets)) < 200
    peer.manners = Manners()
    with booted(account):
        wait_until(lambda: not account.units, "it is done", 90)
    assert entries(account.data) == []
    assert set(peer.datasets) == source.uids
