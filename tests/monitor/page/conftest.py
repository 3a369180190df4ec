"""The page in the system's Chromium: every test has a page of its own, and none may break its rules."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.conftest import lack
from tests.monitor.page.scripted_monitor import Play, ScriptedMonitor

_LIMIT = 30_000  # milliseconds for whatever a test waits for


# Not of the whole session: while it lasts, asyncio takes this thread for one with a running loop.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        lack("Chromium, which shows the monitor's page, is not installed")
    expect.set_options(timeout=_LIMIT)
    with sync_playwright() as playwright:
        # As root, as in a container, it runs only without its sandbox.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@dataclass
class Heard:
    """What a page complained of, and whom it asked. `may_fail`: whether requests may fail in this test."""

    complaints: list[str] = field(default_factory=list)
    origins: set[str] = field(default_factory=set)
    may_fail: bool = False

    def on_console(self, message: ConsoleMessage) -> None:
        is_failure = message.text.startswith("Failed to load resource")
        if message.type in ("error", "warning") and not (is_failure and self.may_fail):
            self.complaints.append(message.text)

    def on_request(self, request: Request) -> None:
        self.origins.add("/".join(request.url.split("/", 3)[:3]))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def page(browser: Browser, heard: Heard) -> Iterator[Page]:
    """A phone. At its end: no complaint of the browser (so none of the CSP), and one origin at most."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, service_workers="block")
    context.set_default_timeout(_LIMIT)
    page = context.new_page()
    page.on("console", heard.on_console)
    page.on("pageerror", lambda error: heard.complaints.append(str(error)))
    page.on("request", heard.on_request)
    yield page
    context.close()
    assert heard.complaints == []
    assert len(heard.origins) <= 1


@pytest.fixture(scope="package")
def server() -> Iterator[ScriptedMonitor]:
    with ScriptedMonitor(Play({})) as server:
        yield server


@pytest.fixture
def monitor(page: Page, server: ScriptedMonitor) -> Iterator[Callable[..., ScriptedMonitor]]:
    """Let the monitor have another play: `monitor(numbers, needs_pairing=True)`. No page is opened yet."""

    def play(numbers: dict[str, Any], **script: Any) -> ScriptedMonitor:
        server.play = Play(numbers, **script)
        return server

    yield play
    page.goto("about:blank")  # its streams end, and what comes to the server is the next test's
