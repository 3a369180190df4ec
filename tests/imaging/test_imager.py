"""The process that looks: it crashes or hangs alone, and ends with its user."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy
import psutil
import pytest

from migrator.core.errors import Cancelled
from migrator.dicom.imaging import imager as imager_module
from migrator.dicom.imaging.imager import Imager
from migrator.dicom.imaging.picture import Look
from tests.imaging.making import is_decoder, make_image, save
from tests.peers.processes import wait_until

ROOT = Path(__file__).parents[2]
stops = pytest.mark.skipif(os.name == "nt", reason="Windows stops no process by a signal")


@pytest.fixture
def path(tmp_path: Path) -> str:
    return save(make_image(numpy.arange(16, dtype=numpy.uint16).reshape(4, 4)), tmp_path / "one.dcm")


@pytest.fixture
def make_imager() -> Iterator[Callable[..., Imager]]:
    made: list[Imager] = []

    def make(patience: float = 60.0) -> Imager:
        made.append(Imager(patience))
        return made[-1]

    yield make
    for imager in made:
        imager.close()
    assert not processes()


def processes() -> list[psutil.Process]:
    """The decoders' processes; what an earlier test has left to be waited for is none."""
    return [child for child in psutil.Process().children() if is_decoder(child)]


def test_one_process_serves_all_looks_and_is_replaced_when_it_died_or_has_grown(
    make_imager: Callable[..., Imager], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    imager = make_imager()
    assert not processes()
    assert imager.look(path).picture is not None
    (process,) = processes()
    assert imager.look(path).picture is not None
    assert processes() == [process]
    (child,) = (one for one in multiprocessing.active_children() if one.pid == process.pid)
    child.kill()
    child.join(10)
    look_of = imager_module.look_of
    monkeypatch.setattr(imager_module, "look_of", lambda data: replace(look_of(data), is_last=True))
    assert imager.look(path).picture is not None
    assert not processes()


@stops
def test_a_decoder_that_crashes_costs_the_image_and_not_the_attributes(
    make_imager: Callable[..., Imager], path: str
) -> None:
    imager = make_imager()
    imager.look(path)
    (process,) = processes()
    process.suspend()
    results: list[Look] = []
    thread = threading.Thread(target=lambda: results.append(imager.look(path)), daemon=True)
    thread.start()
    process.send_signal(signal.SIGSEGV)
    process.resume()
    thread.join(60)
    (found,) = results
    assert found.picture is not None or "crashed (SIGSEGV)" in found.trouble
    assert found.tags


@stops
def test_a_decoder_that_hangs_is_ended(make_imager: Callable[..., Imager], path: str) -> None:
    imager = make_imager()
    imager.look(path)
    imager._patience = 0.5  # from now on: until here it may take its time
    (process,) = processes()
    process.suspend()
    found = imager.look(path)
    assert "took longer than 0.5 seconds" in found.trouble
    assert found.tags
    assert not process.is_running()


def test_a_program_that_fails_ends_with_its_decoder(path: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "if __name__ == '__main__':\n"
        "    from migrator.dicom.imaging.imager import Imager\n"
        "    imager = Imager()\n"
        f"    assert imager.look({path!r}).picture is not None\n"
        "    raise SystemExit(3)\n",
        "utf-8",
    )
    assert subprocess.run([sys.executable, str(program)], timeout=120, check=False).returncode == 3


@stops
def test_a_look_is_given_up_when_it_is_not_wanted_or_when_closed(
    make_imager: Callable[..., Imager], path: str
) -> None:
    for is_closing in (False, True):
        imager = make_imager()
        imager.look(path)
        (process,) = processes()
        process.suspend()
        unwanted, raised = threading.Event(), threading.Event()

        def look(
            imager: Imager = imager, unwanted: threading.Event = unwanted, raised: threading.Event = raised
        ) -> None:
            with pytest.raises(Cancelled):
                imager.look(path, 0, unwanted.is_set)
            raised.set()

        threading.Thread(target=look, daemon=True).start()
        imager.close() if is_closing else unwanted.set()
        assert raised.wait(60)
        wait_until(lambda process=process: not process.is_running(), "the process has ended")
        if not is_closing:
            assert imager.look(path).picture is not None
            imager.close()
