"""The benchmark of chaos holds for a moment, and notices what is broken on purpose."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHAOS = Path(__file__).resolve().parents[2] / "benchmarks" / "chaos.py"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")


def chaos(pacs: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHAOS), "--files", "300", "--pacs", pacs, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


def test_a_round_of_chaos_loses_nothing() -> None:
    ran = chaos("find", "--minutes", "0.02", "--seed", "5")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "instances lost 0, ledgers balanced" in ran.stdout


# A PACS that answers C-FIND hides a broken resume: everything is in doubt then, and found there.
@pytest.mark.parametrize(("what", "pacs"), [("resume", "mute"), ("unknown", "find"), ("fsync", "find")])
def test_chaos_notices_what_is_broken(what: str, pacs: str) -> None:
    ran = chaos(pacs, "--minutes", "2", "--seed", "1", "--break", what)
    assert (ran.returncode, ran.stderr) == (1, "")
    assert "it was noticed, as it must be" in ran.stdout
