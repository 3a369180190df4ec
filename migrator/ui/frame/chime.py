"""Two short sounds: one for the end of a run, one for a failure. Where none can be played, a beep."""

from __future__ import annotations

import io
import math
import struct
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QTemporaryDir
from PyQt5.QtWidgets import QApplication

_RATE = 22_050  # samples per second
_END = (523.25, 659.26, 783.99)  # C5, E5, G5: a rising chord
_FAILURE = (392.0, 311.13)  # G4, E flat 4: a falling third
_BETWEEN = 0.13  # seconds from one tone to the next
_RING = 0.7  # seconds that a tone rings
_LOUDNESS = 0.28


def sound_of(tones: Sequence[float]) -> bytes:
    """A WAV file of bell-like tones, one after the other, that ring into each other."""
    length = round((_BETWEEN * (len(tones) - 1) + _RING) * _RATE)
    samples = [0.0] * length
    for number, tone in enumerate(tones):
        begin = round(number * _BETWEEN * _RATE)
        for index in range(round(_RING * _RATE)):
            seconds = index / _RATE
            fade = math.exp(-5.5 * seconds) * min(1.0, seconds / 0.008)
            turn = 2 * math.pi * tone * seconds
            samples[begin + index] += _LOUDNESS * fade * (math.sin(turn) + 0.25 * math.sin(2 * turn))
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(
            struct.pack(f"<{length}h", *(round(32_767 * max(-1.0, min(1.0, one))) for one in samples))
        )
    return content.getvalue()


class Chime:
    """Plays them. Never raises, and never waits."""

    def __init__(self) -> None:
        self._folder: QTemporaryDir | None = None
        self._sounds: dict[bool, Any] = {}

    def play(self, is_well: bool) -> None:
        """The end of a run, or a failure."""
        try:
            self._sound(is_well).play()
        except (ImportError, OSError):  # a system without the library, or without room for the file
            QApplication.beep()

    def _sound(self, is_well: bool) -> Any:
        from PyQt5.QtMultimedia import QSound  # late: it needs libraries that a system may lack

        if is_well not in self._sounds:
            if self._folder is None:
                self._folder = QTemporaryDir()
            file = Path(self._folder.path()) / ("end.wav" if is_well else "failure.wav")
            file.write_bytes(sound_of(_END if is_well else _FAILURE))
            self._sounds[is_well] = QSound(str(file))
        return self._sounds[is_well]
