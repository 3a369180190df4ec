"""Write the list that a scan of so many instances makes, as fast as one could: window_scan.py FILE COUNT"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from migrator.core.model import Instance, Patient, Series, Study
from migrator.jobs.scan_list import ScanList

_CLASS, _SYNTAX = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"
_EACH_SERIES, _EACH_STUDY, _EACH_PATIENT = 50, 3, 2  # instances, series, studies


def main() -> None:
    file, count = Path(sys.argv[1]), int(sys.argv[2])
    with ScanList(file, "/mnt/archive") as listed:
        for number in range(-(-count // _EACH_SERIES)):
            study = number // _EACH_STUDY
            patient = Patient(f"P{study // _EACH_PATIENT:07}", "", f"NAME{study // _EACH_PATIENT}^GIVEN")
            series = Series(
                f"1.2.3.{number}",
                "CT",
                f"Series {number}",
                "1",
                Study(f"1.2.{study}", f"20{study % 25:02}0101", "Thorax", "", patient),
            )
            for image in range(min(_EACH_SERIES, count - number * _EACH_SERIES)):
                path = f"study{study:06}/series{number:07}/{image:04}.dcm"
                listed.add(
                    Instance(path, 526_000, 0, 400, _SYNTAX, _CLASS, f"1.2.3.{number}.{image}", series)
                )


if __name__ == "__main__":
    main()
