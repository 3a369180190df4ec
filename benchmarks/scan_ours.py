"""Times our scanner alone: python -m benchmarks.scan_ours FOLDER. Prints JSON."""

from __future__ import annotations

import json
import sys
import time

from migrator.core.control import Control
from migrator.core.model import Instance
from migrator.core.settings import ScanSettings
from migrator.dicom.header import read_header
from migrator.engine.scanner import Scanner


def main() -> None:
    started = time.perf_counter()
    scanner = Scanner(sys.argv[1], ScanSettings(settle=0), read_header, Control())
    count = sum(isinstance(item, Instance) for block in scanner.blocks() for item in block)
    print(json.dumps({"count": count, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
