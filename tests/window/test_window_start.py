"""The program as it is started: it opens the window, and ends in order when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers import wait_until

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_end_the_window_closes_in_order_and_says_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    variables = os.environ | {"DICOM_MIGRATOR_NO_BOOTSTRAP": "1", "XDG_RUNTIME_DIR": str(tmp_path)}
    tmp_path.chmod(0o700)
    command = [sys.executable, "-W", "error", str(ROOT / "dicom_migrator.py"), "--home", str(tmp_path)]
    with subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: _listens(process.pid), "the window is open", 60)
            process.send_signal(number)
            told = process.communicate(timeout=60)[1]
        finally:
            process.kill()
    assert told == ""
    assert process.returncode == 0
    assert (tmp_path / "window.json").exists()


def _listens(process: int) -> bool:
    """Whether it catches SIGTERM, which no Python does by itself."""
    status = Path(f"/proc/{process}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)
