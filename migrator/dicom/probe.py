"""Whether a node answers: C-ECHO (PS3.4 Annex A)."""

from __future__ import annotations

import time

from migrator.core.model import ContextPair, EchoResult, Node
from migrator.dicom.association import Association, Timeouts
from migrator.dicom.contexts import EXPLICIT_LITTLE, IMPLICIT_LITTLE, Plan

VERIFICATION = "1.2.840.10008.1.1"

_MAX_PDU = 16 * 1024
_PAIRS = (ContextPair(VERIFICATION, IMPLICIT_LITTLE), ContextPair(VERIFICATION, EXPLICIT_LITTLE))


def echo(node: Node, timeouts: Timeouts) -> EchoResult:
    """Open an association, ask C-ECHO where it is offered, and release.

    Raises Unreachable, TlsRefused, AssociationRejected, AssociationLost.
    """
    return echo_over(Association(node, timeouts), node)


def echo_over(association: Association, node: Node) -> EchoResult:
    """`echo` over an association that is not open yet, which another thread may interrupt."""
    start = time.monotonic()
    negotiation = association.open(Plan(_PAIRS), _MAX_PDU)
    opened = time.monotonic()
    context = next((negotiation.accepted[pair] for pair in _PAIRS if pair in negotiation.accepted), None)
    status = None
    if context is not None:
        status = association.echo(context, VERIFICATION).status
    answered = time.monotonic()
    association.release()
    return EchoResult(
        node=node,
        status=status,
        association_seconds=opened - start,
        echo_seconds=0.0 if status is None else answered - opened,
        implementation_uid=negotiation.implementation_uid,
        implementation_version=negotiation.implementation_version,
        max_pdu=negotiation.max_pdu,
    )
