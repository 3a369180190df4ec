"""The acceptor's side of negotiation for what reports to us (PS3.8 9.3.2 and 9.3.3, PS3.7 D.3.3.4)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from migrator.dicom import pdus
from migrator.dicom.commitment.messages import PUSH_MODEL
from migrator.dicom.contexts import EXPLICIT_LITTLE, IMPLICIT_LITTLE
from migrator.dicom.pdus import item, items, text
from migrator.dicom.probe import VERIFICATION
from migrator.dicom.structure import Coding

_FIXED = 68  # bytes of versions, titles and reserved fields before the items
_APPLICATION_CONTEXT, _USER = 0x10, 0x50
_CONTEXT, _CONTEXT_RESULT, _ABSTRACT, _SYNTAX = 0x20, 0x21, 0x30, 0x40
_MAX_LENGTH, _IMPLEMENTATION, _ROLE, _VERSION = 0x51, 0x52, 0x54, 0x55
_ACCEPTED, _NO_SUCH_CLASS, _NO_SUCH_SYNTAX = 0, 3, 4

_CODINGS = {IMPLICIT_LITTLE: Coding(is_implicit=True), EXPLICIT_LITTLE: Coding(is_implicit=False)}
_OFFERED = (PUSH_MODEL, VERIFICATION)

# Rejected for now, by the presentation layer: local limit exceeded (PS3.8 Table 9-21).
TOO_MANY = pdus.PDU_HEADER.pack(pdus.ASSOCIATE_RJ, 4) + bytes((0, 2, 3, 2))


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What we make of an A-ASSOCIATE-RQ.

    `answer` is the A-ASSOCIATE-AC; `codings` are of the contexts accepted, by their id; `max_pdu` is the
    longest PDU that the peer receives.
    """

    answer: bytes
    codings: Mapping[int, Coding]
    max_pdu: int


def accept(body: bytes, max_pdu: int) -> Acceptance:
    """Read an A-ASSOCIATE-RQ's body and accept what it may report with. Raises ValueError.

    A peer that proposes the role of SCP gets it; one that proposes no role may report all the same, since
    some archives never negotiate roles.
    """
    if len(body) < _FIXED:
        raise ValueError("a request that is cut off")
    codings: dict[int, Coding] = {}
    answers, user = [], b""
    for kind, value in items(body[_FIXED:]):
        if kind == _CONTEXT:
            answers.append(_answered(value, codings))
        elif kind == _USER:
            user = value
        elif kind == _APPLICATION_CONTEXT:
            answers.append(item(kind, value))
    own = item(_MAX_LENGTH, struct.pack(">I", max_pdu)) + item(
        _IMPLEMENTATION, pdus.IMPLEMENTATION_UID.encode()
    )
    roles = b"".join(item(_ROLE, role) for role in _roles(user))
    information = item(_USER, own + roles + item(_VERSION, pdus.IMPLEMENTATION_VERSION.encode()))
    answer = b"\0\1" + body[2:_FIXED] + b"".join(answers) + information
    return Acceptance(
        pdus.PDU_HEADER.pack(pdus.ASSOCIATE_AC, len(answer)) + answer,
        codings,
        _peer_max_pdu(user),
    )


def _answered(value: bytes, codings: dict[int, Coding]) -> bytes:
    """The answer to one presentation context, which is noted in `codings` where it is accepted."""
    if len(value) < 4:
        raise ValueError("a presentation context without an id")
    context_id = value[0]
    parts = [(kind, text(content)) for kind, content in items(value[4:])]
    sop_class = next((content for kind, content in parts if kind == _ABSTRACT), "")
    proposed = [content for kind, content in parts if kind == _SYNTAX]
    syntax = next((one for one in proposed if one in _CODINGS), None)
    result = _NO_SUCH_CLASS if sop_class not in _OFFERED else _NO_SUCH_SYNTAX if syntax is None else _ACCEPTED
    if result == _ACCEPTED and syntax is not None:
        codings[context_id] = _CODINGS[syntax]
    # Where the context is refused, the syntax says nothing, but must be there.
    chosen = item(_SYNTAX, (syntax or IMPLICIT_LITTLE).encode())
    return item(_CONTEXT_RESULT, bytes((context_id, 0, result, 0)) + chosen)


def _roles(user: bytes) -> Iterator[bytes]:
    """Our answers to the roles that the peer proposes: of ours it may be the SCP, and nothing else."""
    for kind, value in items(user):
        if kind != _ROLE or len(value) < 4:
            continue
        (length,) = struct.unpack_from(">H", value)
        if len(value) != 4 + length:
            raise ValueError("a role of another length")
        as_scu, as_scp = value[-2:]
        if text(value[2:-2]) == PUSH_MODEL:
            # Where it wants to be the SCU alone, it gets that: some then report nevertheless.
            yield value[:-2] + bytes((as_scu & 1 if not as_scp else 0, as_scp & 1))


def _peer_max_pdu(user: bytes) -> int:
    for kind, value in items(user):
        if kind == _MAX_LENGTH and len(value) == 4:
            return int.from_bytes(value, "big")
    return 0
