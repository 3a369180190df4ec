"""Asking a node whether it answers."""

from __future__ import annotations

from typing import Any

from migrator.core.model import EchoResult, Node
from migrator.dicom.association import Timeouts
from migrator.dicom.probe import echo as ask


def echo(node: Node, seconds: float) -> EchoResult:
    """C-ECHO; `seconds` limit each step. Raises Unreachable, AssociationRejected, AssociationLost."""
    return ask(node, Timeouts(acse=seconds, dimse=seconds, network=seconds))


def answered(result: EchoResult) -> bool:
    """Whether the node is there and willing.

    One that accepts the association without offering Verification is: many pure archives do not offer it.
    """
    return result.status is None or result.status == 0


def words(result: EchoResult) -> str:
    """The result in a few lines."""
    system = " ".join(filter(None, (result.implementation_version, result.implementation_uid)))
    longest = f"{result.max_pdu:,} bytes" if result.max_pdu else "unlimited"
    return "\n".join(
        (
            f"{result.node} {verdict(result)}",
            f"  association  {result.association_seconds * 1000:.1f} ms",
            f"  system       {system or 'unnamed'}",
            f"  longest PDU  {longest}",
        )
    )


def verdict(result: EchoResult) -> str:
    """What it answered, as follows its name in a sentence."""
    if result.status is None:
        return "accepts our association, but does not offer Verification (C-ECHO)"
    if result.status:
        return f"refused C-ECHO (status {result.status:04X})"
    return f"answers: C-ECHO in {result.echo_seconds * 1000:.1f} ms"


def as_json(result: EchoResult) -> dict[str, Any]:
    """Seconds, and what the node says about itself; `status` is null where it does not offer Verification."""
    return {
        "node": str(result.node),
        "answered": answered(result),
        "status": result.status,
        "association_seconds": round(result.association_seconds, 6),
        "echo_seconds": round(result.echo_seconds, 6),
        "implementation_uid": result.implementation_uid,
        "implementation_version": result.implementation_version,
        "max_pdu": result.max_pdu,
    }
