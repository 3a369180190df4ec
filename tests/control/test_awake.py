"""Keeping the machine awake, where there is somebody to ask."""

from __future__ import annotations

import logging

import pytest

from migrator.jobs.awake import awake


def test_the_machine_is_kept_awake_and_let_go_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAKEPY_FAKE_SUCCESS", "yes")
    from wakepy import global_modes

    with awake() as is_awake:
        assert is_awake
        assert len(global_modes()) == 1
    assert global_modes() == []


def test_where_nobody_can_be_asked_the_run_goes_on_with_a_line_for_the_curious(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WAKEPY_FORCE_FAILURE", "yes")
    with caplog.at_level(logging.DEBUG, "migrator"), awake() as is_awake:
        assert not is_awake
    mine = [record for record in caplog.records if record.name == "migrator.awake"]
    assert [record.levelno for record in mine] == [logging.DEBUG]


def test_a_service_that_breaks_breaks_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("no bus")

    monkeypatch.setattr("wakepy.keep.running", broken)
    with awake() as is_awake:
        assert not is_awake


def test_an_error_of_the_run_passes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAKEPY_FAKE_SUCCESS", "yes")
    with pytest.raises(ZeroDivisionError), awake():
        _ = 1 / 0


def test_it_is_not_asked_for_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAKEPY_FAKE_SUCCESS", "yes")
    with awake(is_wanted=False) as is_awake:
        assert not is_awake
