"""Answers that come from threads: they go to whom they are for, as long as that is there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from PyQt5 import sip
from PyQt5.QtCore import QObject
from pytestqt.qtbot import QtBot

from migrator.ui.bridge import give
from migrator.ui.desk import Desk
from migrator.ui.dialogs.history import HistoryDialog

Then = Callable[[object], None]


class Asker(QObject):
    """Remembers its answers, as only an object that is there can."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[object] = []

    def take(self, answer: object) -> None:
        self.objectName()  # raises where it is deleted
        self.answers.append(answer)

    def named(self, name: str, answer: object) -> None:
        self.take((name, answer))

    @property
    def thens(self) -> list[Then]:
        def inner(answer: object) -> None:
            self.take(answer)

        return [self.take, lambda answer: self.take(answer), inner, partial(self.named, "one")]


@pytest.mark.parametrize("kind", range(4))
def test_an_answer_is_given_to_who_is_there_and_dropped_with_who_is_deleted(kind: int) -> None:
    asker = Asker()
    then = asker.thens[kind]
    give(then, 1)
    assert len(asker.answers) == 1
    sip.delete(asker)
    give(then, 2)
    assert len(asker.answers) == 1


def test_an_answer_for_nobody_s_function_is_given() -> None:
    answers: list[object] = []
    give(answers.append, 1)
    give(lambda answer: answers.append(answer), 2)
    assert answers == [1, 2]


def test_a_dialog_that_is_closed_before_its_answer_comes_is_no_failure(qtbot: QtBot, desk: Desk) -> None:
    dialog = HistoryDialog(desk, None)
    sip.delete(dialog)
    answers: list[object] = []
    assert desk.helper.wait(20_000)
    desk.later(lambda: None, answers.append)
    qtbot.waitUntil(lambda: bool(answers))
