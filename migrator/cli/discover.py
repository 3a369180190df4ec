"""discover RANGE: which DICOM nodes are there?"""

from __future__ import annotations

import argparse
import json

from migrator.cli.options import add_calling, add_settings, settings_from, warn
from migrator.cli.running import interruptible
from migrator.cli.terminal import printable, tell
from migrator.core.addresses import addresses
from migrator.core.control import Control
from migrator.core.errors import Cancelled, UsageError
from migrator.core.model import Node
from migrator.jobs.discover import (
    COMMON_TITLES,
    DICOM_PORTS,
    Approach,
    DiscoverJob,
    DiscoverRequest,
    Finding,
    as_json,
    ports_of,
    titles_of,
    words,
)
from migrator.jobs.nodes import CALLING_AE_TITLE, check_ae_title, node_of

_MOST_RATE = 1000.0
_MOST_SECONDS = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "range",
        metavar="RANGE",
        help="hosts, addresses, networks (10.0.0.0/24) and ranges (10.0.0.1-10.0.0.9), with commas; nothing "
        "else is contacted",
    )
    ports, titles = ",".join(map(str, DICOM_PORTS)), ",".join(COMMON_TITLES)
    parser.add_argument("--ports", metavar="P,…", default=ports, help=f"the ports to try (default: {ports})")
    parser.add_argument(
        "--aet",
        metavar="A,…",
        default=titles,
        help=f"the called AE titles to try, in order (default: {titles})",
    )
    add_calling(parser)
    parser.add_argument(
        "--rate", metavar="N", type=float, default=50.0, help="connections per second at most (default: 50)"
    )
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=float,
        default=5.0,
        help="seconds to wait for each answer (default: 5)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    add_settings(parser, "tls")


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0 all was looked at, whatever was found; 130 interrupted, with what was found so far."""
    request = _request(arguments)
    control = Control()
    job = DiscoverJob(request, control)
    findings: list[Finding] = []

    def found(finding: Finding) -> None:
        findings.append(finding)
        tell(printable(words(finding)), to_stderr=arguments.json)

    code = 0
    with interruptible(control):
        try:
            job.run(found)
        except Cancelled:
            code = 130
    if arguments.json:
        result = {"complete": code == 0, "places": request.places, "probed": job.probed}
        tell(json.dumps(result | {"found": [as_json(finding) for finding in findings]}))
    tell(f"{job.probed:,} of {request.places:,} places looked at, {len(findings):,} answered", to_stderr=True)
    return code


def _request(arguments: argparse.Namespace) -> DiscoverRequest:
    if not 0 < arguments.rate <= _MOST_RATE:
        raise UsageError(f"--rate must be more than 0 and at most {_MOST_RATE:g} connections per second")
    if not 0 < arguments.timeout <= _MOST_SECONDS:
        raise UsageError(f"--timeout must be more than 0 and at most {_MOST_SECONDS:g} seconds")
    titles = titles_of(arguments.aet)
    calling = arguments.calling_aet or CALLING_AE_TITLE
    check_ae_title(calling)
    hosts = addresses(arguments.range)
    # Any node will do: the certificates are the same for all.
    tls = node_of(Node("localhost"), settings_from(arguments).tls, warn).tls
    approach = Approach(titles, calling, arguments.timeout, tls)
    return DiscoverRequest(hosts, _ports(arguments.ports), approach, arguments.rate)


def _ports(text: str) -> tuple[int, ...]:
    try:
        return ports_of(text)
    except UsageError as error:
        raise UsageError(f"--ports {text}: {error}") from None
