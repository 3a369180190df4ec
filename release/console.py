"""The console program's start, frozen by PyInstaller (release/dicom_migrator.spec): the command line."""

import multiprocessing
import sys

if __name__ == "__main__":
    # First of all: in a process that is to be a decoder this runs the decoder, and does not come back.
    multiprocessing.freeze_support()
    from migrator.cli.main import main

    sys.exit(main())
