"""Every state can be read: at every size, with large text, without colours, and by a reader aloud."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.monitor.page import made_up
from tests.monitor.page.conftest import Heard
from tests.monitor.page.scripted_monitor import STATIC, ScriptedMonitor

Start = Callable[..., ScriptedMonitor]

SIZES = ((320, 640), (360, 740), (667, 375), (768, 1024), (1400, 900))

# What goes beyond the page's width, or is cut off within its box.
_TOO_WIDE = """() => [...document.querySelectorAll("body *")].filter(one =>
    one.checkVisibility() && !one.closest(".unseen, svg, .bar") && (
        one.getBoundingClientRect().right > innerWidth + 1
        || one.getBoundingClientRect().left < -1
        || one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== "inline")
    ).map(one => one.outerHTML.slice(0, 120))"""

# WCAG 2.1, 1.4.3: the contrast of each text to what it stands on.
_TOO_FAINT = """() => {
    const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (colour) => {
        const [r, g, b] = parts(colour).slice(0, 3).map(one => one / 255)
            .map(one => one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (one) => {
        for (let at = one; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if ((parts(colour)[3] ?? 1) === 1) return colour;
        }
        return "rgb(0, 0, 0)";
    };
    const contrast = (one) => {
        const two = [light(getComputedStyle(one).color), light(ground(one))].sort();
        return (Math.max(...two) + 0.05) / (Math.min(...two) + 0.05);
    };
    return [...document.querySelectorAll("body *")].filter(one => one.checkVisibility()
        && !one.closest(".unseen, button:disabled")
        && [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim())
        && contrast(one) < 4.5).map(one => [one.outerHTML.slice(0, 120), contrast(one)]);
}"""

# What a reader aloud, or a thumb, would stumble over.
_UNNAMED = """() => {
    const shown = (selector) => [...document.querySelectorAll(selector)].filter(one => one.checkVisibility());
    const ids = [...document.querySelectorAll("[id]")].map(one => one.id);
    return [
        ...shown("button").filter(one => !one.textContent.trim()),
        ...shown("button").filter(one => one.getBoundingClientRect().height < 44),
        ...shown("input").filter(one => !one.labels.length),
        ...shown("img").filter(one => !one.hasAttribute("alt")),
        ...shown("svg").filter(one => !one.matches("[aria-hidden=true], [role=img][aria-label]")),
        ...shown("[role=progressbar]").filter(one => !one.ariaLabel || !one.getAttribute("aria-valuetext")),
    ].map(one => one.outerHTML.slice(0, 120)).concat(ids.filter((one, index) => ids.indexOf(one) !== index));
}"""


def look(page: Page, size: tuple[int, int]) -> dict[str, Any]:
    """What is wrong with the page at this size."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    found = {
        "too wide": page.evaluate(_TOO_WIDE),
        "scrolls": page.evaluate("document.documentElement.scrollWidth > innerWidth"),
    }
    return {f"{name} at {size}": wrong for name, wrong in found.items() if wrong}


@pytest.mark.parametrize("state", ["pairing", "stale", "asked", *made_up.STATES])
def test_every_state_fits_every_screen(page: Page, monitor: Start, heard: Heard, state: str) -> None:
    heard.may_fail = True
    numbers = made_up.STATES.get(state, made_up.sending)()
    one = monitor(numbers, needs_pairing=state == "pairing")
    page.goto(one.address)
    expect(page.locator("#pairing" if state == "pairing" else "#watch")).to_be_visible()
    if state == "stale":
        one.play.is_away = True
        page.evaluate("(real => Date.now = () => real() + 720_000)(Date.now)")
        expect(page.locator("#stale")).to_be_visible()
    if state == "asked":
        page.get_by_role("button", name="Cancel").click()
    wrong = {}
    for size in SIZES:
        wrong |= look(page, size)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    for size in ((320, 640), (390, 844)):
        wrong |= {f"{name}, large text": what for name, what in look(page, size).items()}
    assert wrong == {}
    assert page.evaluate(_TOO_FAINT) == []
    assert page.evaluate(_UNNAMED) == []


def test_a_state_has_a_shape_and_words_and_not_only_a_colour(page: Page, monitor: Start) -> None:
    one = monitor(made_up.sending())
    page.goto(one.address)
    shapes = set()
    for make, word in ((made_up.sending, "Sending"), (made_up.paused, "Paused"), (made_up.ended, "Ended")):
        one.play.numbers = make()
        expect(page.locator("#state")).to_contain_text(word)
        shapes.add(page.locator("#shape path").get_attribute("d"))
    assert len(shapes) == 3


def test_the_state_is_read_aloud_and_what_counts_is_not(page: Page, monitor: Start) -> None:
    one = monitor(made_up.sending())
    page.goto(one.address)
    expect(page.locator("#spoken")).to_have_text("Sending")
    live = page.evaluate("[...document.querySelectorAll('[aria-live]')].map(one => one.id)")
    assert live == ["spoken"]


def test_nothing_moves_for_those_who_asked_for_it(page: Page, monitor: Start) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto(monitor(made_up.scanning()).address)
    expect(page.locator("#bar")).to_be_visible()
    page.locator("#bar").scroll_into_view_if_needed()
    assert page.evaluate("document.getAnimations().length") == 0


def test_numbers_and_times_are_written_for_people(page: Page, monitor: Start) -> None:
    page.goto(monitor(made_up.sending()).address)
    written = page.evaluate(
        """async () => {
            const format = await import("/static/format.js");
            const now = new Date(2026, 10, 21, 22, 5).getTime();
            const days = [0, 6, 30, -30].map(hours => format.clock(now + hours * 3_600_000, now));
            return {
                spans: [5, 60, 125, 3_599, 7_260].map(format.span),
                longer: [8_070, 86_400, 300_000].map(format.span),
                ages: [59, 61, 7_300, 200_000].map(format.age),
                left: [20, 3_600, 8_070].map(format.hoursMinutes),
                sizes: [0, 999, 1_000, 318_400_000_000, 999_960_000].map(format.size),
                rates: [0, 0.44, 9.96, 812.3, 12_345].map(format.filesPerSecond),
                megabytes: format.megabytes(3.14e7),
                days: days.map(one => one.replace(/^.*?(?= (tomorrow|yesterday|on )|$)/, "")),
            };
        }"""
    )
    assert written == {
        "spans": ["5 seconds", "1 minute", "2 minutes 5 seconds", "1 hour", "2 hours 1 minute"],
        "longer": ["2 hours 15 minutes", "1 day", "3 days 11 hours"],
        "ages": ["59 seconds", "1 minute", "2 hours", "2 days"],
        "left": ["0:01", "1:00", "2:15"],
        "sizes": ["0 bytes", "999 bytes", "1.0 kB", "318.4 GB", "1.0 GB"],
        "rates": ["0", "0.4", "10.0", "812", "12,345"],
        "megabytes": "31.4",
        "days": ["", " tomorrow", " on Monday", " yesterday"],
    }


def test_it_can_be_put_on_the_home_screen(page: Page, monitor: Start) -> None:
    one = monitor(made_up.sending())
    page.goto(one.address)
    manifest = json.loads((STATIC / "manifest.webmanifest").read_text(encoding="utf-8"))
    assert manifest["display"] == "standalone"
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        assert page.request.get(one.address + icon["src"]).ok
        header = (STATIC.parent / icon["src"]).read_bytes()[16:24]
        assert "{}x{}".format(*struct.unpack(">II", header)) == icon["sizes"]
    for link in page.locator("link[rel=apple-touch-icon], link[rel=manifest]").all():
        assert page.request.get(one.address + str(link.get_attribute("href"))).ok
