"""The description of the monitor's interface (OpenAPI 3.1), true for every route and error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrator import __version__
from migrator.core.outcome import State
from migrator.monitor.history import MOST_POINTS
from migrator.monitor.numbers import STATES
from migrator.monitor.problems import MOST_SHOWN
from migrator.monitor.sessions import DIGITS

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_TRUTH: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_AMOUNT: Schema = {"type": "number", "minimum": 0}


def _object(properties: Mapping[str, Schema], *optional: str) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _list(items: Schema, most: int) -> Schema:
    return {"type": "array", "items": items, "maxItems": most}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_COUNTS: dict[str, Schema] = {"found": _COUNT} | {state.value: _COUNT for state in State}
_RATES: dict[str, Schema] = {
    "share": _or_null({"type": "number", "minimum": 0, "maximum": 1}),
    "eta_seconds": _or_null(_AMOUNT),
    "files_per_second": _AMOUNT,
    "bytes_per_second": _AMOUNT,
}
_STATE: dict[str, Schema] = {"state": {"type": "string", "enum": list(STATES)}, "words": _TEXT}

_SCHEMAS: dict[str, Schema] = {
    "Error": _object({"error": _TEXT}),
    "Ledger": {
        **_object(_COUNTS),
        "description": "Paths by state; `found` is the sum of all others.",
    },
    "Destination": _object(
        {
            "node": _TEXT,
            **_STATE,
            **_RATES,
            "circuit": _TEXT,
            "hold": {**_TEXT, "description": "why less is sent than could be; empty where nothing holds"},
            "associations": _COUNT,
            "workers": _COUNT,
            "wave": _COUNT,
            "run": _ref("Ledger"),
            "job": _ref("Ledger"),
        }
    ),
    "Problem": _object(
        {
            "at": _AMOUNT,
            "level": {"type": "string", "enum": ["error", "warning"]},
            "words": _TEXT,
            "count": {"type": "integer", "minimum": 1},
            "path": {**_TEXT, "description": "of the last case; with --monitor-details only"},
        },
        "path",
    ),
    "History": _object(
        {
            "every": {"type": "number", "minimum": 1, "description": "seconds between two points"},
            "files_per_second": _list(_AMOUNT, MOST_POINTS),
            "bytes_per_second": _list(_AMOUNT, MOST_POINTS),
        }
    ),
    "Snapshot": _object(
        {
            "version": _TEXT,
            "at": {**_AMOUNT, "description": "seconds since the epoch, as `started`"},
            "started": _AMOUNT,
            "job": _ref("Ledger"),
            "balances": _TRUTH,
            **_STATE,
            "detail": {**_TEXT, "description": "why it waits, or why it ended"},
            "has_ended": _TRUTH,
            "code": _or_null({"type": "integer"}),
            "percent": _or_null({"type": "integer", "minimum": 0, "maximum": 100}),
            **_RATES,
            "bytes_sent": _COUNT,
            "bytes_pending": _COUNT,
            "healed": _COUNT,
            **_COUNTS,
            "destinations": {"type": "array", "items": _ref("Destination")},
            "problems": {
                **_list(_ref("Problem"), MOST_SHOWN),
                "description": "newest first, equal ones once",
            },
            "history": _ref("History"),
            "control": _TRUTH,
            "details": _TRUTH,
            "source": {**_TEXT, "description": "with --monitor-details only"},
        },
        "source",
    ),
    "Session": _object(
        {
            "paired": _TRUTH,
            "pairing_needed": _TRUTH,
            "control": _TRUTH,
            "version": _TEXT,
            "csrf": {**_TEXT, "description": "to be sent as X-CSRF-Token; empty without a session"},
        }
    ),
    "Code": _object({"code": {"type": "string", "pattern": f"^[0-9]{{{DIGITS}}}$"}}),
    "Wish": _object({"do": {"type": "string", "enum": ["pause", "resume", "cancel"]}}),
    "Done": _object({"done": {"type": "boolean", "const": True}}),
    "Health": _object({"status": {"type": "string", "const": "ok"}}),
}

_ERRORS = {
    400: "The request makes no sense.",
    401: "Not paired: POST a code to /api/pair first.",
    403: "Not allowed: a wrong code, no or a wrong X-CSRF-Token, another site, or control is off.",
    409: "The run refuses, or has ended.",
    413: "The request is too large.",
    415: "The body is no application/json.",
    421: "The Host header names another server.",
    503: "Too many requests at once; Retry-After tells for how many seconds to wait.",
    429: "Wrong codes were tried too often; Retry-After tells for how many seconds none counts.",
}


def _json(name: str, words: str) -> Schema:
    return {"description": words, "content": {"application/json": {"schema": _ref(name)}}}


def _text(kind: str, words: str) -> Schema:
    return {"description": words, "content": {kind: {"schema": _TEXT}}}


def _answers(good: Schema, *errors: int) -> Schema:
    """What can come back. Any request can be of another host, too large, or one too many."""
    told = {str(code): _json("Error", _ERRORS[code]) for code in sorted({*errors, 400, 413, 421, 503})}
    for code in {"429", "503"} & set(told):
        told[code]["headers"] = {"Retry-After": {"schema": {"type": "string"}}}
    return {"200": good, **told}


def _get(name: str, summary: str, answers: Schema, *, is_open: bool = False) -> Schema:
    security: Schema = {} if is_open else {"security": [{}, {"session": []}]}
    return {"get": {"operationId": name, "summary": summary, **security, "responses": answers}}


def _post(name: str, summary: str, body: str, answers: Schema) -> Schema:
    content = {"application/json": {"schema": _ref(body)}}
    operation = {
        "operationId": name,
        "summary": summary,
        "requestBody": {"required": True, "content": content},
        "responses": answers,
    }
    return {"post": operation}


def description(cookie: str) -> Schema:
    """The whole of it. `cookie` is the name of the session's."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "DICOM PACS Migrator monitor",
            "version": __version__,
            "description": "How a migration that is on can be watched, and where allowed, steered.",
        },
        "paths": {**_numbers(), **_access()},
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": cookie}},
        },
    }


def _numbers() -> Schema:
    """What tells how the run is."""
    snapshot = _json("Snapshot", "The numbers of this moment.")
    stream = _text("text/event-stream", "The stream; it stays open.")
    events = "Server-sent events: `snapshot`, with a Snapshot as data, whenever it changed."
    prometheus = _text("text/plain", "Prometheus' text format.")
    return {
        "/healthz": _get("health", "Is it there?", _answers(_json("Health", "It is.")), is_open=True),
        "/api/snapshot": _get("snapshot", "The run's numbers.", _answers(snapshot, 401)),
        "/api/events": _get("events", events, _answers(stream, 401)),
        "/metrics": _get("metrics", "The numbers for Prometheus.", _answers(prometheus, 401)),
    }


def _access() -> Schema:
    """What lets somebody look or steer, and this description."""
    stands = _answers(_json("Session", "How it stands."))
    pair = _answers(_json("Session", "Paired; the session's cookie is set."), 403, 415, 429)
    done = _answers(_json("Done", "It is done."), 401, 403, 409, 415)
    itself: Schema = {
        "description": "OpenAPI 3.1.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    control = _post("control", "Pause, resume or cancel the run.", "Wish", done)
    token = {"name": "X-CSRF-Token", "in": "header", "required": True, "schema": _TEXT}
    control["post"] |= {"parameters": [token], "security": [{"session": []}]}
    return {
        "/api/session": _get(
            "session", "Whether this browser is paired, or needs to be.", stands, is_open=True
        ),
        "/api/pair": _post("pair", "Pair by the code that is shown in terminal or window.", "Code", pair),
        "/api/control": control,
        "/api/openapi.json": _get("openapi", "This description.", _answers(itself, 401)),
    }
