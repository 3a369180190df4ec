"""What the log book keeps, and at which level a line is shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from migrator.jobs.watched import Line
from migrator.ui.logbook import MOST, MOST_EACH, LogBook, level_of


@pytest.mark.parametrize(
    ("level", "text", "shown"),
    [
        ("warning", "failed 1.2.3 (status A700): out of resources", "error"),
        ("warning", "PACS@10.0.0.7:104: unknown 1.2.3: the answer never came", "error"),
        ("warning", "held 1.2.3: another person's study", "warning"),
        ("info", "skipped 1.2.3: already at the destination", "skip"),
        ("info", "sent 1.2.3, healed: decompress (decompressed)", "success"),
        ("info", "This run: 120 found = 100 sent + 20 skipped + 0 failed", "success"),
        ("info", "This run: 120 found = 100 sent + 20 failed", "error"),
        ("info", "This run: 120 found = 100 sent + 0 failed + 20 pending", "warning"),
        ("info", "Verified: 1 study: 12 of 12 instances are at the destination, 0 missing", "success"),
        ("info", "Verified: 1 study: 2 of 12 instances are at the destination, 10 missing", "error"),
        ("info", "NOT INTACT: not every file that was vouched for is there", "error"),
        ("warning", "PACS is left alone for 60 s: no answer", "warning"),
        ("critical", "it is over", "error"),
        ("warning", "MY PACS@10.0.0.7:104: failed 1.2.3: no", "error"),
        ("info", "MY PACS@10.0.0.7:104: This run: 120 found = 100 sent + 20 failed", "error"),
        ("info", "PACS@10.0.0.7:104: Resume: 3 already sent, 9 remaining", "success"),
        ("info", "scanning", "info"),
    ],
)
def test_a_line_is_shown_at_the_level_that_it_has_for_people(level: str, text: str, shown: str) -> None:
    assert level_of(Line(0.0, level, text)) == shown


def test_an_instance_that_fails_is_told_once_in_a_run() -> None:
    book = LogBook()
    book.add([Line(0.0, "warning", "failed 1.2.3: no"), Line(0.0, "error", "failed 1.2.3: no")])
    book.add([Line(1.0, "error", "failed 1.2.3: still no")])
    assert [line.text for line in book.lines] == ["failed 1.2.3: no"]
    book.begin_run()
    book.add([Line(2.0, "error", "failed 1.2.3: again")])
    assert book.counts["error"] == 2


def test_an_instance_that_fails_at_two_destinations_is_told_of_both() -> None:
    book = LogBook()
    book.add(Line(0.0, "error", f"{place}: failed 1.2.3: no") for place in ("A B@h:1", "C@h:2", "A B@h:1"))
    assert [line.text[:3] for line in book.lines] == ["A B", "C@h"]


def test_lines_are_asked_for_only_as_long_as_there_is_room() -> None:
    book = LogBook()
    asked: list[int] = []

    def lines() -> Iterator[Line]:
        for number in range(MOST_EACH * 2):
            if book.tells_failures:
                asked.append(number)
                yield Line(0.0, "error", f"failed 1.2.{number}: no")

    book.add(lines())
    assert len(asked) == MOST_EACH + 1


def test_beyond_a_thousand_failures_one_line_says_where_the_others_are() -> None:
    book = LogBook()
    book.add(Line(0.0, "error", f"failed 1.2.{number}: no") for number in range(MOST_EACH + 500))
    assert len(book.lines) == MOST_EACH + 1
    assert book.lines[-1].text == "More than 1,000 instances failed; the Upload page lists all of them"
    assert not book.tells_failures


def test_the_oldest_lines_make_room_and_are_not_counted_any_more() -> None:
    book = LogBook()
    book.say("the first", "error")
    book.add(Line(0.0, "info", str(number)) for number in range(MOST))
    assert (len(book.lines), book.first, book.counts["error"], book.counts["info"]) == (MOST, 1, 0, MOST)
