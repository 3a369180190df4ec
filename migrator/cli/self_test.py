"""self-test: does this installation work?"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

from migrator import __version__
from migrator.cli.running import interruptible, progress
from migrator.cli.terminal import printable, tell
from migrator.core.control import Control
from migrator.jobs.self_test import is_working, self_test
from migrator.jobs.self_test_model import FAILED, Finding

_WORDS = {"ok": "ok    ", "absent": "absent", "failed": "FAILED"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0 all that is needed works, 1 something does not."""
    control = Control()
    findings: list[Finding] = []
    with interruptible(control):
        for finding in self_test(arguments.home, control):
            findings.append(finding)
            progress(len(findings), 0, finding.name)
            if not arguments.json:
                for line in _lines(finding):
                    tell(printable(line))
    passed = is_working(findings)
    if arguments.json:
        found = [finding.as_json() for finding in findings]
        tell(json.dumps({"version": __version__, "passed": passed, "findings": found}))
    else:
        failed = sum(finding.state == FAILED for finding in findings)
        tell("\nAll that is needed works." if passed else f"\n{failed} of {len(findings)} FAILED.")
    return 0 if passed else 1


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{_WORDS[finding.state]}  {finding.name}: {finding.words}"
    if finding.remedy:
        yield f"          what to do: {finding.remedy}"
