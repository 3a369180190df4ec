"""What we rely on in a PACS, tried on the embedded one, the scripted one, Orthanc and dcmqrscp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian, MRImageStorage

from migrator.core.errors import Unreachable
from migrator.core.model import Proof
from migrator.core.outcome import Fidelity, State
from migrator.dicom.association import Timeouts
from migrator.dicom.probe import echo
from tests.contract.conftest import Pacs, instances_of, send
from tests.peers import wait_until
from tests.peers.archives import Archive

Make = Callable[..., Archive]
SECONDS = Timeouts(30, 30, 30)


@pytest.fixture
def made(archive: Make) -> Archive:
    return archive(
        studies=2,
        series=2,
        instances=3,
        sop_classes=(CTImageStorage, MRImageStorage),
        syntaxes=(ExplicitVRLittleEndian, ImplicitVRLittleEndian),
    )


def test_it_answers_echo_and_says_what_it_is(pacs: Pacs) -> None:
    result = echo(pacs.node, SECONDS)
    assert result.status == 0
    assert 0 < result.echo_seconds < 10
    assert result.implementation_uid and result.implementation_version
    assert result.max_pdu > 0


def test_it_holds_exactly_what_was_sent(pacs: Pacs, made: Archive, finder_for: Any) -> None:
    outcomes = send(pacs.node, made, instances_of(made))
    assert {(outcome.state, outcome.fidelity) for outcome in outcomes} == {(State.SENT, Fidelity.VERBATIM)}
    finder = finder_for(pacs.node)
    for study, uids in made.studies.items():
        holdings = finder.holdings(study)
        assert (holdings.proof, holdings.uids, holdings.count) == (Proof.UID_SET, uids, 6)
        assert not holdings.reason


def test_a_partly_sent_study_is_seen_as_partial(pacs: Pacs, made: Archive, finder_for: Any) -> None:
    instances = instances_of(made)
    sent = instances[:1] + instances[4:5]
    send(pacs.node, made, sent)
    finder = finder_for(pacs.node)
    assert finder.holdings(sent[0].study.uid).uids == {instance.uid for instance in sent}
    assert [finder.holds(instance) for instance in instances[:6]] == [i in sent for i in instances[:6]]


def test_a_study_that_was_never_sent_is_proven_absent(pacs: Pacs, made: Archive, finder_for: Any) -> None:
    send(pacs.node, made, instances_of(made))
    holdings = finder_for(pacs.node).holdings("1.2.3.4.5")
    assert (holdings.proof, holdings.uids, holdings.count) == (Proof.UID_SET, frozenset(), 0)


def test_sending_again_leaves_one_of_each(pacs: Pacs, made: Archive, finder_for: Any) -> None:
    instances = instances_of(made)
    for _ in range(2):
        assert all(outcome.is_stored for outcome in send(pacs.node, made, instances))
    assert finder_for(pacs.node).holdings(instances[0].study.uid).count == 6


def test_a_study_longer_than_any_one_answer_is_listed_whole(
    pacs: Pacs, archive: Make, finder_for: Any
) -> None:
    long = archive(studies=1, instances=250, side=2)
    send(pacs.node, long, instances_of(long))
    (study,) = long.studies
    assert finder_for(pacs.node).holdings(study).uids == long.uids


def test_a_finder_survives_the_restart_of_the_pacs(pacs: Pacs, made: Archive, finder_for: Any) -> None:
    instances = instances_of(made)
    send(pacs.node, made, instances)
    finder = finder_for(pacs.node)
    assert finder.holds(instances[0]) is True
    pacs.stop()
    with pytest.raises(Unreachable):
        finder.holds(instances[0])
    pacs.start()
    assert finder.holds(instances[0]) is True
    assert finder.holdings(instances[0].study.uid).count == 6


def test_a_finder_goes_on_after_its_association_was_closed_for_idleness(
    pacs: Pacs, made: Archive, finder_for: Any
) -> None:
    instances = instances_of(made)
    send(pacs.node, made, instances)
    finder = finder_for(pacs.node, idle_seconds=0.05)
    assert finder.holds(instances[0]) is True
    wait_until(lambda: not finder.is_open, "the idle association is closed", 10)
    assert finder.holds(instances[1]) is True


def test_echo_tells_that_nothing_listens(pacs: Pacs) -> None:
    pacs.stop()
    with pytest.raises(Unreachable, match="nothing listens"):
        echo(pacs.node, SECONDS)
