"""What a destination accepts: associations that propose one syntax per context, and carry nothing."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping

from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, AllTransferSyntaxes
from pynetdicom import ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts

from migrator.core.errors import AssociationLost
from migrator.core.model import ContextPair, Node
from migrator.core.settings import SendSettings
from migrator.dicom.association import Association, Timeouts
from migrator.dicom.contexts import MOST_CONTEXTS, NATIVE, Negotiation, Plan
from migrator.dicom.transcoding import without_decoder

ACCEPTED = 0

# SMPTE ST 2110: streams in real time (PS3.22), in which nothing is ever stored.
_STREAMED_ROOT = "1.2.840.10008.1.2.7."


class ContextProber:
    """Fits `checks.compatibility.Prober`. Owned by one thread; any thread may interrupt it."""

    def __init__(self, node: Node, settings: SendSettings) -> None:
        self._node = node
        self._max_pdu = settings.max_pdu
        self._timeouts = Timeouts(settings.acse_timeout, settings.dimse_timeout, settings.network_timeout)
        self._is_interrupted = threading.Event()
        self._association: Association | None = None
        self.system = ""
        """What the destination calls itself (PS3.7 D.3.3.2), once it has accepted an association."""

    def ask(self, pairs: Collection[ContextPair]) -> Mapping[ContextPair, int]:
        """Propose these pairs, at most 128, over one association, and release it.

        The results are those of PS3.8 Table 9-18: 0 is accepted. A pair without a result was not answered.
        Raises Unreachable, TlsRefused, AssociationRejected, AssociationLost.
        """
        assert len(pairs) <= MOST_CONTEXTS
        association = self._association = Association(self._node, self._timeouts)
        # Looked at only now: an interruption that comes later finds this association.
        if self._is_interrupted.is_set():
            raise AssociationLost("the probe was interrupted", nothing_sent=True)
        negotiation = association.open(Plan(tuple(pairs)), self._max_pdu)
        association.release()
        self.system = negotiation.implementation_version or negotiation.implementation_uid
        return _results(negotiation)

    def interrupt(self) -> None:
        """Make the present call and all further ones raise AssociationLost."""
        self._is_interrupted.set()
        association = self._association
        if association is not None:
            association.interrupt()


def _results(negotiation: Negotiation) -> dict[ContextPair, int]:
    return {**negotiation.refused, **dict.fromkeys(negotiation.accepted, ACCEPTED)}


def storage_classes() -> tuple[str, ...]:
    """Every storage SOP class that is registered."""
    return tuple(str(context.abstract_syntax) for context in AllStoragePresentationContexts)


def transfer_syntaxes() -> tuple[str, ...]:
    """Every transfer syntax that is registered and in which objects are stored."""
    known = dict.fromkeys(str(uid) for uid in (*AllTransferSyntaxes, *ALL_TRANSFER_SYNTAXES))
    return tuple(uid for uid in known if not uid.startswith(_STREAMED_ROOT))


def why_not_decoded(transfer_syntax: str) -> str:
    """Why a data set in this syntax cannot be brought into an uncompressed one here; empty where it can."""
    if transfer_syntax in NATIVE:
        return ""
    if words := without_decoder(transfer_syntax):
        return words
    try:
        decoder = get_decoder(UID(transfer_syntax))
    except NotImplementedError:
        return "there is no decoder for it"
    return "" if decoder.is_available else "its decoder is not installed"
