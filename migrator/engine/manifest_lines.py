"""The manifest's lines: JSON objects, one per line, defaults left out. Paths survive any encoding."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from migrator.core.edits import Change
from migrator.core.model import Instance, Patient, Reason, Series, Study
from migrator.core.outcome import Cause, Fidelity, Outcome, Problem, State

VERSION = 1
# Paths hold undecodable bytes as surrogates; Windows can have lone surrogates of its own.
_ERRORS = "surrogatepass" if os.name == "nt" else "surrogateescape"


def encode(line: Mapping[str, Any]) -> bytes:
    """One line with its end. Raises TypeError where a text cannot be written as UTF-8."""
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def path_fields(path: str) -> dict[str, str]:
    """A path as fields of a line: readable where it is valid Unicode, else its bytes in base64."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return {"path64": base64.b64encode(path.encode("utf-8", _ERRORS)).decode()}
    return {"path": path}


def path_of(line: Mapping[str, Any]) -> str:
    """The path that `path_fields` wrote."""
    plain = line.get("path")
    if plain is not None:
        return str(plain)
    return base64.b64decode(line["path64"]).decode("utf-8", _ERRORS)


def series_line(key: int, series: Series) -> dict[str, Any]:
    """What many outcomes share, written once; `series` numbers it for this manifest."""
    study, patient = series.study, series.study.patient
    return {
        "t": "series",
        "series": key,
        "uid": series.uid,
        "modality": series.modality,
        "description": _clean(series.description),
        "number": _clean(series.number),
        "study": study.uid,
        "date": study.date,
        "study_description": _clean(study.description),
        "accession": _clean(study.accession),
        "patient": [_clean(text) for text in (patient.id, patient.issuer, patient.name)]
        + [patient.birth_date, patient.sex],
    }


def _clean(text: str) -> str:
    """Text without lone surrogates, which JSON cannot carry."""
    return text if text.isprintable() else text.encode("utf-8", "replace").decode()


def series_of(line: Mapping[str, Any]) -> Series:
    study = Study(
        line["study"], line["date"], line["study_description"], line["accession"], Patient(*line["patient"])
    )
    return Series(line["uid"], line["modality"], line["description"], line["number"], study)


def outcome_line(instance: Instance, outcome: Outcome, series_key: int, at: float) -> dict[str, Any]:
    """What became of an instance; what has its usual value is left out."""
    line: dict[str, Any] = {
        "t": "o",
        **path_fields(instance.path),
        "size": instance.size,
        "mtime": instance.mtime_ns,
        "uid": instance.uid,
        "class": instance.sop_class,
        "syntax": instance.transfer_syntax,
        "series": series_key,
        "state": outcome.state.value,
        "at": round(at, 3),
    }
    if outcome.state is State.SKIPPED:
        line["why"] = Reason.ALREADY_THERE.name
    if outcome.status:
        line["status"] = outcome.status
    if outcome.cause is not Cause.STATUS:
        line["cause"] = outcome.cause.value
    if outcome.fidelity is not Fidelity.VERBATIM:
        line["fidelity"] = outcome.fidelity.value
    if outcome.attempts != 1:
        line["attempts"] = outcome.attempts
    for name in ("comment", "reason"):
        if text := getattr(outcome, name):
            line[name] = _clean(text)
    if outcome.may_retry:
        line["retry"] = True
    if outcome.healed:
        line["healed"] = True
    if outcome.remedies:
        line["remedies"] = outcome.remedies
    if outcome.sent_uid:
        line["sent_uid"] = outcome.sent_uid
    if outcome.sent_syntax:
        line["sent_syntax"] = outcome.sent_syntax
    if outcome.sent_class:
        line["sent_class"] = outcome.sent_class
    if outcome.changes:
        line["changes"] = [[_clean(text) for text in change] for change in outcome.changes]
    return line


def problem_line(problem: Problem, series_key: int | None, at: float) -> dict[str, Any]:
    """Why a path is not sent."""
    line: dict[str, Any] = {
        "t": "o",
        **path_fields(problem.path),
        "size": problem.size,
        "mtime": problem.mtime_ns,
        "state": problem.state.value,
        "cause": Cause.FILE.value,
        "why": problem.reason.name,
        "at": round(at, 3),
    }
    if problem.detail:
        line["reason"] = _clean(problem.detail)
    if problem.may_retry:
        line["retry"] = True
    if problem.instance is not None and series_key is not None:
        line |= {"uid": problem.instance.uid, "class": problem.instance.sop_class, "series": series_key}
    return line


@dataclass(frozen=True, slots=True)
class Row:
    """One path's last record, as reports and checks read it. `at` is seconds since the epoch.

    `uid` and `sop_class` are as sent; `series` is None where the file's header could not be read; `why`
    is set where no answer of the destination decided, but the scan, a filter or a question; `changes` are
    the attributes that a remedy sent otherwise; `transfer_syntax` is the file's, `sent_syntax` that of what
    was sent where it is another one. `cause` decided the outcome; `may_retry` tells that any later run tries
    it again, also without being asked to.
    """

    path: str
    size: int
    mtime_ns: int
    state: State
    uid: str
    sop_class: str
    transfer_syntax: str
    series: Series | None
    fidelity: Fidelity
    status: int
    comment: str
    reason: str
    attempts: int
    healed: bool
    at: float
    why: Reason | None
    changes: tuple[Change, ...] = ()
    sent_syntax: str = ""
    remedies: tuple[str, ...] = ()
    cause: Cause = Cause.STATUS
    may_retry: bool = False


def row_of(line: Mapping[str, Any], series: Series | None) -> Row:
    why = Reason[line["why"]] if "why" in line else None
    detail = line.get("reason", "")
    reason = detail if why is None or detail == why.value else ": ".join(filter(None, (why.value, detail)))
    return Row(
        path=path_of(line),
        size=line["size"],
        mtime_ns=line["mtime"],
        state=State(line["state"]),
        uid=line.get("sent_uid") or line.get("uid", ""),
        sop_class=line.get("sent_class") or line.get("class", ""),
        transfer_syntax=line.get("syntax", ""),
        series=series,
        fidelity=Fidelity(line.get("fidelity", Fidelity.VERBATIM)),
        status=line.get("status", 0),
        comment=line.get("comment", ""),
        reason=reason,
        attempts=line.get("attempts", 1),
        healed=line.get("healed", False),
        at=line["at"],
        why=why,
        changes=tuple(Change(*change) for change in line.get("changes", ())),
        sent_syntax=line.get("sent_syntax", ""),
        remedies=tuple(line.get("remedies", ())),
        cause=Cause(line.get("cause", Cause.STATUS)),
        may_retry=bool(line.get("retry")),
    )


def row_as_found(instance: Instance, state: State) -> Row:
    """A row for an instance of which nothing is recorded but that the source holds it."""
    return Row(
        path=instance.path,
        size=instance.size,
        mtime_ns=instance.mtime_ns,
        state=state,
        uid=instance.uid,
        sop_class=instance.sop_class,
        transfer_syntax=instance.transfer_syntax,
        series=instance.series,
        fidelity=Fidelity.VERBATIM,
        status=0,
        comment="",
        reason="",
        attempts=0,
        healed=False,
        at=0.0,
        why=None,
    )
