"""Stop processes of a test run at random, for a moment each, as a busy machine does.

    python tests/run.py --only tests --stall 1.5

What fails only then depends on who gets its turn first, and will fail on a busy machine one day.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from contextlib import suppress

import psutil

_SHORTEST = 0.1  # seconds of a stop
_PAUSE = 0.2  # seconds at most between two stops


def stoppable(root: psutil.Process) -> list[psutil.Process]:
    """What runs below a process, at whatever depth; not what a test itself has stopped."""
    found = []
    for process in root.children(recursive=True):
        with suppress(psutil.Error):
            if process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_STOPPED):
                found.append(process)
    return found


def stall(process: psutil.Process, seconds: float) -> None:
    """Stop it for so long. Raises psutil.Error when it is gone."""
    process.suspend()
    try:
        time.sleep(seconds)
    finally:
        process.resume()


def main(root: psutil.Process, longest: float) -> None:
    """Go on until `root` has ended; it gives out the tests and is never stopped itself."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
        with suppress(psutil.Error):
            if found := stoppable(root):
                stall(random.choice(found), random.uniform(_SHORTEST, longest))
        time.sleep(random.uniform(0, _PAUSE))


if __name__ == "__main__":
    with suppress(psutil.NoSuchProcess):
        main(psutil.Process(int(sys.argv[1])), float(sys.argv[2]))
