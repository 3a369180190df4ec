"""The main job against Orthanc and DCMTK, and the copy-only promise under strace."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from migrator.cli.main import main
from tests.conftest import lack
from tests.migrate.running import Command
from tests.peers import Dcmqrscp, KeepingScp, Orthanc, Storescp
from tests.peers.archives import Archive

Make = Callable[..., Archive]
MIXED = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, JPEG2000Lossless)


def test_orthanc_holds_everything_and_a_partly_present_study_is_completed(
    archive: Make, orthanc: Orthanc, migrate: Command, tmp_path: Path
) -> None:
    source = archive(studies=5, series=2, instances=4, side=64, syntaxes=MIXED)
    pilot = source.folder.with_name("pilot")
    shutil.copytree(source.folder, pilot)
    for made in source.files[::2]:
        (pilot / made.path.relative_to(source.folder)).unlink()
    assert migrate(pilot, orthanc.node, "--verify").code == 0

    ran = migrate(source.folder, orthanc.node, "--skip-existing", "--verify")
    assert (ran.code, *ran.counts("sent", "skipped")) == (0, 20, 20)
    assert orthanc.uids() == source.uids
    assert (ran.json["verify"]["matched"], ran.json["verify"]["missing"]) == (40, 0)


def test_what_orthanc_lost_is_found_missing_and_sent_again(
    archive: Make, orthanc: Orthanc, migrate: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    source = archive(studies=3, instances=4)
    assert migrate(source.folder, orthanc.node).code == 0
    lost = {made.uid for made in source.files[:3]} | {source.files[9].uid}
    orthanc.delete(lost)
    verify = ["verify", str(source.folder), "--to", str(orthanc.node), "--json"]
    assert main(verify) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["matched"], report["missing"]) == (8, 4)
    assert {uid for study in report["per_study"] for uid in study["missing"]} == lost

    assert main([*verify, "--resend-missing"]) == 0
    assert json.loads(capsys.readouterr().out)["matched"] == 12
    assert orthanc.uids() == source.uids


def test_migrate_completes_what_the_destination_lost_and_the_ledger_still_balances(
    archive: Make, orthanc: Orthanc, migrate: Command
) -> None:
    source = archive(studies=3, instances=4)
    migrate(source.folder, orthanc.node)
    orthanc.delete({source.files[0].uid})
    ran = migrate(source.folder, orthanc.node, "--resend-missing")
    assert (ran.code, *ran.counts("found", "sent", "skipped")) == (0, 12, 1, 11)
    assert ran.json["job"]["sent"] == 12
    assert orthanc.uids() == source.uids


def test_a_peer_that_serves_one_association_at_a_time_costs_no_time_out(
    archive: Make, storescp: Storescp, migrate: Command
) -> None:
    source = archive(studies=12, instances=10, side=4)
    began = time.monotonic()
    ran = migrate(source.folder, storescp.node, "--workers", "4", "--batch-size", "5")
    assert (ran.code, *ran.counts("sent", "healed")) == (0, 120, 0)
    # Not a matter of speed: one time-out is 30 seconds.
    assert time.monotonic() - began < 25
    assert storescp.datasets() == source.datasets


def test_dcmqrscp_proves_what_it_holds(archive: Make, dcmqrscp: Dcmqrscp, migrate: Command) -> None:
    source = archive(studies=3, series=2, instances=3)
    # One worker: its index loses entries when two associations store at the same time.
    ran = migrate(source.folder, dcmqrscp.node, "--verify", "--workers", "1")
    assert ran.code == 0, ran.json["verify"]
    assert {study["proof"] for study in ran.json["verify"]["per_study"]} == {"uid set"}


def fingerprint(folder: Path) -> dict[str, tuple[int, int, str]]:
    found = {}
    for path in sorted(folder.rglob("*")):
        stat = path.stat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (stat.st_mtime_ns, stat.st_mode, digest)
    return found


_TOUCHING = re.compile(
    r"(?:open|openat|creat)\(.*(?:O_WRONLY|O_RDWR|O_CREAT|O_TRUNC)|"
    r"(?:rename|renameat|renameat2|link|linkat|symlink|symlinkat|unlink|unlinkat|rmdir|mkdir|mkdirat|chmod|"
    r"fchmodat|chown|fchownat|lchown|utime|utimes|utimensat|truncate|mknod|mknodat|setxattr|removexattr)\("
)


def test_nothing_under_the_source_is_written_created_renamed_or_removed(
    archive: Make, keeping_scp: Callable[..., KeepingScp], tmp_path: Path
) -> None:
    if shutil.which("strace") is None:
        lack("strace is not installed (Debian: apt-get install strace)")
    source = archive(studies=3, instances=5, side=64, syntaxes=MIXED)
    (source.folder / "broken.dcm").write_bytes(source.files[0].path.read_bytes()[:-9])
    before = fingerprint(source.folder)
    peer = keeping_scp(syntaxes=(ImplicitVRLittleEndian,))
    log = tmp_path / "strace.log"
    command = [
        *("strace", "-f", "-y", "-s", "4096", "-o", str(log), "-e", "trace=%file,ftruncate,fchmod,fchown"),
        *(sys.executable, "-m", "migrator", "migrate", str(source.folder), "--to", str(peer.node)),
        *("--settle", "0", "--verify", "--home", str(tmp_path / "home")),
    ]
    subprocess.run(command, check=False, capture_output=True, timeout=120)
    assert len(peer.kept) == 15

    lines = [line for line in log.read_text(errors="replace").splitlines() if str(source.folder) in line]
    read = [line for line in lines if "openat" in line and "O_RDONLY" in line]
    assert len(read) >= 15, "strace saw nothing of the reading"
    assert [line for line in lines if _TOUCHING.search(line)] == []
    assert fingerprint(source.folder) == before
