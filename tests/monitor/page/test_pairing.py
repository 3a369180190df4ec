"""A device is paired by typing, by pasting, by the QR code; and again when the run no longer knows it."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.monitor.page.conftest import Heard
from tests.monitor.page.made_up import sending
from tests.monitor.page.scripted_monitor import ScriptedMonitor

Start = Callable[..., ScriptedMonitor]


def test_a_wrong_code_is_told_and_the_right_one_leads_to_the_numbers(
    page: Page, monitor: Start, heard: Heard
) -> None:
    heard.may_fail = True
    page.goto(monitor(sending(), needs_pairing=True).address)
    code = page.get_by_label("Pairing code")
    expect(code).to_be_focused()
    expect(code).to_have_attribute("inputmode", "numeric")
    expect(code).to_have_attribute("autocomplete", "one-time-code")
    code.press_sequentially("000000")
    expect(page.get_by_role("alert").filter(has_text="That is not the code")).to_be_visible()
    code.press_sequentially("123456")  # what was wrong is selected, so it goes
    expect(page.get_by_role("heading", name="Sending")).to_be_visible()


def test_a_code_of_too_few_digits_is_not_sent(page: Page, monitor: Start) -> None:
    one = monitor(sending(), needs_pairing=True)
    page.goto(one.address)
    page.get_by_label("Pairing code").fill("123")
    page.get_by_role("button", name="Pair").click()
    expect(page.get_by_text("The code has 6 digits.")).to_be_visible()
    assert one.play.tries_left == 3


def test_a_pasted_code_may_have_spaces(page: Page, monitor: Start) -> None:
    page.goto(monitor(sending(), needs_pairing=True).address)
    page.get_by_label("Pairing code").fill(" 123 456 ")
    expect(page.get_by_role("heading", name="Sending")).to_be_visible()


def test_the_code_of_the_qr_code_pairs_by_itself_and_leaves_the_address_bar(
    page: Page, monitor: Start
) -> None:
    one = monitor(sending(), needs_pairing=True)
    page.goto(f"{one.address}#pair=123456")
    expect(page.get_by_role("heading", name="Sending")).to_be_visible()
    assert page.url == one.address


def test_too_many_tries_are_counted_down_until_the_next_is_allowed(
    page: Page, monitor: Start, heard: Heard
) -> None:
    heard.may_fail = True
    one = monitor(sending(), needs_pairing=True, tries_left=0, wait=90)
    page.clock.install()
    page.goto(one.address)
    page.get_by_label("Pairing code").fill("000000")
    expect(page.get_by_text("Too many tries. Try again in")).to_be_visible()
    expect(page.get_by_role("button", name="Pair")).to_be_disabled()
    page.clock.run_for(35_000)
    expect(page.get_by_text(re.compile(r"Try again in [1-5]?\d seconds"))).to_be_visible()
    one.play.tries_left = 3
    page.clock.run_for(60_000)
    expect(page.get_by_role("button", name="Pair")).to_be_enabled()
    page.get_by_label("Pairing code").fill("123456")
    expect(page.get_by_role("heading", name="Sending")).to_be_visible()


def test_a_session_that_is_lost_leads_back_to_pairing(page: Page, monitor: Start, heard: Heard) -> None:
    heard.may_fail = True
    one = monitor(sending(), needs_pairing=True)
    page.clock.install()
    page.goto(f"{one.address}#pair=123456")
    expect(page.get_by_role("heading", name="Sending")).to_be_visible()
    one.play.cookies.clear()
    page.clock.run_for(5_000)
    expect(page.get_by_text("no longer knows this device")).to_be_visible()
    page.clock.run_for(10_000)
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    page.get_by_label("Pairing code").fill("123456")
    expect(page.get_by_role("heading", name="Sending")).to_be_visible()
