"""Scans a folder with pydicom, which is told the tags that matter: python scan_pydicom.py FOLDER TAG..."""

from __future__ import annotations

import json
import os
import sys
import time

from pydicom import dcmread


def main() -> None:
    tags = [int(word, 16) for word in sys.argv[2:]]
    count = 0
    started = time.perf_counter()
    for folder, _, names in os.walk(sys.argv[1]):
        for name in names:
            ds = dcmread(f"{folder}/{name}", specific_tags=tags, stop_before_pixels=True)
            count += bool(ds.SOPInstanceUID)
    print(json.dumps({"count": count, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
