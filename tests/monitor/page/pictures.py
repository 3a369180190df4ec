"""Pictures of the monitor's page in every state, at the sizes of phones and of a desktop, to be looked at.

    python -m tests.monitor.page.pictures FOLDER

By the system's Chromium. The numbers are made up.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.monitor.page import made_up
from tests.monitor.page.scripted_monitor import Play, ScriptedMonitor

SIZES = ((320, 640), (390, 844), (844, 390), (1400, 900))
_TWELVE_MINUTES = 12 * 60 * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description="make pictures of the monitor's page in every state")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="a state's name")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for width, height in SIZES:
            with browser.new_context(viewport={"width": width, "height": height}) as context:
                page = context.new_page()
                for name in ("pairing", "confirm", "stale", *made_up.STATES):
                    if options.only in ("", name):
                        _picture(page, name, options.folder / f"{name}-{width}x{height}.png")
        browser.close()
    return 0


def _picture(page: Page, name: str, path: Path) -> None:
    play = Play(made_up.STATES.get(name, made_up.sending)(), needs_pairing=name == "pairing")
    with ScriptedMonitor(play) as monitor:
        page.goto(monitor.address)
        if name == "pairing":
            page.get_by_label("Pairing code").fill("000000")
            page.get_by_text("That is not the code").wait_for()
        else:
            page.locator("#watch").wait_for()
        if name == "confirm":
            page.get_by_role("button", name="Cancel").click()
        if name == "stale":
            play.is_away = True
            page.evaluate(f"const real = Date.now; Date.now = () => real() + {_TWELVE_MINUTES}")
            page.locator("#stale").wait_for()
        page.wait_for_timeout(1000)  # until the bars stand still
        # The whole length of the page, once: a bar that is fixed would stand in its middle.
        page.screenshot(path=path)
        if page.evaluate("document.documentElement.scrollHeight > innerHeight + 40"):
            page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
            page.screenshot(path=path.with_stem(path.stem + "-below"))
        page.goto("about:blank")


if __name__ == "__main__":
    raise SystemExit(main())
