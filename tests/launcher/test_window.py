"""Starting the window: its own layer of packages, and words where no window can be shown."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from migrator.bootstrap import libraries
from migrator.bootstrap.launch import wants_window
from tests.launcher.making import TinyClone, make_wheel, write_lock


@pytest.fixture
def clone(tmp_path: Path) -> TinyClone:
    return TinyClone(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "is_window"),
    [
        ([], True),
        (["--home", "x"], True),
        (["--home=x", "--log-level", "debug"], True),
        (["demo"], False),
        (["--home", "x", "scan", "y"], False),
        (["--help"], False),
        (["--version"], False),
    ],
)
def test_without_a_command_the_window_is_meant(arguments: list[str], is_window: bool) -> None:
    assert wants_window(arguments) is is_window


@pytest.mark.skipif(sys.platform != "linux", reason="only here displays and libraries may lack")
def test_without_a_display_nothing_is_installed_and_the_commands_are_named(clone: TinyClone) -> None:
    done = clone.run_bare(QT_QPA_PLATFORM="", DISPLAY="", WAYLAND_DISPLAY="")
    assert done.returncode == 2
    assert "no display" in done.stderr
    assert "--help" in done.stderr
    assert not clone.cache.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only here the platform of Qt can be chosen so")
def test_the_window_has_a_layer_of_its_own_which_commands_use_too(clone: TinyClone) -> None:
    wheel = make_wheel(clone.wheelhouse, "tiny-window", "2.0")
    write_lock(
        clone.root / "requirements" / "window.lock", wheel, clone.wheelhouse / "tiny_a-1.0-py3-none-any.whl"
    )
    opened = clone.run_bare("--wheelhouse", str(clone.wheelhouse), QT_QPA_PLATFORM="offscreen")
    assert opened.returncode == 17, opened.stderr
    (environment,) = clone.environments()
    assert list(environment.glob("lib/*/site-packages/tiny_window"))
    assert str(environment) in opened.stdout
    code, output, errors = clone.start("scan")
    assert (code, errors) == (17, ""), "nothing more was set up"
    assert str(environment) in output


def test_what_lacks_is_named_with_the_packages_that_bring_it() -> None:
    words = libraries.explain(["libGL.so.1", "libxcb-icccm.so.4", "libxcb-shape.so.0", "libxcb-shm.so.0"])
    assert "libxcb-icccm.so.4" in words
    assert "apt install libgl1 libxcb-icccm4 libxcb-shape0 libxcb-shm0" in words
    assert "dnf install mesa-libGL xcb-util-wm libxcb\n" in words
    assert "--help" in words


@pytest.mark.skipif(sys.platform != "linux", reason="looks for libraries of Linux")
def test_a_library_that_lacks_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "_NEEDED", libraries._NEEDED | {"libnosuchthing.so.9": ("a", "b")})
    assert libraries.missing_libraries({"DISPLAY": ":0"}) == ["libnosuchthing.so.9"]
    assert libraries.missing_libraries({"QT_QPA_PLATFORM": "offscreen"}) == []


def test_a_display_is_looked_for_on_linux_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert not libraries.has_display({})
    assert libraries.has_display({"WAYLAND_DISPLAY": "wayland-0"})
    assert libraries.has_display({"QT_QPA_PLATFORM": "offscreen"})
    monkeypatch.setattr(sys, "platform", "darwin")
    assert libraries.has_display({})
