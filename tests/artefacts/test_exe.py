"""The portable executables, really built here: what they must do on a machine that has no Python at all."""

from __future__ import annotations

import faulthandler
import hashlib
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy
import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.uid import ExplicitVRLittleEndian

from migrator.bootstrap import SETUP_FAILED
from migrator.dicom.codestreams import CODESTREAMS, write_codestream
from migrator.jobs.launch import Launched, launched
from tests.conftest import lack
from tests.peers import KeepingScp, Manners, free_port, wait_until
from tests.peers.archives import Archive
from tests.peers.processes import listens

ROOT = Path(__file__).resolve().parents[2]
NAME = "DICOMPACSMigrator"
PATIENCE = 120.0  # seconds, on a machine that does much else

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="other systems build theirs in the release's workflow"
)


class Built(NamedTuple):
    """What the build has made, and what it told."""

    dist: Path
    told: str

    @property
    def window(self) -> str:
        return str(self.dist / NAME / NAME)

    @property
    def console(self) -> str:
        return str(self.dist / NAME / f"{NAME}-cli")


@pytest.fixture(scope="module")
def built() -> Iterator[Built]:
    """Built once in each process that runs tests of this file, most often in one.

    The build itself lets both programs prove themselves, in an empty home and without any program on PATH.
    """
    if shutil.which("objdump") is None:
        lack("objdump, by which PyInstaller looks into libraries, is not installed")
    # On a slow machine this takes longer than any test should; after it the usual limit holds again.
    faulthandler.dump_traceback_later(900, exit=True, file=sys.__stderr__)
    # Not pytest's own folder: that is kept for three sessions, and this takes a third of a gigabyte.
    with tempfile.TemporaryDirectory(prefix="dicom-migrator-test-exe-") as folder:
        command = [sys.executable, str(ROOT / "scripts" / "build_exe.py"), "--dist", folder, "--no-archive"]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=880, check=False
        )
        if done.returncode == SETUP_FAILED:
            lack(f"the packages of requirements/exe.lock are not to be had here: {done.stdout.strip()}")
        assert done.returncode == 0, done.stdout
        yield Built(Path(folder), done.stdout)


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of a user who has nothing: an empty home, and no program on PATH."""
    home = tmp_path / "a home"
    home.mkdir()
    return {"HOME": str(home), "PATH": str(tmp_path / "nowhere")}


def run(command: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=variables, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def test_what_was_built_proves_itself_without_any_python_and_its_digests_are_noted(built: Built) -> None:
    for words in (f"{NAME}-cli self-test", f"{NAME}-cli demo", f"{NAME} --version"):
        assert f"\n{words}: good" in built.told
    noted = dict(reversed(line.split("  ")) for line in (built.dist / "SHA256SUMS").read_text().splitlines())
    assert noted == {
        f"{NAME}/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest()
        for file in map(Path, (built.window, built.console))
    }


def test_the_versions_inside_are_those_that_are_locked(built: Built, bare: dict[str, str]) -> None:
    done = run([built.window, "self-test", "--json"], bare)
    found = {one["name"]: one for one in json.loads(done.stdout)["findings"]}
    assert done.returncode == 0
    assert found["packages"]["words"].endswith("(as locked)")
    assert found["window"]["state"] == "ok"


def test_without_a_command_the_console_program_tells_what_there_is(
    built: Built, bare: dict[str, str]
) -> None:
    done = run([built.console], bare)
    assert done.returncode == 2
    assert "self-test" in done.stdout


def test_where_no_window_can_be_shown_that_is_told(built: Built, bare: dict[str, str]) -> None:
    done = run([built.window], bare)
    assert done.returncode == 2
    assert "lacks" in done.stderr
    assert f"{NAME}-cli --help" in done.stderr


def test_licences_and_notices_go_along(built: Built) -> None:
    folder = built.dist / NAME
    for name in ("LICENSE", "THIRD_PARTY_NOTICES.md"):
        text = (ROOT / name).read_text("utf-8")
        assert (folder / name).read_text("utf-8") == text
        assert (folder / "_internal" / name).read_text("utf-8") == text
    notices = (folder / "THIRD_PARTY_NOTICES.md").read_text("utf-8")
    assert "PyInstaller" in notices
    texts = folder.rglob("*.dist-info/**/LICENSE*")
    assert any("GNU GENERAL PUBLIC LICENSE" in text.read_text("utf-8", "replace") for text in texts)


def test_every_decoder_is_inside(
    built: Built, bare: dict[str, str], keeping_scp: Callable[..., KeepingScp], tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    samples = {str(dcmread(write_codestream(one, archive)).SOPInstanceUID): one for one in CODESTREAMS}
    peer = keeping_scp(syntaxes=(ExplicitVRLittleEndian,))
    options = ["--to", str(peer.node), "--settle", "0", "--json"]
    done = run([built.console, "migrate", str(archive), *options], bare)
    assert done.returncode == 0, done.stderr
    assert peer.counts.keys() == samples.keys()
    for kept in peer.kept:
        sample = samples[kept.uid]
        assert kept.transfer_syntax == ExplicitVRLittleEndian
        dataset = dcmread(DicomBytesIO(kept.data), force=True)
        values = numpy.frombuffer(dataset.PixelData, f"<u{dataset.BitsAllocated // 8}")
        wanted = sample.pixels.ravel().astype(int)
        assert abs(values[: wanted.size].astype(int) - wanted).max() <= sample.tolerance, sample.words


def test_the_page_for_a_phone_is_inside(
    built: Built,
    bare: dict[str, str],
    archive: Callable[..., Archive],
    keeping_scp: Callable[..., KeepingScp],
) -> None:
    peer, port = keeping_scp(delay=0.5), free_port()
    command = [built.console, "migrate", str(archive(studies=10).folder), "--to", str(peer.node)]
    options = ["--workers", "1", "--settle", "0", "--monitor", str(port), "--monitor-tls"]
    with subprocess.Popen(
        [*command, *options], env=bare, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as run:
        try:
            wait_until(lambda: listens(port) or run.poll() is not None, "the monitor listens", PATIENCE)
            assert b"<title>" in fetched(port, "/")
            assert fetched(port, "/static/app.js")
            assert json.loads(fetched(port, "/api/snapshot"))["has_ended"] is False
            peer.manners = Manners()
            told = run.communicate(timeout=PATIENCE)[0]
        finally:
            run.kill()
    assert run.returncode == 0, told


def fetched(port: int, path: str) -> bytes:
    """What the monitor answers, whose certificate it has made itself."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(
        f"https://127.0.0.1:{port}{path}", timeout=PATIENCE, context=context
    ) as answer:
        return bytes(answer.read())


def test_a_run_that_the_window_began_outlives_it(built: Built, bare: dict[str, str]) -> None:
    home = Path(bare["HOME"], ".dicom_migrator")
    with display() as variables:
        xdotool = [shutil.which("xdotool") or lack("xdotool is not installed")]
        with subprocess.Popen([built.window], env=bare | variables, stderr=subprocess.PIPE) as window:
            try:
                search = [
                    "search",
                    "--sync",
                    "--onlyvisible",
                    "--pid",
                    str(window.pid),
                    "--name",
                    "DICOM PACS Migrator",
                ]
                shown = subprocess.run(
                    [*xdotool, *search],
                    env=os.environ | variables,
                    capture_output=True,
                    text=True,
                    timeout=PATIENCE,
                )
                assert shown.returncode == 0, shown.stderr
                keys = ["windowfocus", "--sync", shown.stdout.split()[0], "key", "alt+h", "key", "d"]
                subprocess.run([*xdotool, *keys], env=os.environ | variables, check=True, timeout=PATIENCE)
                wait_until(lambda: "migrate" in commands(home), "the demo's migration has begun", PATIENCE)
                migration, demo = commands(home)["migrate"], commands(home)["demo"]
                wait_until(lambda: bool(migration.look().snapshots), "it tells of itself", PATIENCE)
                assert not migration.has_ended
            finally:
                window.send_signal(signal.SIGKILL)
    try:
        wait_until(lambda: migration.has_ended, "the migration has ended", PATIENCE)
        look = migration.look()
        assert look.code == 1  # the sample's odd files are held and quarantined
        assert look.snapshots[-1]["run"]["sent"] == 320
        assert not demo.has_ended
    finally:
        demo.ask("cancel")
        wait_until(lambda: demo.has_ended, "the demo's PACS has ended", PATIENCE)
        demo.leave()
        migration.leave()


def commands(home: Path) -> dict[str, Launched]:
    return {one.name: one for one in launched(home)}


@contextmanager
def display() -> Iterator[dict[str, str]]:
    """A screen without a monitor; the variables that lead to it."""
    xvfb = shutil.which("Xvfb") or lack("Xvfb is not installed")
    command = [xvfb, "-displayfd", "1", "-screen", "0", "1400x900x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout is not None
            yield {"DISPLAY": f":{server.stdout.readline().decode().strip()}", "QT_QPA_PLATFORM": "xcb"}
        finally:
            server.terminate()
