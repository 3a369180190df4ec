"""What is wrong with a destination's fields, in words for the one who fills them; the rules are the jobs'."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pydantic import ValidationError

from migrator.jobs.nodes import AE_TITLE_RULE
from migrator.jobs.settings_file import FileDestination
from migrator.ui.configuration import Destination

NO_PORT = 0
"""Stands for a port that cannot be read; no destination is reached there."""

_WORDS = {
    "host": "A host name or an IP address, without spaces and port",
    "port": "Write 1 to 65535",
    "ae_title": f"An AE title has {AE_TITLE_RULE}",
    "calling_ae_title": f"An AE title has {AE_TITLE_RULE}",
}


def faults(destination: Destination) -> dict[str, str]:
    """What is wrong, by field; an empty host is not wrong but missing, and stands here too."""
    try:
        FileDestination(
            host=destination.host,
            port=destination.port,
            ae_title=destination.ae_title,
            calling_ae_title=destination.calling_ae_title,
        )
    except ValidationError as error:
        fields = [str(fault["loc"][0]) for fault in error.errors()]
        return {field: _WORDS[field] for field in fields}
    return {}


def port_of(text: str) -> int:
    """The port that stands in a field; NO_PORT where none does."""
    digits = text.strip()
    if digits.isascii() and digits.isdigit() and len(digits) <= 5:
        return int(digits)
    return NO_PORT


def title(destination: Destination, number: int) -> str:
    """What a destination is called: as its profile, else by its place, counted from 0."""
    return destination.name or f"Destination {number + 1}"


def twins(destinations: Sequence[Destination]) -> tuple[int, ...]:
    """The places of those that are migrated to and are the same as an earlier one."""
    seen: Counter[str] = Counter()
    found = []
    for number, one in enumerate(destinations):
        if one.is_on and one.host:
            seen[str(one.node)] += 1
            if seen[str(one.node)] > 1:
                found.append(number)
    return tuple(found)
