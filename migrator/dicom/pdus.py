"""The PDUs of an association's requestor, apart from P-DATA (PS3.8 9.3), as bytes and back.

Written out here because pynetdicom's classes refuse or warn about the irregular UIDs of real archives; the
tests hold both encodings to each other.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from migrator.core.model import ContextPair, Node
from migrator.dicom.contexts import Negotiation, Plan

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)

# Ours, made once from a UUID (PS3.5 B.2).
IMPLEMENTATION_UID = "2.25.107026242777063336717122283844793548944"
IMPLEMENTATION_VERSION = "DCMMIGRATOR_01"

_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
PDU_HEADER = struct.Struct(">BxI")
_ITEM_HEADER = struct.Struct(">BxH")
_TITLES = struct.Struct(">HH16s16s32x")

# What a peer that does not say is taken to receive; every known implementation takes more.
_UNSAID_MAX_PDU = 16384


def release_request() -> bytes:
    return PDU_HEADER.pack(RELEASE_RQ, 4) + bytes(4)


def release_reply() -> bytes:
    return PDU_HEADER.pack(RELEASE_RP, 4) + bytes(4)


def abort() -> bytes:
    """An A-ABORT by the service user, without a reason (PS3.8 9.3.8)."""
    return PDU_HEADER.pack(ABORT, 4) + bytes(4)


def associate_request(node: Node, plan: Plan, max_pdu: int, served: Iterable[str] = ()) -> bytes:
    """An A-ASSOCIATE-RQ (PS3.8 9.3.2); context ids are 1, 3, 5 … in the plan's order.

    `max_pdu` is the longest PDU that we receive, in bytes; 0 is no limit. Of the SOP classes in `served` we
    propose to be the SCP, and not the SCU (PS3.7 D.3.3.4).
    """
    parts = [_TITLES.pack(1, 0, _ae_title(node.ae_title), _ae_title(node.calling_ae_title))]
    parts.append(item(0x10, _APPLICATION_CONTEXT.encode()))
    for index, pair in enumerate(plan.contexts):
        syntaxes = item(0x30, uid_bytes(pair.sop_class)) + item(0x40, uid_bytes(pair.transfer_syntax))
        parts.append(item(0x20, bytes((2 * index + 1, 0, 0, 0)) + syntaxes))
    user = item(0x51, struct.pack(">I", max_pdu)) + item(0x52, IMPLEMENTATION_UID.encode())
    user += b"".join(map(_scp_role, served))
    parts.append(item(0x50, user + item(0x55, IMPLEMENTATION_VERSION.encode())))
    body = b"".join(parts)
    return PDU_HEADER.pack(ASSOCIATE_RQ, len(body)) + body


def _scp_role(sop_class: str) -> bytes:
    """An SCP/SCU Role Selection sub-item (PS3.7 Table D.3-9)."""
    uid = uid_bytes(sop_class)
    return item(0x54, struct.pack(">H", len(uid)) + uid + b"\0\1")


def uid_bytes(uid: str) -> bytes:
    """A UID as the file has it, be it regular or not."""
    return uid.encode("utf-8", "surrogateescape")


def _ae_title(title: str) -> bytes:
    return title.encode("ascii", "replace").ljust(16)[:16]


def item(kind: int, value: bytes) -> bytes:
    """An item of an A-ASSOCIATE PDU (PS3.8 9.3.2), or one within such an item."""
    return _ITEM_HEADER.pack(kind, len(value)) + value


def read_accept(body: bytes, plan: Plan) -> Negotiation:
    """Read an A-ASSOCIATE-AC's body (PS3.8 9.3.3). Raises ValueError where it is malformed.

    A context counts as accepted only with the very syntax that was proposed for it.
    """
    accepted: dict[ContextPair, int] = {}
    refused = dict.fromkeys(plan.contexts, 2)
    user: dict[int, bytes] = {}
    for kind, value in items(body[_TITLES.size :]):
        if kind == 0x21:
            _read_context(value, plan, accepted, refused)
        elif kind == 0x50:
            user = dict(items(value))
    return Negotiation(
        accepted=accepted,
        refused=refused,
        max_pdu=_max_pdu(user.get(0x51)),
        implementation_uid=text(user.get(0x52, b"")),
        implementation_version=text(user.get(0x55, b"")),
    )


def _read_context(
    value: bytes, plan: Plan, accepted: dict[ContextPair, int], refused: dict[ContextPair, int]
) -> None:
    if len(value) < 4:
        raise ValueError("a presentation context without a result")
    context_id, result = value[0], value[2]
    index = context_id >> 1
    if not context_id & 1 or index >= len(plan.contexts):
        raise ValueError("an answer to a presentation context that was not proposed")
    pair = plan.contexts[index]
    if result:
        refused[pair] = result
        return
    syntaxes = [text(syntax) for kind, syntax in items(value[4:]) if kind == 0x40]
    if syntaxes == [pair.transfer_syntax]:
        accepted[pair] = context_id
        refused.pop(pair, None)
    else:
        refused[pair] = 4


def items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and value of the items that follow each other in `data`. Raises ValueError."""
    position = 0
    while position < len(data):
        if position + 4 > len(data):
            raise ValueError("an item without a length")
        kind, length = _ITEM_HEADER.unpack_from(data, position)
        position += 4
        if position + length > len(data):
            raise ValueError("an item that runs past its PDU")
        yield kind, data[position : position + length]
        position += length


def _max_pdu(value: bytes | None) -> int:
    if value is None:
        return _UNSAID_MAX_PDU
    if len(value) != 4:
        raise ValueError("a maximum length that is not four bytes long")
    return int.from_bytes(value, "big")


def text(value: bytes) -> str:
    """A UID or name as the peer wrote it, without padding."""
    return value.decode("utf-8", "surrogateescape").strip(" \0")


_RESULTS = {1: "rejected for good", 2: "rejected for now"}

# PS3.8 Table 9-21, by source and reason.
_REASONS = {
    (1, 1): "no reason given",
    (1, 2): "application context not supported",
    (1, 3): "calling AE title not recognised",
    (1, 7): "called AE title not recognised",
    (2, 1): "no reason given by its protocol layer",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "local limit of associations exceeded",
}


def rejection_words(result: int, source: int, reason: int) -> str:
    """An A-ASSOCIATE-RJ for people (PS3.8 9.3.4)."""
    why = _REASONS.get((source, reason), f"source {source}, reason {reason}")
    return f"{_RESULTS.get(result, 'rejected')}: {why}"


# PS3.8 9.3.8: reasons count only where the source is the service provider.
_ABORT_REASONS = {
    0: "no reason given",
    1: "unrecognised PDU",
    2: "unexpected PDU",
    4: "unrecognised PDU parameter",
    5: "unexpected PDU parameter",
    6: "invalid PDU parameter value",
}


def abort_words(source: int, reason: int) -> str:
    """An A-ABORT for people (PS3.8 9.3.8)."""
    if source == 2:
        return f"its protocol layer: {_ABORT_REASONS.get(reason, f'reason {reason}')}"
    return "its application"
