"""Ctrl-C and kill -9 while results are awaited: transactions outlive both."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.commit.making import Command
from tests.peers import wait_until
from tests.peers.committing import Asked, CommittingScp, report_of

SOON = 20.0  # seconds; it takes five at the most, but for a machine that is busy

Scp = Callable[..., CommittingScp]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs signals")


class Child:
    """`commit` in a process of its own, which ends with the test."""

    def __init__(self, commit: Command, scp: CommittingScp, *options: str) -> None:
        command = [sys.executable, "-m", "migrator", "commit", str(commit.source), "--to", str(scp.node)]
        self.process = subprocess.Popen(
            [*command, "--home", str(commit.home), "--json", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until(self, is_so: Callable[[], bool], what: str) -> None:
        wait_until(lambda: is_so() or self.process.poll() is not None, what, 60)
        assert is_so(), self.process.communicate()[1]

    def end(self, number: signal.Signals) -> tuple[int, str, str]:
        """Its exit code, and what it said, after this signal."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGKILL)


def accepted(file: Path) -> int:
    return file.read_text().count('"answer"') if file.exists() else 0


def test_what_a_killed_call_asked_for_is_taken_up_by_the_next(
    commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    scp = committing_scp(held={})
    commit.record(scp.node, 700)
    with Child(commit, scp, *listen) as child:
        child.wait_until(lambda: accepted(commit.journal(scp.node)) == 2, "both requests are accepted")
        scp.report(port, report_of(scp.asked[1].transaction, scp.asked[1].uids), 1)
        child.end(signal.SIGKILL)
    before = list(scp.asked)

    def decide(asked: Asked) -> int:
        if len(asked.uids) == 500:
            scp.report(port, report_of(before[0].transaction, before[0].uids), 1)
        return 0

    scp.decide = decide
    ran = commit(scp.node, *listen, wait=0.2)
    assert scp.answers == [0, 0]
    assert ran.json["earlier_unanswered_transactions"] == 1
    assert ran.counts == (700, 500, 0, 200)
    assert ran.json["late"] == 500


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_ends_soon_and_keeps_what_was_answered(
    number: signal.Signals, commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    def then(scp: CommittingScp, asked: Asked) -> None:
        scp.report(port, report_of(asked.transaction, asked.uids[:4]), 2)

    scp = committing_scp(then, held={})
    commit.record(scp.node, 10)
    with Child(commit, scp, *listen) as child:
        child.wait_until(lambda: scp.answers == [0], "a part was reported")
        began = time.monotonic()
        code, out, err = child.end(number)
    assert time.monotonic() - began < SOON
    assert code == 130, err
    result: dict[str, Any] = json.loads(out)
    assert (result["requested"], result["committed"], result["unanswered"]) == (10, 4, 6)
    assert result["interrupted"]


def test_interrupting_while_the_request_is_unanswered_ends_at_once(
    commit: Command, committing_scp: Scp, listen: Any
) -> None:
    goes_on = threading.Event()

    def decide(asked: Asked) -> int:
        goes_on.wait(20)
        return 0

    scp = committing_scp(decide=decide)
    commit.record(scp.node, 10)
    with Child(commit, scp, *listen) as child:
        child.wait_until(lambda: len(scp.asked) == 1, "it was asked")
        began = time.monotonic()
        code, _, err = child.end(signal.SIGINT)
    goes_on.set()
    assert (code, time.monotonic() - began < SOON) == (130, True), err
