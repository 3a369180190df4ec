"""The numbers for Prometheus, in its text format (version 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.core.outcome import State
from migrator.engine.accounting import Circuit
from migrator.monitor.numbers import STATES

TYPE = "text/plain; version=0.0.4; charset=utf-8"

Samples = list[tuple[Mapping[str, str], float]]


def metrics(shown: Mapping[str, Any]) -> str:
    """What `/api/snapshot` says, as metrics: those of a destination carry its node as `destination`."""
    lines: list[str] = []
    for name, meaning, samples in _all(shown):
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
        lines += [f"{name}{_labels(labels)} {_number(value)}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _all(shown: Mapping[str, Any]) -> Iterator[tuple[str, str, Samples]]:
    yield (
        "dicom_migrator_info",
        "The program's version.",
        [({"version": shown["version"]}, 1)],
    )
    state = [({"state": one}, float(one == shown["state"])) for one in STATES]
    yield "dicom_migrator_state", "1 for the state that the run is in.", list(state)
    yield "dicom_migrator_paused", "1 while the run is paused.", _plain(shown["state"] == "paused")
    yield "dicom_migrator_ended", "1 once the run has ended.", _plain(shown["has_ended"])
    yield "dicom_migrator_balances", "1 while the ledger balances.", _plain(shown["balances"])
    yield "dicom_migrator_started_seconds", "When the run began, since the epoch.", _plain(shown["started"])
    if shown["code"] is not None:
        yield "dicom_migrator_exit_code", "The exit code, once it has ended.", _plain(shown["code"])
    if shown["share"] is not None:
        yield "dicom_migrator_progress_ratio", "How much of this run is settled.", _plain(shown["share"])
    yield "dicom_migrator_sent_bytes", "Bytes that this run has sent.", _plain(shown["bytes_sent"])
    yield "dicom_migrator_pending_bytes", "Bytes still to be sent.", _plain(shown["bytes_pending"])
    yield (
        "dicom_migrator_healed_instances",
        "Instances that were healed to be stored.",
        _plain(shown["healed"]),
    )
    yield from _of_destinations(shown["destinations"])


def _of_destinations(destinations: list[dict[str, Any]]) -> Iterator[tuple[str, str, Samples]]:
    for ledger, words in (("run", "of this run"), ("job", "of the job over all its runs")):
        counts: Samples = [
            ({"destination": one["node"], "state": state.value}, one[ledger][state.value])
            for one in destinations
            for state in State
        ]
        suffix = "" if ledger == "run" else "_job"
        yield f"dicom_migrator{suffix}_instances", f"Paths {words} by state.", counts
    circuits: Samples = [
        ({"destination": one["node"], "circuit": circuit.value}, float(one["circuit"] == circuit.value))
        for one in destinations
        for circuit in Circuit
    ]
    yield "dicom_migrator_circuit", "1 for the state of the destination's circuit breaker.", circuits
    for key, name, meaning in (
        ("files_per_second", "files_per_second", "Files sent a second, over the last ten seconds."),
        ("bytes_per_second", "bytes_per_second", "Bytes sent a second, over the last ten seconds."),
        ("eta_seconds", "eta_seconds", "Seconds left, where that can be said."),
        ("associations", "associations", "Open associations."),
        ("workers", "workers", "Workers that may send now."),
        ("wave", "wave", "The pass over what failed for now; 0 is the first."),
    ):
        samples: Samples = [
            ({"destination": one["node"]}, one[key]) for one in destinations if one[key] is not None
        ]
        yield f"dicom_migrator_{name}", meaning, samples


def _plain(value: float) -> Samples:
    return [({}, float(value))]


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
