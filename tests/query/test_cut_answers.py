"""Archives that cut their answers off: presence stays proven by UIDs, or no more is claimed than is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from pydicom.dataset import Dataset

from migrator.core.model import Proof, StudyHoldings
from migrator.core.settings import SendSettings
from migrator.dicom.query import StudyFinder
from tests.query.scripted import Answer, Script, ScriptedFinder, record

STUDY, SERIES = "1.2.3", "1.2.3.1"
EXPECTED = frozenset(f"{SERIES}.{n}" for n in range(130))

Held = Callable[..., StudyHoldings]


class Archive:
    """One series of many images, of which a question lists `most`; `held` are those that are there."""

    def __init__(self, most: int = 100, held: frozenset[str] = EXPECTED, count: int | None = None) -> None:
        self.most = most
        self.held = held
        self.count = count
        self.last = 0x0000
        self.matches_lists = True
        self.looks_at_uids = True
        self.lists_series = True

    def __call__(self, ds: Dataset, assoc: Any) -> Iterator[Answer]:
        if ds.QueryRetrieveLevel == "SERIES":
            if self.lists_series:
                yield record(SeriesInstanceUID=SERIES, NumberOfSeriesRelatedInstances=self.count)
            yield record(SeriesInstanceUID=f"{STUDY}.2", NumberOfSeriesRelatedInstances=None)
        elif ds.QueryRetrieveLevel == "STUDY":
            yield record(StudyInstanceUID=STUDY, NumberOfStudyRelatedInstances=self.count)
        elif ds.SeriesInstanceUID == SERIES:
            found = self._found(ds)
            yield from (record(SOPInstanceUID=uid) for uid in found[: self.most])
            if len(found) > self.most:
                yield self.last, None
        else:
            yield record(SOPInstanceUID=f"{STUDY}.2.1")

    def _found(self, ds: Dataset) -> list[str]:
        if not ds.SOPInstanceUID or not self.looks_at_uids:
            return sorted(self.held)
        value = ds.SOPInstanceUID
        wanted = [value] if isinstance(value, str) else list(value)
        if len(wanted) > 1 and not self.matches_lists:
            return []
        return sorted(self.held.intersection(wanted))


@pytest.fixture
def held() -> Iterator[Held]:
    """What a finder makes of an archive."""
    with ExitStack() as stack:

        def ask(script: Script, expected: frozenset[str] = EXPECTED) -> StudyHoldings:
            peer = stack.enter_context(ScriptedFinder(script))
            finder = StudyFinder(peer.node, SendSettings(acse_timeout=30, dimse_timeout=30))
            stack.callback(finder.close)
            return finder.holdings(STUDY, {SERIES: expected})

        yield ask


def test_a_list_that_ends_at_a_round_number_is_completed_by_asking_for_uids(held: Held) -> None:
    result = held(Archive(most=100))
    assert (result.proof, result.narrowed) == (Proof.UID_SET, 30)
    assert result.uids >= EXPECTED
    assert "100 instances of a series" in result.reason
    assert "30 instances were asked for by their UIDs" in result.reason


def test_what_is_not_there_is_still_missing_after_asking_for_it(held: Held) -> None:
    there = EXPECTED - {f"{SERIES}.7", f"{SERIES}.129"}
    result = held(Archive(most=100, held=there))
    assert (result.proof, EXPECTED - result.uids) == (Proof.UID_SET, EXPECTED - there)


def test_an_archive_that_does_not_match_lists_is_asked_for_one_by_one(held: Held) -> None:
    archive = Archive(most=100, held=EXPECTED - {f"{SERIES}.7"})
    archive.matches_lists = False
    result = held(archive)
    assert (result.proof, EXPECTED - result.uids) == (Proof.UID_SET, {f"{SERIES}.7"})


def test_lists_of_uids_that_are_cut_off_too_are_asked_for_until_nothing_comes(held: Held) -> None:
    result = held(Archive(most=8, count=130))
    assert (result.proof, result.narrowed) == (Proof.UID_SET, 122)
    assert result.uids >= EXPECTED


def test_an_archive_that_does_not_look_at_uids_proves_no_more_than_its_count(held: Held) -> None:
    archive = Archive(most=100, count=130)
    archive.looks_at_uids = False
    result = held(archive)
    assert result.proof is not Proof.UID_SET
    (one,) = [one for one in result.series if one.series_uid == SERIES]
    assert (one.proof, one.count, len(one.uids)) == (Proof.COUNT, 130, 100)


@pytest.mark.parametrize("status", [0xA700, 0xB001, 0xFE00])
def test_a_status_after_the_last_match_tells_of_more(held: Held, status: int) -> None:
    archive = Archive(most=77)
    archive.last = status
    result = held(archive)
    assert (result.proof, result.narrowed) == (Proof.UID_SET, 53)
    assert f"{status:04X}" in result.reason


def test_a_list_that_holds_all_that_is_expected_needs_no_further_question(held: Held) -> None:
    expected = frozenset(sorted(EXPECTED)[:100])
    result = held(Archive(most=100, count=130), expected)
    assert (result.proof, result.narrowed) == (Proof.UID_SET, 0)
    assert "all expected" in result.reason


def test_a_series_that_is_not_listed_is_asked_for_by_its_uid(held: Held) -> None:
    archive = Archive(most=1000)
    archive.lists_series = False
    assert held(archive).uids >= EXPECTED
    archive.held = frozenset()
    result = held(archive)
    assert (result.proof, result.uids) == (Proof.UID_SET, {f"{STUDY}.2.1"})


def test_a_refusal_of_a_list_of_uids_is_no_proof_that_they_are_missing(held: Held) -> None:
    archive = Archive(most=60, count=130)

    def script(ds: Dataset, assoc: Any) -> Iterator[Answer]:
        asked = ds.get("SOPInstanceUID")
        if asked and (isinstance(asked, str) or f"{SERIES}.99" in asked):
            return iter([(0xA700, None)])
        return archive(ds, assoc)

    result = held(script)
    assert result.proof is not Proof.UID_SET


def test_where_no_images_are_listed_an_unlisted_series_is_not_called_missing(held: Held) -> None:
    def script(ds: Dataset, assoc: Any) -> Iterator[Answer]:
        if ds.QueryRetrieveLevel == "SERIES":
            yield record(SeriesInstanceUID=f"{STUDY}.2", NumberOfSeriesRelatedInstances=1)
        elif ds.QueryRetrieveLevel == "STUDY":
            yield record(StudyInstanceUID=STUDY, NumberOfStudyRelatedInstances=131)

    result = held(script)
    assert (result.proof, result.count) == (Proof.COUNT, 131)
    assert {one.proof for one in result.series if one.series_uid == SERIES} == {Proof.NONE}


def test_counts_of_a_study_that_is_listed_more_than_once_are_not_believed(held: Held) -> None:
    def script(ds: Dataset, assoc: Any) -> Iterator[Answer]:
        if ds.QueryRetrieveLevel == "STUDY":
            for patient, count in (("P1", 130), ("P2", 2)):
                yield record(StudyInstanceUID=STUDY, PatientID=patient, NumberOfStudyRelatedInstances=count)

    assert held(script).proof is Proof.NONE


def test_a_list_that_nothing_vouches_for_is_no_proof_that_the_rest_is_missing(held: Held) -> None:
    result = held(Archive(most=37))
    assert (result.proof, result.narrowed) == (Proof.UID_SET, 93)
    assert result.uids >= EXPECTED
    assert held(Archive(most=1000, held=EXPECTED - {f"{SERIES}.7"})).uids >= EXPECTED - {f"{SERIES}.7"}
    assert held(Archive(most=1000, held=EXPECTED - {f"{SERIES}.7"}, count=129)).narrowed == 0
    deaf = Archive(most=1000, held=EXPECTED - {f"{SERIES}.7"})
    deaf.looks_at_uids = False
    result = held(deaf)
    assert (result.proof, EXPECTED - result.uids) == (Proof.UID_SET, {f"{SERIES}.7"})
