#!/usr/bin/env python3
"""DICOM PACS Migrator: the command that users run.

    python dicom_migrator.py demo          a sample archive, an embedded PACS, a migration with its proof
    python dicom_migrator.py --help        all commands
    python dicom_migrator.py --wheelhouse DIR ...     set up from a folder of wheels, without internet

At its first start it makes a private environment (see migrator/bootstrap), then it runs migrator there.
Every Python from 2.7 on understands this file, so that an old one can say what is needed. Importing it does
nothing.
"""

from __future__ import print_function

import os
import sys

OLDEST = (3, 10)
NEWEST = (3, 13)  # the newest Python for which requirements/*.lock has wheels


def complaint(version, in_place):
    """Say in one sentence why this Python will not do, or return None.

    `in_place`: the program runs in this interpreter, with whatever packages it has.
    """
    if version[:2] >= OLDEST and (in_place or version[:2] <= NEWEST):
        return None
    return (
        "dicom_migrator needs Python %d.%d to %d.%d, and this is Python %s (%s): install one of these"
        " and run it as, for example, python%d.%d %s"
        % (OLDEST + NEWEST + (".".join(map(str, version[:3])), sys.executable) + NEWEST + (sys.argv[0],))
    )


def main():
    """Check the Python, then leave everything else to migrator.bootstrap. Returns the exit code."""
    sentence = complaint(tuple(sys.version_info), os.environ.get("DICOM_MIGRATOR_NO_BOOTSTRAP") == "1")
    if sentence:
        print(sentence, file=sys.stderr)
        return 2
    root = os.path.dirname(os.path.realpath(__file__))
    if sys.path[:1] != [root]:
        sys.path.insert(0, root)
    from migrator.bootstrap.launch import launch

    return launch(root, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
