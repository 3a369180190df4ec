"""What to do about what did not arrive, in words, by what decided it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from migrator.core.model import Reason
from migrator.core.outcome import Cause, Refusal, State
from migrator.dicom.status import meaning
from migrator.engine.manifest_runs import Record

_RETRY = "Mend that, then run migrate with --retry-failed."
_AGAIN = "Mend that, then run migrate again."

_BY_REASON: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.TRUNCATED: "The file is shorter than what it holds. Look for a whole copy (a backup, the "
        "modality); put it in the source and run migrate again.",
        Reason.NO_UID: "It cannot be addressed without its UIDs. Export it anew from where it was made.",
        Reason.NO_STUDY: "It cannot be filed without study and series UIDs. Export it anew from where it "
        "was made.",
        Reason.UNPARSABLE: "The file is damaged. Look for a good copy in a backup; run migrate again.",
        Reason.UNREADABLE: "The operating system refuses to read it: look at its permissions and at the "
        "disk, then run migrate again.",
        Reason.UNREADABLE_FOLDER: "What this folder holds is not known. Give the account that runs the "
        "migration the right to read it, then run migrate again.",
        Reason.VANISHED: "It was there and is gone: something else changes the source. Run migrate again.",
        Reason.CHANGING: "A copy into the source was in progress. Run migrate again when it is done.",
        Reason.CONFLICT: "Two files with different contents claim one SOP instance UID; the first was "
        "sent. Look at both; --conflicts send sends the others too.",
    }
)

_BY_REFUSAL: Mapping[Refusal, str] = MappingProxyType(
    {
        Refusal.RESOURCES: "The destination was short of space or of time. " + _RETRY,
        Refusal.MISMATCH: "The object does not fit its SOP class, and no copy of it was accepted. Show "
        "one to the vendor of the destination.",
        Refusal.NOT_UNDERSTOOD: "The destination could not read the object, cleaned or not. Send its "
        "vendor one of them, with --trace-association.",
        Refusal.PATIENT: "The destination knows the patient otherwise. Have the patient's identity "
        "cleared up, or give "
        f"a --crosswalk. {_RETRY}",
    }
)

_BY_STATUS: Mapping[int, str] = MappingProxyType(
    {
        0x0110: "The destination failed at it, without saying why: its log tells. " + _RETRY,
        0x0112: "The destination does not store this SOP class. Have it configured, or accept that these "
        "stay behind. " + _RETRY,
        0x0117: "The destination calls the object invalid. Check it with a validator, and show one to the "
        "vendor.",
        0x0122: "The destination does not store this SOP class. Have it configured, or accept that these "
        "stay behind. " + _RETRY,
        0x0124: "The destination does not let us store. Have our AE title and address entered there. "
        + _RETRY,
        0x0214: "The destination does not let us store. Have our AE title and address entered there. "
        + _RETRY,
    }
)

_BY_CAUSE: Mapping[Cause, str] = MappingProxyType(
    {
        Cause.CONTEXT: "The destination takes this SOP class in no transfer syntax that we can send it "
        "in: compat "
        "shows which it takes. Have it configured. " + _RETRY,
        Cause.ASSOCIATION: "The association was refused, or ended before an answer came. Have the "
        "destination looked at. " + _RETRY,
        Cause.FILE: "The file could not be read as it was scanned. Look at it and at its disk. " + _RETRY,
        Cause.ENCODING: "Its pixel data could not be decoded for a destination that does not take it as "
        "it is. Look at the image; have the destination take its transfer syntax. " + _RETRY,
    }
)

_STRICT = "Only a change of contents could heal it. --recovery standard --retry-failed allows that."
_UNKNOWN = (
    "It was sent and no answer came, and the destination could not say whether it is there. Run migrate "
    "again: it asks once more; or look for the instance at the destination."
)
_ELSE = "See what the destination's log says of it. " + _RETRY


def cause_of(record: Record) -> str:
    """What a path's state is owed to, the same words for the same cause."""
    row = record.row
    if row.why is not None:
        return row.why.value
    if row.state is State.HELD and row.reason:
        return row.reason
    if row.status:
        return f"status {row.status:04X}: {meaning(row.status).words}"
    return row.reason or f"{row.state.value}, without a reason"


def advice_for(record: Record) -> str:
    """What to do about a path that is not at the destination."""
    advice = _advice_for(record)
    return advice.replace(_RETRY, _AGAIN) if record.may_retry else advice


def _advice_for(record: Record) -> str:
    row = record.row
    if row.state is State.UNKNOWN:
        return _UNKNOWN
    if row.why is not None:
        return _BY_REASON.get(row.why, _ELSE)
    if row.state is State.HELD:
        return _STRICT if "strict" in row.reason else _BY_REFUSAL[Refusal.PATIENT]
    if row.status:
        refusal = meaning(row.status).refusal
        return _BY_STATUS.get(row.status) or _BY_REFUSAL.get(refusal, _ELSE)
    return _BY_CAUSE.get(record.cause, _ELSE)
