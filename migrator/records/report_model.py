"""A migration's report as plain data: what was done, what became of it, and what is proven of it.

Times are seconds since the epoch. Lists are bounded; what was left out is counted beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from migrator.records.charts import Stretch


@dataclass(frozen=True, slots=True)
class Headline:
    word: str
    sentence: str
    tone: str


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run. `ended` is None where no end was recorded; `ledger` are its paths by state, in words."""

    number: int
    begun: float
    ended: float | None
    how: str
    who: str
    version: str
    calling: str
    ledger: str
    bytes: int
    seconds: float
    source_check: str


@dataclass(frozen=True, slots=True)
class StudyLine:
    """One study. `counts` are paths by state; `sent_as` names the patient where another one was sent."""

    uid: str
    patient_name: str
    patient_id: str
    birth_date: str
    date: str
    description: str
    accession: str
    modalities: str
    counts: Mapping[str, int]
    bytes: int
    edited: int
    sent_as: str
    proof: str
    proof_tone: str
    proof_detail: str


@dataclass(frozen=True, slots=True)
class EditLine:
    """One change that `count` instances share. `example` names the patient and study of the first."""

    before: str
    after: str
    count: int
    example: str


@dataclass(frozen=True, slots=True)
class EditGroup:
    """All changes of one attribute; `further` distinct ones, of `further_count` instances, are not listed."""

    attribute: str
    count: int
    lines: tuple[EditLine, ...]
    further: int
    further_count: int


@dataclass(frozen=True, slots=True)
class CauseGroup:
    """Paths that share a cause; `examples` are (path, SOP instance UID, detail) of some of them."""

    state: str
    cause: str
    count: int
    studies: int
    advice: str
    examples: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class SettingLine:
    """A setting that is not at its default, and the runs in which it was so."""

    name: str
    value: str
    meaning: str
    runs: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What a check of its own said: `word` in one, `text` in sentences; `facts` are names and values."""

    title: str
    word: str
    tone: str
    text: str
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Contents:
    """What the stored instances are to their files: their number by fidelity, how many were stored only after
    a recovery step, how many have changed attributes, and which."""

    fidelity: Mapping[str, int]
    healed: int
    changed: int
    edits: tuple[EditGroup, ...]


@dataclass(frozen=True, slots=True)
class Causes:
    """Why paths are where they are: at the destination with a warning, failed, held, skipped."""

    warned: tuple[CauseGroup, ...]
    failed: tuple[CauseGroup, ...]
    held: tuple[CauseGroup, ...]
    skipped: tuple[CauseGroup, ...]


@dataclass(frozen=True, slots=True)
class Setup:
    """What the runs were made with; `shaping` and `versions` are names and values."""

    settings: tuple[SettingLine, ...]
    shaping: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    runs: int
    encrypted_runs: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the document says. `found` is the sum of `ledger`, which counts the job's paths by state.

    `is_whole` tells that its runs have looked at the whole source, so that there are no paths unknown."""

    id: str
    source: str
    destination: str
    made: float
    begun: float
    last: float
    is_aside: bool
    who: tuple[str, ...]
    headline: Headline
    is_whole: bool
    found: int
    ledger: Mapping[str, int]
    stored_bytes: int
    left_out: int
    runs: tuple[RunLine, ...]
    runs_left_out: int
    stretches: tuple[Stretch, ...]
    stretches_left_out: int
    contents: Contents
    causes: Causes
    studies: tuple[StudyLine, ...]
    patients: int
    without_study: Mapping[str, int]
    setup: Setup
    statements: tuple[Statement, ...]
    copy_only: Statement
