"""Pause, resume and cancel: where it is allowed, after a question, and with the session's token."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.monitor.page.conftest import Heard
from tests.monitor.page.made_up import paused, sending
from tests.monitor.page.scripted_monitor import CSRF, ScriptedMonitor

Start = Callable[..., ScriptedMonitor]


def test_where_control_is_off_nothing_can_be_pressed(page: Page, monitor: Start) -> None:
    page.goto(monitor(sending(control=False)).address)
    expect(page.get_by_role("heading", name="Sending")).to_be_visible()
    for name in ("Pause", "Resume", "Cancel"):
        expect(page.get_by_role("button", name=name)).to_be_hidden()


def test_a_pause_is_asked_for_after_a_question_and_with_the_token(page: Page, monitor: Start) -> None:
    one = monitor(sending())
    page.goto(one.address)
    page.get_by_role("button", name="Pause").click()
    dialog = page.get_by_role("dialog", name="Pause the run?")
    dialog.get_by_role("button", name="Not now").click()
    assert one.play.asked == []
    page.get_by_role("button", name="Pause").click()
    dialog.get_by_role("button", name="Pause").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Pause")).to_be_focused()
    assert one.play.asked == [{"do": "pause"}]
    assert one.play.csrf_seen == [CSRF]
    one.play.numbers = paused()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("dialog", name="Resume the run?").get_by_role("button", name="Resume").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert one.play.asked[-1] == {"do": "resume"}


def test_once_it_was_steered_the_page_asks_and_listens_on(page: Page, monitor: Start) -> None:
    one = monitor(sending())
    page.goto(one.address)
    expect(page.locator("#link")).to_have_text("live")
    page.get_by_role("button", name="Cancel").click()
    before = one.play.listens
    with page.expect_response("**/api/snapshot"):
        page.get_by_role("dialog").get_by_role("button", name="Cancel the run").click()
    one.play.tell(has_ended=True, code=130)
    expect(page.get_by_role("heading", name="Stopped", exact=True)).to_be_visible()
    assert one.play.listens == before, "who hangs up then may miss how it ended"


def test_cancel_says_what_becomes_of_what_was_done(page: Page, monitor: Start) -> None:
    one = monitor(sending())
    page.goto(one.address)
    page.get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog", name="Cancel the run?")
    expect(dialog).to_contain_text("What is recorded is kept")
    expect(dialog).to_contain_text("resumes where it stopped")
    expect(dialog.get_by_role("button", name="Keep it running")).to_be_focused()
    dialog.get_by_role("button", name="Cancel the run").click()
    expect(dialog).to_be_hidden()
    assert one.play.asked == [{"do": "cancel"}]


def test_while_the_answer_is_awaited_nothing_is_asked_twice(page: Page, monitor: Start) -> None:
    one = monitor(sending(), is_slow=True)
    page.goto(one.address)
    page.get_by_role("button", name="Pause").click()
    dialog = page.get_by_role("dialog", name="Pause the run?")
    dialog.get_by_role("button", name="Pause").click()
    expect(dialog.get_by_role("button", name="Asking …")).to_be_disabled()
    expect(dialog.get_by_role("button", name="Not now")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    one.play.is_slow = False
    expect(dialog).to_be_hidden()
    assert len(one.play.asked) == 1


def test_a_refusal_is_shown_where_it_was_asked(page: Page, monitor: Start, heard: Heard) -> None:
    heard.may_fail = True
    page.goto(monitor(sending(), refusal="it has only just begun: try again").address)
    page.get_by_role("button", name="Pause").click()
    dialog = page.get_by_role("dialog", name="Pause the run?")
    dialog.get_by_role("button", name="Pause").click()
    expect(dialog.get_by_role("alert")).to_have_text("Refused: it has only just begun: try again")
    expect(dialog.get_by_role("button", name="Pause")).to_be_enabled()


def test_all_of_it_works_with_the_keyboard_alone(page: Page, monitor: Start) -> None:
    one = monitor(sending())
    page.goto(one.address)
    expect(page.get_by_role("button", name="Pause")).to_be_enabled()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Pause")).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Pause the run?")
    expect(dialog.get_by_role("button", name="Not now")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Pause")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    assert one.play.asked == [{"do": "pause"}]
