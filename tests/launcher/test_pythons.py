"""Which Pythons the launcher accepts, and what it tells the others."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

from dicom_migrator import complaint
from tests.launcher.making import ROOT


def find_python(version: str) -> str | None:
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    of_pyenv = sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"))
    # A shim of pyenv stands on the PATH for versions that are not chosen too, and then fails.
    on_path = shutil.which(f"python{version}")
    return str(of_pyenv[-1]) if of_pyenv else on_path if on_path and "shims" not in on_path else None


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.7", "3.8", "3.9"])
def test_an_old_python_says_in_one_sentence_what_is_needed(version: str, tmp_path: Path) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    done = subprocess.run(
        [python, str(ROOT / "dicom_migrator.py"), "demo"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    assert "needs Python 3.10 to 3.13" in sentence
    assert f"this is Python {version}." in sentence


@pytest.mark.parametrize("version", [(3, 10, 0), (3, 13, 9)])
def test_a_supported_python_is_accepted(version: tuple[int, ...]) -> None:
    assert complaint(version, False) is None


def test_a_newer_python_is_refused_for_want_of_wheels_unless_it_brings_its_own_packages() -> None:
    assert "this is Python 3.14.1" in complaint((3, 14, 1), False)
    assert complaint((3, 14, 1), True) is None


def test_importing_the_launcher_in_a_spawned_process_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DICOM_MIGRATOR_CACHE", str(tmp_path / "cache"))
    runpy.run_path(str(ROOT / "dicom_migrator.py"), run_name="__mp_main__")
    assert not (tmp_path / "cache").exists()
