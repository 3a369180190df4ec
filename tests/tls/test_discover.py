"""Nodes that speak TLS are noticed, and with certificates also asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from migrator.cli.main import main
from migrator.core.control import Control
from migrator.core.model import Tls
from migrator.jobs.discover import Approach, DiscoverJob, DiscoverRequest, Finding, Kind
from tests.association.scripted import Conversation, ScriptedScp
from tests.peers import Orthanc, Storescp
from tests.tls.making import Authority, orthanc_settings, storescp_options


def look(port: int, tls: Tls | None) -> list[Finding]:
    findings: list[Finding] = []
    request = DiscoverRequest(("127.0.0.1",), (port,), Approach(seconds=30.0, tls=tls))
    DiscoverJob(request, Control()).run(findings.append)
    return findings


@pytest.mark.parametrize("is_mutual", [False, True])
@pytest.mark.parametrize("name", ["storescp", "orthanc"])
def test_a_tls_node_is_noticed_without_certificates(
    name: str, is_mutual: bool, authority: Authority, start_peer: Callable[..., Any]
) -> None:
    if name == "storescp":
        options = storescp_options(authority.issue(), authority.file if is_mutual else None)
        peer = start_peer(Storescp, options)
    else:
        peer = start_peer(
            Orthanc, settings=orthanc_settings(authority.issue(), authority.file, is_mutual=is_mutual)
        )
    (finding,) = look(peer.port, None)
    assert finding.kind is Kind.TLS
    assert "--tls" in finding.note


def test_with_the_authority_a_tls_node_is_asked(authority: Authority, start_peer: Callable[..., Any]) -> None:
    peer = start_peer(Storescp, storescp_options(authority.issue()))
    (finding,) = look(peer.port, Tls(ca=authority.file))
    assert (finding.kind, finding.ae_title, finding.status) == (Kind.DICOM, "ANY-SCP", 0)


def test_a_certificate_that_is_not_trusted_is_told(
    authority: Authority, start_peer: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    peer = start_peer(Storescp, storescp_options(authority.issue("pacs.example")))
    words = ["discover", "127.0.0.1", "--ports", str(peer.port), "--tls", "--ca", authority.file, "--json"]
    assert main([*words, "--timeout", "30"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["found"]
    assert (found["kind"], found["ae_title"]) == ("tls", None)
    assert "does not name 127.0.0.1" in found["note"]


def test_a_plain_node_is_no_tls_node(storescp: Storescp, authority: Authority) -> None:
    (finding,) = look(storescp.port, Tls(ca=authority.file))
    assert finding.kind is Kind.OTHER
    assert "not speak TLS" in finding.note


@pytest.mark.parametrize("words", [b"\x07\0\0\0\0\4\0\0\2\2", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_what_answers_tls_in_the_clear_is_no_tls_node(words: bytes, authority: Authority) -> None:
    def script(conversation: Conversation) -> None:
        conversation.socket.recv(1 << 16)
        conversation.say(words)
        conversation.read_to_the_end()

    with ScriptedScp(lambda conversation: None, script) as peer:
        (finding,) = look(peer.node.port, Tls(ca=authority.file))
    assert finding.kind is Kind.OTHER
    assert "not speak TLS" in finding.note
