"""Ctrl-C ends a run within five seconds, whatever it waits for; a limit ends it whatever holds it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from migrator.core.errors import NotRunning
from migrator.jobs.steering import Steering
from tests.migrate.running import STATES, Command
from tests.peers import Act, Greeting, Rule, Script, ScriptedPacs, wait_until
from tests.peers.archives import Archive

SOON = 20.0  # seconds; it takes five at the most, but for a machine that is busy, and all waits take longer

Make = Callable[..., Archive]
Start = Callable[..., ScriptedPacs]


def closed_window() -> str:
    """Hours that are not now, nor soon."""
    begin = datetime.now() + timedelta(hours=6)
    return f"{begin:%H:%M}-{begin + timedelta(hours=1):%H:%M}"


def silent_after_three(pacs: ScriptedPacs) -> Script:
    def fall_silent(*_: object) -> bool:
        pacs.script = Script(greeting=Greeting.SILENCE, find_delay=60)
        return True

    return Script(rules=(Rule(act=Act.CLOSE, numbers=(3,), when=fall_silent),))


def sends(count: int) -> Callable[[ScriptedPacs, str], bool]:
    return lambda pacs, hold: len(pacs.arrived) >= count


def is_held(word: str) -> Callable[[ScriptedPacs, str], bool]:
    return lambda pacs, hold: word in hold


@dataclass(frozen=True)
class Wait:
    """What the peer does, with which options, and how to tell that the run waits by now."""

    script: Callable[[ScriptedPacs], Script]
    options: tuple[str, ...]
    is_on: Callable[[ScriptedPacs, str], bool]


def act(rule: Rule, **manners: float) -> Callable[[ScriptedPacs], Script]:
    return lambda pacs: Script(rules=(rule,), **manners)  # type: ignore[arg-type]


WAITS = {
    "for its window": Wait(
        lambda pacs: Script(), ("--window", closed_window()), is_held("sending, waiting for the window")
    ),
    "for a wave": Wait(act(Rule(0x0110)), ("--retries", "0"), is_held("wave 1")),
    "for its turn after a refusal": Wait(act(Rule(0xA700)), (), sends(2)),
    "for a destination left alone": Wait(act(Rule(act=Act.GO_DOWN, numbers=(3,))), (), is_held("left alone")),
    "for an association": Wait(silent_after_three, (), sends(3)),
    "for an answer to a file": Wait(act(Rule(act=Act.SILENCE, numbers=(3,))), (), sends(3)),
    "for an answer to a question": Wait(act(Rule(act=Act.CLOSE, numbers=(3,)), find_delay=60), (), sends(3)),
}


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("what", WAITS)
def test_ctrl_c_ends_a_run_that_waits(archive: Make, scripted_pacs: Start, tmp_path: Path, what: str) -> None:
    source, pacs, home = archive(studies=2, instances=5), scripted_pacs(), tmp_path / "home"
    pacs.script = WAITS[what].script(pacs)

    def hold() -> str:
        try:
            with Steering(home, str(source.folder), pacs.node) as run:
                status = run.ask({"do": "status"})
                return f"{status['phase']}, {status['hold']}"
        except NotRunning:
            return ""

    where = (
        "--to",
        str(pacs.node),
        "--home",
        str(home),
        "--settle",
        "0",
        "--json",
        "--workers",
        "2",
        "--dimse-timeout",
        "60",
    )
    child = subprocess.Popen(
        [sys.executable, "-m", "migrator", "migrate", str(source.folder), *where, *WAITS[what].options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        wait_until(lambda: WAITS[what].is_on(pacs, hold()), "it waits", 30)
        assert child.poll() is None, child.communicate()[1].decode()
        child.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
    assert time.monotonic() - began < SOON
    assert child.returncode == 130, err.decode()
    run = json.loads(out)
    assert run["found"] == sum(run[state] for state in STATES)


@pytest.mark.parametrize(
    ("what", "code", "limit"),
    # Before a wave everything has been tried, which takes its time.
    [("for its window", 5, "2s"), ("for a destination left alone", 5, "2s"), ("for a wave", 1, "6s")],
)
def test_a_limit_ends_a_run_that_waits(
    archive: Make, scripted_pacs: Start, migrate: Command, what: str, code: int, limit: str
) -> None:
    source, pacs = archive(studies=2, instances=5), scripted_pacs()
    pacs.script = WAITS[what].script(pacs)
    waits = ("--max-duration", limit, "--breaker-wait", "60s", "--wave-wait", "60s")
    began = time.monotonic()
    ran = migrate(source.folder, pacs.node, *WAITS[what].options, *waits)
    assert time.monotonic() - began < 40
    assert ran.code == code
    assert "--max-duration" in ran.json["stopped"]
