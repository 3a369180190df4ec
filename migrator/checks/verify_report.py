"""What a verification found: per study, per series, over all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from migrator.checks.deep import DeepReport
from migrator.checks.verify_attributes import AttributeResult
from migrator.core.model import Proof


class Verdict(str, Enum):
    """What became of a study, or of a series."""

    MATCH = "match"
    MISMATCH = "mismatch"
    MISSING = "missing"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True)
class SeriesResult:
    """One series. Counts are instances; `elsewhere` are instances of it that the destination has filed under
    another series of the study, each with the UID of that. Fields else as in StudyResult."""

    series_uid: str
    modality: str
    description: str
    verdict: Verdict
    proof: Proof
    expected: int
    matched: int = 0
    missing_count: int = 0
    extra_count: int = 0
    missing: tuple[str, ...] = ()
    elsewhere: tuple[tuple[str, str], ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StudyResult:
    """One study. Counts are instances; with proof by count the missing ones have no names.

    `narrowed` is how many were asked for by their UIDs because lists lacked them; `attributes` is None where
    patient and study were not compared.
    """

    study_uid: str
    verdict: Verdict
    proof: Proof
    expected: int
    matched: int
    missing_count: int
    extra_count: int
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    reason: str = ""
    series: tuple[SeriesResult, ...] = ()
    narrowed: int = 0
    attributes: AttributeResult | None = None

    @property
    def elsewhere_count(self) -> int:
        return sum(len(one.elsewhere) for one in self.series)

    @property
    def difference_count(self) -> int:
        return len(self.attributes.differences) if self.attributes is not None else 0


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """All studies, in the order in which they were asked for.

    `unsent` counts the paths of the job that never became instances at the destination (failed, unknown,
    held, quarantined): they are not part of what is compared. `deep` is None where nothing was retrieved.
    """

    studies: tuple[StudyResult, ...]
    unsent: int = 0
    deep: DeepReport | None = None

    @property
    def expected(self) -> int:
        return sum(study.expected for study in self.studies)

    @property
    def matched(self) -> int:
        return sum(study.matched for study in self.studies)

    @property
    def missing(self) -> int:
        return sum(study.missing_count for study in self.studies)

    @property
    def extra(self) -> int:
        return sum(study.extra_count for study in self.studies)

    @property
    def elsewhere(self) -> int:
        return sum(study.elsewhere_count for study in self.studies)

    @property
    def narrowed(self) -> int:
        return sum(study.narrowed for study in self.studies)

    @property
    def attribute_differences(self) -> int:
        return sum(study.difference_count for study in self.studies)

    @property
    def is_proven(self) -> bool:
        """Whether every instance that should be there is known to be; nothing asked is nothing proven."""
        return bool(self.studies) and all(study.verdict is Verdict.MATCH for study in self.studies)

    @property
    def is_clean(self) -> bool:
        """Whether all is proven that was to be, and nothing differs (exit code 0)."""
        differs = self.attribute_differences or self.elsewhere
        return self.is_proven and not differs and (self.deep is None or self.deep.is_clean)

    def count(self, verdict: Verdict) -> int:
        return sum(study.verdict is verdict for study in self.studies)
