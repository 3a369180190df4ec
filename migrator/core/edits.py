"""What must differ from the file when an instance is sent. Pure data; `dicom` applies it.

Edits are applied in the order in which they stand. The file is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from migrator.core.model import Edit as Edit  # where an Instance needs it
from migrator.core.model import Patient


@dataclass(frozen=True, slots=True)
class Uncompress(Edit):
    """Send in an uncompressed transfer syntax that the association accepted.

    Compressed pixel data is decoded, an uncompressed dataset is re-encoded. The SOP instance UID stays.
    `keeps_lossy`: what was compressed with loss is not decoded, but refused.
    """

    keeps_lossy: bool = False


@dataclass(frozen=True, slots=True)
class StripPrivate(Edit):
    """Leave out every private element (PS3.5 7.8), in sequences too."""


@dataclass(frozen=True, slots=True)
class Clean(Edit):
    """Leave out what archives stumble over: private elements, group lengths, trailing padding, and values
    that do not fit their VR (PS3.5 6.2)."""


@dataclass(frozen=True, slots=True)
class RemapPatient(Edit):
    """Give the object the identity that the destination knows the study's patient by.

    Empty attributes of `patient` are left as the file has them, but for the issuer of another ID.
    """

    patient: Patient = field(repr=False)


@dataclass(frozen=True, slots=True)
class SuffixPatientId(Edit):
    """Append to Patient ID (0010,0020), within its 64 characters."""

    suffix: str


@dataclass(frozen=True, slots=True)
class Reclassify(Edit):
    """Send a Secondary Capture copy (PS3.3 A.8) of an image, its SOP instance UID made from the old one.

    `decoding` is how, where the destination accepts the copy's class uncompressed only; None: not at all.
    """

    makes_new_uid = True

    decoding: Uncompress | None = Uncompress()


class Change(NamedTuple):
    """An attribute that was sent otherwise than the file has it; `before` and `after` are for people.

    `keyword` is the attribute's keyword (PS3.6), or its tag as (gggg,eeee) where it has none.
    """

    keyword: str
    before: str
    after: str


# PS3.4 Table B.5-1: which of them fits depends on the image.
SECONDARY_CAPTURES = (
    "1.2.840.10008.5.1.4.1.1.7",
    "1.2.840.10008.5.1.4.1.1.7.1",
    "1.2.840.10008.5.1.4.1.1.7.2",
    "1.2.840.10008.5.1.4.1.1.7.3",
    "1.2.840.10008.5.1.4.1.1.7.4",
)
