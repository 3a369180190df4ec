"""Running `integrity` and reading what it says."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migrator.checks.integrity_list import Entry, GrowingList
from migrator.cli.main import main
from migrator.core.control import Control
from migrator.core.errors import Cancelled
from migrator.jobs.integrity import IntegrityJob, IntegrityRequest


@dataclass(frozen=True, slots=True)
class Ran:
    """One finished run: its exit code, its JSON, what it told people."""

    code: int
    json: dict[str, Any]
    told: str

    @property
    def found(self) -> set[tuple[str, str]]:
        """What a check found of which path."""
        return {(finding["finding"], finding["path"]) for finding in self.json["findings"]}


class Command:
    """`integrity` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, action: str, source: Path, *options: str) -> Ran:
        code = main(["integrity", action, str(source), "--json", *options])
        captured = self._capsys.readouterr()
        return Ran(code, json.loads(captured.out) if captured.out else {}, captured.err)


@pytest.fixture
def integrity(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


Interrupted = Callable[..., None]


@pytest.fixture
def interrupted(data_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Interrupted:
    """Begin a snapshot or a check, and stop it when so many files are hashed."""

    def run(action: str, source: Path, files: int = 20) -> None:
        control, plain = Control(), GrowingList.add

        def add(growing: GrowingList, entry: Entry) -> None:
            plain(growing, entry)
            if len(growing.current) == files:
                control.cancel()

        job = IntegrityJob(IntegrityRequest(str(source), data_directory, 1), control, lambda event: None)
        with monkeypatch.context() as patched, pytest.raises(Cancelled):
            patched.setattr(GrowingList, "add", add)
            getattr(job, action)()

    return run


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small source: files of all kinds, DICOM or not, some in folders."""
    folder = tmp_path / "source"
    for number in range(12):
        place = folder / f"study{number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"image{number}.dcm").write_bytes(bytes([number]) * (number * 40_000))
    (folder / "notes.txt").write_text("no image")
    return folder


def flip(file: Path) -> None:
    """Change one bit and nothing that a directory listing shows, as a rotting disk does."""
    before = file.stat()
    with file.open("r+b") as stream:
        first = stream.read(1)[0]
        stream.seek(0)
        stream.write(bytes([first ^ 1]))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
