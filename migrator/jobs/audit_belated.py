"""Outcomes that a manifest has and the audit log lacks: a run was killed, or the log could not be written.

An outcome is recorded before its event is written. The next run writes the events that are missing, so that
the log is complete in the end.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from migrator.core.model import Reason
from migrator.core.outcome import State
from migrator.core.paths import encodable
from migrator.engine.manifest import Manifest
from migrator.engine.manifest_lines import path_of
from migrator.jobs.audit_events import STATES, UNTOLD
from migrator.records.audit import AuditEvent, Link, utc
from migrator.records.audit_log import AuditLog

_WINDOW = 1 << 20  # bytes read from the end, doubled until they hold what is looked for
_HEAD, _RUN = b'{"t":"audit"', b'{"t":"run"'

_Key = tuple[str, str, str]  # event, SOP instance UID, path


def belated(manifest: Manifest, log: AuditLog, destination: str) -> Iterator[AuditEvent]:
    """The events that the last audited run of this job towards this destination did not come to write.

    Nothing where that run wrote another log. Raises OSError.
    """
    lines = _lines_since(manifest.file, log.name)
    outcomes = [line for line in lines[1:] if line.get("t") == "o" and not _is_untold(line)]
    if not outcomes:
        return
    written = Counter(_key_of(link) for link in log.since(int(lines[0]["seq"])))
    for line in outcomes:
        name, status = STATES[State(line["state"])]
        key = (name, str(line.get("uid", "")), encodable(path_of(line)))
        if written[key]:
            written[key] -= 1
            continue
        series = manifest.series(line.get("series", 0))
        detail: dict[str, Any] = {"path": path_of(line), "state": line["state"]}
        detail |= {"belated": True, "settled": utc(int(line["at"] * 1e9))}
        patient_name = patient_id = ""
        if series is not None:
            patient_name, patient_id = series.study.patient.name, series.study.patient.id
            detail["study"] = series.study.uid
        if reason := line.get("reason") or ("why" in line and Reason[line["why"]].value):
            detail["reason"] = reason
        fidelity = line.get("fidelity", "verbatim") if State(line["state"]).is_stored else ""
        yield AuditEvent(name, status, key[1], patient_name, patient_id, destination, fidelity, detail)


def _is_untold(line: dict[str, Any]) -> bool:
    return "why" in line and Reason[line["why"]] in UNTOLD


def _key_of(link: Link) -> _Key:
    fields = link.fields
    detail = fields.get("detail")
    path = detail.get("path", "") if isinstance(detail, dict) else ""
    return str(fields["event"]), str(fields.get("sop_uid", "")), str(path)


def _lines_since(manifest: Path, log: str) -> Sequence[dict[str, Any]]:
    """The last audited run's lines from its last head but one on, that first; empty without any.

    The last head may have been written between an outcome and its event, the one before cannot: half a second
    lies between them.
    """
    window = _WINDOW
    size = manifest.stat().st_size
    while True:
        raw = _tail(manifest, window)
        heads = [number for number, line in enumerate(raw) if line.startswith(_HEAD)]
        if len(heads) > 1 or window >= size:
            break
        window *= 2
    if not heads:
        return ()
    last = orjson.loads(raw[heads[-1]])
    if last["log"] != log:
        return ()
    begin = heads[-1]
    if len(heads) > 1 and orjson.loads(raw[heads[-2]])["run"] == last["run"]:
        begin = heads[-2]
    end = next((number for number in range(begin, len(raw)) if raw[number].startswith(_RUN)), len(raw))
    return [orjson.loads(line) for line in raw[begin:end]]


def _tail(file: Path, window: int) -> list[bytes]:
    """The last whole lines of a file, out of so many bytes."""
    with file.open("rb") as stream:
        begin = max(0, stream.seek(0, os.SEEK_END) - window)
        stream.seek(begin)
        data = stream.read()
    lines = data.split(b"\n")[:-1]
    return lines[1:] if begin else lines
