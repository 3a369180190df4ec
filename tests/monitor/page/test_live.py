"""The numbers come by themselves, by whatever way is open, and what is old says so."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.monitor.made_up import until
from tests.monitor.page.conftest import Heard
from tests.monitor.page.made_up import broken, ended, ledger, scanning, sending
from tests.monitor.page.scripted_monitor import ScriptedMonitor

Start = Callable[..., ScriptedMonitor]
NAME = " \N{EN DASH} DICOM Migrator"


def test_the_numbers_are_there_and_change_by_themselves(page: Page, monitor: Start) -> None:
    one = monitor(sending())
    page.goto(one.address)
    expect(page.get_by_role("heading", name="Sending")).to_be_visible()
    expect(page.locator("#percent")).to_have_text("46 %")
    expect(page.get_by_role("progressbar", name="Files settled", exact=True)).to_have_attribute(
        "aria-valuenow", "46"
    )
    expect(page.locator("#eta")).to_have_text("2 hours 15 minutes left")
    expect(page.locator("#ends")).to_contain_text("ends about")
    expect(page.locator("#files-pace")).to_have_text("812")
    expect(page.locator("#bytes-pace")).to_have_text("31.4")
    expect(page).to_have_title(f"46 % · ETA 2:15{NAME}")
    one.play.tell(percent=47, share=0.47, eta_seconds=8_000.0, files_per_second=1_234.4)
    expect(page.locator("#percent")).to_have_text("47 %")
    expect(page.locator("#files-pace")).to_have_text("1,234")
    expect(page).to_have_title(f"47 % · ETA 2:14{NAME}")


def test_the_ledger_is_an_equation_that_says_whether_it_balances(page: Page, monitor: Start) -> None:
    one = monitor(sending())
    page.goto(one.address)
    terms = page.locator("#terms > div")
    shown = ["found1,284,306", "sent602,114", "warned12", "skipped1,377", "held3"]
    expect(terms).to_have_text([*shown, "failed12", "quarantined0", "unknown0", "pending680,788"])
    expect(page.locator("#balance")).to_have_text("balances")
    one.play.tell(balances=False)
    expect(page.locator("#balance")).to_have_text("does not balance")


def test_the_whole_job_is_told_where_earlier_runs_sent_some_of_it(page: Page, monitor: Start) -> None:
    page.goto(monitor(sending(job=ledger(2_000_000, sent=1_500_000))).address)
    expect(page.locator("#job")).to_contain_text("1,500,000 of 2,000,000 stored, 500,000 pending")


def test_a_destination_says_why_it_is_left_alone(page: Page, monitor: Start) -> None:
    page.goto(monitor(broken()).address)
    card = page.locator("#destinations > li").nth(1)
    expect(card).to_contain_text("VNA")
    expect(card).to_contain_text("Left alone")
    expect(card).to_contain_text("Tried again in 42 s: connection refused")
    expect(page.locator("#detail")).to_have_text("1 of 2 destinations left alone for now")
    expect(page.locator("#destinations > li").nth(0)).to_contain_text("takes 2.4 s to answer")


def test_problems_have_their_count_and_age_and_are_never_taken_for_markup(page: Page, monitor: Start) -> None:
    words = "<img src=x onerror=alert(1)> refused"
    one = {"at": time.time() - 185, "level": "error", "words": words, "count": 1_200}
    page.goto(monitor(sending(problems=[one])).address)
    expect(page.locator("#problems > li")).to_contain_text(words)
    expect(page.locator("#problems > li")).to_contain_text("1,200 times, last 3 minutes ago")


def test_while_it_is_scanned_nobody_knows_how_far_it_is(page: Page, monitor: Start) -> None:
    page.goto(monitor(scanning()).address)
    expect(page.locator("#amount")).to_have_text("48,211 files found so far")
    bar = page.get_by_role("progressbar", name="Files settled", exact=True)
    expect(bar).to_have_attribute("aria-valuetext", "not known yet")
    assert bar.get_attribute("aria-valuenow") is None


@pytest.mark.parametrize("events", ["kept back", "refused"])
def test_without_events_the_page_asks(page: Page, monitor: Start, heard: Heard, events: str) -> None:
    heard.may_fail = True
    one = monitor(sending(), events=events)
    page.clock.install()
    page.goto(one.address)
    expect(page.locator("#percent")).to_have_text("46 %")
    one.play.tell(percent=47)
    page.clock.run_for(4_000)
    expect(page.locator("#percent")).to_have_text("47 %")
    expect(page.locator("#link")).to_have_text("asking")


def test_events_that_are_kept_back_are_given_up_and_taken_again_when_they_come(
    page: Page, monitor: Start
) -> None:
    one = monitor(sending(), events="kept back")
    page.clock.install()
    page.goto(one.address)
    for percent in (47, 48, 49):
        one.play.tell(percent=percent)
        page.clock.run_for(4_000)
        expect(page.locator("#percent")).to_have_text(f"{percent} %")
    page.clock.run_for(25_000)
    until(lambda: one.play.listens > 1)  # the line that brought nothing was dropped for another
    one.play.events = "sent"
    one.play.tell(percent=50)
    expect(page.locator("#link")).to_have_text("live")


def test_old_numbers_say_since_when_and_become_young_again(page: Page, monitor: Start, heard: Heard) -> None:
    heard.may_fail = True
    one = monitor(sending())
    page.clock.install()
    page.goto(one.address)
    expect(page.locator("#percent")).to_have_text("46 %")
    one.play.is_away = True
    page.clock.fast_forward(12 * 60 * 1000)
    banner = page.get_by_role("region", name="Connection")
    expect(banner).to_contain_text("No word since")
    expect(banner).to_contain_text("12 minutes")
    expect(page).to_have_title(f"No word · 46 %{NAME}")
    expect(page.get_by_role("button", name="Pause")).to_be_disabled()
    expect(page.locator("#spoken")).to_have_text("No word from the run. It was: Sending")
    one.play.is_away = False
    one.play.tell(percent=60)
    # It tries by itself too, so the button may go before a mouse is there.
    page.locator("#stale-again").evaluate("button => button.click()")
    expect(banner).to_be_hidden()
    expect(page.locator("#percent")).to_have_text("60 %")
    expect(page.get_by_role("button", name="Pause")).to_be_enabled()


def test_an_answer_that_is_cut_short_is_none(page: Page, monitor: Start, heard: Heard) -> None:
    heard.may_fail = True
    one = monitor(sending(), events="refused")
    page.clock.install()
    page.goto(one.address)
    expect(page.locator("#percent")).to_have_text("46 %")
    page.route("**/api/snapshot", lambda route: route.fulfill(content_type="application/json", body='{"at"'))
    page.clock.fast_forward(60_000)
    expect(page.get_by_role("region", name="Connection")).to_contain_text("No word since")
    expect(page.locator("#percent")).to_have_text("46 %")
    page.unroute("**/api/snapshot")
    one.play.tell(percent=60)
    page.clock.fast_forward(60_000)
    expect(page.locator("#percent")).to_have_text("60 %")


def test_numbers_that_do_not_change_are_not_old(page: Page, monitor: Start) -> None:
    one = monitor(sending())
    page.clock.install()
    page.goto(one.address)
    expect(page.locator("#percent")).to_have_text("46 %")
    page.clock.run_for(4_000)
    with page.expect_response("**/api/snapshot"):
        page.clock.run_for(3_000)
    expect(page.get_by_role("region", name="Connection")).to_be_hidden()
    expect(page.locator("#link")).to_have_text("live")


@pytest.mark.parametrize("difference", [-7_200, 7_200])
def test_the_phones_clock_may_be_wrong(page: Page, monitor: Start, difference: int) -> None:
    problem = {"at": time.time() + difference - 185, "level": "error", "words": "refused", "count": 1}
    numbers = sending(at=time.time() + difference, problems=[problem])
    page.goto(monitor(numbers).address)
    expect(page.locator("#problems > li")).to_contain_text("3 minutes ago")
    expect(page.get_by_role("region", name="Connection")).to_be_hidden()


def test_back_on_the_network_the_page_asks_at_once(page: Page, monitor: Start, heard: Heard) -> None:
    heard.may_fail = True
    one = monitor(sending())
    page.clock.install()
    page.goto(one.address)
    expect(page.locator("#percent")).to_have_text("46 %")
    one.play.is_away = True
    page.clock.fast_forward(60 * 60 * 1000)
    expect(page.get_by_role("region", name="Connection")).to_be_visible()
    page.clock.pause_at(time.time() + 2 * 60 * 60)
    one.play.is_away = False
    with page.expect_response("**/api/snapshot"):  # although it waits long between attempts by now
        page.evaluate("dispatchEvent(new Event('online'))")
    page.clock.resume()
    expect(page.get_by_role("region", name="Connection")).to_be_hidden()


def test_the_end_is_said_in_words(page: Page, monitor: Start) -> None:
    one = monitor(sending())
    endings = {
        0: "Done",
        1: "Ended with problems",
        130: "Stopped",
        5: "Stopped by a limit",
        4: "Failed",
    }
    for code, words in endings.items():
        one.play.numbers = ended(code)
        page.goto(one.address)
        expect(page.get_by_role("heading", name=words, exact=True)).to_be_visible()
        expect(page).to_have_title(f"{words}{NAME}")
        expect(page.locator("#percent")).to_have_text("220 not stored" if code else "")


def test_after_the_end_nothing_is_asked_any_more(page: Page, monitor: Start) -> None:
    one = monitor(sending())
    page.clock.install()
    page.goto(one.address)
    expect(page.locator("#percent")).to_have_text("46 %")
    one.play.numbers = ended(1)
    expect(page.locator("#eta")).to_contain_text("Ended at")
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.fast_forward(60 * 60 * 1000)
    page.clock.run_for(40_000)
    assert asked == []
    expect(page.get_by_role("region", name="Connection")).to_be_hidden()


def test_after_the_end_one_may_look_for_the_next_run(page: Page, monitor: Start, heard: Heard) -> None:
    heard.may_fail = True
    one = monitor(ended(0))
    page.goto(one.address)
    again = page.get_by_role("button", name="Look for a run again")
    expect(again).to_be_visible()
    one.play.is_away = True
    again.click()
    expect(page.get_by_text("Nothing answers there now.")).to_be_visible()
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    one.play.is_away = False
    one.play.numbers = sending()
    again.click()
    expect(page.get_by_role("heading", name="Sending")).to_be_visible()
    expect(again).to_be_hidden()


def test_where_nobody_answers_the_page_says_so_and_tries_again_on_demand(
    page: Page, monitor: Start, heard: Heard
) -> None:
    heard.may_fail = True
    one = monitor(sending(), is_away=True)
    page.goto(one.address)
    expect(page.get_by_text("No run answers here.")).to_be_visible()
    one.play.is_away = False
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Sending")).to_be_visible()
