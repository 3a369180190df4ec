"""What flows through the engine: instances, their context, and what must differ when sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Patient:
    """The patient as one file names it. Texts are decoded, padding is stripped."""

    id: str = ""
    issuer: str = ""
    name: str = ""
    birth_date: str = ""
    sex: str = ""


@dataclass(frozen=True, slots=True)
class Study:
    """One study as one file names it; `date` is DICOM's YYYYMMDD."""

    uid: str
    date: str = ""
    description: str = ""
    accession: str = ""
    patient: Patient = field(default_factory=Patient)


@dataclass(frozen=True, slots=True)
class Series:
    """One series as one file names it; shared by all instances that say the same."""

    uid: str
    modality: str = ""
    description: str = ""
    number: str = ""
    study: Study = field(default_factory=lambda: Study(""))


class Edit:
    """What must differ from the file when an instance is sent; base of all edits (`core/edits.py`)."""

    __slots__ = ()

    makes_new_uid = False
    """Whether what is sent has another SOP instance UID than the file."""


class ContextPair(NamedTuple):
    """An abstract syntax with one transfer syntax: what one presentation context proposes."""

    sop_class: str
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class Instance:
    """One DICOM object in a file under the source.

    `path` is relative to the source's root, with the system's separator and undecodable bytes as
    surrogates; `size` and `offset` (of the first byte of the dataset) are bytes; `mtime_ns` is the file's
    modification time. UIDs are as the dataset says, without padding.
    """

    path: str
    size: int
    mtime_ns: int
    offset: int
    transfer_syntax: str
    sop_class: str
    uid: str
    series: Series
    edits: tuple[Edit, ...] = ()

    @property
    def study(self) -> Study:
        return self.series.study

    @property
    def pair(self) -> ContextPair:
        """The presentation context under which the file's bytes travel unchanged."""
        return ContextPair(self.sop_class, self.transfer_syntax)


class Reason(str, Enum):
    """Why a path is not, or not yet, at the destination. The value is the wording shown to people."""

    DICOMDIR = "DICOMDIR: an index, not an image"
    EMPTY = "zero-byte file"
    NOT_DICOM = "not a DICOM object"
    NOT_A_FILE = "not a regular file"
    LINK_OUTSIDE = "a link that leads out of the source or in a circle"
    TRUNCATED = "truncated: the data ends before its last element does"
    NO_UID = "no SOP instance UID or SOP class UID"
    NO_STUDY = "no study or series instance UID"
    UNPARSABLE = "damaged: the dataset cannot be parsed"
    UNREADABLE = "cannot be read"
    UNREADABLE_FOLDER = "the folder cannot be read"
    VANISHED = "vanished while it was being read"
    CHANGING = "still being written"
    DUPLICATE = "duplicate: the same SOP instance with the same content"
    CONFLICT = "conflict: the same SOP instance UID with other content"
    FILTERED = "left out by a filter"
    OTHER_SHARD = "belongs to another shard"
    NOT_TRIED = "not tried yet, and only what failed was to be sent"
    BEYOND_LIMIT = "beyond the limit on studies"
    ALREADY_SENT = "already sent"
    ALREADY_THERE = "already at the destination"
    GONE = "no longer there, or no longer in the way"


LEFT_OUT = frozenset({Reason.FILTERED, Reason.OTHER_SHARD, Reason.NOT_TRIED, Reason.BEYOND_LIMIT})
"""Why a path is not sent that somebody chose not to send."""


@dataclass(frozen=True, slots=True)
class StudyBatch:
    """Instances of one study (or a part of a large one) that go over one association in one piece.

    `study_uid` is empty where studies are not kept together.
    """

    number: int
    study_uid: str
    instances: tuple[Instance, ...]

    @property
    def pairs(self) -> frozenset[ContextPair]:
        return frozenset(instance.pair for instance in self.instances)


@dataclass(frozen=True, slots=True)
class Tls:
    """How to speak TLS (PS3.15 Annex B) with a node. Paths of PEM files; empty `ca` means the system's.

    `cert` and `key` are our own, for peers that ask for them; `key` may be in the file of `cert`.
    """

    ca: str = ""
    cert: str = ""
    key: str = ""
    key_passphrase: str = field(default="", repr=False)
    checks_host: bool = True


@dataclass(frozen=True, slots=True)
class Node:
    """A DICOM application entity on the network, and the name by which we call it.

    `tls` is None where the connection is not encrypted; a node is the same destination with and without.
    """

    host: str
    port: int = 104
    ae_title: str = "ANY-SCP"
    calling_ae_title: str = "DICOM_MIGRATOR"

    tls: Tls | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.ae_title}@{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class EchoResult:
    """What a node answered to C-ECHO.

    `status` is the C-ECHO status (PS3.7 9.1.5; 0 is success), None where the node accepted the association
    but does not offer Verification. `max_pdu` is the longest PDU that it receives, in bytes; 0 is no limit.
    """

    node: Node
    status: int | None
    association_seconds: float
    echo_seconds: float
    implementation_uid: str = ""
    implementation_version: str = ""
    max_pdu: int = 0


class Proof(str, Enum):
    """How well a study's presence at the destination is known."""

    UID_SET = "uid set"
    COUNT = "count"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SeriesHoldings:
    """What a destination answered for one series; fields as in StudyHoldings."""

    series_uid: str
    proof: Proof
    uids: frozenset[str] = frozenset()
    count: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StudyHoldings:
    """What a destination answered for one study: its SOP instance UIDs, or a count, or nothing.

    `uids` counts only with proof UID_SET, `count` with UID_SET and COUNT; `reason` says why the proof is
    weaker than UID_SET, or how it became one. `series` are those that could be asked about; `narrowed` is how
    many instances were asked for by their UIDs because lists may be cut off: more may be there than named.
    """

    study_uid: str
    proof: Proof
    uids: frozenset[str] = frozenset()
    count: int = 0
    reason: str = ""
    series: tuple[SeriesHoldings, ...] = ()
    narrowed: int = 0
