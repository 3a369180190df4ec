"""What the page says of how a run ended, and what can be done next."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.records.words import person
from migrator.ui.dialogs.dry_run_words import findings
from migrator.ui.pages.upload.words import banner_of, gravest, refusal, source_words


def result(**values: Any) -> dict[str, Any]:
    run = {"found": 12, "sent": 10, "skipped": 2, "bytes_sent": 5_200_000, "seconds": 65.0, "healed": 0}
    run |= values
    return run | {"job": dict(run), "destinations": [{"node": "PACS@host:104", "stopped": None}]}


def test_a_good_end_says_what_was_sent_and_offers_the_proof() -> None:
    banner = banner_of(0, result(), "")
    assert (banner.tone, banner.title) == ("good", "Done")
    assert banner.text == "10 instances sent (5.2 MB in 1:05 min); 2 skipped."
    assert (banner.retries, banner.verifies, banner.reports) == (False, True, True)


def test_what_failed_is_counted_and_can_be_retried() -> None:
    banner = banner_of(1, result(failed=3, held=1, unknown=2), "")
    assert banner.tone == "error"
    assert "3 failed, 1 held for a decision, 2 without an answer." in banner.text
    assert banner.retries


def test_what_earlier_runs_have_left_is_told_where_this_one_lacks_nothing() -> None:
    told = result()
    told["job"] |= {"found": 20, "failed": 7, "unknown": 1}
    banner = banner_of(1, told, "")
    assert "Left by earlier runs: 7 failed, 1 without an answer." in banner.text
    assert banner.retries


@pytest.mark.parametrize("state", ["failed", "unknown", "held", "quarantined"])
def test_whatever_the_command_tries_again_can_be_retried(state: str) -> None:
    assert banner_of(1, result(**{state: 2}), "").retries
    assert not banner_of(1, result(pending=2), "").retries


@pytest.mark.parametrize(
    ("further", "words"),
    [
        ({"source": {"modified": 2, "deleted": 0}}, "Source: 2 modified, 0 deleted."),
        ({"integrity": {"verdict": "not intact"}}, "does not hold what was vouched for"),
        ({"integrity": {"verdict": "unknown", "trouble": "the share is gone"}}, "the share is gone."),
    ],
)
def test_a_run_that_ended_badly_for_the_source_alone_says_so(further: dict[str, Any], words: str) -> None:
    banner = banner_of(1, result() | further, "")
    assert banner.title == "Finished, but something is to be looked at"
    assert words in banner.text


@pytest.mark.parametrize(
    ("verify", "words"),
    [
        ({"missing": 3, "proven": False, "clean": False}, "Verification: 3 missing."),
        ({"missing": 0, "proven": False, "clean": False}, "not everything is proven"),
        ({"missing": 0, "proven": True, "clean": False}, "something differs"),
        ({"missing": 0, "proven": True, "clean": True}, "Verified: nothing is missing."),
    ],
)
def test_a_verification_is_told_for_what_it_proved(verify: dict[str, Any], words: str) -> None:
    told = result()
    told["destinations"][0]["verify"] = verify
    assert words in banner_of(1, told, "").text


def test_of_several_destinations_the_gravest_word_on_the_source_stands() -> None:
    good, open_, bad = ("fine", "good"), ("not yet", "muted"), ("changed", "error")
    assert gravest([open_, bad, good]) == bad
    assert gravest([good, open_]) == open_
    assert gravest([]) == ("Source: not yet checked", "muted")


@pytest.mark.parametrize(
    ("code", "title"),
    [
        (2, "It could not begin: something is set wrong"),
        (3, "The destination cannot be reached, or refuses us"),
        (4, "The source cannot be read"),
        (-1, "The engine's process has ended without a word"),
    ],
)
def test_an_error_is_told_in_the_words_of_the_command(code: int, title: str) -> None:
    banner = banner_of(code, None, "0 paths found\ndicom_migrator: the disk is gone\n")
    assert banner.title == title
    assert banner.text.startswith("The disk is gone")
    assert not banner.retries


def test_a_cancelled_run_says_that_it_can_go_on() -> None:
    banner = banner_of(130, result(pending=4), "")
    assert banner.title == "Cancelled"
    assert "4 still pending." in banner.text
    assert "Resume goes on from there." in banner.text
    assert refusal(130, "").startswith("Cancelled")


def test_what_stopped_a_destination_is_told() -> None:
    told = result(pending=2)
    told["destinations"][0]["stopped"] = "it was down for an hour"
    assert "PACS@host:104: it was down for an hour." in banner_of(5, told, "").text


@pytest.mark.parametrize(
    ("check", "is_live", "words"),
    [
        ({}, False, ("Source: not yet checked", "muted")),
        ({"modified": 0, "deleted": 0}, True, ("Source: not yet checked", "muted")),
        ({"modified": 0, "deleted": 0}, False, ("Source: 0 modified, 0 deleted", "good")),
        ({"modified": 2, "deleted": 1}, False, ("Source: 2 modified, 1 deleted", "error")),
    ],
)
def test_the_badge_says_what_is_known_of_the_source(
    check: dict[str, Any], is_live: bool, words: tuple[str, str]
) -> None:
    assert source_words(check, is_live) == words


@pytest.mark.parametrize(
    ("caret", "words"),
    [
        ("DOE^JOHN", "DOE, JOHN"),
        ("DOE^JOHN^QUINCY^DR^JR", "DOE, JOHN QUINCY"),
        ("DOE", "DOE"),
        ("^JOHN", "JOHN"),
        ("=山田^太郎=やまだ^たろう", "山田, 太郎"),
        ("Yamada^Tarou=山田^太郎", "Yamada, Tarou"),
        ("", ""),
        ("^^^^", ""),
    ],
)
def test_names_in_caret_form_are_written_as_people_do(caret: str, words: str) -> None:
    assert person(caret) == words


def test_a_dry_run_says_what_weighs_with_singular_and_plural() -> None:
    told = findings(
        {
            "sent": 1,
            "bytes_sent": 1000,
            "studies_asked": 1,
            "other_patients": [{"instances": 1}],
            "estimate": {"low_seconds": 60.0, "high_seconds": 120.0, "measured_at": None},
        }
    )
    assert told[0] == "1 instance would be sent, 1.0 kB."
    assert "None of them is at the destination already (1 study asked for)." in told
    assert any(one.startswith("The destination knows 1 study (1 instance)") for one in told)
    assert told[-1] == "It would take 1:00 min to 2:00 min, by the speed test."
