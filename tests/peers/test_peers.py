"""The peers that other tests rely on do what they say."""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from migrator.core.model import Node
from migrator.dicom.receiver import end_server
from tests.conftest import Start
from tests.peers import Dcmqrscp, KeepingScp, Orthanc, Storescp
from tests.peers.archives import Archive
from tests.peers.processes import StartFailed, listens, program, wait_until

SYNTAXES = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEGLSLossless,
    JPEGBaseline8Bit,
)


def dcmsend(node: Node, folder: Path) -> None:
    """Send a folder with DCMTK's own tool, each file in its own syntax."""
    command = [program("dcmsend", "dcmtk"), "-aec", node.ae_title, "+sd", "+r", "-dn"]
    subprocess.run(
        [*command, node.host, str(node.port), str(folder)], check=True, capture_output=True, timeout=60
    )


@pytest.mark.parametrize("kind", [Orthanc, Dcmqrscp, Storescp, KeepingScp])
def test_every_peer_stores_what_dcmsend_sends(start_peer: Start, archive: Any, kind: Any) -> None:
    peer = start_peer(kind)
    made = archive(studies=2, instances=2)
    dcmsend(peer.node, made.folder)
    assert peer.count() == 4


@pytest.mark.parametrize("kind", [Orthanc, Dcmqrscp, Storescp])
def test_a_restarted_peer_keeps_its_port_and_its_storage(start_peer: Start, archive: Any, kind: Any) -> None:
    peer = start_peer(kind)
    node = peer.node
    dcmsend(node, archive(studies=1, instances=2).folder)
    peer.kill()
    assert not listens(node.port)
    peer.start()
    assert peer.node == node
    assert peer.count() == 2


def test_a_peer_that_ends_by_itself_is_told_of_with_its_last_words(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.pem")
    with (
        pytest.raises((AssertionError, StartFailed), match=r"missing\.pem"),
        Storescp(["+tls", missing, missing]) as peer,
    ):
        wait_until(lambda: peer.has_ended, "it has ended")  # it listens before it reads its key


def test_storescp_and_the_keeping_scp_keep_the_bytes(
    storescp: Storescp, keeping_scp: Callable[..., KeepingScp], archive: Callable[..., Archive]
) -> None:
    # dcmsend encodes all else anew.
    made = archive(studies=1, instances=4, syntaxes=(ExplicitVRLittleEndian, *SYNTAXES[4:]))
    keeper = keeping_scp()
    for peer in (storescp, keeper):
        dcmsend(peer.node, made.folder)
    assert storescp.datasets() == made.datasets
    assert keeper.datasets == made.datasets


def test_the_keeping_scp_counts_every_store(keeping_scp: Callable[..., KeepingScp], archive: Any) -> None:
    made = archive(studies=1, instances=2)
    peer = keeping_scp(status=lambda kept: 0xA700 if kept.uid.endswith(".1") else 0x0000)
    for _ in range(2):
        dcmsend(peer.node, made.folder)
    assert peer.counts == dict.fromkeys(made.uids, 2)
    assert peer.associations == 2


@pytest.mark.parametrize("is_reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("start", [b"", b"\1\0\0\0"], ids=["nothing said", "half a PDU"])
def test_the_keeping_scp_notices_at_once_that_a_client_left_before_it_asked(
    keeping_scp: Callable[..., KeepingScp], start: bytes, is_reset: bool
) -> None:
    peer = keeping_scp()
    with socket.create_connection((peer.node.host, peer.port)) as client:
        client.sendall(start)
        wait_until(lambda: not peer.is_idle, "the connection was accepted")
        if is_reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: peer.is_idle, "the peer noticed", 10)


def test_no_connection_to_the_keeping_scp_keeps_the_tests_from_ending(
    keeping_scp: Callable[..., KeepingScp],
) -> None:
    peer = keeping_scp()
    before = set(threading.enumerate())
    with socket.create_connection((peer.node.host, peer.port)):
        wait_until(lambda: len(set(threading.enumerate()) - before) >= 2, "the connection is served")

        def only_daemons_serve_it() -> bool:
            # The server's own thread per request hands over to pynetdicom's, and ends.
            return all(thread.daemon for thread in set(threading.enumerate()) - before)

        wait_until(only_daemons_serve_it, "the connection is left to threads that end with the program", 10)


def test_archives_hold_what_they_say(archive: Callable[..., Archive]) -> None:
    made = archive(studies=2, series=2, instances=4, syntaxes=SYNTAXES)
    assert len(made.uids) == 16
    assert set(made.studies) == {pydicom.dcmread(f.path).StudyInstanceUID for f in made.files}
    for file in made.files:
        ds = pydicom.dcmread(file.path)
        assert (ds.SOPInstanceUID, ds.file_meta.TransferSyntaxUID) == (file.uid, file.transfer_syntax)
    assert archive(studies=2, series=2, instances=4, syntaxes=SYNTAXES).datasets == made.datasets


def test_an_association_that_a_server_takes_while_it_is_ended_is_ended_too() -> None:
    ours, theirs = socket.socketpair()
    taken: list[Any] = []
    late = SimpleNamespace(
        dul=SimpleNamespace(socket=SimpleNamespace(socket=ours)), join=lambda seconds: None
    )

    class Server:
        socket = SimpleNamespace(shutdown=lambda how: None)

        @property
        def active_associations(self) -> list[Any]:
            return list(taken)

        def shutdown(self) -> None:
            taken.append(late)

    with ours, theirs:
        theirs.settimeout(30)
        end_server(Server())
        assert theirs.recv(1) == b""
