"""A sample is retrieved and compared, whatever the archive says about it."""

from __future__ import annotations

import re
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless
from pynetdicom import AE

from migrator.cli.main import main
from migrator.core.control import Control
from migrator.core.errors import Cancelled
from migrator.core.model import Node
from migrator.core.settings import SendSettings, Settings
from migrator.dicom.retrieve import Retriever
from migrator.jobs.verify import VerifyRequest, verify_source
from migrator.jobs.verify_deep import scratch
from tests.conftest import Start
from tests.deep.conftest import Verify
from tests.migrate.running import Command
from tests.peers import Dcmqrscp, Orthanc, free_port
from tests.peers.archives import Archive
from tests.peers.retrieving import CT_IMAGE, FIND, MOVE, Lies, RetrievingPacs

Make = Callable[..., Archive]
Retrieving = Callable[..., RetrievingPacs]


def of(result: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(result["deep"][name] for name in names)


def test_what_comes_back_as_it_was_sent_is_identical(
    archive: Make, retrieving: Retrieving, migrate: Command, deep: Verify
) -> None:
    made, peer = archive(syntaxes=(ExplicitVRLittleEndian, RLELossless)), retrieving()
    assert migrate(made.folder, peer.node).code == 0
    code, result = deep(made.folder, peer.node)
    assert (code, of(result, "asked", "compared", "identical", "by")) == (0, (6, 6, 6, {"C-GET": 6}))
    assert result["deep"]["differences"] == []


def test_an_altered_pixel_is_found(
    archive: Make, retrieving: Retrieving, migrate: Command, deep: Verify
) -> None:
    made = archive(studies=1, instances=2)

    def altered(ds: Dataset) -> Dataset:
        if ds.SOPInstanceUID == made.files[1].uid:
            ds.PixelData = b"\1" + ds.PixelData[1:] if ds.PixelData[0] != 1 else b"\2" + ds.PixelData[1:]
        return ds

    peer = retrieving(sent=altered)
    migrate(made.folder, peer.node)
    code, result = deep(made.folder, peer.node)
    assert (code, of(result, "identical", "different")) == (1, (1, 1))
    (difference,) = result["deep"]["differences"]
    assert (difference["uid"], difference["attribute"], difference["kind"]) == (
        made.files[1].uid,
        "(7fe0,0010)",
        "pixel data",
    )


def test_altered_lost_and_added_attributes_are_told_apart(
    archive: Make, retrieving: Retrieving, migrate: Command, deep: Verify, tmp_path: Path
) -> None:
    made = archive(studies=1, instances=1)

    def altered(ds: Dataset) -> Dataset:
        ds.StudyDescription = "=cmd()"
        del ds.AccessionNumber
        ds.RetrieveAETitle = "RETRIEVING"
        return ds

    peer = retrieving(sent=altered)
    migrate(made.folder, peer.node)
    table = tmp_path / "proof.csv"
    code, result = deep(made.folder, peer.node, "--csv", str(table))
    kinds = {one["name"]: (one["kind"], one["theirs"]) for one in result["deep"]["differences"]}
    assert kinds == {"StudyDescription": ("changed", "=cmd()"), "AccessionNumber": ("absent", "")}
    assert (code, result["deep"]["additions"]) == (1, {"RetrieveAETitle": 1})
    text = table.read_text()
    assert "object," in text and "'=cmd()" in text
    assert stat.S_IMODE(table.stat().st_mode) == 0o600


def test_what_rules_changed_is_no_difference(
    archive: Make, retrieving: Retrieving, migrate: Command, deep: Verify, tmp_path: Path
) -> None:
    made, peer = archive(studies=1, instances=2), retrieving()
    rules = tmp_path / "rules.txt"
    rules.write_text('PatientID prefix "A-"\nStudyDescription delete\n')
    assert migrate(made.folder, peer.node, "--rules", str(rules)).code == 0
    code, result = deep(made.folder, peer.node)
    assert (code, of(result, "identical"), result["attribute_differences"]) == (0, (2,), 0)
    assert "PatientID" in result["per_study"][0]["attributes"]["compared"]
    rules.write_text('PatientID prefix "B-"\n')
    code, result = deep(made.folder, peer.node)
    assert (code, of(result, "identical", "uncompared"), result["attribute_differences"]) == (1, (0, 2), 0)
    assert "rules" in result["deep"]["failures"][0]["reason"]
    assert "PatientID" in result["per_study"][0]["attributes"]["unknown"]


def test_what_remedies_changed_is_no_difference_and_anything_else_is(
    archive: Make, retrieving: Retrieving, migrate: Command, deep: Verify
) -> None:
    made = archive(studies=1, instances=2)
    for one in made.files:
        ds = dcmread(one.path)
        ds.private_block(0x0029, "ACME", create=True).add_new(0x10, "LO", "private")
        ds.save_as(one.path)

    def stored(ds: Dataset) -> int:
        if not ds.PatientID.endswith("_MIG"):
            return 0xFFFB
        return 0xC000 if (0x0029, 0x1010) in ds else 0

    def altered(ds: Dataset) -> Dataset:
        if ds.SOPInstanceUID == made.files[1].uid:
            ds.PatientID = "P1"
        return ds

    peer = retrieving(stored=stored)
    assert migrate(made.folder, peer.node, "--conflict-suffix", "_MIG", "--waves", "0").counts("sent") == (2,)
    code, result = deep(made.folder, peer.node)
    assert (code, of(result, "identical"), result["attribute_differences"]) == (0, (2,), 0)
    assert "OriginalAttributesSequence" in result["deep"]["additions"]
    peer.lies = Lies(sent=altered)
    code, result = deep(made.folder, peer.node)
    (difference,) = result["deep"]["differences"]
    assert (code, difference["name"], difference["theirs"]) == (1, "PatientID", "P1")


def test_a_source_that_changed_or_is_gone_is_told_and_not_compared(
    archive: Make, retrieving: Retrieving, migrate: Command, deep: Verify
) -> None:
    made, peer = archive(studies=1, instances=3), retrieving()
    migrate(made.folder, peer.node)
    made.files[0].path.unlink()
    with made.files[1].path.open("ab") as stream:
        stream.write(bytes(8))
    code, result = deep(made.folder, peer.node)
    assert (code, of(result, "asked", "identical", "uncompared")) == (1, (3, 1, 2))
    assert len(result["deep"]["failures"]) == 2


def test_c_move_to_ourselves_where_c_get_is_not_offered(
    archive: Make, retrieving: Retrieving, migrate: Command, deep: Verify
) -> None:
    made, peer = archive(studies=1, instances=2), retrieving(offers=(FIND, MOVE))
    migrate(made.folder, peer.node)
    code, result = deep(made.folder, peer.node)
    assert (code, of(result, "unretrieved")) == (1, (2,))
    assert re.search(r"does not offer C-GET.*--listen", result["deep"]["failures"][0]["reason"])
    port = free_port()
    peer.here = ("127.0.0.1", port)
    code, result = deep(made.folder, peer.node, "--listen", f"127.0.0.1:{port}")
    assert (code, of(result, "identical", "by")) == (0, (2, {"C-MOVE": 2}))


@pytest.fixture
def short_wait_for_late_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing will come it is not waited for as long as for a slow archive."""
    monkeypatch.setattr("migrator.dicom.retrieve._LATE", 0.2)


@pytest.mark.usefixtures("short_wait_for_late_ones")
@pytest.mark.parametrize("service", ["C-GET", "C-MOVE"])
def test_success_with_nothing_sent_is_no_success(
    archive: Make, retrieving: Retrieving, migrate: Command, deep: Verify, service: str
) -> None:
    made, peer = archive(studies=1, instances=2), retrieving(sent=lambda ds: None)
    migrate(made.folder, peer.node)
    port = free_port()
    peer.here = ("127.0.0.1", port)
    listen = ("--listen", f"127.0.0.1:{port}") if service == "C-MOVE" else ()
    code, result = deep(made.folder, peer.node, *listen)
    assert (code, of(result, "unretrieved", "compared")) == (1, (2, 0))
    assert f"nothing came by {service} (status 0000)" in result["deep"]["failures"][0]["reason"]


def test_an_object_that_comes_after_the_last_word_counts(
    archive: Make,
    retrieving: Retrieving,
    migrate: Command,
    deep: Verify,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("migrator.dicom.retrieve._LATE", 30.0)
    made, peer = archive(studies=1, instances=2), retrieving(offers=(FIND, MOVE), is_late=True)
    migrate(made.folder, peer.node)
    port = free_port()
    peer.here = ("127.0.0.1", port)
    code, result = deep(made.folder, peer.node, "--listen", f"127.0.0.1:{port}")
    assert (code, of(result, "identical")) == (0, (2,))


def test_an_association_that_is_lost_is_opened_again(
    archive: Make, retrieving: Retrieving, migrate: Command, deep: Verify
) -> None:
    made, peer = archive(studies=1, instances=4), retrieving(answered=2)
    migrate(made.folder, peer.node)
    code, result = deep(made.folder, peer.node)
    assert (code, of(result, "identical")) == (0, (4,))


def test_a_sample_of_a_few_percent_holds_at_least_one_and_tells_its_seed(
    archive: Make, retrieving: Retrieving, migrate: Command, deep: Verify
) -> None:
    made, peer = archive(studies=2), retrieving()
    migrate(made.folder, peer.node)
    seeds = set()
    for _ in range(2):
        code, result = deep(made.folder, peer.node, "--deep", "0.1%")
        assert (code, of(result, "asked", "identical", "percent")) == (0, (1, 1, 0.1))
        seeds.add(result["deep"]["seed"])
    assert len(seeds) == 2


def test_without_a_record_the_files_that_are_found_are_compared(
    archive: Make, retrieving: Retrieving, deep: Verify
) -> None:
    made, peer = archive(studies=1), retrieving()
    for one in made.files:
        peer.keep(one.path)
    code, result = deep(made.folder, peer.node)
    assert (code, of(result, "identical")) == (0, (3,))


def test_migrate_verifies_deeply_too_and_keeps_the_result(
    archive: Make, retrieving: Retrieving, migrate: Command, data_directory: Path
) -> None:
    made, peer = archive(studies=1), retrieving()
    ran = migrate(made.folder, peer.node, "--verify", "--deep", "100")
    assert (ran.code, of(ran.json["destinations"][0]["verify"], "identical")) == (0, (3,))
    assert next(data_directory.rglob("verification.json")).stat().st_size
    assert not list(data_directory.rglob("*.dcm"))


def test_deep_without_verify_and_a_port_that_is_taken_are_wrong_usage(
    archive: Make, retrieving: Retrieving, migrate: Command, deep: Verify
) -> None:
    made, peer = archive(), retrieving()
    assert migrate(made.folder, peer.node, "--deep", "1%").code == 2
    taken = f"127.0.0.1:{peer.node.port}"
    assert deep(made.folder, peer.node, "--listen", taken)[0] == 2
    assert main(["verify", str(made.folder), "--to", str(peer.node), "--deep", "101%"]) == 2


@pytest.mark.parametrize("kind", [Orthanc, Dcmqrscp])
def test_real_archives_give_back_what_they_got(
    archive: Make, start_peer: Start, migrate: Command, deep: Verify, kind: Any
) -> None:
    made = archive(studies=2, syntaxes=(ExplicitVRLittleEndian, RLELossless))
    peer = start_peer(kind, **({"settings": {"DicomAlwaysAllowGet": True}} if kind is Orthanc else {}))
    # dcmqrscp loses objects that several associations store at the same time.
    assert migrate(made.folder, peer.node, "--workers", "1").code == 0
    code, result = deep(made.folder, peer.node)
    assert (code, of(result, "identical", "by")) == (0, (6, {"C-GET": 6}))


def test_orthanc_moves_to_us(archive: Make, start_peer: Start, migrate: Command, deep: Verify) -> None:
    port = free_port()
    settings = {
        "DicomAlwaysAllowGet": False,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": {"us": ["DICOM_MIGRATOR", "127.0.0.1", port]},
        "DicomModalitiesInDatabase": False,
    }
    made, peer = archive(studies=1, instances=2), start_peer(Orthanc, settings=settings)
    assert migrate(made.folder, peer.node).code == 0
    code, result = deep(made.folder, peer.node, "--listen", f"127.0.0.1:{port}")
    assert code == 0
    assert sum(result["deep"]["by"].values()) == result["deep"]["identical"] == 2


@pytest.mark.parametrize("service", ["C-FIND", "C-GET", "C-MOVE"])
def test_cancelling_ends_a_wait_for_a_silent_archive(
    archive: Make, retrieving: Retrieving, data_directory: Path, service: str
) -> None:
    made = archive(studies=1)
    reached, given_up = threading.Event(), threading.Event()

    def wait(ds: Dataset) -> Dataset:
        reached.set()
        given_up.wait(30)
        return ds

    lies: dict[str, Any] = {"told": wait} if service == "C-FIND" else {"sent": wait}
    if service == "C-MOVE":
        lies["offers"] = (FIND, MOVE)
    peer, port = retrieving(**lies), free_port()
    peer.here = ("127.0.0.1", port)
    for one in made.files:
        peer.keep(one.path)
    proof = {"deep": 100, "listen": f"127.0.0.1:{port}"}
    settings = Settings.model_validate({"scan": {"settle": 0}, "proof": proof})
    request = VerifyRequest(str(made.folder), peer.node, data_directory, settings)
    control = Control()
    ended: list[BaseException] = []

    def run() -> None:
        try:
            verify_source(request, control, lambda event: None)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            ended.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        assert reached.wait(20)
        control.cancel()
        thread.join(20)
        assert not thread.is_alive()
    finally:
        given_up.set()
    assert [type(error) for error in ended] == [Cancelled]
    assert not list(data_directory.glob("deep-*"))


def test_what_a_killed_run_left_is_removed_and_what_another_run_uses_is_not(
    archive: Make, retrieving: Retrieving, deep: Verify, data_directory: Path
) -> None:
    made, peer = archive(studies=1, instances=1), retrieving()
    peer.keep(made.files[0].path)
    left = data_directory / "deep-left"
    left.mkdir()
    (left / "retrieved-1.dcm").write_bytes(b"somebody")
    with scratch(data_directory) as used:
        (used / "retrieved-2.dcm").write_bytes(b"somebody")
        assert stat.S_IMODE(used.stat().st_mode) == 0o700
        assert deep(made.folder, peer.node)[0] == 0
        assert [one.name for one in data_directory.glob("deep-*") if one.is_dir()] == [used.name]
        assert (used / "retrieved-2.dcm").exists()
    assert not [one for one in data_directory.glob("deep-*") if one.is_dir()]


def test_where_nothing_was_stored_nothing_is_proven(
    archive: Make,
    retrieving: Retrieving,
    migrate: Command,
    deep: Verify,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made, peer = archive(studies=1), retrieving()
    for one in made.files:
        peer.keep(one.path)
    assert migrate(made.folder, peer.node, "--skip-existing").code == 0
    code, result = deep(made.folder, peer.node)
    assert (code, result["proven"], result["clean"], of(result, "asked")) == (1, True, False, (0,))
    assert main(["verify", str(made.folder), "--to", str(peer.node), "--deep", "1%"]) == 1
    assert "Retrieved nothing back" in capsys.readouterr().out


def test_what_an_archive_comments_is_not_told(
    archive: Make, retrieving: Retrieving, migrate: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    made, peer = archive(studies=1, instances=1), retrieving(comment="no object of DOE^JOHN")
    migrate(made.folder, peer.node)
    assert main(["verify", str(made.folder), "--to", str(peer.node), "--deep", "100%"]) == 1
    shown = "".join(capsys.readouterr())
    assert "C001" in shown and "DOE" not in shown


@pytest.mark.usefixtures("short_wait_for_late_ones")
def test_an_archive_that_does_not_know_us_is_told_in_words(
    archive: Make, retrieving: Retrieving, migrate: Command, deep: Verify
) -> None:
    made, peer = archive(studies=1, instances=1), retrieving(offers=(FIND, MOVE))
    migrate(made.folder, peer.node)
    code, result = deep(made.folder, peer.node, "--listen", f"127.0.0.1:{free_port()}")
    assert code == 1
    assert "A801: it does not know our AE title" in result["deep"]["failures"][0]["reason"]


def test_a_copy_of_another_class_is_what_was_sent(
    archive: Make, retrieving: Retrieving, migrate: Command, deep: Verify
) -> None:
    made = archive(studies=1, instances=2, syntaxes=(ExplicitVRLittleEndian, RLELossless))
    peer = retrieving(stored=lambda ds: 0xA900 if ds.SOPClassUID == CT_IMAGE else 0)
    migrate(made.folder, peer.node, "--waves", "0", "--reclassify")
    code, result = deep(made.folder, peer.node)
    assert (code, of(result, "identical")) == (0, (2,))
    assert "ConversionType" in result["deep"]["additions"]


def test_strangers_and_what_was_not_asked_for_are_turned_away(archive: Make, tmp_path: Path) -> None:
    made, port = archive(studies=1, instances=2), free_port()
    ds = dcmread(made.files[0].path)
    kept = tmp_path / "kept"
    kept.mkdir()
    stranger = AE("STRANGER")
    stranger.add_requested_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
    with Retriever(Node("127.0.0.1", 1, "PACS", "OURS"), SendSettings(), kept) as retriever:
        retriever.listen(("127.0.0.1", port))
        assert not stranger.associate("127.0.0.1", port, ae_title="OTHERS").is_established
        assoc = stranger.associate("127.0.0.1", port, ae_title="OURS")
        assert assoc.is_established
        assert assoc.send_c_store(ds).Status == 0x0124
        assoc.release()
        assert list(kept.iterdir()) == []
