"""What is wrong inside single objects: what it means, and what a migration does about it."""

from __future__ import annotations

from migrator.checks.quality_words import Severity, Words
from migrator.core.inspection import Kind

_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTICE

_AS_IT_IS = "It is sent as it is."
_RULE = "It is sent as it is, unless --rules or --crosswalk change it on the way."
_SENT_EMPTY = "It is sent as it is; --rules can set a value on the way."
_META = "Group 0002 is not sent. What counts is the dataset."
_PIXELS = (
    "It is sent as it is: no migration looks into pixel data, unless the destination needs it decompressed."
)
_QUARANTINED = "It is not sent, but recorded as quarantined."
_UIDS_AS_THEY_ARE = "It is sent with its UIDs as they are."
_NEVER_PROPOSED = (
    _UIDS_AS_THEY_ARE
    + " A SOP class or transfer syntax of such a UID cannot be proposed to a destination: that is "
    "recorded as failed."
)
_PROPOSED = (
    "They are proposed and sent as they are; what the destination does not accept is recorded as failed."
)

OF_OBJECTS: dict[Kind, Words] = {
    Kind.NO_UID: Words(
        _E,
        "No SOP class or SOP Instance UID",
        "Type 1 (PS3.3 C.12.1): without them an object cannot be named in C-STORE.",
        _QUARANTINED,
    ),
    Kind.NO_STUDY: Words(
        _E,
        "No Study or Series Instance UID",
        "Type 1 (PS3.3 C.7.2.1, C.7.3.1): the object belongs to no study.",
        _QUARANTINED,
    ),
    Kind.NO_MODALITY: Words(
        _W, "No modality", "Type 1 (PS3.3 C.7.3.1): archives sort and route by it.", _SENT_EMPTY
    ),
    Kind.NO_PATIENT_ID: Words(
        _W,
        "No patient ID",
        "Type 2 (PS3.3 C.7.1.1): many archives refuse such an object, or file it under nobody.",
        _SENT_EMPTY,
    ),
    Kind.NO_PATIENT_NAME: Words(
        _W, "No patient's name", "Type 2 (PS3.3 C.7.1.1): nobody can tell whose it is.", _SENT_EMPTY
    ),
    Kind.NO_STUDY_DATE: Words(
        _W, "No study date", "Type 2 (PS3.3 C.7.2.1): the study is not found by its date.", _SENT_EMPTY
    ),
    Kind.NO_BIRTH_DATE: Words(_N, "No birth date", "Type 2 (PS3.3 C.7.1.1).", _SENT_EMPTY),
    Kind.NO_SEX: Words(_N, "No sex", "Type 2 (PS3.3 C.7.1.1).", _SENT_EMPTY),
    Kind.NO_STUDY_TIME: Words(_N, "No study time", "Type 2 (PS3.3 C.7.2.1).", _SENT_EMPTY),
    Kind.NO_ACCESSION: Words(
        _N, "No accession number", "Type 2 (PS3.3 C.7.2.1): it ties the study to its order.", _SENT_EMPTY
    ),
    Kind.NO_STUDY_ID: Words(_N, "No study ID", "Type 2 (PS3.3 C.7.2.1).", _SENT_EMPTY),
    Kind.NO_REFERRING: Words(_N, "No referring physician", "Type 2 (PS3.3 C.7.2.1).", _SENT_EMPTY),
    Kind.NO_SERIES_NUMBER: Words(_N, "No series number", "Type 2 (PS3.3 C.7.3.1).", _SENT_EMPTY),
    Kind.NO_INSTANCE_NUMBER: Words(
        _N, "Images without instance number", "Type 2 (PS3.3 C.7.6.1): viewers sort by it.", _SENT_EMPTY
    ),
    Kind.NO_PIXEL_DESCRIPTION: Words(
        _W,
        "Pixel data that is not described",
        "Rows, columns, samples, bits or photometric interpretation are missing or zero (type 1, PS3.3 "
        "C.7.6.3), or the number of frames is none: the image cannot be displayed.",
        _PIXELS + " That fails then.",
    ),
    Kind.UID_TOO_LONG: Words(
        _W,
        "UIDs of more than 64 characters",
        "PS3.5 9.1 allows 64; archives cut or refuse longer ones.",
        _NEVER_PROPOSED,
    ),
    Kind.UID_CHARACTERS: Words(
        _W,
        "UIDs with other characters than digits and dots",
        "PS3.5 9.1 allows these only; archives may refuse others.",
        _NEVER_PROPOSED,
    ),
    Kind.UID_ZEROS: Words(
        _W,
        "UIDs with leading zeros",
        "PS3.5 9.1 forbids them in a component. Most archives take them, some refuse them.",
        _UIDS_AS_THEY_ARE,
    ),
    Kind.UID_COMPONENTS: Words(
        _W,
        "UIDs with empty components",
        "Two dots in a row, or one at an end (PS3.5 9.1).",
        _UIDS_AS_THEY_ARE,
    ),
    Kind.UID_PADDING: Words(
        _W,
        "UIDs that are padded wrongly",
        "PS3.5 9.1 allows one zero byte behind a UID, no blanks and nothing before it.",
        "The dataset is sent as it is, the request names the UID without its padding: archives that do not "
        "strip it see two different ones.",
    ),
    Kind.META_ABSENT: Words(
        _N,
        "Files without preamble or file meta information",
        "Bare datasets, as they came before PS3.10, or cut at their beginning.",
        "Group 0002 is not sent. Where it is missing, the first elements tell how the dataset is encoded, "
        "and under that transfer syntax it is sent.",
    ),
    Kind.META_CLASS: Words(
        _W, "File meta information of another SOP class", "(0002,0002) is not (0008,0016).", _META
    ),
    Kind.META_INSTANCE: Words(
        _W, "File meta information of another SOP instance", "(0002,0003) is not (0008,0018).", _META
    ),
    Kind.META_SYNTAX: Words(
        _W,
        "File meta information of another transfer syntax",
        "(0002,0010) names another encoding than the dataset has, or none.",
        "They are sent under the transfer syntax in which they are really encoded.",
    ),
    Kind.UNKNOWN_SYNTAX: Words(
        _W,
        "Transfer syntaxes that the standard does not know",
        "Private ones, which only the vendor's own systems can read.",
        "They are proposed and sent as they are. Nothing can decompress them: where the destination does not "
        "accept them, they are recorded as failed.",
    ),
    Kind.PREAMBLE: Words(
        _W,
        "Executable preambles",
        "The first 128 bytes are the beginning of a program or script (CVE-2019-11687): such a file can be "
        "an image and malware at once. Have it looked at.",
        "Preambles are not sent; the dataset is.",
    ),
    Kind.ODD_LENGTH: Words(
        _W,
        "Values of odd length",
        "Every value has an even length (PS3.5 7.1).",
        "An object of odd length altogether is written anew with every value padded (big endian ones fail); "
        "where odd values add up to an even length, it is sent as it is.",
    ),
    Kind.DISORDER: Words(
        _W,
        "Elements out of order",
        "Elements ascend by their tags, and each stands once (PS3.5 7.1). Readers may overlook some.",
        _AS_IT_IS,
    ),
    Kind.CHARSET_UNKNOWN: Words(
        _W,
        "Unknown character sets",
        "(0008,0005) holds a term that PS3.3 C.12.1.1.2 does not define there: names may become unreadable.",
        _AS_IT_IS,
    ),
    Kind.CHARSET_UNDECLARED: Words(
        _W,
        "Texts in an undeclared character set",
        "They hold letters beyond ASCII, but (0008,0005) is absent or names ASCII: every reader guesses.",
        "It is sent as it is: the destination guesses as every other reader does.",
    ),
    Kind.CHARSET_WRONG: Words(
        _W,
        "Texts in another character set than declared",
        "Their bytes make no letters under (0008,0005), or are UTF-8 where it names a set of single bytes.",
        _AS_IT_IS,
    ),
    Kind.PIXELS_ENCODING: Words(
        _E,
        "Pixel data in another form than the transfer syntax says",
        "Compressed syntaxes hold pixel data in fragments, others do not (PS3.5 A.4).",
        "It is sent as it is; the destination will hardly be able to read it.",
    ),
    Kind.PIXELS_CODESTREAM: Words(
        _E,
        "Pixel data that was compressed otherwise",
        "The first frame begins with no codestream of the kind that the transfer syntax names.",
        _PIXELS + " That fails then.",
    ),
    Kind.PIXELS_SHORT: Words(
        _E,
        "Too little pixel data",
        "Rows, columns, samples, bits and frames come to more than is there (PS3.3 C.7.6.3): a part of the "
        "image is missing.",
        _AS_IT_IS,
    ),
    Kind.PIXELS_LONG: Words(
        _N,
        "Too much pixel data",
        "There is more than rows, columns, samples, bits and frames come to: padding, or a wrong header.",
        _AS_IT_IS,
    ),
    Kind.FRAMES: Words(
        _E,
        "Another number of frames than announced",
        "The fragments, or the table of their offsets, do not fit the number of frames (PS3.5 A.4).",
        _PIXELS + " That fails then.",
    ),
    Kind.PRIVATE_CLASS: Words(
        _W,
        "Private SOP classes",
        "A vendor's own objects: most other archives do not take them.",
        _PROPOSED,
    ),
    Kind.UNKNOWN_CLASS: Words(
        _W,
        "SOP classes that are not registered",
        "They lie under the standard's root, but PS3.6 does not list them.",
        _PROPOSED,
    ),
    Kind.RETIRED_CLASS: Words(
        _N,
        "Retired SOP classes",
        "The standard no longer has them: newer archives may not take them.",
        _PROPOSED,
    ),
    Kind.DATE_MALFORMED: Words(
        _W,
        "Malformed dates",
        "A date is YYYYMMDD, of a day that there was (PS3.5 6.2).",
        _RULE,
    ),
    Kind.DATE_FUTURE: Words(_W, "Dates in the future", "A clock was wrong, or a date mistyped.", _RULE),
    Kind.BORN_LATER: Words(_W, "Patients born after their study", "One of the two dates is wrong.", _RULE),
    Kind.VALUE_UNFIT: Words(
        _W,
        "Identifying values that do not fit",
        "Too long, or of another form than their kind of value has (PS3.5 6.2): archives cut or refuse them.",
        _RULE,
    ),
}
