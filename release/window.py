"""The window program's start, frozen by PyInstaller (release/dicom_migrator.spec).

It opens the window. With a command it is the command line, for that is how the window starts its runs: in
processes of their own (`migrator/jobs/launch.py`), which are this same program.
"""

import multiprocessing
import sys


def main() -> int:
    from migrator.__main__ import main as either
    from migrator.bootstrap import libraries
    from migrator.bootstrap.launch import wants_window

    if wants_window(sys.argv[1:]):
        missing = libraries.missing_libraries()
        if missing or not libraries.has_display():
            lacks = f"libraries that it needs ({', '.join(missing)})" if missing else "a display"
            print(
                f"DICOMPACSMigrator: this system lacks {lacks}, so no window can be shown; "
                "all commands work without one: DICOMPACSMigrator-cli --help",
                file=sys.stderr,
            )
            return 2
    return either()


if __name__ == "__main__":
    # First of all: in a process that is to be a decoder this runs the decoder, and does not come back.
    multiprocessing.freeze_support()
    sys.exit(main())
