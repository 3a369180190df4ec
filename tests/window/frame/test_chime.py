"""The two sounds."""

from __future__ import annotations

import io
import sys
import wave

import pytest
from pytestqt.qtbot import QtBot

from migrator.ui.frame.chime import Chime, sound_of


def test_a_sound_is_short_and_not_loud() -> None:
    with wave.open(io.BytesIO(sound_of((523.25, 659.26)))) as sound:
        assert sound.getnframes() / sound.getframerate() < 1.5
        samples = memoryview(sound.readframes(sound.getnframes())).cast("h")
    assert 3_000 < max(samples) < 28_000


def test_a_system_without_sounds_is_no_error(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PyQt5.QtMultimedia", None)
    Chime().play(True)
    Chime().play(False)
