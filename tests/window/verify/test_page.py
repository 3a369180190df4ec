"""The Verify page over what is kept: at once, in words, and with nothing offered that cannot be done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt5.QtCore import Qt, QTimer
from PyQt5.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from migrator.jobs.verified import Verdict
from migrator.ui.configuration import Configuration, Destination
from migrator.ui.desk import Desk
from migrator.ui.pages.verify.others import OTHERS
from migrator.ui.pages.verify.page import VerifyPage
from migrator.ui.trouble import trouble_of
from tests.window.verify.making import NODE, SOURCE, keep, report

THERE = Destination(host=NODE.host, port=NODE.port, ae_title=NODE.ae_title)
OTHER = Destination(host="other.example", port=11112, ae_title="OTHER")


@pytest.fixture
def page(qtbot: QtBot, desk: Desk) -> Iterator[VerifyPage]:
    made = VerifyPage(desk)
    qtbot.addWidget(made)
    made.show()
    yield made
    desk.helper.wait()


def configured(desk: Desk, *destinations: Destination) -> None:
    desk.change(Configuration(source=SOURCE, destinations=destinations))


def test_without_a_source_the_page_says_what_it_needs(qtbot: QtBot, desk: Desk, page: VerifyPage) -> None:
    qtbot.waitUntil(lambda: page.studies.empty_word.text() == "Nothing to verify yet")
    assert not page.verify.isEnabled()
    with qtbot.waitSignal(desk.page_wanted) as wanted:
        page.studies.go.click()
    assert wanted.args == ["configuration"]


def test_before_a_migration_the_page_leads_to_the_upload(qtbot: QtBot, desk: Desk, page: VerifyPage) -> None:
    configured(desk, THERE)
    qtbot.waitUntil(lambda: page.studies.go.text() == "Go to Upload")
    assert page.verify.isEnabled()
    assert not page.resend.isEnabled()
    assert not page.commitment.ask.isEnabled()
    assert page.commitment.ask.toolTip() == "Nothing was migrated from here to there yet"
    with qtbot.waitSignal(desk.page_wanted) as wanted:
        page.studies.go.click()
    assert wanted.args == ["upload"]


def test_a_job_that_was_not_verified_offers_to_be(qtbot: QtBot, desk: Desk, page: VerifyPage) -> None:
    keep(desk.home)
    configured(desk, THERE)
    qtbot.waitUntil(lambda: page.studies.empty_word.text() == "Not verified yet")
    assert page.commitment.ask.isEnabled()
    assert page.commitment.card.word == "Not asked yet"


def test_what_is_kept_is_on_view_at_once(qtbot: QtBot, desk: Desk, page: VerifyPage) -> None:
    keep(desk.home, report())
    configured(desk, THERE)
    qtbot.waitUntil(lambda: not page.studies.is_empty)
    assert page.studies.card.word == "Instances missing"
    assert page.studies.shown.text() == "4 studies"
    assert page.studies.chips.of[Verdict.MISSING].text() == "MISSING 1"
    assert page.studies.chips.different.text() == "Different 1"
    assert not page.studies.chips.of[Verdict.UNPROVEN].isEnabled()
    assert page.resend.text() == "Resend 4 missing"
    assert page.deep.card.word == "Differences"
    assert page.deep.differences.lines[0][:4] == ("AccessionNumber", "changed", "A0", "B0")
    assert page.deep.failures.lines[0][1:] == ("unretrieved", "not found there")


def test_chips_and_search_narrow_the_studies(qtbot: QtBot, desk: Desk, page: VerifyPage) -> None:
    keep(desk.home, report())
    configured(desk, THERE)
    qtbot.waitUntil(lambda: not page.studies.is_empty)
    qtbot.mouseClick(page.studies.chips.of[Verdict.MISMATCH], Qt.MouseButton.LeftButton)
    assert page.studies.shown.text() == "1 of 4 studies"
    page.studies.chips.of[Verdict.MISMATCH].click()
    qtbot.keyClicks(page.studies.search, "garc")
    qtbot.waitUntil(lambda: page.studies.shown.text() == "1 of 4 studies")


def test_of_several_destinations_one_is_chosen(qtbot: QtBot, desk: Desk, page: VerifyPage) -> None:
    keep(desk.home, report())
    configured(desk, OTHER, THERE)
    qtbot.waitUntil(lambda: page.destinations.count() == 2)
    assert page.destinations.isVisible()
    qtbot.waitUntil(lambda: page.studies.go.text() == "Go to Upload")
    page.destinations.setCurrentIndex(1)
    qtbot.waitUntil(lambda: not page.studies.is_empty)


def test_a_commitment_is_told_with_its_reasons(qtbot: QtBot, desk: Desk, page: VerifyPage) -> None:
    transaction = {"transaction": "2.25.1", "state": "answered", "status": "0000", "requested": 12}
    transaction |= {"committed": 10, "failed": 2, "unanswered": 0, "asked_at": 1e9, "answered_at": 1e9 + 75}
    kept = {
        "at": 2e9, "requested": 12, "committed": 10, "failed": 2, "unanswered": 0, "found_by_cfind": 0,
        "offered": True, "listened": "11113", "trouble": ["the destination hung up"], "late": 1,
        "failures": [{"uid": "1.2.3", "reason": "no such object instance", "code": "0112"}],
        "reasons": [{"reason": "no such object instance", "code": "0112", "count": 2}],
        "transactions": [transaction],
    }  # fmt: skip
    (keep(desk.home) / "commitment.json").write_text(json.dumps(kept), "utf-8")
    configured(desk, THERE)
    tab = page.commitment
    qtbot.waitUntil(lambda: tab.card.word == "Refused for some")
    assert tab.reasons.lines == [("2", "no such object instance", "0112")]
    assert tab.failures.lines == [("1.2.3", "no such object instance", "0112")]
    assert tab.transactions.lines[0][2:] == ("1:15 min", "12", "10", "2", "0", "")


def test_where_answers_come_to_is_kept_and_a_wrong_place_refused(
    qtbot: QtBot, desk: Desk, page: VerifyPage
) -> None:
    configured(desk, THERE)
    listen = page.commitment.form.fields["listen"].editor.inner
    qtbot.keyClicks(listen, "11113")
    assert desk.configuration.settings.proof.listen == "11113"
    qtbot.keyClicks(listen, "99")
    assert "listen" in page.commitment.form.errors
    assert desk.configuration.settings.proof.listen == "11113"


def test_resending_asks_first_and_says_how_many(qtbot: QtBot, desk: Desk, page: VerifyPage) -> None:
    keep(desk.home, report())
    configured(desk, THERE)
    qtbot.waitUntil(lambda: page.resend.isEnabled())
    asked: list[str] = []

    def answer() -> None:
        box = next(one for one in QApplication.topLevelWidgets() if isinstance(one, QMessageBox))
        asked.append(box.text())
        box.reject()

    QTimer.singleShot(0, answer)
    page.resend.click()
    assert asked == ["Send 4 missing instances again?"]
    assert not page.strip.is_on


def test_a_table_inside_the_source_is_refused_in_words(
    qtbot: QtBot, desk: Desk, page: VerifyPage, tmp_path: Path
) -> None:
    keep(desk.home, report())
    configured(desk, THERE)
    qtbot.waitUntil(lambda: not page.studies.is_empty)
    page.save_csv(Path(SOURCE, "table.csv"))
    qtbot.waitUntil(lambda: page.trouble.word == "The table was not written")
    assert "inside the source" in page.trouble.text
    page.save_csv(tmp_path / "table.csv")
    qtbot.waitUntil(lambda: page.trouble.word == "The table was written")
    assert (tmp_path / "table.csv").is_file()


def test_a_damaged_result_is_told_and_the_page_lives_on(qtbot: QtBot, desk: Desk, page: VerifyPage) -> None:
    folder = keep(desk.home, report())
    (folder / "verification.json").write_text('{"at": 2e9, "per_study": [{"study": 1}]}', "utf-8")
    configured(desk, THERE)
    qtbot.waitUntil(lambda: page.trouble.word == "The record cannot be read")
    assert page.verify.isEnabled()
    assert page.commitment.ask.isEnabled()
    assert page.studies.empty_word.text() == "Not verified yet"


def test_what_was_still_being_read_is_not_shown_for_another_job(
    qtbot: QtBot, desk: Desk, page: VerifyPage
) -> None:
    keep(desk.home, report())
    page.hide()
    configured(desk, THERE)
    qtbot.waitUntil(lambda: page.state.job is not None)
    page.shown()
    configured(desk, OTHER)  # before what was read came back
    qtbot.waitUntil(lambda: page.state.job is not None and page.state.job.node == OTHER.node)
    desk.helper.wait()
    QApplication.processEvents()
    assert not page.state.verified.is_verified
    assert not page.resend.isEnabled()


def test_the_chosen_destination_stays_when_another_one_joins(
    qtbot: QtBot, desk: Desk, page: VerifyPage
) -> None:
    keep(desk.home, report())
    configured(desk, OTHER, THERE)
    qtbot.waitUntil(lambda: page.destinations.count() == 2)
    page.destinations.setCurrentIndex(1)
    qtbot.waitUntil(lambda: not page.studies.is_empty)
    third = Destination(host="third.example", port=104, ae_title="THIRD")
    configured(desk, third, OTHER, THERE)
    qtbot.waitUntil(lambda: page.destinations.count() == 3)
    assert page.destinations.currentText() == str(THERE.node)
    assert not page.studies.is_empty


def test_a_further_checks_result_is_on_view_with_its_own_job_only(
    qtbot: QtBot, desk: Desk, page: VerifyPage
) -> None:
    configured(desk, THERE, OTHER)
    qtbot.waitUntil(lambda: page.destinations.count() == 2)
    page.tabs.setCurrentWidget(page.others)
    quality = next(one for one in OTHERS if one.title == "Quality")
    values = {"findings": [], "instances": 3, "studies": 1, "errors": 0, "warnings": 0, "notices": 0}
    page.others.show_result(quality, values, page.state.job)
    page.others.show_state(page.state)
    assert page.others.card.isVisible()
    page.destinations.setCurrentIndex(1)
    assert not page.others.card.isVisible()
    page.destinations.setCurrentIndex(0)
    assert page.others.card.isVisible()


def test_a_process_that_was_killed_is_not_told_by_its_last_progress() -> None:
    assert "without a word" in trouble_of("verifying: 500 studies asked for\n")
    assert trouble_of("verifying: 500 studies\ndicom_migrator: it is full\n") == "It is full"
    assert trouble_of("Traceback (most recent call last):\n  File\nValueError: x\n").endswith("ValueError: x")
