"""audit check FILE: is an audit log as it was written?"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from migrator.cli.terminal import printable, tell
from migrator.jobs.audit_check import as_json, check_audit, words
from migrator.jobs.home import home_path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("check",), help="what to do")
    parser.add_argument("file", metavar="FILE", help="the audit log, as --audit named it")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    report = check_audit(Path(arguments.file), home_path(arguments.home))
    for line in words(report):
        tell(printable(line), to_stderr=arguments.json)
    if arguments.json:
        tell(json.dumps(as_json(report)))
    return 0 if report.is_intact else 1
