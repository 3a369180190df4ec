"""Reading what storage commitment answers (PS3.4 J.3.2.1.4 and J.3.3.1.4, PS3.3 C.14.1.1, PS3.7 Annex C)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from migrator.core.commitment import Taken

# Failure Reason (0008,1197) of an instance that is not committed.
FAILURE_REASONS: Mapping[int, str] = MappingProxyType(
    {
        0x0110: "processing failure at the destination",
        0x0112: "no such object instance: the destination does not hold it",
        0x0119: "class/instance conflict: the destination holds it under another SOP class",
        0x0122: "the destination does not commit to instances of this SOP class",
        0x0131: "duplicate transaction UID",
        0x0213: "the destination lacks the resources to store it",
    }
)

ACTION_STATUSES: Mapping[int, str] = MappingProxyType(
    {
        0x0110: "processing failure",
        0x0112: "it does not know the storage commitment instance",
        0x0114: "it does not know an argument of the request",
        0x0115: "it does not accept a value of the request",
        0x0117: "invalid object instance",
        0x0118: "it does not know the storage commitment class",
        0x0119: "class/instance conflict",
        0x0122: "it does not support storage commitment",
        0x0123: "it does not know the storage commitment action",
        0x0124: "not authorised",
        0x0131: "duplicate transaction UID",
        0x0210: "duplicate invocation",
        0x0211: "it does not know the N-ACTION operation",
        0x0212: "mistyped argument",
        0x0213: "resource limitation",
    }
)

SUCCESS = 0x0000
NO_SUCH_EVENT_TYPE = 0x0113
INVALID_ARGUMENT = 0x0115

# How we answer an N-EVENT-REPORT; a transaction UID that is none of ours is a value that is not valid.
ANSWERS: Mapping[Taken, int] = MappingProxyType(
    {Taken.KEPT: SUCCESS, Taken.UNKNOWN: INVALID_ARGUMENT, Taken.NOT_KEPT: 0x0110}
)


def failure_words(code: int) -> str:
    """Why an instance is not committed."""
    return FAILURE_REASONS.get(code, "a failure reason that the standard does not name")


def refusal_words(status: int) -> str:
    """Why a request for storage commitment was refused."""
    known = ACTION_STATUSES.get(status, "a status that the standard does not name for it")
    return f"the destination refused the request: {known}"
