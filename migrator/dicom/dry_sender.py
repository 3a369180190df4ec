"""Everything about sending but the C-STORE: for a dry run."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from migrator.core.errors import AssociationLost
from migrator.core.model import ContextPair, Instance, Node
from migrator.core.outcome import Outcome, State
from migrator.core.settings import SendSettings
from migrator.dicom.editing.edits import Editor
from migrator.dicom.store import Shipment, StoreSender
from migrator.dicom.trace import AssociationTrace


class DrySender(StoreSender):
    """Negotiates as `StoreSender` does, edits, decodes and reads every byte, and sends none of them.

    An association is released as soon as it is accepted: what was agreed on is what there is to know, and one
    that says nothing for long takes up room at the destination until it is cut off. `is_open` tells of that
    agreement.
    """

    def __init__(
        self,
        node: Node,
        settings: SendSettings,
        root: str,
        pace: Callable[[int], int] | None = None,
        trace: AssociationTrace | None = None,
    ) -> None:
        super().__init__(node, settings, root, pace, trace)
        self._editor = Editor(tells_rules=True)
        self._has_agreed = False

    @property
    def is_open(self) -> bool:
        return self._has_agreed and not self._is_aborted.is_set()

    def open(self, pairs: Collection[ContextPair], *, is_uncompressed: bool = False) -> None:
        """As of `StoreSender`. Raises Unreachable, AssociationRejected, AssociationLost."""
        super().open(pairs, is_uncompressed=is_uncompressed)
        self._association.release()
        self._has_agreed = True

    def release(self) -> None:
        self._has_agreed = False
        super().release()

    def _ship(self, shipment: Shipment, then: Instance | None) -> Outcome:
        """Read what would be sent to its end, and answer as a destination that stores it.

        Raises InstanceError, AssociationLost.
        """
        started = time.perf_counter()
        try:
            while shipment.payload.remaining:
                if self._is_aborted.is_set():
                    raise AssociationLost("the sender was aborted", nothing_sent=True)
                shipment.slab.load(shipment.payload, shipment.context_id)
        finally:
            shipment.payload.close()
        return Outcome(
            State.SENT,
            status=0,
            fidelity=shipment.fidelity,
            seconds=time.perf_counter() - started,
            bytes=shipment.size,
            sent_uid=shipment.cargo.sent_uid,
            sent_syntax=shipment.sent_syntax,
            sent_class=shipment.cargo.sent_class,
            changes=shipment.cargo.changes,
            sent_patient=shipment.cargo.patient,
        )
