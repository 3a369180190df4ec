"""Whether this installation works: everything that a migration needs is really done once, in small.

What only some need (a keyring, the window's libraries, letters of far scripts) is told, and fails nothing.
Nothing is written outside the data directory and a folder of the system's for temporary files.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from migrator.bootstrap.trouble import how_anew
from migrator.core.control import Control
from migrator.core.errors import Cancelled, UsageError
from migrator.jobs.home import home_path
from migrator.jobs.self_test_model import ABSENT, FAILED, Finding, Place
from migrator.jobs.self_test_packages import packages, program

Check = Callable[[Place], Iterable[Finding]]


def _late(module: str, name: str) -> Check:
    """A check of a module that imports what may be damaged: then that is what this check has found."""

    def check(place: Place) -> Iterable[Finding]:
        found: Iterable[Finding] = getattr(importlib.import_module(f"migrator.jobs.{module}"), name)(place)
        return found

    return check


# In this order; each with the name under which it is told when it does not come to an end.
CHECKS: tuple[tuple[str, Check], ...] = (
    ("program", program),
    ("packages", packages),
    ("data directory", _late("self_test_machine", "data_directory")),
    ("time", _late("self_test_machine", "clock")),
    ("processes", _late("self_test_work", "processes")),
    ("own command line", _late("self_test_work", "own_command_line")),
    ("decoders", _late("self_test_work", "decoders")),
    ("TLS", _late("self_test_machine", "tls")),
    ("trusted authorities", _late("self_test_machine", "authorities")),
    ("migration", _late("self_test_work", "migration")),
    ("PDF", _late("self_test_work", "pdf")),
    ("fonts", _late("self_test_work", "fonts")),
    ("keyring", _late("self_test_machine", "secrets_kept")),
    ("window", _late("self_test_machine", "window")),
)
# What only some need: without them everything else works.
_EXTRAS = frozenset({"trusted authorities", "fonts", "keyring", "window"})


def self_test(home: str | None, control: Control) -> Iterator[Finding]:
    """Every finding as soon as it is known. Raises Cancelled, and UsageError without a temporary folder."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="dicom-migrator-self-test-", ignore_cleanup_errors=True)
    except OSError as error:
        raise UsageError(f"there is no folder for temporary files: {error.strerror or error}") from error
    with folder as name:
        place = Place(home_path(home), Path(name), control)
        for what, check in CHECKS:
            control.checkpoint()
            yield from _found(what, check, place)


def is_working(findings: Iterable[Finding]) -> bool:
    """Whether all that is needed works."""
    return all(finding.state != FAILED for finding in findings)


def _found(what: str, check: Check, place: Place) -> Iterator[Finding]:
    try:
        yield from check(place)
    except Cancelled:
        raise
    # Whatever a check meets is what it has found; the others are still to be made.
    except Exception as error:  # noqa: BLE001
        words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        state = ABSENT if what in _EXTRAS else FAILED
        is_damage = isinstance(error, ImportError)
        remedy = how_anew() if is_damage else "report this with the version and the system"
        yield Finding(what, state, words, remedy)
