"""How each kind of object would travel, and whether it then does."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.uid import (
    MPEG4HP41,
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    MRImageStorage,
    RLELossless,
)

from migrator.core.model import Node
from tests.compat.conftest import Compat
from tests.migrate.running import Command
from tests.peers import KeepingScp, Orthanc, ScriptedPacs, Storescp, free_port, wait_until
from tests.peers.archives import Archive
from tests.peers.processes import program
from tests.peers.scripted_rules import CALLED_AE_NOT_RECOGNISED, CONGESTION, Greeting, Proposal, Script
from tests.peers.scripted_talk import Over
from tests.quality.making import META_SYNTAX, clean, part_10, put

Make = Callable[..., Archive]
Keep = Callable[..., KeepingScp]
Pacs = Callable[..., ScriptedPacs]

EXPLICIT, IMPLICIT = str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)
RLE, JPEG, J2K, MPEG = str(RLELossless), str(JPEGBaseline8Bit), str(JPEG2000Lossless), str(MPEG4HP41)
JPIP = "1.2.840.10008.1.2.4.94"
PRIVATE_CLASSES = tuple(f"1.2.826.0.1.3680043.8.498.77.{number}" for number in range(1, 71))


class LimitedStorescp(Storescp):
    """Takes CT images in implicit little endian, and nothing else."""

    PROFILE = (
        "[[TransferSyntaxes]]\n[Plain]\nTransferSyntax1 = LittleEndianImplicit\n"
        "[[PresentationContexts]]\n[Only]\nPresentationContext1 = CTImageStorage\\Plain\n"
        "[[Profiles]]\n[Limited]\nPresentationContexts = Only\n"
    )

    def command(self) -> list[str]:
        profile = self.folder / "storescp.cfg"
        profile.write_text(self.PROFILE)
        self.storage.mkdir(exist_ok=True)
        options = ["--config-file", str(profile), "Limited", "-aet", "STORESCP", "-od", str(self.storage)]
        return [program("storescp", "dcmtk"), *options, str(self.port)]


def test_orthanc_takes_everything(archive: Make, orthanc: Orthanc, compat: Compat) -> None:
    source = archive(studies=1, instances=6, side=64, syntaxes=(EXPLICIT, J2K, RLE))
    result = compat(source.folder, orthanc.node)
    assert (result.code, result.files()) == (0, {"accepted": 6})
    assert result.json["system"]
    assert {(cell["files"], cell["sent_as_uid"]) for cell in result.json["cells"]} == {
        (2, EXPLICIT),
        (2, J2K),
        (2, RLE),
    }
    assert sum(cell["bytes"] for cell in result.json["cells"]) == sum(
        made.path.stat().st_size for made in source.files
    )
    assert orthanc.count() == 0


def test_every_way_and_the_real_run_goes_the_same(
    archive: Make, keeping_scp: Keep, compat: Compat, migrate: Command
) -> None:
    syntaxes = (IMPLICIT, EXPLICIT, RLE, MPEG, JPIP)
    source = archive(studies=1, instances=10, syntaxes=syntaxes)
    peer = keeping_scp(syntaxes=(IMPLICIT,))
    result = compat(source.folder, peer.node)
    assert not peer.kept
    assert result.code == 1
    assert result.files() == {"accepted": 2, "reencoded": 2, "decompressed": 2, "no_way": 4}
    assert result.cell(EXPLICIT)["sent_as_uid"] == result.cell(RLE)["sent_as_uid"] == IMPLICIT
    assert (result.cell(MPEG)["sent_as_uid"], result.cell(MPEG)["result"]) == ("", 4)
    assert "there is no decoder for it" in result.cell(MPEG)["reason"]
    assert "its pixel data lies elsewhere" in result.cell(JPIP)["reason"]
    real = migrate(source.folder, peer.node)
    assert real.json["fidelity"] == {"verbatim": 2, "reencoded": 2, "decompressed": 2}
    assert real.json["failed"] == 4


@pytest.mark.parametrize(
    ("options", "ways"),
    [
        ((), {"reencoded": 1, "decompressed": 2}),
        (("--no-decompress-lossy",), {"reencoded": 1, "decompressed": 1, "no_way": 1}),
        (("--recovery", "strict"), {"reencoded": 1, "decompressed": 1, "no_way": 1}),
        (("--no-decompress",), {"no_way": 3}),
    ],
)
def test_what_is_not_allowed_is_no_way(
    archive: Make, keeping_scp: Keep, compat: Compat, options: tuple[str, ...], ways: dict[str, int]
) -> None:
    source = archive(studies=1, instances=3, syntaxes=(EXPLICIT, RLE, JPEG))
    result = compat(source.folder, keeping_scp(syntaxes=(IMPLICIT,)).node, *options)
    assert result.files() == ways
    assert result.code == ("no_way" in ways)
    assert (result.cell(JPEG)["lossy"], result.cell(RLE)["lossy"]) == (True, False)


def test_what_the_destination_said_is_told(archive: Make, scripted_pacs: Pacs, compat: Compat) -> None:
    source = archive(studies=1, instances=2, sop_classes=(CTImageStorage, MRImageStorage))
    result = compat(source.folder, scripted_pacs(sop_classes=(CTImageStorage,)).node)
    assert (result.code, result.files()) == (1, {"accepted": 1, "no_way": 1})
    (refused,) = (cell for cell in result.json["cells"] if cell["way"] == "no way")
    assert (refused["sop_class_uid"], refused["result"]) == (MRImageStorage, 3)
    assert "SOP class is not supported" in refused["reason"]


def test_a_limited_storescp_gets_what_it_takes(
    archive: Make, start_peer: Callable[..., LimitedStorescp], compat: Compat
) -> None:
    peer = start_peer(LimitedStorescp)
    source = archive(
        studies=1, instances=4, sop_classes=(CTImageStorage, MRImageStorage), syntaxes=(EXPLICIT,)
    )
    result = compat(source.folder, peer.node)
    assert (result.code, result.files()) == (1, {"reencoded": 2, "no_way": 2})
    assert peer.count() == 0


def test_what_is_accepted_only_alone_is_found_so(
    archive: Make, scripted_pacs: Pacs, compat: Compat, migrate: Command
) -> None:
    def accepts(sop_class: str, syntax: str, proposal: Proposal) -> bool:
        return len(proposal.sop_classes) == 1

    source = archive(studies=1, instances=4, sop_classes=(CTImageStorage, MRImageStorage))
    peer = scripted_pacs(accepts=accepts)
    result = compat(source.folder, peer.node)
    assert (result.code, result.files()) == (0, {"accepted": 4})
    assert {cell["over"] for cell in result.json["cells"]} == {"over an association for this SOP class alone"}
    assert migrate(source.folder, peer.node).json["fidelity"] == {"verbatim": 4}
    assert compat(source.folder, peer.node, "--no-targeted").files() == {"no_way": 4}


def test_what_is_accepted_only_without_compressed_syntaxes_is_found_so(
    archive: Make, scripted_pacs: Pacs, compat: Compat, migrate: Command
) -> None:
    def accepts(sop_class: str, syntax: str, proposal: Proposal) -> bool:
        return all(one in (IMPLICIT, EXPLICIT) for _, one in proposal.pairs)

    source = archive(studies=1, instances=2, syntaxes=(RLE,))
    peer = scripted_pacs(accepts=accepts)
    result = compat(source.folder, peer.node)
    assert (result.code, result.files()) == (0, {"decompressed": 2})
    assert "uncompressed syntaxes only" in result.cell(RLE)["over"]
    assert migrate(source.folder, peer.node).json["fidelity"] == {"decompressed": 2}


def test_more_kinds_than_one_association_can_propose(
    archive: Make, keeping_scp: Keep, compat: Compat
) -> None:
    source = archive(studies=1, instances=140, side=2, sop_classes=PRIVATE_CLASSES, syntaxes=(EXPLICIT, RLE))
    peer = keeping_scp(syntaxes=(EXPLICIT,))
    result = compat(source.folder, peer.node)
    assert result.code == 0
    assert sum(result.files().values()) == 140
    assert result.json["associations"] == peer.associations < 8


def hangs_up(on: Callable[[str, str, Proposal], bool]) -> Callable[[str, str, Proposal], bool]:
    def accepts(sop_class: str, syntax: str, proposal: Proposal) -> bool:
        if on(sop_class, syntax, proposal):
            raise Over("hung up")
        return True

    return accepts


def test_a_peer_that_hangs_up_on_a_kind_is_asked_in_parts_and_holds_up_a_migration(
    archive: Make, scripted_pacs: Pacs, compat: Compat, migrate: Command
) -> None:
    source = archive(studies=1, instances=4, sop_classes=(CTImageStorage,), syntaxes=(EXPLICIT, RLE))
    peer = scripted_pacs(accepts=hangs_up(lambda sop_class, syntax, proposal: syntax == RLE))
    result = compat(source.folder, peer.node)
    assert (result.code, result.files()) == (1, {"accepted": 2, "no_way": 2})
    assert result.json["associations"] == len(peer.associations)
    assert not result.json["compatible"]
    assert "ends an association" in result.cell(RLE)["destination_says"]
    assert result.cell(RLE)["result"] is None
    assert "associations that propose 1 of these kinds" in compat.words(source.folder, peer.node)
    assert migrate(source.folder, peer.node, "--give-up-after", "1s").json["pending"] == 4


def test_a_peer_that_hangs_up_on_many_kinds_at_once_holds_up_a_migration(
    archive: Make, scripted_pacs: Pacs, compat: Compat, migrate: Command
) -> None:
    source = archive(studies=1, instances=4, sop_classes=(CTImageStorage, MRImageStorage))
    peer = scripted_pacs(accepts=hangs_up(lambda sop_class, syntax, it: len(it.sop_classes) > 1))
    result = compat(source.folder, peer.node)
    assert (result.code, result.files()) == (1, {"accepted": 4})
    assert result.json["hang_ups"] > 0
    assert "propose all of these kinds at once" in compat.words(source.folder, peer.node)
    assert migrate(source.folder, peer.node, "--give-up-after", "1s").json["pending"] == 4


def test_everything_known_is_asked_of_a_peer_that_hangs_up_on_unknown_classes(
    archive: Make, scripted_pacs: Pacs, compat: Compat
) -> None:
    known = {CTImageStorage, MRImageStorage, "1.2.840.10008.1.1"}
    source = archive(studies=1, instances=2, sop_classes=(CTImageStorage,))
    peer = scripted_pacs(accepts=hangs_up(lambda sop_class, syntax, proposal: sop_class not in known))
    result = compat(source.folder, peer.node, "--all")
    assert (result.code, result.files(), result.json["hang_ups"]) == (0, {"accepted": 2}, 0)
    accepted = {cell["sop_class_uid"] for cell in result.json["cells"] if cell["way"] == "accepted"}
    assert accepted == {CTImageStorage, MRImageStorage}
    assert result.json["associations"] == len(peer.associations) < 600


def test_a_peer_without_room_is_asked_again(archive: Make, scripted_pacs: Pacs, compat: Compat) -> None:
    peer = scripted_pacs(reject=CONGESTION)

    def make_room() -> None:
        wait_until(lambda: any(log.ended for log in peer.associations), "one was refused")
        peer.script = Script()

    thread = threading.Thread(target=make_room)
    thread.start()
    result = compat(archive().folder, peer.node)
    thread.join()
    assert (result.code, result.files()) == (0, {"accepted": 6})


def test_everything_known_is_asked_over_a_bounded_number_of_associations(
    archive: Make, keeping_scp: Keep, compat: Compat, tmp_path: Path
) -> None:
    source = archive(studies=1, instances=2, syntaxes=(RLE,))
    peer = keeping_scp(syntaxes=(EXPLICIT, JPEG), sop_classes=(CTImageStorage, MRImageStorage))
    table = tmp_path / "all.csv"
    result = compat(source.folder, peer.node, "--all", "--csv", str(table))
    assert (result.code, result.files()) == (0, {"decompressed": 2})
    assert 40 < result.json["associations"] == peer.associations < 80
    accepted = {
        (cell["sop_class_uid"], cell["transfer_syntax_uid"])
        for cell in result.json["cells"]
        if cell["way"] == "accepted"
    }
    assert accepted == {
        (one, syntax) for one in (CTImageStorage, MRImageStorage) for syntax in (EXPLICIT, JPEG)
    }
    with table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(result.json["cells"]) > 6000
    assert rows[0]["transfer_syntax"] == "RLE Lossless"
    words = compat.words(source.folder, peer.node, "--all")
    assert "2 SOP classes are accepted in 2 of" in words
    assert "will be decompressed" in words


def test_of_what_cannot_be_proposed_the_destination_is_not_said_to_refuse_it(
    tmp_path: Path, keeping_scp: Keep, compat: Compat
) -> None:
    put(tmp_path / "source" / "a", part_10(clean(), meta={META_SYNTAX: b"1.2.9.x"}))
    result = compat(tmp_path / "source", keeping_scp().node)
    (cell,) = result.json["cells"]
    assert (result.code, cell["way"], cell["destination_says"], cell["result"]) == (
        1,
        "no way",
        "not asked",
        None,
    )
    assert "not a UID" in cell["reason"]


def test_what_is_not_to_be_sent_is_not_counted(archive: Make, keeping_scp: Keep, compat: Compat) -> None:
    source = archive(studies=3, instances=2)
    (source.folder / "notes.txt").write_text("no image")
    result = compat(source.folder, keeping_scp().node, "--patient", "P2")
    assert (result.files(), result.json["not_counted"]) == ({"accepted": 2}, 5)


def test_people_read_names_and_amounts(archive: Make, keeping_scp: Keep, compat: Compat) -> None:
    source = archive(studies=1, instances=3, syntaxes=(RLE,))
    words = compat.words(source.folder, keeping_scp(syntaxes=(IMPLICIT,)).node)
    assert "CT Image Storage (1.2.840.10008.5.1.4.1.1.2)" in words
    assert "RLE Lossless (1.2.840.10008.1.2.5) to Implicit VR Little Endian" in words
    assert "3 files in 1 kind: 3 will be decompressed" in words


def test_a_peer_that_says_nothing_gives_3(archive: Make, scripted_pacs: Pacs, compat: Compat) -> None:
    peer = scripted_pacs(greeting=Greeting.SILENCE)
    assert compat(archive().folder, peer.node, "--acse-timeout", "0.2").code == 3
    wait_until(lambda: bool(peer.associations), "the PACS noticed")
    assert len(peer.associations) == 1


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_signal_ends_it_within_seconds(archive: Make, scripted_pacs: Pacs, tmp_path: Path) -> None:
    peer, table = scripted_pacs(accept_delay=1.0), tmp_path / "table.csv"
    command = [
        *(sys.executable, "-m", "migrator", "compat", str(archive().folder), "--to", str(peer.node)),
        *("--settle", "0", "--all", "--csv", str(table)),
    ]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: len(peer.associations) >= 3, "the third association is asked for", 60)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 130, err.decode()
    assert not out
    assert not table.exists()


def test_a_table_that_cannot_be_written_is_told_before_anything_is_asked(
    archive: Make, scripted_pacs: Pacs, compat: Compat, tmp_path: Path
) -> None:
    peer = scripted_pacs()
    result = compat(archive().folder, peer.node, "--csv", str(tmp_path / "nowhere" / "a.csv"))
    assert (result.code, len(peer.associations)) == (2, 0)


def test_no_destination_gives_3_no_source_4_a_table_in_the_source_2(
    archive: Make, scripted_pacs: Pacs, keeping_scp: Keep, compat: Compat, tmp_path: Path
) -> None:
    source, nobody = archive(), Node("127.0.0.1", free_port())
    assert compat(source.folder, nobody).code == 3
    assert compat(source.folder, scripted_pacs(reject=CALLED_AE_NOT_RECOGNISED).node).code == 3
    assert compat(tmp_path / "nowhere", keeping_scp().node).code == 4
    assert compat(source.folder, nobody, "--csv", str(source.folder / "x.csv")).code == 2
    assert not (source.folder / "x.csv").exists()
