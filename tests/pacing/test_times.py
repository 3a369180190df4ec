"""Reading weekdays, hours and moments as people write them."""

from __future__ import annotations

from datetime import datetime

import pytest
from pydantic import ValidationError

from migrator.cli.main import main
from migrator.core.settings import PaceSettings
from migrator.core.times import moment, weekdays


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("fri-mon", {4, 5, 6, 0}),
        ("sat,sun", {5, 6}),
        ("sun-sun", {6}),
        ("mon-fri,sun", {0, 1, 2, 3, 4, 6}),
        ("", {0, 1, 2, 3, 4, 5, 6}),
    ],
)
def test_ranges_of_weekdays_hold_both_their_ends_also_past_sunday(text: str, days: set[int]) -> None:
    assert weekdays(text) == days


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("22:00", datetime(2026, 11, 20, 22)),
        ("9:30", datetime(2026, 11, 21, 9, 30)),
        ("18:05", datetime(2026, 11, 20, 18, 5)),  # this very minute
        ("2026-01-31T22:00", datetime(2026, 1, 31, 22)),
        ("2027-01-31 22:00", datetime(2027, 1, 31, 22)),
    ],
)
def test_a_time_of_day_means_the_next_such_time(text: str, expected: datetime) -> None:
    assert moment(text, datetime(2026, 11, 20, 18, 5, 40)) == expected


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("start_at", "2027-02-31T22:00", "no such day"),
        ("start_at", "tomorrow", "22:00"),
        ("window", "25:00-06:00", "19:00-06:00"),
        ("window", "19:00", "19:00-06:00"),
        ("peak_days", "mon-fry", "mon-fri"),
        ("bandwidth", "inf", "finite"),
        ("peak_workers", "5", "4"),
    ],
)
def test_what_makes_no_sense_is_refused_with_an_example(field: str, value: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        PaceSettings.model_validate({field: value})


def test_spaces_and_capitals_are_no_mistakes() -> None:
    settings = PaceSettings.model_validate({"window": "19:00 - 6:00", "window_days": "Mon-Fri, Sun"})
    assert (settings.window, settings.window_days) == ("19:00-6:00", "mon-fri,sun")


def test_a_wrong_time_ends_the_command_in_words_with_exit_code_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["migrate", ".", "--to", "127.0.0.1:1", "--window", "19-6"]) == 2
    assert "--window 19-6: write two times of day: 19:00-06:00\n" in capsys.readouterr().err
