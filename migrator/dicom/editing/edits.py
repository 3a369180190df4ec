"""Applying edits to the data set of a file: what is sent of it, and what that means for its fidelity."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from struct import error as StructError

from migrator.core.edits import Change, Clean, Edit, Reclassify, RemapPatient, StripPrivate, SuffixPatientId
from migrator.core.errors import CannotEncode, UnreadableFile
from migrator.core.model import Instance, Patient
from migrator.core.outcome import Fidelity
from migrator.core.rules import ApplyCrosswalk, ApplyRules
from migrator.dicom.contexts import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, uid_words
from migrator.dicom.decoding import BUDGET
from migrator.dicom.editing.edits_patient import patient_of, remap, suffix_id
from migrator.dicom.editing.edits_private import clean, strip_private
from migrator.dicom.editing.original_attributes import add_originals
from migrator.dicom.editing.rules import apply_crosswalk, apply_rules
from migrator.dicom.editing.secondary_capture import TRUE_COLOR, reclassify
from migrator.dicom.editing.splice import Draft, Segments
from migrator.dicom.editing.splice_elements import memory
from migrator.dicom.editing.splice_payload import SegmentPayload
from migrator.dicom.payload import (
    FilePayload,
    MemoryPayload,
    Payload,
    inflated,
    open_payload,
    open_scanned,
    read_whole,
)
from migrator.dicom.structure import Bytes, Coding

_SOP_CLASS, _SOP_INSTANCE, _PHOTOMETRIC = 0x00080016, 0x00080018, 0x00280004
# Decoded it is YBR_FULL, which PS3.3 A.8.5.4 does not allow.
_SUBSAMPLED = frozenset({"YBR_FULL_422", "YBR_PARTIAL_420"})
_MOST_CHANGES = 50
# JPIP: deflated, and its pixel data lies on a server.
_REFERENCED_DEFLATE = frozenset({"1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})

# What rules do is asked for: the settings tell of it, and nothing is to be undone.
STANDING = (ApplyRules, ApplyCrosswalk)

# Of these the old values are kept in the object (PS3.3 C.12.1.1.9.1); private elements kept there would not
# be stripped.
_TRACED = (ApplyCrosswalk, RemapPatient, SuffixPatientId, Reclassify)
_FIDELITY: dict[type[Edit], Fidelity] = {
    ApplyRules: Fidelity.EDITED,
    ApplyCrosswalk: Fidelity.EDITED,
    StripPrivate: Fidelity.EDITED,
    Clean: Fidelity.EDITED,
    RemapPatient: Fidelity.REMAPPED,
    SuffixPatientId: Fidelity.REMAPPED,
    Reclassify: Fidelity.RECLASSIFIED,
}
_RANK = tuple(Fidelity)


def farthest(*fidelities: Fidelity) -> Fidelity:
    """The fidelity of what had all of these done to it: the one farthest from the file."""
    return max(fidelities, key=_RANK.index)


@dataclass(frozen=True, slots=True)
class Edited:
    """A data set as it is to be sent; without `segments` the file's own.

    `instance` is the file's, but for SOP class and instance UID as they are sent; `transfer_syntax` is that
    of the segments. `sent_uid` is empty where the SOP instance UID is the file's. What `stays_compressed`
    would fit its SOP class no more otherwise. `patient` is whom it names where it was edited.
    """

    instance: Instance
    path: str
    transfer_syntax: str
    segments: Segments | None = None
    fidelity: Fidelity = Fidelity.VERBATIM
    changes: tuple[Change, ...] = ()
    sent_uid: str = ""
    stays_compressed: bool = False
    patient: Patient | None = None

    @property
    def sent_class(self) -> str:
        """The SOP class, where it is not the file's: what is of another class has another UID too."""
        return self.instance.sop_class if self.sent_uid else ""

    @property
    def is_odd(self) -> bool:
        """Whether the length is odd, at which DCMTK-based peers abort: PDVs are even (PS3.8 9.3.5).

        Such a one is written anew, its values padded (PS3.5 7.1). A deflated stream is padded as it is.
        """
        instance = self.instance
        size = instance.size - instance.offset if self.segments is None else self.segments.size
        return bool(size & 1) and instance.transfer_syntax != DEFLATED

    def open(self) -> Payload:
        """The bytes to send in the file's transfer syntax. Raises UnreadableFile, ChangedFile."""
        if self.segments is None:
            return open_payload(self.path, self.instance)
        if self.instance.transfer_syntax == DEFLATED:
            return MemoryPayload(_deflated(self.segments))
        return SegmentPayload(open_scanned(self.path, self.instance), self.segments)


def _deflated(segments: Segments) -> bytes:
    """What was inflated, deflated again (PS3.5 A.5), with a zero behind it where its length is odd."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    whole = b"".join(packer.compress(part) for part in segments.parts if isinstance(part, bytes))
    whole += packer.flush()
    return whole + b"\0" * (len(whole) & 1)


class Editor:
    """Applies edits; `now` tells the time that is written into what is changed.

    With `tells_rules` the changes that rules make are told too, which a record need not repeat.
    """

    def __init__(
        self,
        now: Callable[[], datetime] = datetime.now,
        budget: int = BUDGET,
        *,
        tells_rules: bool = False,
    ) -> None:
        self._now = now
        self._budget = budget
        self._tells_rules = tells_rules

    def edit(self, path: str, instance: Instance, edits: Sequence[Edit]) -> Edited:
        """The file's data set with these edits, in order.

        Memory: what is changed; of a deflated data set all of it, inflated. Raises InstanceError.
        """
        with self._drafted(path, instance) as draft:
            syntax = instance.transfer_syntax
            fidelity, changes = self._apply(draft, instance, edits)
            if fidelity is Fidelity.VERBATIM:
                return Edited(instance, path, syntax)
            uid, sop_class = draft.text(_SOP_INSTANCE), draft.text(_SOP_CLASS)
            return Edited(
                instance=replace(instance, sop_class=sop_class, uid=uid),
                path=path,
                transfer_syntax=EXPLICIT_LITTLE if syntax == DEFLATED else syntax,
                segments=draft.segments(),
                fidelity=fidelity,
                changes=changes,
                sent_uid=uid if uid != instance.uid else "",
                patient=patient_of(draft),
                stays_compressed=sop_class == TRUE_COLOR and draft.text(_PHOTOMETRIC) in _SUBSAMPLED,
            )

    def preview(self, path: str, instance: Instance, edits: Sequence[Edit]) -> tuple[Change, ...]:
        """What these edits would change: every attribute once, before and after. Raises InstanceError."""
        with self._drafted(path, instance) as draft:
            self._apply(draft, instance, edits)
            return joined(draft.changes)

    @contextmanager
    def _drafted(self, path: str, instance: Instance) -> Iterator[Draft]:
        descriptor = open_scanned(path, instance)
        try:
            draft = self._draft(descriptor, instance)
            if draft.text(_SOP_INSTANCE) != instance.uid:
                raise CannotEncode("the SOP instance UID is not the one that was scanned")
            yield draft
        except OSError as error:
            raise UnreadableFile(f"cannot be read: {error.strerror}") from error
        except (LookupError, ValueError, ArithmeticError, StructError) as error:
            # Character sets and numbers that are none; the text may quote values.
            raise CannotEncode(f"the data set cannot be edited ({type(error).__name__})") from error
        finally:
            os.close(descriptor)

    def _draft(self, descriptor: int, instance: Instance) -> Draft:
        syntax = instance.transfer_syntax
        if syntax in _REFERENCED_DEFLATE:
            raise CannotEncode(f"a data set in {uid_words(syntax)} cannot be edited")
        coding = Coding(is_implicit=syntax == IMPLICIT_LITTLE, is_little=syntax != EXPLICIT_BIG)
        if syntax == DEFLATED:
            packed = FilePayload(os.dup(descriptor), instance.offset, instance.size)
            plain = inflated(read_whole(packed, self._budget), self._budget)
            return Draft(memory(plain), coding, in_file=False)
        return Draft(Bytes(descriptor, instance.size), coding, instance.offset)

    def _apply(
        self, draft: Draft, instance: Instance, edits: Sequence[Edit]
    ) -> tuple[Fidelity, tuple[Change, ...]]:
        fidelity, told = Fidelity.VERBATIM, list[Change]()
        irregular: dict[int, bytes] = {}
        for edit in edits:
            before = len(draft.changes)
            draft.is_traced = isinstance(edit, _TRACED)
            irregular.update(_apply_one(draft, instance, edit))
            if len(draft.changes) > before:
                fidelity = farthest(fidelity, _FIDELITY[type(edit)])
                if self._tells_rules or not isinstance(edit, STANDING):
                    told += draft.changes[before:]
        draft.is_traced = False
        add_originals(draft, irregular, self._now())
        return fidelity, _bounded(joined(told))


def _apply_one(draft: Draft, instance: Instance, edit: Edit) -> dict[int, bytes]:
    """Apply one edit; returns the values that were left out for not fitting their VR."""
    if isinstance(edit, ApplyRules):
        apply_rules(draft, edit)
    elif isinstance(edit, ApplyCrosswalk):
        apply_crosswalk(draft, edit)
    elif isinstance(edit, StripPrivate):
        strip_private(draft)
    elif isinstance(edit, Clean):
        return clean(draft)
    elif isinstance(edit, RemapPatient):
        remap(draft, edit.patient)
    elif isinstance(edit, SuffixPatientId):
        suffix_id(draft, edit.suffix)
    elif isinstance(edit, Reclassify):
        reclassify(draft, instance.transfer_syntax)
    else:
        raise CannotEncode("this version does not know how to make one of the edits asked for")
    return {}


def joined(changes: Sequence[Change]) -> tuple[Change, ...]:
    """What several changes of one attribute come to; none where it is as it was."""
    first: dict[str, Change] = {}
    rest: list[Change] = []
    for change in changes:
        earlier = first.get(change.keyword)
        if earlier is None:
            first[change.keyword] = change
        elif earlier.after == change.before:
            first[change.keyword] = Change(change.keyword, earlier.before, change.after)
        else:
            rest.append(change)  # another element of that name, in another item
    return tuple(change for change in (*first.values(), *rest) if change.before != change.after)


def _bounded(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    if len(changes) <= _MOST_CHANGES:
        return changes
    more = len(changes) - _MOST_CHANGES
    return (*changes[:_MOST_CHANGES], Change(f"and {more:,} more", "", ""))
