"""Private environments: where they lie, when they are made anew, which are removed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from migrator.bootstrap import SetupError, locking
from migrator.bootstrap import environment as module
from migrator.bootstrap.environment import (
    Environment,
    cache_folder,
    environment_for,
    is_complete,
    mark_complete,
    remove_replaced,
)
from migrator.bootstrap.launch import ensure
from tests.launcher.making import TinyClone


def make_marked(clone: TinyClone, layer: str = "base") -> Environment:
    """A complete environment without anything in it, for tests that only look at its folder."""
    environment = environment_for(layer, clone.lock, clone.cache)
    environment.packages.mkdir(parents=True)
    environment.python.parent.mkdir(parents=True, exist_ok=True)
    environment.python.touch()
    (environment.packages / "tiny_a").mkdir()
    (environment.folder / "pyvenv.cfg").touch()
    mark_complete(environment)
    return environment


def test_the_cache_variable_moves_the_environments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DICOM_MIGRATOR_CACHE", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="XDG folders are for other systems")
@pytest.mark.parametrize(
    ("xdg", "expected"), [("/var/x", "/var/x"), ("relative", "~/.cache"), ("", "~/.cache")]
)
def test_the_cache_lies_where_the_system_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, xdg: str, expected: str
) -> None:
    monkeypatch.delenv("DICOM_MIGRATOR_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", xdg)
    assert cache_folder() == Path(expected).expanduser() / "dicom_migrator"


def test_line_ends_of_the_lock_do_not_matter(clone: TinyClone) -> None:
    first = environment_for("base", clone.lock, clone.cache)
    clone.lock.write_bytes(clone.lock.read_bytes().replace(b"\n", b"\r\n"))
    assert environment_for("base", clone.lock, clone.cache) == first


def test_a_changed_lock_makes_a_new_environment_and_removes_the_old(clone: TinyClone) -> None:
    first = environment_for("base", clone.lock, clone.cache)
    ensure(first, clone.wheelhouse).release()
    clone.pin("2.0")
    second = environment_for("base", clone.lock, clone.cache)
    ensure(second, clone.wheelhouse).release()
    assert clone.environments() == [second.folder]
    assert [path.name for path in clone.cache.glob("*.lock")] == [second.lock_file.name]


@pytest.mark.skipif(sys.platform == "win32", reason="the running python.exe is the lock there")
def test_an_environment_in_use_outlives_a_changed_lock(clone: TinyClone) -> None:
    old = make_marked(clone)
    user = locking.share(old.lock_file)
    assert user is not None
    clone.pin("2.0")
    new = make_marked(clone)
    remove_replaced(new)
    assert is_complete(old)
    user.release()
    remove_replaced(new)
    assert clone.environments() == [new.folder]


def test_environments_of_another_layer_stay(clone: TinyClone) -> None:
    other = make_marked(clone, "dev")
    clone.pin("2.0")
    remove_replaced(make_marked(clone))
    assert is_complete(other)


@pytest.mark.parametrize("lost", ["complete", "pyvenv.cfg", "package", "python"])
def test_a_damaged_environment_is_not_taken_for_complete(clone: TinyClone, lost: str) -> None:
    environment = make_marked(clone)
    assert is_complete(environment)
    if lost == "package":
        shutil.rmtree(environment.packages / "tiny_a")
    else:
        (environment.python if lost == "python" else environment.folder / lost).unlink()
    assert not is_complete(environment)


def test_what_an_interrupted_install_left_is_made_anew(clone: TinyClone) -> None:
    environment = environment_for("base", clone.lock, clone.cache)
    (environment.packages / "half").mkdir(parents=True)
    ensure(environment, clone.wheelhouse).release()
    assert is_complete(environment)
    assert not (environment.packages / "half").exists()
    assert (environment.packages / "tiny_a").is_dir()


def test_a_user_without_a_home_is_told_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("DICOM_MIGRATOR_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(SetupError, match="DICOM_MIGRATOR_CACHE"):
        cache_folder()


def test_what_cannot_be_removed_is_not_kept_locked(monkeypatch: pytest.MonkeyPatch, clone: TinyClone) -> None:
    old = make_marked(clone)
    clone.pin("2.0")

    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(module, "remove", refuse)
    remove_replaced(environment_for("base", clone.lock, clone.cache))
    assert old.folder.exists()
    claim = locking.try_claim(old.lock_file)
    assert claim is not None, "whoever starts the old one would wait for this process's end"
    claim.release()
