"""The console program's start, frozen by PyInstaller (release/dicom_migrator.spec): the command line."""

import multiprocessing
import sys

if __name__ == "__main__":
    # First of all: in a process that is to be a decoder this runs the decoder, and does not come back.
    multiprocessing.freeze_support()
    from migrator.__main__ import command_line, guarded

    sys.exit(guarded(command_line))
