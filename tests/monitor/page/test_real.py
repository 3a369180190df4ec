"""The page of the real monitor, and of a real `migrate --monitor`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.monitor.made_up import A_SNAPSHOT, moved, served
from tests.monitor.page.conftest import Heard
from tests.peers import KeepingScp
from tests.peers.archives import Archive

_LIMIT = 60  # seconds


def test_the_real_monitors_numbers_are_shown_and_change(page: Page, tmp_path: Path) -> None:
    with served(tmp_path) as run:
        page.goto(run.url)
        expect(page.get_by_role("heading", name="Sending")).to_be_visible()
        expect(page.locator("#percent")).to_have_text("42 %")
        expect(page.locator("#balance")).to_have_text("balances")
        expect(page.get_by_role("button", name="Pause")).to_be_hidden()
        run.numbers[0] = moved(A_SNAPSHOT, 90)
        expect(page.locator("#percent")).to_have_text("92 %")
        expect(page.locator("#link")).to_have_text("live")
        page.goto("about:blank")


def test_the_real_monitor_pairs_refuses_and_obeys(page: Page, heard: Heard, tmp_path: Path) -> None:
    heard.may_fail = True
    other = replace(
        A_SNAPSHOT, destination="VNA@127.0.0.1:105", circuit="open", hold="left alone, tried again in 9 s"
    )
    with served(tmp_path, [A_SNAPSHOT, other], monitor_control=True) as run:
        page.goto(f"{run.url}/")
        wrong = "000000" if run.place.code != "000000" else "111111"
        page.get_by_label("Pairing code").fill(wrong)
        expect(page.get_by_text("That is not the code")).to_be_visible()
        page.goto("about:blank")
        page.goto(run.place.link)
        expect(page.get_by_role("heading", name="Sending")).to_be_visible()
        expect(page.locator("#detail")).to_have_text("1 of 2 destinations left alone for now")
        page.get_by_role("button", name="Pause").click()
        page.get_by_role("dialog").get_by_role("button", name="Pause").click()
        expect(page.get_by_role("heading", name="Paused", exact=True)).to_be_visible()
        assert run.control.is_paused
        run.watched.code = 130
        expect(page.get_by_role("heading", name="Stopped", exact=True)).to_be_visible()
        page.goto("about:blank")


def test_a_migration_is_watched_paused_and_seen_to_its_end(
    page: Page,
    heard: Heard,
    archive: Callable[..., Archive],
    keeping_scp: Callable[..., KeepingScp],
    tmp_path: Path,
) -> None:
    heard.may_fail = True  # the monitor goes with the run
    seen = threading.Event()
    pacs = keeping_scp(status=lambda _: 0x0000 if seen.wait(_LIMIT) else 0xA700)
    source = archive().folder
    for one in source.rglob("*.dcm"):
        os.utime(one, (1_700_000_000.0, 1_700_000_000.0))  # they do not grow any more
    with migrating(source, pacs.port) as run:
        page.goto(run.link)
        page.get_by_role("button", name="Pause").click()
        page.get_by_role("dialog").get_by_role("button", name="Pause").click()
        expect(page.get_by_role("heading", name="Paused", exact=True)).to_be_visible()
        seen.set()
        page.get_by_role("button", name="Resume").click()
        page.get_by_role("dialog").get_by_role("button", name="Resume").click()
        expect(page.get_by_role("heading", name="Done", exact=True)).to_be_visible()
        assert run.ended() == 0
        expect(page.locator("#balance")).to_have_text("balances")
        expect(page.get_by_role("button", name="Look for a run again")).to_be_visible()


class migrating:
    """A migration in another process, whose monitor allows control."""

    def __init__(self, source: Path, port: int) -> None:
        command = [sys.executable, "-m", "migrator", "migrate", str(source), "--to", f"127.0.0.1:{port}"]
        options = ["--monitor", "127.0.0.1:0", "--monitor-control", "--workers", "1"]
        self._process = subprocess.Popen(
            [*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self.link = ""

    def __enter__(self) -> migrating:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if told := re.search(r"Monitor: (\S+) \(code (\d+)\)", line):
                self.link = f"{told[1]}/#pair={told[2]}"
                return self
        raise AssertionError(f"it told of no monitor, and ended with {self._process.wait(_LIMIT)}")

    def ended(self) -> int:
        self._process.communicate(timeout=_LIMIT)
        return self._process.returncode

    def __exit__(self, *_: Any) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate(timeout=_LIMIT)
