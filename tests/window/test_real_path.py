"""Resolving a path asks the disk, which may not answer; the window does not wait for that."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from migrator.ui.real_path import real_path
from tests.peers import wait_until


def test_a_link_is_followed_also_where_it_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrator.ui.real_path._PATIENCE", 30.0)
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        link = tmp_path / "link"
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / name)
        assert real_path(str(link)) == os.path.realpath(tmp_path / name)


def test_a_share_that_does_not_answer_is_not_waited_for_nor_asked_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, asked = threading.Event(), []
    source, real = str(tmp_path / "share"), os.path.realpath

    def hang(path: str) -> str:
        if path != source:  # other threads may ask too
            return real(path)
        asked.append(path)
        answers.wait(60)
        return "/real"

    monkeypatch.setattr(os.path, "realpath", hang)
    assert real_path(source) == source
    assert real_path(source) == source
    wait_until(lambda: bool(asked), "it was asked")
    assert asked == [source]
    answers.set()
