"""TLS with DCMTK and Orthanc: objects arrive bit for bit, and what is wrong is told in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trustme import KeyType

from migrator.core.errors import AssociationLost, TlsRefused
from migrator.core.model import ContextPair, Node, Proof, Tls
from migrator.core.outcome import State
from migrator.core.settings import SendSettings
from migrator.dicom.association import Timeouts
from migrator.dicom.probe import VERIFICATION, echo
from migrator.dicom.query import StudyFinder
from tests.association.making import IMPLICIT, dataset_of, library_files, quick, scan
from tests.peers import Orthanc, Storescp
from tests.peers.archives import Archive
from tests.tls.making import (
    PASSPHRASE,
    Authority,
    encrypted,
    orthanc_settings,
    over_tls,
    self_signed,
    storescp_options,
)

Start = Callable[..., Any]
PATIENCE = Timeouts(30.0, 30.0, 30.0)


def send_all(node: Node, files: list[Path]) -> None:
    for file in files:
        instance = scan(file)
        sender = quick(node, file.parent)
        sender.open([instance.pair])
        assert sender.store(instance).state is State.SENT
        sender.release()


def some_files() -> list[Path]:
    """Small and large ones, beyond the slab of 256 KiB, each with its own UID."""
    by_uid = {scan(file).uid: file for file in library_files()}
    by_size = sorted(by_uid.values(), key=lambda file: file.stat().st_size)
    chosen = [file for file in by_size if (scan(file).size - scan(file).offset) % 2 == 0]
    return chosen[:5] + chosen[-5:]


@pytest.mark.parametrize("kind", [KeyType.ECDSA, KeyType.RSA])
def test_objects_of_any_size_reach_storescp_bit_for_bit(
    kind: KeyType, tmp_path: Path, start_peer: Start
) -> None:
    authority = Authority(tmp_path, kind)
    peer = start_peer(Storescp, storescp_options(authority.issue()))
    files = some_files()
    send_all(over_tls(peer, Tls(ca=authority.file)), files)
    assert peer.datasets() == {scan(file).uid: dataset_of(file) for file in files}


def test_storescp_that_asks_for_our_certificate_gets_it_from_an_encrypted_key(
    authority: Authority, start_peer: Start
) -> None:
    peer = start_peer(Storescp, storescp_options(authority.issue(), authority.file))
    ours = encrypted(authority.issue("migrator.example"))
    tls = Tls(authority.file, ours.cert, ours.key, key_passphrase=PASSPHRASE)
    files = some_files()[:2]
    send_all(over_tls(peer, tls), files)
    assert peer.datasets() == {scan(file).uid: dataset_of(file) for file in files}


@pytest.mark.parametrize("is_mutual", [False, True])
def test_orthanc_is_sent_to_and_asked_over_tls(
    is_mutual: bool, authority: Authority, start_peer: Start, archive: Callable[..., Archive]
) -> None:
    settings = orthanc_settings(authority.issue(), authority.file, is_mutual=is_mutual)
    peer = start_peer(Orthanc, settings=settings)
    ours = authority.issue("migrator.example")
    node = over_tls(peer, Tls(authority.file, *((ours.cert, ours.key) if is_mutual else ())))
    files = sorted(path for path in archive(studies=2).folder.rglob("*") if path.is_file())
    send_all(node, files)
    finder = StudyFinder(node, SendSettings())
    holdings = finder.holdings(scan(files[0]).study.uid)
    finder.close()
    assert holdings.proof is Proof.UID_SET
    assert {scan(file).uid for file in files} == peer.uids()
    assert holdings.uids == {scan(f).uid for f in files if scan(f).study.uid == scan(files[0]).study.uid}


@pytest.mark.parametrize("name", ["storescp", "orthanc"])
def test_a_peer_that_asks_for_our_certificate_in_vain_says_so(
    name: str, authority: Authority, start_peer: Start
) -> None:
    pair = authority.issue()
    if name == "storescp":
        peer = start_peer(Storescp, storescp_options(pair, authority.file))
    else:
        peer = start_peer(Orthanc, settings=orthanc_settings(pair, authority.file, is_mutual=True))
    with pytest.raises(TlsRefused, match="asks for a certificate of ours") as caught:
        echo(over_tls(peer, Tls(ca=authority.file)), PATIENCE)
    assert not caught.value.may_retry


def test_a_peer_that_does_not_know_the_authority_of_our_certificate_says_so(
    authority: Authority, start_peer: Start, tmp_path: Path
) -> None:
    peer = start_peer(Storescp, storescp_options(authority.issue(), authority.file))
    ours = Authority(tmp_path / "other").issue("migrator.example")
    with pytest.raises(TlsRefused, match="does not accept our certificate"):
        echo(over_tls(peer, Tls(authority.file, ours.cert, ours.key)), PATIENCE)


def test_an_expired_certificate_is_refused(authority: Authority, start_peer: Start) -> None:
    peer = start_peer(Storescp, storescp_options(authority.issue(is_expired=True)))
    with pytest.raises(TlsRefused, match="has expired") as caught:
        echo(over_tls(peer, Tls(ca=authority.file)), PATIENCE)
    assert not caught.value.may_retry


def test_an_authority_that_is_not_trusted_is_refused(
    authority: Authority, start_peer: Start, tmp_path: Path
) -> None:
    peer = start_peer(Storescp, storescp_options(authority.issue()))
    with pytest.raises(TlsRefused, match="authority that is not trusted; --ca"):
        echo(over_tls(peer, Tls(ca=Authority(tmp_path / "other").file)), PATIENCE)


def test_without_a_ca_file_the_systems_authorities_decide(authority: Authority, start_peer: Start) -> None:
    peer = start_peer(Storescp, storescp_options(authority.issue()))
    with pytest.raises(TlsRefused, match="authority that is not trusted"):
        echo(over_tls(peer, Tls()), PATIENCE)


def test_a_self_signed_certificate_is_refused_and_accepted_where_the_ca_file_names_it(
    authority: Authority, start_peer: Start, tmp_path: Path
) -> None:
    pair = self_signed(tmp_path / "self")
    peer = start_peer(Storescp, storescp_options(pair))
    with pytest.raises(TlsRefused, match="self-signed"):
        echo(over_tls(peer, Tls(ca=authority.file)), PATIENCE)
    assert echo(over_tls(peer, Tls(ca=pair.cert)), PATIENCE).status == 0


def test_a_certificate_for_another_host_is_refused_unless_names_are_not_checked(
    authority: Authority, start_peer: Start, tmp_path: Path
) -> None:
    peer = start_peer(Storescp, storescp_options(authority.issue("pacs.example")))
    with pytest.raises(TlsRefused, match=r"does not name 127\.0\.0\.1"):
        echo(over_tls(peer, Tls(ca=authority.file)), PATIENCE)
    assert echo(over_tls(peer, Tls(ca=authority.file, checks_host=False)), PATIENCE).status == 0
    # Only the name is let off: the authority still counts.
    with pytest.raises(TlsRefused, match="not trusted"):
        echo(over_tls(peer, Tls(ca=Authority(tmp_path / "other").file, checks_host=False)), PATIENCE)


def test_a_host_name_is_checked_as_a_name(authority: Authority, start_peer: Start) -> None:
    peer = start_peer(Storescp, storescp_options(authority.issue("localhost")))
    tls = Tls(ca=authority.file)
    assert echo(Node("localhost", peer.port, "STORESCP", tls=tls), PATIENCE).status == 0


def test_a_tls_peer_that_is_spoken_to_in_the_clear_is_told_with_a_hint(
    authority: Authority, start_peer: Start
) -> None:
    for peer in (
        start_peer(Storescp, storescp_options(authority.issue())),
        start_peer(Orthanc, settings=orthanc_settings(authority.issue(), authority.file, is_mutual=False)),
    ):
        with pytest.raises(AssociationLost, match="--tls"):
            echo(peer.node, PATIENCE)


def test_many_associations_over_one_context_work(authority: Authority, start_peer: Start) -> None:
    peer = start_peer(Storescp, [*storescp_options(authority.issue()), "--fork"])
    node = over_tls(peer, Tls(ca=authority.file))
    for _ in range(5):
        sender = quick(node, Path())
        sender.open([ContextPair(VERIFICATION, IMPLICIT)])
        assert sender.is_open
        sender.release()
