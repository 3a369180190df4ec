"""The scripted PACS does what its script says, in each of its manners."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    MRImageStorage,
    RLELossless,
)

from migrator.core.errors import (
    AssociationLost,
    AssociationRejected,
    DestinationError,
    PeerSilent,
    Unreachable,
)
from migrator.core.model import Instance, Patient
from migrator.core.outcome import Fidelity, Outcome, State
from migrator.dicom.association import Timeouts
from migrator.dicom.probe import echo
from migrator.dicom.store import StoreSender
from tests.association.making import hasten, quick, scan
from tests.contract.conftest import finder_for
from tests.peers import Act, Greeting, Known, Rule, Script, ScriptedPacs, wait_until
from tests.peers.archives import Archive
from tests.peers.processes import listens
from tests.peers.scripted_rules import (
    CALLED_AE_NOT_RECOGNISED,
    has_private_elements,
    is_compressed,
    patient_is_not,
)

__all__ = ["finder_for"]

Make = Callable[..., Archive]
Start = Callable[..., ScriptedPacs]
Connect = Callable[..., "Client"]
SECONDS = Timeouts(30, 30, 30)


class Client:
    """Sends files one by one over one association, and tells what came of each."""

    def __init__(self, pacs: ScriptedPacs, archive: Archive, **settings: float) -> None:
        self.files = [made.path for made in archive.files]
        self._instances = [_at(archive.folder, path) for path in self.files]
        self._sender: StoreSender = quick(pacs.node, archive.folder, **settings)

    def open(self) -> None:
        self._sender.open({instance.pair for instance in self._instances})

    def store(self, number: int = 0) -> Outcome:
        return self._sender.store(self._instances[number])

    def send(self) -> list[int]:
        """The status of every file."""
        self.open()
        try:
            return [self.store(number).status or 0 for number in range(len(self._instances))]
        finally:
            self._sender.release()

    def release(self, seconds: float) -> None:
        """Release the association, and wait no longer than this for the answer."""
        hasten(self._sender, seconds)
        self._sender.release()

    def close(self) -> None:
        self._sender.abort()

    def trouble(self) -> DestinationError:
        """What ends the association when the first file is sent."""
        self.open()
        with pytest.raises(DestinationError) as caught:
            self.store()
        return caught.value


def _at(root: Path, path: Path) -> Instance:
    return replace(scan(path), path=str(path.relative_to(root)))


@pytest.fixture
def client_of() -> Iterator[Callable[..., Client]]:
    """Make clients whose associations end with the test."""
    with ExitStack() as stack:

        def make(pacs: ScriptedPacs, archive: Archive, **settings: float) -> Client:
            client = Client(pacs, archive, **settings)
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture
def made(archive: Make) -> Archive:
    return archive(studies=1, instances=6, side=4)


def test_it_keeps_what_it_gets_and_remembers_every_request(
    scripted_pacs: Start, client_of: Connect, made: Archive
) -> None:
    pacs = scripted_pacs()
    client = client_of(pacs, made)
    assert client.send() == [0] * 6
    assert pacs.uids == made.uids
    assert {uid: one.data for uid, (one,) in pacs.received.items()} == made.datasets
    client.send()
    assert set(pacs.counts.values()) == {2}
    assert [one.earlier for one in pacs.received[made.files[0].uid]] == [0, 1]
    wait_until(lambda: pacs.is_idle, "both associations ended", 10)
    assert [(log.number, log.files, log.ended) for log in pacs.associations] == [
        (1, 6, "released"),
        (2, 6, "released"),
    ]


def test_it_answers_by_number_and_counts_what_fits(
    scripted_pacs: Start, client_of: Connect, made: Archive
) -> None:
    pacs = scripted_pacs(Rule(0xA700, first=2), Rule(0xC000, every=2), Rule(0x0110, numbers=(5,)))
    assert client_of(pacs, made).send() == [0xA700, 0xA700, 0, 0xC000, 0x0110, 0xC000]
    assert pacs.count() == 1
    assert len(pacs.arrived) == 6


def test_it_answers_by_class_syntax_uid_and_place_in_the_association(
    scripted_pacs: Start, client_of: Connect, archive: Make
) -> None:
    made = archive(
        studies=1,
        instances=6,
        sop_classes=(CTImageStorage, MRImageStorage),
        syntaxes=(ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless),
    )
    pacs = scripted_pacs(
        Rule(0xA900, uids=(made.files[0].uid,)),
        Rule(0xB000, in_association=2, comment="coerced"),
        Rule(0xC000, when=is_compressed),
        Rule(0x0122, sop_classes=(MRImageStorage,)),
        Rule(0xA701, syntaxes=(ImplicitVRLittleEndian,)),
    )
    assert client_of(pacs, made).send() == [0xA900, 0xB000, 0xC000, 0x0122, 0xA701, 0xC000]
    assert pacs.uids == {made.files[1].uid}


def test_it_looks_into_the_data_set(scripted_pacs: Start, client_of: Connect, made: Archive) -> None:
    for number, path in enumerate(made.files):
        ds = dcmread(path.path)
        ds.PatientID = f"X{number}"
        if number == 1:
            ds.private_block(0x0019, "ACME", create=True).add_new(1, "LO", "secret")
        ds.save_as(path.path)
    pacs = scripted_pacs(Rule(0xC000, when=has_private_elements), Rule(0xFFFB, when=patient_is_not("X2")))
    assert client_of(pacs, made).send() == [0xFFFB, 0xC000, 0, 0xFFFB, 0xFFFB, 0xFFFB]
    assert [str(one.dataset.PatientID) for one in pacs.arrived] == [f"X{n}" for n in range(6)]


def test_it_lies(scripted_pacs: Start, client_of: Connect, made: Archive, finder_for: Any) -> None:
    pacs = scripted_pacs(Rule(keeps=False))
    assert client_of(pacs, made).send() == [0] * 6
    assert pacs.count() == 0
    assert finder_for(pacs.node).holdings(made.files[0].study_uid).uids == frozenset()


def test_it_stores_and_yet_reports_a_failure(scripted_pacs: Start, client_of: Connect, made: Archive) -> None:
    pacs = scripted_pacs(Rule(0x0110, keeps=True))
    assert set(client_of(pacs, made).send()) == {0x0110}
    assert pacs.uids == made.uids


def test_its_script_changes_while_an_association_is_open(
    scripted_pacs: Start, client_of: Connect, made: Archive
) -> None:
    pacs = scripted_pacs(Rule(0xA700))
    client = client_of(pacs, made)
    client.open()
    assert client.store().status == 0xA700
    pacs.script = Script()
    assert client.store().is_stored


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (Act.WRONG_MESSAGE_ID, "not made"),
        (Act.GARBAGE, "PDU|understood|DICOM"),
        (Act.HALF_ANSWER, "broke|closed"),
        (Act.ABORT, "aborted"),
        (Act.CLOSE, "closed"),
        (Act.RESET, "broke"),
        (Act.GO_DOWN, "closed|broke"),
    ],
)
@pytest.mark.parametrize("keeps", [True, False])
def test_it_ends_an_association_instead_of_an_answer(
    scripted_pacs: Start, client_of: Connect, made: Archive, act: Act, words: str, keeps: bool
) -> None:
    pacs = scripted_pacs(Rule(act=act, keeps=keeps))
    trouble = client_of(pacs, made).trouble()
    assert isinstance(trouble, AssociationLost)
    assert not isinstance(trouble, PeerSilent)
    assert not trouble.nothing_sent
    assert any(word in str(trouble) for word in words.split("|")), str(trouble)
    assert pacs.count() == keeps


def test_it_never_answers(scripted_pacs: Start, client_of: Connect, made: Archive) -> None:
    pacs = scripted_pacs(Rule(act=Act.SILENCE))
    assert isinstance(client_of(pacs, made, dimse_timeout=1.0).trouble(), PeerSilent)
    wait_until(lambda: pacs.count() == 1, "it has read the request")


@pytest.mark.parametrize("act", [Act.CUT_REQUEST, Act.STOP_READING])
def test_it_fails_in_the_middle_of_a_request(
    scripted_pacs: Start, client_of: Connect, archive: Make, act: Act
) -> None:
    large = archive(studies=1, instances=1, side=4096)
    pacs = scripted_pacs(Rule(act=act, first=1), receive_buffer=65536)
    patience = {"network_timeout": 1.0} if act is Act.STOP_READING else {}
    trouble = client_of(pacs, large, **patience).trouble()
    expected = "broke" if act is Act.CUT_REQUEST else "stopped reading"
    assert expected in str(trouble)
    wait_until(lambda: bool(pacs.arrived), "it has read the command")
    assert [(one.uid, one.data) for one in pacs.arrived] == [(large.files[0].uid, b"")]
    assert client_of(pacs, large).send() == [0]
    assert pacs.uids == large.uids


def test_it_closes_after_so_many_files_and_when_nothing_comes(
    scripted_pacs: Start, client_of: Connect, made: Archive
) -> None:
    pacs = scripted_pacs(close_after=2)
    client = client_of(pacs, made)
    client.open()
    assert [client.store(0).status, client.store(1).status] == [0, 0]
    with pytest.raises(AssociationLost):
        client.store(2)
    pacs.script = Script(close_idle=0.05)
    client_of(pacs, made).open()
    wait_until(lambda: pacs.associations[-1].ended == "closed for idleness", "it closed", 10)


def test_it_accepts_only_what_it_is_told(scripted_pacs: Start, client_of: Connect, archive: Make) -> None:
    made = archive(studies=1, instances=4, syntaxes=(JPEGLSLossless, ExplicitVRLittleEndian))
    pacs = scripted_pacs(syntaxes=(ExplicitVRLittleEndian, ExplicitVRBigEndian))
    assert client_of(pacs, made).send() == [0] * 4  # negotiation alone: the sender knows what it may not send
    assert {one.transfer_syntax for one in pacs.arrived} == {ExplicitVRLittleEndian}
    accepted = pacs.associations[0].accepted
    assert {syntax for sop_class, syntax in accepted if sop_class == CTImageStorage} <= {
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
    }


def test_it_accepts_a_class_only_when_it_is_asked_for_alone(
    scripted_pacs: Start, client_of: Connect, archive: Make
) -> None:
    both = archive(studies=1, instances=2, sop_classes=(CTImageStorage, MRImageStorage))
    one = archive(studies=1, instances=2, sop_classes=(MRImageStorage,), seed=2)
    pacs = scripted_pacs(accepts=lambda sop_class, syntax, asked: len(asked.sop_classes) == 1)
    client_of(pacs, both).send()
    assert pacs.associations[0].accepted == ()
    assert client_of(pacs, one).send() == [0, 0]


def test_it_refuses_a_called_title_that_it_does_not_know(
    scripted_pacs: Start, client_of: Connect, made: Archive
) -> None:
    pacs = scripted_pacs(called_ae_titles=("OTHER",))
    with pytest.raises(AssociationRejected) as caught:
        client_of(pacs, made).open()
    error = caught.value
    assert (error.result, error.source, error.reason) == CALLED_AE_NOT_RECOGNISED
    assert not error.is_transient


def test_it_has_room_for_so_many_associations_only(
    scripted_pacs: Start, client_of: Connect, made: Archive
) -> None:
    pacs = scripted_pacs(most_associations=1)
    first, second = client_of(pacs, made), client_of(pacs, made)
    first.open()
    with pytest.raises(AssociationRejected) as caught:
        second.open()
    assert caught.value.is_transient
    pacs.script = Script(most_associations=1, queues=True)
    with pytest.raises(PeerSilent):
        client_of(pacs, made, acse_timeout=1.0).open()
    assert first.send() == [0] * 6  # releases it, and there is room when it hears that it is released
    second.open()


@pytest.mark.parametrize(
    ("greeting", "error"),
    [
        (Greeting.SILENCE, PeerSilent),
        (Greeting.CLOSE, AssociationLost),
        (Greeting.ABORT, AssociationLost),
        (Greeting.GARBAGE, AssociationLost),
    ],
)
def test_it_accepts_a_connection_and_no_association(
    scripted_pacs: Start, client_of: Connect, made: Archive, greeting: Greeting, error: type[Exception]
) -> None:
    pacs = scripted_pacs(greeting=greeting)
    with pytest.raises(error):
        client_of(pacs, made, acse_timeout=1.0).open()
    assert listens(pacs.port)


def test_it_delays_its_answers(scripted_pacs: Start, client_of: Connect, made: Archive) -> None:
    pacs = scripted_pacs(accept_delay=60.0)
    with pytest.raises(PeerSilent):
        client_of(pacs, made, acse_timeout=0.5).open()
    pacs.script = Script(rules=(Rule(first=1, delay=60.0),), accept_delay=1.0)
    client = client_of(pacs, made, dimse_timeout=0.5)
    client.open()
    with pytest.raises(PeerSilent):
        client.store()
    pacs.script = Script()
    assert client_of(pacs, made).send() == [0] * 6


def test_it_goes_down_and_comes_back_on_its_port_with_what_it_holds(
    scripted_pacs: Start, client_of: Connect, made: Archive
) -> None:
    pacs = scripted_pacs(Rule(act=Act.GO_DOWN, numbers=(3,)))
    client = client_of(pacs, made)
    client.open()
    assert [client.store(number).status for number in (0, 1)] == [0, 0]
    with pytest.raises(AssociationLost):
        client.store(2)
    wait_until(lambda: not listens(pacs.port), "it is down", 10)
    with pytest.raises(Unreachable):
        client.open()
    pacs.start()
    assert pacs.count() == 3
    assert client.send() == [0] * 6


def test_it_comes_back_by_itself(scripted_pacs: Start, client_of: Connect, made: Archive) -> None:
    pacs = scripted_pacs(Rule(act=Act.GO_DOWN, first=1, keeps=False, back_after=0.2))
    client = client_of(pacs, made)
    client.open()
    with pytest.raises(AssociationLost):
        client.store()
    wait_until(lambda: listens(pacs.port), "it is back", 10)
    assert client.send() == [0] * 6


def test_it_knows_patients_otherwise_than_they_were_sent(
    scripted_pacs: Start, client_of: Connect, made: Archive, finder_for: Any
) -> None:
    study = made.files[0].study_uid
    known = Known("0815", "Müller^Jürgen", "19700101", "M", "HOSPITAL", "ISO_IR 100")
    greek = Known("7", "Διονυσιος", character_set="ISO_IR 126")
    pacs = scripted_pacs(patients={study: (known,), "1.2.3": (known, greek)})
    finder = finder_for(pacs.node)
    there = Patient("0815", "HOSPITAL", "Müller^Jürgen", "19700101", "M")
    assert finder.patients(study) == (there,)
    assert finder.patients("1.2.3") == (there, Patient("7", "", "Διονυσιος", "", ""))
    assert finder.patients("1.2.4") == ()
    client_of(pacs, made).send()
    assert finder.patients(study) == (there,)
    assert finder.holdings(study).uids == made.uids


def test_it_refuses_to_be_asked(scripted_pacs: Start, made: Archive, finder_for: Any) -> None:
    study = made.files[0].study_uid
    pacs = scripted_pacs(find_status=0xC001)
    assert finder_for(pacs.node).patients(study) is None
    pacs.script = Script(finds=False)
    assert finder_for(pacs.node).patients(study) is None
    pacs.script = Script(find_act=Act.ABORT)
    with pytest.raises(AssociationLost):
        finder_for(pacs.node).patients(study)


def test_it_answers_echo_as_it_is_told(scripted_pacs: Start) -> None:
    pacs = scripted_pacs(echo_status=0x0122)
    assert echo(pacs.node, SECONDS).status == 0x0122
    assert pacs.associations[0].echoes == 1


def test_a_release_that_is_never_confirmed_ends_by_an_abort(
    scripted_pacs: Start, client_of: Connect, made: Archive
) -> None:
    pacs = scripted_pacs(ignores_release=True)
    client = client_of(pacs, made)
    client.open()
    assert client.store().status == 0
    client.release(0.5)
    wait_until(lambda: pacs.is_idle, "the client gave up", 10)


def test_stopping_it_wakes_whatever_waits(scripted_pacs: Start, made: Archive) -> None:
    pacs = scripted_pacs(accept_delay=60.0, delay=60.0)
    with socket.create_connection((pacs.node.host, pacs.port)) as mute:
        mute.sendall(struct.pack(">BxI", 1, 500))
        wait_until(lambda: len(pacs.associations) == 1, "it was accepted", 10)
        pacs.stop()
        wait_until(lambda: pacs.is_idle, "it let go of the association", 10)
    assert not listens(pacs.port)


def test_it_decodes_as_the_sender_means_it(scripted_pacs: Start, client_of: Connect, archive: Make) -> None:
    made = archive(studies=1, instances=2, syntaxes=(ExplicitVRBigEndian, RLELossless))
    pacs = scripted_pacs()
    client = client_of(pacs, made)
    client.open()
    assert [client.store(number).fidelity for number in (0, 1)] == [Fidelity.VERBATIM] * 2
    assert client.store(0).state is State.SENT
    assert {str(one.dataset.PatientID) for one in pacs.arrived} == {"P1"}
