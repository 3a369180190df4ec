"""The script of the scripted PACS, as data: what it accepts, what it answers, and how it misbehaves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID

# A-ASSOCIATE-RJ: result, source, reason (PS3.8 Table 9-21).
CALLED_AE_NOT_RECOGNISED = (1, 1, 7)
CALLING_AE_NOT_RECOGNISED = (1, 1, 3)
CONGESTION = (2, 3, 1)
LOCAL_LIMIT = (2, 3, 2)


class Act(Enum):
    """What the PACS does about a request. All but the last two have read the whole request before."""

    ANSWER = "answers with the status"
    WRONG_MESSAGE_ID = "answers to a message that was never sent"
    GARBAGE = "answers bytes that are no PDU, and waits"
    HALF_ANSWER = "sends half of its answer and resets the connection"
    SILENCE = "never answers, and reads on"
    ABORT = "sends A-ABORT"
    CLOSE = "closes the connection"
    RESET = "resets the connection"
    GO_DOWN = "stops listening and cuts every association, without an answer"
    CUT_REQUEST = "resets the connection in the middle of the request"
    STOP_READING = "reads nothing more of the request, and waits"


# These are decided once the command has come, when nothing of the data set is known.
EARLY_ACTS = frozenset({Act.CUT_REQUEST, Act.STOP_READING})


class Greeting(Enum):
    """What a TCP connection meets."""

    ANSWER = "takes the request, and answers it"
    SILENCE = "takes the connection and never says a word (half-open)"
    CLOSE = "closes the connection at once"
    ABORT = "takes the request and sends A-ABORT"
    GARBAGE = "takes the request and answers bytes that are no PDU"


@dataclass(frozen=True)
class Arrived:
    """One C-STORE request. `number` and `association` count from 1 over the life of the PACS.

    `earlier` is how often this SOP instance had come before; `data` is empty where it was not read.
    """

    number: int
    association: int
    in_association: int
    earlier: int
    uid: str
    sop_class: str
    transfer_syntax: str
    data: bytes = b""

    @cached_property
    def dataset(self) -> Dataset:
        """The data set, parsed."""
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = self.sop_class, self.uid
        meta.TransferSyntaxUID = UID(self.transfer_syntax)
        content = BytesIO()
        content.write(b"\0" * 128 + b"DICM")
        write_file_meta_info(content, meta, enforce_standard=False)
        content.write(self.data)
        content.seek(0)
        return dcmread(content)


@dataclass(frozen=True)
class Rule:
    """What happens to the requests that fit everything that is set here; the first rule that fits decides.

    `every` fits each nth request of those that fit else; `first` only so many of them; `numbers` are those
    of the life of the PACS; `in_association` counts within one. `keeps` overrides whether the instance is
    stored, which else follows from the status: with 0000 and False the PACS lies. `delay` is seconds before
    it acts. After GO_DOWN it listens again in `back_after` seconds, or, with 0, when it is started.
    """

    status: int = 0x0000
    act: Act = Act.ANSWER
    every: int = 0
    first: int = 0
    numbers: Collection[int] = ()
    in_association: int = 0
    sop_classes: Collection[str] = ()
    syntaxes: Collection[str] = ()
    uids: Collection[str] = ()
    when: Callable[[Arrived], bool] | None = None
    keeps: bool | None = None
    delay: float = 0.0
    comment: str = ""
    back_after: float = 0.0

    def __post_init__(self) -> None:
        assert self.when is None or self.act not in EARLY_ACTS, f"{self.act} knows nothing of the data set"

    def fits(self, arrived: Arrived) -> bool:
        """Whether a request fits, counts over several requests apart."""
        return (
            (not self.numbers or arrived.number in self.numbers)
            and (not self.in_association or arrived.in_association == self.in_association)
            and (not self.sop_classes or arrived.sop_class in self.sop_classes)
            and (not self.syntaxes or arrived.transfer_syntax in self.syntaxes)
            and (not self.uids or arrived.uid in self.uids)
            and (self.when is None or self.when(arrived))
        )

    def fits_as(self, count: int) -> bool:
        """Whether the count-th (from 1) of the requests that fit is one that is meant."""
        return (not self.first or count <= self.first) and (not self.every or count % self.every == 0)

    @property
    def is_kept(self) -> bool:
        """Whether the instance is stored."""
        if self.keeps is not None:
            return self.keeps
        return self.act not in EARLY_ACTS and (self.status == 0 or self.status >> 12 == 0xB)


@dataclass(frozen=True)
class Known:
    """A patient as the PACS knows one, whatever the instances say."""

    patient_id: str
    name: str = ""
    birth_date: str = ""
    sex: str = ""
    issuer: str = ""
    character_set: str = "ISO_IR 192"


@dataclass(frozen=True)
class Proposal:
    """What one association asks for."""

    calling_ae_title: str
    called_ae_title: str
    pairs: tuple[tuple[str, str], ...]

    @property
    def sop_classes(self) -> frozenset[str]:
        return frozenset(sop_class for sop_class, _ in self.pairs)


@dataclass(frozen=True)
class Script:
    """How the PACS behaves; as it stands here it behaves well, and stores whatever comes.

    Associations: `most_associations` (0: any number) beyond which it rejects for its local limit, with
    `refusal_delay` not at once, or with `queues` lets them wait, while one that is released counts for
    `lingering` yet; `reject` rejects all of them; it takes only
    `called_ae_titles`, `sop_classes`, `syntaxes` where these name any, and what `accepts` does. `close_after`
    files or `close_idle` seconds of silence it ends an association by `close_by`. All delays are in seconds.
    `patients` are whom a study is known under, stored or not.
    """

    rules: tuple[Rule, ...] = ()
    delay: float = 0.0
    greeting: Greeting = Greeting.ANSWER
    accept_delay: float = 0.0
    reject: tuple[int, int, int] | None = None
    most_associations: int = 0
    refusal_delay: float = 0.0
    lingering: float = 0.0
    queues: bool = False
    called_ae_titles: Collection[str] = ()
    sop_classes: Collection[str] = ()
    syntaxes: Collection[str] = ()
    accepts: Callable[[str, str, Proposal], bool] | None = None
    max_pdu: int = 65536
    close_after: int = 0
    close_idle: float = 0.0
    close_by: Act = Act.CLOSE
    ignores_release: bool = False
    verifies: bool = True
    echo_status: int = 0x0000
    finds: bool = True
    find_status: int = 0x0000
    find_delay: float = 0.0
    find_act: Act = Act.ANSWER
    patients: Mapping[str, tuple[Known, ...]] = field(default_factory=dict)

    def takes(self, sop_class: str, syntax: str, proposal: Proposal) -> bool:
        """Whether a storage context is accepted."""
        return (
            (not self.sop_classes or sop_class in self.sop_classes)
            and (not self.syntaxes or syntax in self.syntaxes)
            and (self.accepts is None or self.accepts(sop_class, syntax, proposal))
        )


def is_compressed(arrived: Arrived) -> bool:
    return UID(arrived.transfer_syntax).is_compressed


def has_private_elements(arrived: Arrived) -> bool:
    """Whether any element, nested ones included, is private."""
    return any(element.tag.is_private for element in arrived.dataset.iterall())


def patient_is_not(patient_id: str) -> Callable[[Arrived], bool]:
    """Fits what is of another patient than this: `Rule(0xFFFB, when=patient_is_not("X"))`."""
    return lambda arrived: str(arrived.dataset.get("PatientID", "")) != patient_id
