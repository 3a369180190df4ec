"""What Orthanc can be told to refuse is healed as with the scripted PACS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless, RLELossless

from tests.migrate.running import Command
from tests.peers import Orthanc
from tests.peers.archives import Archive

Make = Callable[..., Archive]
Start = Callable[..., Any]
CT = "1.2.840.10008.5.1.4.1.1.2"
UNKNOWN_CLASS = "1.2.3.4.5"


def test_an_orthanc_that_takes_implicit_only_gets_everything_under_its_own_uids(
    archive: Make, start_peer: Start, migrate: Command
) -> None:
    source = archive(studies=2, instances=6, syntaxes=(RLELossless, JPEGLSLossless, ExplicitVRLittleEndian))
    orthanc = start_peer(Orthanc, settings={"AcceptedTransferSyntaxes": [ImplicitVRLittleEndian]})
    ran = migrate(source.folder, orthanc.node, "--verify")
    assert ran.code == 0, ran.told
    assert ran.json["fidelity"] == {"decompressed": 8, "reencoded": 4}
    assert ran.json["verify"]["proven"]
    assert orthanc.uids() == source.uids


def test_an_orthanc_that_rejects_a_class_gets_the_rest_and_the_reason_is_told(
    archive: Make, start_peer: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=10, sop_classes=(CT, UNKNOWN_CLASS))
    orthanc = start_peer(Orthanc, settings={"UnknownSopClassAccepted": False})
    ran = migrate(source.folder, orthanc.node)
    assert ran.code == 1
    assert ran.counts("sent", "failed", "pending") == (5, 5, 0)
    assert UNKNOWN_CLASS in ran.json["problems"][0]["reason"]
    assert orthanc.uids() == {made.uid for made in source.files if made.sop_class == CT}


def test_an_orthanc_that_keeps_what_it_has_and_one_that_overwrites_both_end_with_all(
    archive: Make, start_peer: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=4)
    for overwrites in (False, True):
        orthanc = start_peer(Orthanc, settings={"OverwriteInstances": overwrites})
        for options in ((), ("--restart",)):
            ran = migrate(source.folder, orthanc.node, "--verify", *options)
            assert ran.code == 0
            assert ran.json["verify"]["matched"] == 4
        assert orthanc.uids() == source.uids
