"""Every kind of finding: what it means, and what a migration does about it."""

from __future__ import annotations

from migrator.checks.quality_words import Severity, Words
from migrator.checks.quality_words_objects import OF_OBJECTS
from migrator.core.inspection import Kind
from migrator.core.model import Reason

_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTICE

_LATER = "It is recorded as failed; the next run looks at it again."
_QUARANTINED = "It is not sent, but recorded as quarantined."
_SKIPPED = "It is not sent, but recorded as skipped; nothing is lost by that for the destination."
_AS_IT_IS = "It is sent as it is."
_ALL_SENT = "All are sent as they are; what the archive makes of it is up to the archive."

_OF_PATHS: dict[Kind, Words] = {
    Kind.UNREADABLE: Words(
        _E, "Files that cannot be read", "The system refuses to read them, or the disk is damaged.", _LATER
    ),
    Kind.UNREADABLE_FOLDER: Words(
        _E,
        "Folders that cannot be read",
        "Nobody knows what is in them.",
        "What is in them is not sent; the folder is recorded as failed, and looked at again by the next run.",
        "folder",
    ),
    Kind.VANISHED: Words(
        _W, "Files that vanished", "They were listed, and gone when they were opened.", _LATER
    ),
    Kind.CHANGING: Words(
        _W, "Files that are still being written", "Something copies into the source.", _LATER
    ),
    Kind.TRUNCATED: Words(
        _E,
        "Truncated files",
        "They end before their last element does: a copy broke off, or a disk was full.",
        _QUARANTINED,
    ),
    Kind.UNPARSABLE: Words(
        _E, "Files that cannot be parsed", "Their elements do not follow one another (PS3.5 7).", _QUARANTINED
    ),
    Kind.CHECK_FAILED: Words(
        _W,
        "Files that could not be checked",
        "Their header could be read for sending, but a closer look at it failed.",
        _AS_IT_IS,
    ),
    Kind.EMPTY: Words(
        _W, "Empty files", "They have no content; there may have been an image once.", _SKIPPED
    ),
    Kind.NOT_DICOM: Words(_N, "Files that are not DICOM", "Documents, programs, pictures …", _SKIPPED),
    Kind.NOT_A_FILE: Words(
        _N, "Entries that are no files", "Devices, sockets, links to folders inside the source.", _SKIPPED
    ),
    Kind.LINK_OUTSIDE: Words(
        _W,
        "Links that lead out of the source",
        "What they point to is not part of the source, or leads in a circle.",
        "They are not followed, but recorded as skipped. Migrate the folder they lead to by itself.",
    ),
    Kind.DUPLICATE: Words(
        _N,
        "Duplicates",
        "The same SOP instance in several files, with the same content.",
        "One is sent, the others are recorded as skipped.",
    ),
    Kind.CONFLICT: Words(
        _E,
        "One SOP Instance UID, different contents",
        "Two objects claim the same identity: one was changed, or a device repeats its UIDs.",
        "The first is sent, the others are held for a person; --conflicts send sends them too.",
    ),
}

_OF_MANY: dict[Kind, Words] = {
    Kind.UID_IN_TWO_SERIES: Words(
        _E,
        "One SOP Instance UID in two series",
        "The same UID stands for objects of two series, or of two studies.",
        "The first is sent, the others are held for a person; --conflicts send sends them too.",
    ),
    Kind.SERIES_IN_TWO_STUDIES: Words(
        _E,
        "One series in two studies",
        "A series belongs to one study: an archive will put all of it into one of them, or refuse it.",
        _AS_IT_IS,
        "series",
    ),
    Kind.SERIES_MODALITIES: Words(
        _W, "Series of two modalities", "A series has one modality (PS3.3 C.7.3.1).", _AS_IT_IS, "series"
    ),
    Kind.TWO_PERSONS: Words(
        _E,
        "One patient ID, two persons",
        "Name and birth date both differ under one patient ID (and issuer).",
        "Both are sent as they are. --crosswalk can give one of them another ID on the way.",
        "patient",
    ),
    Kind.PATIENT_NAMES: Words(
        _W,
        "One patient ID, several names",
        "A typing error, a change of name, or two persons.",
        _ALL_SENT,
        "patient",
    ),
    Kind.PATIENT_BIRTH_DATES: Words(
        _W,
        "One patient ID, several birth dates",
        "A typing error, or two persons.",
        _ALL_SENT,
        "patient",
    ),
    Kind.PATIENT_SEXES: Words(
        _N,
        "One patient ID, several sexes",
        "A typing error, a change, or two persons.",
        "All are sent as they are.",
        "patient",
    ),
    Kind.STUDY_PATIENTS: Words(
        _E,
        "Studies of several patients",
        "A study belongs to one patient (PS3.3 7.3.1): some of its files name another patient ID.",
        "All are sent as they are. Where the destination refuses one as a patient conflict, it is sent again "
        "under the patient that the destination has for the study, unless --no-remap forbids it.",
        "study",
    ),
    Kind.STUDY_DIFFERS: Words(
        _W,
        "Studies whose files disagree",
        "Their study dates or accession numbers differ within one study.",
        _ALL_SENT,
        "study",
    ),
    Kind.NUMBER_GAPS: Words(
        _W,
        "Series with gaps in their instance numbers",
        "Images may be missing in the source. Only series whose numbers otherwise run on are looked at.",
        "What is there is sent. Look for the rest where the archive came from.",
        "series",
    ),
    Kind.DIRECTORY_DAMAGED: Words(
        _W, "DICOMDIR files that cannot be parsed", "What they list is not known.", _SKIPPED
    ),
    Kind.DIRECTORY_UNSAFE: Words(
        _W,
        "Paths in a DICOMDIR that lead out of its folder",
        "Nobody may follow them (CVE-2026-32711); neither does this program.",
        "A DICOMDIR is never followed: what is sent is what is found in the folders.",
        "entry",
    ),
    Kind.DIRECTORY_MISSING: Words(
        _E,
        "Files that a DICOMDIR lists and that are not there",
        "They were once part of the medium or export: its copy is not complete.",
        "They cannot be sent. Look for them where the archive came from.",
        "entry",
    ),
}

KINDS = _OF_PATHS | OF_OBJECTS | _OF_MANY
"""In the order in which they are told, within their severity."""

OF_REASON = {
    Reason.UNREADABLE: Kind.UNREADABLE,
    Reason.UNREADABLE_FOLDER: Kind.UNREADABLE_FOLDER,
    Reason.VANISHED: Kind.VANISHED,
    Reason.CHANGING: Kind.CHANGING,
    Reason.TRUNCATED: Kind.TRUNCATED,
    Reason.UNPARSABLE: Kind.UNPARSABLE,
    Reason.EMPTY: Kind.EMPTY,
    Reason.NOT_DICOM: Kind.NOT_DICOM,
    Reason.NOT_A_FILE: Kind.NOT_A_FILE,
    Reason.LINK_OUTSIDE: Kind.LINK_OUTSIDE,
    Reason.DUPLICATE: Kind.DUPLICATE,
    Reason.CONFLICT: Kind.CONFLICT,
    Reason.NO_UID: Kind.NO_UID,
    Reason.NO_STUDY: Kind.NO_STUDY,
}
