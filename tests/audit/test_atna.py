"""An audit record repository hears of every transfer, in DICOM's own words; what it misses comes later."""

from __future__ import annotations

import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from pydicom.uid import CTImageStorage, MRImageStorage

from migrator.cli.main import main
from migrator.core.errors import UsageError
from migrator.jobs.audit_atna import Atna
from migrator.records import atna_spool
from migrator.records.atna import (
    Ended,
    Outcome,
    Reporter,
    Route,
    Transfer,
    application_activity,
    begin_transferring,
    instances_transferred,
)
from migrator.records.atna_spool import Spool
from migrator.records.atna_syslog import Address, address_of, syslog_message
from tests.audit.conftest import Log, wait_until
from tests.audit.repository import Repository, check_message, parsed, participants
from tests.audit.test_chain import HOSTILE
from tests.migrate.running import Command
from tests.peers import KeepingScp, Rule, ScriptedPacs, free_port
from tests.peers.archives import Archive

pytest.importorskip("trustme")
from tests.tls.making import Authority, Pair  # which it imports

Make = Callable[..., Archive]
Keep = Callable[..., KeepingScp]

START, STOP = "Application Activity / Application Start", "Application Activity / Application Stop"
BEGIN, END = "Begin Transferring DICOM Instances", "DICOM Instances Transferred"
REPORTER = Reporter("4711", "workstation", "somebody@workstation")
ROUTE = Route("DICOM_MIGRATOR", "PACS", "10.0.0.7")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


@pytest.fixture
def repository(authority: Authority) -> Iterator[Callable[..., Repository]]:
    """Start repositories, with a certificate of the authority: `repository(port=…, client_ca=…)`."""
    pair = authority.issue()
    with ExitStack() as stack:

        def start(pair: Pair = pair, **options: object) -> Repository:
            return stack.enter_context(Repository(pair.cert, pair.key, **options))  # type: ignore[arg-type]

        yield start


def spooled(home: Path) -> list[Path]:
    return sorted(home.glob("atna/*/*.msg"))


def test_every_study_is_told_at_its_begin_and_at_its_end(
    archive: Make,
    keeping_scp: Keep,
    migrate: Command,
    authority: Authority,
    repository: Callable[..., Repository],
    data_directory: Path,
) -> None:
    source = archive(studies=3, instances=4, sop_classes=(CTImageStorage, MRImageStorage))
    scp, listener = keeping_scp(), repository()
    ran = migrate(source.folder, scp.node, "--audit-syslog", listener.address, "--audit-ca", authority.file)
    assert ran.code == 0, ran.told
    received = listener.received
    assert [received[0].event, received[-1].event] == [START, STOP]
    assert Counter(one.event for one in received) == {START: 1, STOP: 1, BEGIN: 3, END: 3}
    for study in source.studies:
        begin, end = (one for one in received[1:-1] if one.study == study)
        assert (begin.event, end.event) == (BEGIN, END)
        assert begin.classes == end.classes == {CTImageStorage: 2, MRImageStorage: 2}
        assert (begin.outcome, end.outcome) == ("0", "0")
        assert begin.xml[0].attrib["EventActionCode"] == "E"
        assert end.xml[0].attrib["EventActionCode"] == "R"
        of_study, of_patient = end.xml.findall("ParticipantObjectIdentification")
        assert of_study[0].attrib["csd-code"] == "110180"
        assert of_patient[0].attrib["csd-code"] == "2"
        number = source.files[[one.study_uid for one in source.files].index(study)].path.parts[-3][-1]
        assert of_patient.attrib["ParticipantObjectID"] == f"P{number}"
        assert of_patient[1].text == f"Test^Patient{number}"
        who = participants(end)
        assert who["Source Role ID"]["AlternativeUserID"] == "AETITLE=DICOM_MIGRATOR"
        assert who["Destination Role ID"]["UserID"] == scp.node.ae_title
        assert who["Destination Role ID"]["NetworkAccessPointID"] == "127.0.0.1"
        assert who["Destination Role ID"]["NetworkAccessPointTypeCode"] == "2"
        assert who["Application Launcher"]["UserIsRequestor"] == "true"
    assert {(one.priority, one.app, one.id) for one in received} == {(85, "dicom_migrator", "DICOM+RFC3881")}
    assert {one.process for one in received} == {str(os.getpid())}
    assert spooled(data_directory) == []


def test_what_was_stored_and_what_was_not_is_told_apart(
    archive: Make,
    scripted_pacs: Callable[..., ScriptedPacs],
    migrate: Command,
    authority: Authority,
    repository: Callable[..., Repository],
) -> None:
    source, listener = archive(studies=1, instances=5), repository()
    bad = source.files[2].uid
    pacs = scripted_pacs(Rule(0x0122, uids=(bad,)))
    ran = migrate(source.folder, pacs.node, "--audit-syslog", listener.address, "--audit-ca", authority.file)
    assert ran.code == 1
    stored, failed = sorted(listener.of(END), key=lambda one: one.outcome)
    assert (stored.outcome, stored.priority, stored.classes) == ("0", 85, {CTImageStorage: 4})
    assert (failed.outcome, failed.priority, failed.classes) == ("8", 84, {CTImageStorage: 1})
    assert [one.attrib["UID"] for one in failed.xml.iter("Instance")] == [bad]
    assert failed.xml[0][-1].tag == "EventOutcomeDescription"


def test_what_the_destination_holds_already_is_no_gap_between_begin_and_end(
    archive: Make,
    scripted_pacs: Callable[..., ScriptedPacs],
    migrate: Command,
    authority: Authority,
    repository: Callable[..., Repository],
) -> None:
    """Where both disagree, a repository may see a breach (A.5.3.7)."""
    source, listener = archive(studies=2, instances=2), repository()
    there = (source.files[0].uid, source.files[1].uid, source.files[2].uid)
    pacs = scripted_pacs(Rule(0x0111, uids=there))
    ran = migrate(source.folder, pacs.node, "--audit-syslog", listener.address, "--audit-ca", authority.file)
    assert (ran.code, ran.json["skipped"]) == (0, 3)
    for study in source.studies:
        (begin,) = (one for one in listener.of(BEGIN) if one.study == study)
        (end,) = (one for one in listener.of(END) if one.study == study)
        assert begin.classes == end.classes == {CTImageStorage: 2}
        assert end.outcome == "0"


def test_a_repository_that_is_away_is_told_later_and_everybody_knows(
    archive: Make,
    keeping_scp: Keep,
    migrate: Command,
    authority: Authority,
    repository: Callable[..., Repository],
    data_directory: Path,
    log: Log,
) -> None:
    source, scp, listener = archive(), keeping_scp(), repository(port=free_port())
    listener.close()
    options = ("--audit-syslog", listener.address, "--audit-ca", authority.file)
    ran = migrate(source.folder, scp.node, *options, *log.option)
    assert ran.code == 0, "a repository that is away holds up nothing"
    waiting = spooled(data_directory)
    assert len(waiting) == 6
    assert "cannot be reached" in ran.told
    assert f"6 messages to the audit repository {listener.address} wait for the next run" in ran.told
    texts = [line["detail"]["text"] for line in log.events("notice")]
    assert any("wait for the next run" in text for text in texts)
    assert log.names()[-1] == "run_ended"
    if os.name != "nt":
        assert {stat.S_IMODE(one.stat().st_mode) for one in waiting} == {0o600}
    back = repository(port=listener.port)
    assert migrate(source.folder, scp.node, *options).code == 0
    assert spooled(data_directory) == []
    assert Counter(one.event for one in back.received) == {START: 2, STOP: 2, BEGIN: 2, END: 2}
    assert [one.event for one in back.received[:1]] == [START], "the oldest come first"


def test_a_connection_that_is_cut_loses_nothing(
    authority: Authority,
    repository: Callable[..., Repository],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(atna_spool, "_PAUSES", (0.05,))
    monkeypatch.setattr(atna_spool, "_GATHER", 0.05)
    listener = repository()
    listener.cuts_after = 3
    told: list[str] = []
    spool = spool_to(listener, authority, tmp_path, told)
    messages = [message_of(number) for number in range(10)]
    for message in messages:
        spool.put(message)
    wait_until(lambda: listener.connections >= 3, "it has tried again")
    listener.cuts_after = 0
    delivery = spool.close(20)
    assert (delivery.waiting, delivery.lost) == (0, 0)
    assert set(listener.raw) == set(messages)
    assert [text for text in told if "cannot be reached" in text]
    assert told[-1].endswith("is there again")


@pytest.mark.parametrize("kind", ["stranger", "other host", "no certificate of ours"])
def test_a_repository_that_is_not_trusted_hears_nothing(
    archive: Make,
    keeping_scp: Keep,
    migrate: Command,
    authority: Authority,
    repository: Callable[..., Repository],
    tmp_path: Path,
    data_directory: Path,
    kind: str,
) -> None:
    source, scp = archive(studies=1, instances=1), keeping_scp()
    if kind == "stranger":
        listener = repository(Authority(tmp_path / "other").issue())
    elif kind == "other host":
        listener = repository(authority.issue("elsewhere.example"))
    else:
        listener = repository(client_ca=authority.file)
    ran = migrate(source.folder, scp.node, "--audit-syslog", listener.address, "--audit-ca", authority.file)
    assert ran.code == 0
    assert listener.raw == []
    assert len(spooled(data_directory)) == 4
    assert "cannot be reached" in ran.told


def test_our_own_certificate_is_shown_to_a_repository_that_asks(
    archive: Make,
    keeping_scp: Keep,
    migrate: Command,
    authority: Authority,
    repository: Callable[..., Repository],
    tmp_path: Path,
) -> None:
    source, scp = archive(studies=1, instances=1), keeping_scp()
    listener = repository(client_ca=authority.file)
    own = authority.issue("workstation.example")
    both = tmp_path / "own.pem"
    both.write_bytes(Path(own.cert).read_bytes() + Path(own.key).read_bytes())
    tls = ("--audit-ca", authority.file, "--audit-cert", str(both))
    assert migrate(source.folder, scp.node, "--audit-syslog", listener.address, *tls).code == 0
    assert len(listener.received) == 4


def test_what_cannot_be_is_said_before_anything_is_sent(
    archive: Make, keeping_scp: Keep, capsys: pytest.CaptureFixture[str]
) -> None:
    source, scp = archive(studies=1, instances=1), keeping_scp()
    for options in (
        ("--audit-syslog", "a b"),
        ("--audit-syslog", "host:99999"),
        ("--audit-syslog", "host:"),
        ("--audit-syslog", "host", "--audit-ca", "/nowhere.pem"),
        ("--audit-ca", "/nowhere.pem"),
    ):
        assert main(["migrate", str(source.folder), "--to", str(scp.node), *options]) == 2, options
        assert capsys.readouterr().err
    assert scp.associations == 0


def test_addresses_are_read_as_people_write_them() -> None:
    assert address_of("arr.example") == Address("arr.example", 6514)
    assert address_of("10.0.0.1:1234") == Address("10.0.0.1", 1234)
    assert address_of("[::1]:99") == Address("::1", 99)
    with pytest.raises(UsageError, match="write host:6514"):
        address_of("::1")


@pytest.mark.parametrize("text", [*HOSTILE, "", "x" * 100_000, "<&>]]>\ufffe\uffff"])
def test_messages_keep_to_the_schema_whatever_stands_in_them(text: str) -> None:
    transfer = Transfer("1.2.3", text, text, {CTImageStorage: 3}, text, text, {CTImageStorage: ["1.2.3.4"]})
    reporter = Reporter("1", "workstation", f"{text}@workstation")
    for xml in (
        application_activity(reporter, 0, is_start=True),
        begin_transferring(reporter, 0, ROUTE, transfer),
        instances_transferred(reporter, Ended(0, Outcome.SERIOUS, text), ROUTE, transfer),
    ):
        check_message(fromstring(xml))
        assert len(xml) < 32768, "more a repository need not take (PS3.15 A.6)"


def test_a_message_with_as_many_instances_as_it_may_name_is_not_too_long() -> None:
    uids = [f"1.2.826.0.1.3680043.8.498.{10**37 + number}" for number in range(200)]
    transfer = Transfer("1.2.3", "7", "DOE^JANE", {CTImageStorage: 5000}, instances={CTImageStorage: uids})
    xml = instances_transferred(REPORTER, Ended(0, Outcome.SERIOUS, "why"), ROUTE, transfer)
    assert len(uids[0]) == 64
    assert len(syslog_message(xml, 0, "h", "1")) < 32768


def test_a_host_that_syslog_cannot_name_is_named_all_the_same() -> None:
    xml = application_activity(REPORTER, 0, is_start=True)
    for host in ("", "my host", "röntgen", "x" * 300):
        assert parsed(syslog_message(xml, time.time_ns(), host, "1")).host


def message_of(number: int) -> bytes:
    xml = application_activity(Reporter(str(number), "workstation", "tester"), 0, is_start=True)
    return syslog_message(xml, time.time_ns(), "workstation", str(number))


def spool_to(listener: Repository, authority: Authority, folder: Path, told: list[str]) -> Spool:
    from migrator.core.model import Tls
    from migrator.dicom.tls import context_of

    context = context_of(Tls(authority.file))
    return Spool(
        folder / "spool", address_of(listener.address), context, lambda text, level: told.append(text)
    )


def test_a_spool_that_is_full_or_cannot_be_written_tells_what_is_lost(
    authority: Authority,
    repository: Callable[..., Repository],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listener = repository(port=free_port())
    listener.close()
    told: list[str] = []
    monkeypatch.setattr(atna_spool, "MOST_WAITING", 3)
    spool = spool_to(listener, authority, tmp_path, told)
    for number in range(5):
        spool.put(message_of(number))
    delivery = spool.close(5)
    assert (delivery.waiting, delivery.lost) == (3, 2)
    assert len([text for text in told if "are lost" in text]) == 1


def test_two_runs_send_nothing_twice(
    authority: Authority, repository: Callable[..., Repository], tmp_path: Path
) -> None:
    listener = repository()
    told: list[str] = []
    spools = [spool_to(listener, authority, tmp_path, told) for _ in range(2)]
    messages = [message_of(number) for number in range(40)]
    for number, message in enumerate(messages):
        spools[number % 2].put(message)
    for spool in spools:
        spool.close(20)
    assert sorted(listener.raw) == sorted(messages)


def test_a_batch_that_goes_back_is_one_transfer(archive: Make) -> None:
    """What could not be sent is taken again; its study began once, and ends once."""
    from migrator.core.events import BatchTaken, InstanceSettled
    from migrator.core.model import Instance, StudyBatch
    from migrator.core.outcome import Outcome as Settled
    from migrator.core.outcome import State
    from migrator.dicom.header import read_header

    source = archive(studies=1, instances=4)
    root = str(source.folder)
    instances = []
    for made in source.files:
        status = made.path.stat()
        path = str(made.path.relative_to(source.folder))
        one = read_header(root, path, status.st_size, status.st_mtime_ns)
        assert isinstance(one, Instance)
        instances.append(one)
    messages: list[bytes] = []
    atna = Atna(messages.append, {"PACS": ROUTE})
    atna.take(BatchTaken(StudyBatch(1, source.files[0].study_uid, tuple(instances)), "PACS"))
    atna.take(InstanceSettled(instances[0], Settled(State.SENT), "PACS"))
    atna.take(BatchTaken(StudyBatch(2, source.files[0].study_uid, tuple(instances[1:])), "PACS"))
    for one in instances[1:3]:
        atna.take(InstanceSettled(one, Settled(State.SENT), "PACS"))
    assert [parsed(message).event for message in messages] == [BEGIN]
    atna.ended()
    stored, left, stop = (parsed(message) for message in messages[1:])
    assert (stored.event, stored.outcome, sum(stored.classes.values())) == (END, "0", 3)
    assert (left.event, left.outcome, sum(left.classes.values())) == (END, "4", 1)
    assert stop.event == STOP
