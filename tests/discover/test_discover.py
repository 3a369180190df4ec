"""Looking for nodes, on the loopback interface alone."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.main import main
from migrator.core.control import Control
from migrator.core.errors import Cancelled
from migrator.dicom.association import Association
from migrator.jobs.discover import Approach, DiscoverJob, DiscoverRequest, Finding, Kind, words
from migrator.jobs.discover_own import own_networks
from tests.association.scripted import ABORT_BY_PROVIDER, Conversation, ScriptedScp
from tests.peers import Dcmqrscp, KeepingScp, Orthanc, Storescp, free_port, wait_until

QUICK = Approach(seconds=1.0)  # for what says nothing
PATIENT = Approach(seconds=30.0)  # for what answers when it has its turn
CALLING_NOT_RECOGNISED, CALLED_NOT_RECOGNISED = (1, 1, 3), (1, 1, 7)


def look(request: DiscoverRequest, control: Control | None = None) -> list[Finding]:
    findings: list[Finding] = []
    DiscoverJob(request, control or Control()).run(findings.append)
    return findings


def at(
    *ports: int, host: str = "127.0.0.1", approach: Approach = PATIENT, rate: float = 500.0
) -> DiscoverRequest:
    return DiscoverRequest((host,), ports, approach, rate)


@contextmanager
def listener(say: bytes = b"", host: str = "127.0.0.1") -> Iterator[tuple[int, list[str]]]:
    """Something that is no DICOM: greets and keeps still. Gives its port, and the addresses that called."""
    callers: list[str] = []
    held: list[socket.socket] = []
    with socket.create_server((host, 0)) as server:

        def serve() -> None:
            while True:
                try:
                    sock, address = server.accept()
                except OSError:
                    return
                callers.append(address[0])
                held.append(sock)
                sock.sendall(say)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], callers
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for sock in held:
            sock.close()


def test_orthanc_and_storescp_are_found_with_their_names_and_closed_ports_are_not(
    orthanc: Orthanc, storescp: Storescp
) -> None:
    findings = {finding.port: finding for finding in look(at(orthanc.port, free_port(), storescp.port))}
    assert set(findings) == {orthanc.port, storescp.port}
    for finding in findings.values():
        assert (finding.kind, finding.ae_title, finding.status) == (Kind.DICOM, "ANY-SCP", 0)
        assert finding.implementation_version.startswith("OFFIS_DCMTK")
        assert finding.association_seconds > 0


def test_titles_are_tried_until_one_is_accepted(dcmqrscp: Dcmqrscp) -> None:
    approach = Approach(("NOBODY", "NOT-ME", dcmqrscp.node.ae_title, "LATER"), seconds=30.0)
    (finding,) = look(at(dcmqrscp.port, approach=approach))
    assert finding.ae_title == dcmqrscp.node.ae_title
    assert finding.note == ""


def test_a_node_that_knows_no_title_is_dicom_all_the_same(dcmqrscp: Dcmqrscp) -> None:
    (finding,) = look(at(dcmqrscp.port, approach=Approach(("NOBODY", "NOT-ME"), seconds=30.0)))
    assert (finding.kind, finding.ae_title) == (Kind.DICOM, "")
    assert "called AE title not recognised" in finding.note
    assert "called AE title not recognised" in words(finding)


@pytest.mark.parametrize(
    ("rejection", "associations"), [(CALLING_NOT_RECOGNISED, 1), (CALLED_NOT_RECOGNISED, 3), ((2, 3, 2), 1)]
)
def test_after_a_rejection_further_titles_are_tried_only_where_they_could_help(
    rejection: tuple[int, int, int], associations: int
) -> None:
    """An unknown calling title and a node that is busy answer alike to every called title."""

    def connect_only(conversation: Conversation) -> None:
        conversation.read_to_the_end()

    rejecting = [lambda conversation: conversation.reject(*rejection)] * associations
    with ScriptedScp(connect_only, *rejecting) as peer:
        (finding,) = look(at(peer.node.port, approach=Approach(("A", "B", "C"), seconds=30.0)))
        assert len(peer.wait()) == 1 + associations
    assert (finding.kind, finding.ae_title) == (Kind.DICOM, "")
    assert finding.note


def test_a_node_without_verification_is_found(keeping_scp: Callable[..., KeepingScp]) -> None:
    (finding,) = look(at(keeping_scp(verifies=False).port))
    assert (finding.kind, finding.status) == (Kind.DICOM, None)
    assert "does not offer Verification" in finding.note


def test_a_node_that_aborts_has_spoken_dicom() -> None:
    def abort(conversation: Conversation) -> None:
        conversation.read_pdu()
        conversation.say(ABORT_BY_PROVIDER)

    with ScriptedScp(lambda conversation: conversation.read_to_the_end(), abort) as peer:
        (finding,) = look(at(peer.node.port, approach=Approach(("A",), seconds=30.0)))
    assert finding.kind is Kind.DICOM
    assert "aborted" in finding.note


@pytest.mark.parametrize("greeting", [b"", b"220 mail.example ESMTP\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_what_speaks_no_dicom_is_told_as_such_and_asked_once(greeting: bytes) -> None:
    with listener(greeting) as (port, callers):
        (finding,) = look(at(port, approach=QUICK))
        # Is it there, does it speak DICOM, does it speak TLS.
        wait_until(lambda: len(callers) >= 3, "all calls were taken")
    assert (finding.kind, finding.ae_title) == (Kind.OTHER, "")
    assert len(callers) == 3


def test_only_what_was_named_is_contacted() -> None:
    with listener(host="127.0.0.3") as (port, asked), listener(host="127.0.0.4") as (_, spared):
        findings = look(DiscoverRequest(("127.0.0.2", "127.0.0.3"), (port,), Approach(("A",), seconds=0.2)))
        wait_until(lambda: bool(asked), "the call was taken")
    assert [finding.host for finding in findings] == ["127.0.0.3"]
    assert not spared


def test_the_rate_is_kept() -> None:
    closed = free_port()
    hosts = tuple(f"127.0.1.{number}" for number in range(1, 31))
    started = time.monotonic()
    assert look(DiscoverRequest(hosts, (closed,), QUICK, rate=50.0)) == []
    assert 0.55 < time.monotonic() - started < 20.0


def test_many_silent_addresses_are_asked_at_the_same_time() -> None:
    hosts = tuple(f"127.0.0.{number}" for number in range(1, 21))
    with listener(host="0.0.0.0") as (port, callers):
        started = time.monotonic()
        findings = look(DiscoverRequest(hosts, (port,), Approach(("A",), seconds=1.0), rate=500.0))
        assert time.monotonic() - started < 20.0  # one after the other they would take 40
        assert {finding.kind for finding in findings} == {Kind.OTHER}
        assert len(findings) == 20
        wait_until(lambda: len(callers) >= 60, "all calls were taken")
        assert len(callers) == 60


def test_cancelling_ends_all_waits() -> None:
    control = Control()
    took: list[float] = []
    with listener() as (port, callers):
        request = at(*[port] * 8, approach=Approach(seconds=120.0))

        def stop() -> None:
            wait_until(lambda: len(callers) >= 16, "eight associations wait")
            took.append(time.monotonic())
            control.cancel()

        thread = threading.Thread(target=stop)
        thread.start()
        with pytest.raises(Cancelled):
            look(request, control)
        assert time.monotonic() - took[0] < 15.0
        thread.join()


def test_a_fault_of_ours_is_not_swallowed(storescp: Storescp, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Association, "open", broken)
    with pytest.raises(ZeroDivisionError):
        look(at(storescp.port))


def test_the_command_prints_json(orthanc: Orthanc, capsys: pytest.CaptureFixture[str]) -> None:
    ports = f"{free_port()},{orthanc.port}"
    words = ["discover", "127.0.0.1", "--ports", ports, "--aet", "ORTHANC", "--timeout", "30", "--json"]
    assert main(words) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert (result["complete"], result["places"], result["probed"]) == (True, 2, 2)
    (found,) = result["found"]
    assert (found["host"], found["port"], found["ae_title"]) == ("127.0.0.1", orthanc.port, "ORTHANC")
    assert (found["kind"], found["status"], found["note"]) == ("dicom", 0, "")
    assert found["association_ms"] > 0
    assert f"ORTHANC@127.0.0.1:{orthanc.port}" in captured.err


def test_the_command_prints_as_it_finds(storescp: Storescp, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["discover", "127.0.0.1", "--ports", str(storescp.port), "--timeout", "30"]) == 0
    assert f"ANY-SCP@127.0.0.1:{storescp.port}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["10.0.0.0/8"],
        ["10.0.0.300"],
        ["127.0.0.1", "--ports", "0"],
        ["127.0.0.1", "--ports", "104,x"],
        ["127.0.0.1", "--rate", "0"],
        ["127.0.0.1", "--rate", "nan"],
        ["127.0.0.1", "--rate", "100000"],
        ["127.0.0.1", "--timeout", "0"],
        ["127.0.0.1", "--aet", "A" * 17],
        ["127.0.0.1", "--aet", ""],
        ["127.0.0.1", "--ca", "file"],
        [],
    ],
)
def test_wrong_usage_gives_2(words: list[str]) -> None:
    try:
        code = main(["discover", *words])
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_ends_it_at_once_with_130_and_what_was_found(storescp: Storescp) -> None:
    root = Path(__file__).resolve().parent.parent.parent
    with listener() as (port, callers):
        command = [sys.executable, "-m", "migrator", "discover", "127.0.0.1", "--json", "--timeout", "60"]
        process = subprocess.Popen(
            [*command, "--ports", f"{storescp.port},{port}"],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        found = process.stderr.readline()
        wait_until(lambda: len(callers) >= 2, "an association waits")
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        out, _ = process.communicate(timeout=60)
        took = time.monotonic() - started
    result: Any = json.loads(out)
    assert process.returncode == 130
    assert str(storescp.port) in found
    assert not result["complete"]
    assert [one["port"] for one in result["found"]] == [storescp.port]
    assert took < 20.0  # a second, and the end of an interpreter on a busy machine; the wait is of a minute


def test_the_computers_own_networks_are_offered_but_not_the_loopback() -> None:
    for network in map(ip_network, own_networks()):
        assert network.prefixlen == 24
        assert not network.is_loopback
        assert not network.is_link_local
