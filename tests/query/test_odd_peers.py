"""What becomes of the proof when an archive answers badly."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from migrator.core.errors import AssociationLost, AssociationRejected, PeerSilent
from migrator.core.model import Instance, Node, Patient, Proof, Series, Study
from migrator.core.settings import SendSettings
from migrator.dicom.query import StudyFinder
from tests.peers import KeepingScp, wait_until
from tests.query.scripted import PATIENT_ROOT, STUDY_ROOT, Answer, Script, ScriptedFinder, record

STUDY = "1.2.3"
SERIES = Series("1.2.3.1", study=Study(STUDY, patient=Patient(id="P1")))
INSTANCE = Instance("a.dcm", 1, 1, 1, "1.2.840.10008.1.2", "1.2.840.10008.5.1.4.1.1.2", "1.2.3.1.1", SERIES)

Ask = Callable[..., tuple[ScriptedFinder, StudyFinder]]


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Start a scripted archive, and a finder that asks it and waits `seconds` for an answer."""
    with ExitStack() as stack:

        def start(
            script: Script, *, seconds: float = 30, **options: Any
        ) -> tuple[ScriptedFinder, StudyFinder]:
            peer = stack.enter_context(ScriptedFinder(script, **options))
            finder = StudyFinder(peer.node, SendSettings(acse_timeout=30, dimse_timeout=seconds))
            stack.callback(finder.close)
            return peer, finder

        yield start


def archive(
    level: str, counts: dict[str, Any] | None = None, images: int = 3, listed: int | None = None
) -> list[Answer]:
    """A well-behaved answer about one study with two series of `images` images, of which `listed` come."""
    extra = counts or {}
    if level == "STUDY":
        return [record(StudyInstanceUID=STUDY, **extra)]
    if level == "SERIES":
        return [record(StudyInstanceUID=STUDY, SeriesInstanceUID=f"{STUDY}.{n}", **extra) for n in (1, 2)]
    return [record(SOPInstanceUID=f"{STUDY}.{n + 1}") for n in range(images if listed is None else listed)]


def images_of(ds: Dataset, count: int = 3) -> list[Answer]:
    return [record(SOPInstanceUID=f"{ds.SeriesInstanceUID}.{n + 1}") for n in range(count)]


def well_behaved(ds: Dataset, assoc: Any) -> list[Answer]:
    return images_of(ds) if ds.QueryRetrieveLevel == "IMAGE" else archive(ds.QueryRetrieveLevel)


def all_uids() -> frozenset[str]:
    return frozenset(f"{STUDY}.{series}.{n}" for series in (1, 2) for n in (1, 2, 3))


def test_questions_carry_their_parents_keys_and_one_association_serves_all(ask: Ask) -> None:
    asked: list[dict[str, str]] = []

    def script(ds: Dataset, assoc: Any) -> list[Answer]:
        asked.append({element.keyword: str(element.value or "") for element in ds})
        return well_behaved(ds, assoc)

    peer, finder = ask(script)
    for _ in range(3):
        held = finder.holdings(STUDY)
        assert (held.proof, held.uids, held.count, held.narrowed) == (Proof.UID_SET, all_uids(), 6, 0)
        assert {one.series_uid: len(one.uids) for one in held.series} == {f"{STUDY}.1": 3, f"{STUDY}.2": 3}
    assert peer.associations == 1
    assert peer.questions == ["SERIES", "IMAGE", "IMAGE"] * 3
    assert asked[0]["StudyInstanceUID"] == STUDY
    assert (asked[1]["StudyInstanceUID"], asked[1]["SeriesInstanceUID"]) == (STUDY, f"{STUDY}.1")


def test_padding_and_repeated_answers_do_not_count(ask: Ask) -> None:
    def script(ds: Dataset, assoc: Any) -> list[Answer]:
        answers = well_behaved(ds, assoc)
        if ds.QueryRetrieveLevel == "IMAGE":
            padded = DataElement("SOPInstanceUID", "UI", f"{ds.SeriesInstanceUID}.1 ", validation_mode=IGNORE)
            return [*answers, *answers, (0xFF00, Dataset({padded.tag: padded}))]
        return answers

    _, finder = ask(script)
    assert finder.holdings(STUDY).uids == all_uids()


def test_answers_about_other_studies_and_series_are_dropped(ask: Ask) -> None:
    def script(ds: Dataset, assoc: Any) -> list[Answer]:
        foreign = record(StudyInstanceUID="9.9", SeriesInstanceUID="9.9.1", SOPInstanceUID="9.9.1.1")
        elsewhere = record(StudyInstanceUID=STUDY, SeriesInstanceUID="1.2.3.7", SOPInstanceUID="1.2.3.7.1")
        others = [foreign, elsewhere] if ds.QueryRetrieveLevel == "IMAGE" else [foreign]
        return [*others, *well_behaved(ds, assoc)]

    _, finder = ask(script)
    assert finder.holdings(STUDY).uids == all_uids()


def test_where_images_are_not_listed_the_series_are_counted(ask: Ask) -> None:
    def script(ds: Dataset, assoc: Any) -> list[Answer]:
        if ds.QueryRetrieveLevel == "IMAGE":
            return [(0xA900, None)]
        return archive(ds.QueryRetrieveLevel, {"NumberOfSeriesRelatedInstances": 3})

    _, finder = ask(script)
    holdings = finder.holdings(STUDY)
    assert (holdings.proof, holdings.count, holdings.uids) == (Proof.COUNT, 6, frozenset())
    assert "A900" in holdings.reason


def test_where_not_all_series_are_counted_the_study_is(ask: Ask) -> None:
    def script(ds: Dataset, assoc: Any) -> list[Answer]:
        if ds.QueryRetrieveLevel == "IMAGE":
            return []
        counts = {"NumberOfStudyRelatedInstances": 6} if ds.QueryRetrieveLevel == "STUDY" else {}
        return archive(ds.QueryRetrieveLevel, counts)

    _, finder = ask(script)
    assert (finder.holdings(STUDY).proof, finder.holdings(STUDY).count) == (Proof.COUNT, 6)


def test_where_nothing_is_counted_nothing_is_proven(ask: Ask) -> None:
    _, finder = ask(lambda ds, assoc: [] if ds.QueryRetrieveLevel == "IMAGE" else archive("STUDY"))
    holdings = finder.holdings(STUDY)
    assert holdings.proof is Proof.NONE
    assert "counts no instances" in holdings.reason


def test_a_list_that_was_cut_off_proves_only_a_count(ask: Ask) -> None:
    def script(ds: Dataset, assoc: Any) -> list[Answer]:
        if ds.QueryRetrieveLevel == "IMAGE":
            return images_of(ds, count=3)
        return archive(ds.QueryRetrieveLevel, {"NumberOfSeriesRelatedInstances": 5})

    _, finder = ask(script)
    holdings = finder.holdings(STUDY)
    assert (holdings.proof, holdings.count) == (Proof.COUNT, 10)
    assert "3 of the 5" in holdings.reason


def test_a_study_that_is_refused_at_every_level_is_unproven_with_the_reason(ask: Ask) -> None:
    _, finder = ask(lambda ds, assoc: [(0xC001, None)])
    holdings = finder.holdings(STUDY)
    assert holdings.proof is Proof.NONE
    assert "C001" in holdings.reason
    assert finder.holds(INSTANCE) is None


def test_patient_root_is_used_where_study_root_is_not_offered(ask: Ask) -> None:
    patients: list[str] = []

    def script(ds: Dataset, assoc: Any) -> list[Answer]:
        patients.append(str(ds.get("PatientID") or ""))
        if ds.QueryRetrieveLevel == "STUDY":
            return [record(StudyInstanceUID=STUDY, PatientID="P1")]
        return well_behaved(ds, assoc)

    _, finder = ask(script, models=(PATIENT_ROOT,))
    assert finder.holdings(STUDY).uids == all_uids()
    assert patients == ["", "P1", "P1", "P1"]
    assert finder.holds(INSTANCE) is True


def test_without_c_find_the_finder_says_so_and_keeps_no_association(ask: Ask) -> None:
    peer, finder = ask(well_behaved, models=())
    for _ in range(2):
        holdings = finder.holdings(STUDY)
        assert (holdings.proof, holdings.reason) == (Proof.NONE, "the destination does not offer C-FIND")
        assert finder.holds(INSTANCE) is None
    assert peer.associations == 0 or not finder.is_open


def test_an_association_that_is_lost_in_the_middle_is_opened_again_once(ask: Ask) -> None:
    def script(ds: Dataset, assoc: Any) -> Iterator[Answer]:
        if len(peer.questions) == 2:
            yield record(SOPInstanceUID=f"{ds.SeriesInstanceUID}.1")
            assoc.abort()
        yield from well_behaved(ds, assoc)

    peer, finder = ask(script)
    assert finder.holdings(STUDY).uids == all_uids()
    assert peer.associations == 2


def test_an_archive_that_aborts_every_question_is_lost(ask: Ask) -> None:
    def script(ds: Dataset, assoc: Any) -> Iterator[Answer]:
        assoc.abort()
        yield record(SOPInstanceUID="1.2")

    peer, finder = ask(script)
    with pytest.raises(AssociationLost):
        finder.holdings(STUDY)
    assert peer.associations == 2


def test_an_archive_that_never_answers_is_waited_for_once(ask: Ask) -> None:
    given_up = threading.Event()

    def script(ds: Dataset, assoc: Any) -> Iterator[Answer]:
        given_up.wait(30)
        yield 0x0000, None

    peer, finder = ask(script, seconds=1)
    with pytest.raises(PeerSilent):
        finder.holdings(STUDY)
    given_up.set()
    wait_until(lambda: bool(peer.questions), "the archive has read the question")
    assert peer.questions == ["SERIES"]


@pytest.mark.parametrize("moment", ["before", "connecting", "negotiating", "asking", "between"])
def test_another_thread_can_interrupt_at_any_moment(moment: str) -> None:
    reached = threading.Event()
    given_up = threading.Event()

    def script(ds: Dataset, assoc: Any) -> Iterator[Answer]:
        if moment == "asking":
            reached.set()
            given_up.wait(30)
        yield 0x0000, None

    with ExitStack() as stack:
        if moment in ("connecting", "negotiating"):
            # Nobody accepts; with a full backlog connections hang, as a firewall lets them.
            backlog = 0 if moment == "connecting" else 5
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=backlog))
            for _ in range(4 if moment == "connecting" else 0):
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(server.getsockname())
            node = Node("127.0.0.1", server.getsockname()[1])
            reached.set()
        else:
            node = stack.enter_context(ScriptedFinder(script)).node
        finder = StudyFinder(node, SendSettings(acse_timeout=60, dimse_timeout=60))
        stack.callback(finder.close)
        stack.callback(given_up.set)
        if moment == "before":
            finder.interrupt()
        elif moment == "between":
            finder.holdings(STUDY)
            finder.interrupt()
        failures: list[BaseException] = []
        thread = threading.Thread(target=_ask_twice, args=(finder, failures), daemon=True)
        thread.start()
        if moment not in ("before", "between"):
            assert reached.wait(10)
            finder.interrupt()
        thread.join(10)
        assert not thread.is_alive()
    assert [type(failure) for failure in failures] == [AssociationLost, AssociationLost]


def _ask_twice(finder: StudyFinder, failures: list[BaseException]) -> None:
    for ask in (lambda: finder.holdings(STUDY), lambda: finder.holds(INSTANCE)):
        try:
            ask()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)


def test_a_rejected_association_says_why(keeping_scp: Callable[..., KeepingScp]) -> None:
    finder = StudyFinder(keeping_scp(reject=(2, 3, 2)).node, SendSettings(acse_timeout=30))
    with pytest.raises(AssociationRejected, match="local limit") as caught:
        finder.holdings(STUDY)
    assert caught.value.is_transient


def test_both_models_offered_means_study_root(ask: Ask) -> None:
    peer, finder = ask(well_behaved, models=(PATIENT_ROOT, STUDY_ROOT))
    assert finder.holdings(STUDY).uids == all_uids()
    assert "STUDY" not in peer.questions
