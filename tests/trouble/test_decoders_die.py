"""Decoder processes that die during a run cost one file each at most, and a later run sends those."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import psutil
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless, RLELossless

from tests.migrate.running import Command
from tests.peers import Arrived, Rule, ScriptedPacs
from tests.peers.archives import Archive

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")

DEATHS = 3


def decoders() -> list[psutil.Process]:
    """This process's decoders; the tracker of multiprocessing is none."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(_command(child))]


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV], ids=["killed", "crashed natively"])
def test_decoders_that_die_cost_one_file_each_at_most(
    archive: Callable[..., Archive],
    scripted_pacs: Callable[..., ScriptedPacs],
    migrate: Command,
    number: signal.Signals,
) -> None:
    source = archive(studies=6, instances=10, side=32, syntaxes=(RLELossless, JPEGLSLossless))
    dead: set[int] = set()
    lock = threading.Lock()

    def kill_one(arrived: Arrived) -> bool:
        if arrived.number % 12 == 0:
            with lock:
                for decoder in decoders():
                    if len(dead) < DEATHS and decoder.pid not in dead:
                        dead.add(decoder.pid)
                        decoder.send_signal(number)
                        break
        return False

    pacs = scripted_pacs(
        Rule(when=kill_one), syntaxes=(ImplicitVRLittleEndian, ExplicitVRLittleEndian), delay=0.005
    )
    ran = migrate(source.folder, pacs.node, "--workers", "2")
    assert len(dead) == DEATHS, "no decoder was killed: this would prove nothing"
    assert ran.json["sent"] + ran.json["failed"] == 60
    assert ran.json["failed"] <= DEATHS
    assert ran.code == (1 if ran.json["failed"] else 0)
    pacs.script = type(pacs.script)(syntaxes=pacs.script.syntaxes)
    again = migrate(source.folder, pacs.node, "--retry-failed")  # of a decoder that died at its work
    assert (again.code, again.json["job"]["sent"]) == (0, 60)
    assert pacs.uids == source.uids
