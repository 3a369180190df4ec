"""Sends a folder as a script on pynetdicom would: dcmread, send_c_store, one association for each thread.

    python stock_pynetdicom.py FOLDER PORT THREADS

The library can lose a response (the association's reactor takes it from the caller, who then waits out the
DIMSE time-out). Such a file is sent again on a new association, and the wait is left out of the time, in
the library's favour: without that it would hardly ever complete a run. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

from pydicom import dcmread
from pynetdicom import AE
from pynetdicom.association import Association

RESPONSE_SECONDS = 5
LOST_LIMIT = 20


class Lane:
    """One thread's share of the files. `busy` is its time without the waits for lost responses."""

    def __init__(self, paths: list[Path], port: int) -> None:
        self.sent = self.lost = 0
        self.busy = 0.0
        self._paths = paths
        self._port = port

    def run(self) -> None:
        started, lost = time.perf_counter(), 0.0
        assoc = self._associate()
        pending = self._paths[::-1]
        while pending and self.lost < LOST_LIMIT:
            before = time.perf_counter()
            status = assoc.send_c_store(dcmread(pending[-1]))
            if status:
                pending.pop()
                self.sent += status.Status == 0
                continue
            assoc.abort()
            assoc = self._associate()
            self.lost += 1
            lost += time.perf_counter() - before
        self.busy = time.perf_counter() - started - lost
        assoc.release()

    def _associate(self) -> Association:
        ae = AE()
        ae.dimse_timeout = RESPONSE_SECONDS
        header = dcmread(self._paths[0], stop_before_pixels=True)
        ae.add_requested_context(header.SOPClassUID, header.file_meta.TransferSyntaxUID)
        assoc = ae.associate("127.0.0.1", self._port)
        if not assoc.is_established:
            raise ConnectionError("no association")
        return assoc


def main() -> None:
    folder, port, threads = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    paths = sorted(folder.rglob("*.dcm"))
    lanes = [Lane(paths[first::threads], port) for first in range(threads)]
    workers = [threading.Thread(target=lane.run) for lane in lanes]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    totals = {
        "sent": sum(lane.sent for lane in lanes),
        "lost": sum(lane.lost for lane in lanes),
        "seconds": max(lane.busy for lane in lanes),
    }
    print(json.dumps(totals))


if __name__ == "__main__":
    main()
