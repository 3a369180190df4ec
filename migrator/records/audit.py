"""The audit log's lines: JSON objects, one event each, chained by SHA-256.

A line ends in `,"hash":"…"}`; the hash is that of all bytes before that, among which `prev` is the hash of
the line before. So any program that can hash a text can check a log, without knowing anything about JSON.
"""

from __future__ import annotations

import functools
import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from migrator.core.errors import MigratorError
from migrator.core.paths import encodable

SUCCESS, WARNING, FAILED = "success", "warning", "failed"

OPENED = "log_opened"
"""The first event of a log: `prev` is its random beginning, by which the log is known (`detail.log`)."""
CONTINUED = "log_continued"
"""The first event of a further file: `detail.log` names the whole log, `detail.previous` the file before."""
REPAIRED = "log_repaired"
"""A line that a crash had torn was taken away: what was left of it stands in `detail`."""

LINE_LIMIT = 16_000_000  # bytes; nothing that is written comes near it
_BEGIN = b'{"timestamp":"'
_HASH_MARK = b',"hash":"'
_END = re.compile(rb',"hash":"([0-9a-f]{64})"\}\n\Z')
_END_BYTES = len(_HASH_MARK) + 64 + len(b'"}\n')


_NOTHING: Mapping[str, Any] = {}


class AuditEvent(NamedTuple):
    """What happened, `at` nanoseconds since the epoch (0: now). `detail` holds plain JSON values; what does
    not apply is empty.

    There is one for every file that is sent, and a tuple is made in a fraction of the time of a dataclass.
    """

    event: str
    status: str = SUCCESS
    sop_uid: str = ""
    patient: str = ""
    patient_id: str = ""
    destination: str = ""
    fidelity: str = ""
    detail: Mapping[str, Any] = _NOTHING
    at: int = 0


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: the operator, and the run by a random name of its own."""

    who: str
    run: str


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends: the file, the log that it belongs to, the last event's number and hash."""

    file: str
    log: str
    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Link:
    """One line of a log that is whole in itself."""

    seq: int
    prev: str
    hash: str
    fields: Mapping[str, Any]

    @property
    def log(self) -> str | None:
        """The log's name, where this line begins a file; else None."""
        if self.fields.get("event") not in (OPENED, CONTINUED):
            return None
        detail = self.fields.get("detail")
        return str(detail.get("log")) if isinstance(detail, dict) else None


class BrokenLine(MigratorError):
    """A line is not as it was written; the text says what is wrong with it."""


def encode(event: AuditEvent, writer: Writer, seq: int, prev: str) -> tuple[bytes, str]:
    """The line of event number `seq`, which follows on the line with hash `prev`; and its own hash."""
    fields = {
        "timestamp": utc(event.at or time.time_ns()),
        "event": event.event,
        "status": event.status,
        "sop_uid": event.sop_uid,
        "patient": event.patient,
        "patient_id": event.patient_id,
        "destination": event.destination,
        "fidelity": event.fidelity,
        "who": writer.who,
        "run": writer.run,
        "detail": event.detail,
        "seq": seq,
        "prev": prev,
    }
    try:
        body = orjson.dumps(fields)[:-1]
    except TypeError:  # undecodable bytes of paths and names stand as lone surrogates
        body = orjson.dumps(_clean(fields))[:-1]
    digest = hashlib.sha256(body).hexdigest()
    return b'%b,"hash":"%b"}\n' % (body, digest.encode()), digest


def _clean(value: Any) -> Any:
    """The value with question marks for what no text may hold."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, Mapping):
        return {encodable(str(name)): _clean(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    return value


def utc(nanoseconds: int) -> str:
    """A moment since the epoch as ISO 8601, UTC, with microseconds."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1000:06}Z"


@functools.lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def decode(raw: bytes) -> Link:
    """Read one line, with its end. Raises BrokenLine where it is not as it was written."""
    if not raw.endswith(b"\n"):
        raise BrokenLine("the line is torn: its end is missing")
    end = _END.search(raw, max(0, len(raw) - _END_BYTES))
    if end is None:
        raise BrokenLine("the line does not end in its hash")
    body, digest = raw[: end.start()], end[1].decode()
    if hashlib.sha256(body).hexdigest() != digest:
        raise BrokenLine("the line was altered: its hash does not fit")
    try:
        fields = orjson.loads(body + b"}")
        seq, prev = fields["seq"], fields["prev"]
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenLine("the line is no event of an audit log") from error
    if not isinstance(seq, int) or not isinstance(prev, str) or "event" not in fields:
        raise BrokenLine("the line is no event of an audit log")
    return Link(seq, prev, digest, fields)


def looks_like_ours(raw: bytes) -> bool:
    """Whether a line was once a line of an audit log, whatever has become of it, or is the begin of one."""
    return raw.startswith(_BEGIN) or _END.search(raw) is not None or (raw != b"" and _BEGIN.startswith(raw))
