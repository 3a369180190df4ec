"""A run that is steered, without one: keeps what it was told."""

from __future__ import annotations

from typing import Any

from migrator.core.errors import UsageError
from migrator.engine.pacing import SETTABLE


class FakeRun:
    """Fits jobs.steering.Steered."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []
        self.waiting = {"1.2.3": 7}

    def pause(self) -> None:
        self.told.append(("pause",))

    def resume(self) -> None:
        self.told.append(("resume",))

    def cancel(self) -> None:
        self.told.append(("cancel",))

    def prioritise(self, study: str | None, patient: str | None) -> int:
        self.told.append(("prioritise", study or "", patient or ""))
        if patient == "DOE^SECRET":
            raise RuntimeError(f"no such patient: {patient}")
        return self.waiting.get(study or "", 0)

    def set(self, name: str, value: str) -> None:
        if name not in SETTABLE:
            raise UsageError(f"{name!r} cannot be set")
        self.told.append(("set", name, value))

    def status(self) -> dict[str, Any]:
        return {"phase": "sending", "pace": {"workers": 4}}
