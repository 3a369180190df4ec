"""The end of an association for questions: when another needs its place, and when its peer says nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from migrator.core.control import Control
from migrator.core.events import ignore
from migrator.core.model import Node
from migrator.core.settings import SendSettings
from migrator.dicom.query import StudyFinder
from migrator.engine.asking import Asking
from tests.peers import Known, Script, ScriptedPacs
from tests.query.silent_release import SilentRelease

STUDY = "1.2.3"
A_MINUTE = SendSettings(acse_timeout=60)


@pytest.fixture
def peer() -> Iterator[SilentRelease]:
    """A PACS that never answers the request to release an association."""
    script = Script(patients={STUDY: (Known("P1", "Test^One"),)})
    with ScriptedPacs(script) as pacs, SilentRelease(pacs.node) as silent:
        yield silent


def asking_of(node: Node, control: Control) -> Asking:
    return Asking(lambda: StudyFinder(node, A_MINUTE), lambda: None, control, ignore)


def test_a_cancel_reaches_what_waits_for_the_answer_to_a_release(peer: SilentRelease) -> None:
    control = Control()
    asking = asking_of(peer.node, control)
    assert asking.patients(STUDY)
    room = threading.Thread(target=asking.make_room)
    room.start()
    assert peer.was_asked.wait(20)
    control.cancel()
    room.join(20)
    assert not room.is_alive()
    asking.close()


def test_room_is_made_and_the_next_question_opens_another_association() -> None:
    script = Script(patients={"1.2.3": (Known("P1", "Test^One"),), "1.2.4": (Known("P2", "Test^Two"),)})
    with ScriptedPacs(script) as pacs:
        asking = asking_of(pacs.node, Control())
        assert asking.patients("1.2.3")
        asking.make_room()
        asking.make_room()
        assert asking.patients("1.2.4")
        asking.close()
        assert len(pacs.associations) == 2
