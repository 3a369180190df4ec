"""What arrives is what the file holds: at storescp, and at a byte-keeping SCP for all it does not know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.core.edits import Uncompress
from migrator.core.errors import AssociationRejected
from migrator.core.model import ContextPair, Instance, Node
from migrator.core.outcome import Cause, Fidelity, State
from migrator.core.settings import SendSettings
from migrator.dicom.contexts import DEFLATED
from migrator.dicom.store import StoreSender
from tests.association.making import CT, EXPLICIT, IMPLICIT, dataset_of, library_files, quick, scan
from tests.peers import KeepingScp, Orthanc, Storescp
from tests.peers.archives import Archive

# What storescp +xa accepts (its own list, DCMTK 3.6.7).
STORESCP_SYNTAXES = tuple(
    f"1.2.840.10008.1.2{leaf}"
    for leaf in (
        *("", ".1", ".2", ".1.99", ".5"),
        *(f".4.{number}" for number in (50, 51, 70, 80, 81, 90, 91, 100, 101, 102, 103, 104, 105, 106)),
        *(".4.107", ".4.108"),
    )
)
OTHER_SYNTAXES = (
    *(f"1.2.840.10008.1.2.4.{number}" for number in (53, 55, 92, 93, 94, 110, 112, 201, 202, 203)),
    "1.2.840.10008.1.2.1.98",
)


def send_all(sender: StoreSender, instances: list[Instance]) -> list[State]:
    """Send in order, each with the next one named ahead."""
    sender.open({instance.pair: None for instance in instances}.keys())
    following = [*instances[1:], None]
    outcomes = [sender.store(one, (), then) for one, then in zip(instances, following, strict=True)]
    sender.release()
    for instance, outcome in zip(instances, outcomes, strict=True):
        assert outcome.fidelity is Fidelity.VERBATIM
        assert outcome.bytes == instance.size - instance.offset, outcome
    return [outcome.state for outcome in outcomes]


def instances_of(archive: Archive) -> tuple[Path, list[Instance]]:
    instances = []
    for made in archive.files:
        instance = scan(made.path)
        relative = str(made.path.relative_to(archive.folder))
        found = made.path.stat()
        instances.append(
            Instance(
                path=relative,
                size=found.st_size,
                mtime_ns=found.st_mtime_ns,
                offset=instance.offset,
                transfer_syntax=instance.transfer_syntax,
                sop_class=instance.sop_class,
                uid=instance.uid,
                series=instance.series,
            )
        )
    return archive.folder, instances


def test_every_syntax_that_storescp_accepts_arrives_unchanged(
    storescp: Storescp, archive: Callable[..., Archive]
) -> None:
    made = archive(studies=1, instances=2 * len(STORESCP_SYNTAXES), side=64, syntaxes=STORESCP_SYNTAXES)
    root, instances = instances_of(made)
    assert {instance.transfer_syntax for instance in instances} == set(STORESCP_SYNTAXES)
    states = send_all(quick(storescp.node, root), instances)
    assert states == [State.SENT] * len(instances)
    assert storescp.datasets() == made.datasets


def test_other_syntaxes_and_private_classes_arrive_unchanged(
    keeping_scp: Callable[..., KeepingScp], archive: Callable[..., Archive]
) -> None:
    made = archive(
        studies=1,
        instances=3 * len(OTHER_SYNTAXES),
        syntaxes=OTHER_SYNTAXES,
        sop_classes=(CT, "1.2.826.0.1.3680043.9.7777.1", "1.3.12.2.1107.5.9.1"),
    )
    root, instances = instances_of(made)
    keeper = keeping_scp()
    assert send_all(quick(keeper.node, root), instances) == [State.SENT] * len(instances)
    assert keeper.datasets == made.datasets
    assert {kept.transfer_syntax for kept in keeper.kept} == set(OTHER_SYNTAXES)


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_the_library_s_own_files_arrive_unchanged(keeping_scp: Callable[..., KeepingScp]) -> None:
    files = [path for path in library_files() if path.stat().st_size < 4_000_000]
    assert len(files) > 80
    keeper = keeping_scp(max_pdu=0)
    for path in files:
        instance = scan(path)
        sender = quick(keeper.node, path.parent, dimse_timeout=30.0)
        sender.open([instance.pair])
        outcome = sender.store(instance)
        sender.release()
        data = dataset_of(path)
        assert outcome.state is State.SENT, (path, outcome)
        if len(data) % 2 and instance.transfer_syntax == DEFLATED:
            data += b"\0"
        if len(data) % 2:
            assert outcome.fidelity is Fidelity.REENCODED
        else:
            assert outcome.fidelity is Fidelity.VERBATIM
            assert keeper.kept[-1].data == data, path


def test_orthanc_takes_what_is_sent(orthanc: Orthanc, archive: Callable[..., Archive]) -> None:
    made = archive(studies=2, instances=5, side=256)
    root, instances = instances_of(made)
    assert send_all(quick(orthanc.node, root), instances) == [State.SENT] * 10
    assert orthanc.count() == 10


def test_a_data_set_of_odd_length_is_no_reason_for_storescp_to_fail_the_others(
    storescp: Storescp, archive: Callable[..., Archive]
) -> None:
    made = archive(studies=1, instances=2)
    first = made.files[0].path
    with first.open("ab") as file:
        file.write(b"\xfc\xff\xfc\xffOB\0\0\1\0\0\0x")
    instance = scan(first)
    sender = quick(storescp.node, first.parent)
    sender.open([instance.pair])
    assert sender.store(instance).is_stored
    assert sender.store(scan(made.files[1].path)).is_stored
    sender.release()
    assert storescp.datasets()[instance.uid] == dataset_of(first)[:-5] + b"\2\0\0\0x\0"


def test_128_contexts_are_negotiated_with_storescp(
    storescp: Storescp, archive: Callable[..., Archive]
) -> None:
    made = archive(studies=1, instances=1)
    root, (instance,) = instances_of(made)
    others = [ContextPair(CT, syntax) for syntax in STORESCP_SYNTAXES]
    others += [ContextPair(f"1.2.826.0.1.3680043.9.7777.{n}", EXPLICIT) for n in range(200)]
    sender = quick(storescp.node, root)
    sender.open([instance.pair, *others])
    assert sender.covers(others[:100]) and not sender.covers(others[-1:])
    assert sender.store(instance).is_stored
    sender.release()


def test_a_peer_that_rejects_is_told_in_words(start_peer: Callable[..., Storescp], tmp_path: Path) -> None:
    refusing = start_peer(Storescp, ["--refuse"])
    with pytest.raises(AssociationRejected, match="rejected"):
        quick(refusing.node, tmp_path).open([ContextPair(CT, EXPLICIT)])


@pytest.mark.parametrize(
    ("status", "state"),
    [(0x0111, State.SKIPPED), (0x0117, State.QUARANTINED), (0xB007, State.WARNED), (0xC001, State.FAILED)],
)
def test_statuses_become_states(
    keeping_scp: Callable[..., KeepingScp], archive: Callable[..., Archive], status: int, state: State
) -> None:
    root, (instance,) = instances_of(archive(studies=1, instances=1))
    sender = quick(keeping_scp(status=lambda kept: status).node, root)
    sender.open([instance.pair])
    outcome = sender.store(instance)
    sender.release()
    assert (outcome.state, outcome.status, outcome.cause) == (state, status, Cause.STATUS)
    assert outcome.reason


def test_not_authorised_asks_the_run_to_stop(
    keeping_scp: Callable[..., KeepingScp], archive: Callable[..., Archive]
) -> None:
    root, (instance,) = instances_of(archive(studies=1, instances=1))
    sender = quick(keeping_scp(status=lambda kept: 0x0124).node, root)
    sender.open([instance.pair])
    assert sender.store(instance).stops
    sender.release()


def test_the_file_opened_ahead_may_change_vanish_or_not_be_next(
    keeping_scp: Callable[..., KeepingScp], archive: Callable[..., Archive]
) -> None:
    made = archive(studies=1, instances=5)
    root, instances = instances_of(made)
    keeper = keeping_scp()
    sender = quick(keeper.node, root)
    sender.open([instances[0].pair])
    made.files[1].path.unlink()
    assert sender.store(instances[0], (), instances[1]).is_stored
    gone = sender.store(instances[1], (), instances[2])
    assert (gone.state, gone.cause, gone.may_retry) == (State.FAILED, Cause.FILE, True)
    assert "vanished" in gone.reason and gone.attempts == 0
    made.files[3].path.write_bytes(b"longer than before" * 1000)
    assert sender.store(instances[2], (), instances[3]).is_stored
    assert sender.store(instances[4]).is_stored
    changed = sender.store(instances[3])
    assert (changed.cause, changed.may_retry) == (Cause.FILE, False)
    sender.release()
    assert [kept.uid for kept in keeper.kept] == [instances[n].uid for n in (0, 2, 4)]


def test_pace_is_told_every_byte_before_it_is_sent(
    keeping_scp: Callable[..., KeepingScp], archive: Callable[..., Archive]
) -> None:
    root, instances = instances_of(archive(studies=1, instances=2, side=512))
    paced: list[int] = []

    def pace(size: int) -> int:
        paced.append(min(size, 50_000))
        return paced[-1]

    sender = StoreSender(keeping_scp().node, SendSettings(), str(root), pace=pace)
    sender.open([instances[0].pair])
    for instance in instances:
        assert sender.store(instance).is_stored
    sender.release()
    size = sum(instance.size - instance.offset for instance in instances)
    assert size < sum(paced) < size * 1.01


@pytest.mark.parametrize("taken", [EXPLICIT, IMPLICIT])
def test_a_compressed_file_is_sent_uncompressed_where_that_is_asked_for(
    keeping_scp: Callable[..., KeepingScp], archive: Callable[..., Archive], taken: str
) -> None:
    rle = "1.2.840.10008.1.2.5"
    made = archive(studies=1, instances=2, syntaxes=(rle, EXPLICIT))
    root, (compressed, native) = instances_of(made)
    keeper = keeping_scp(syntaxes=(taken,))
    sender = quick(keeper.node, root, dimse_timeout=30.0)
    sender.open([compressed.pair, native.pair])
    refused = sender.store(compressed)
    assert (refused.cause, refused.attempts) == (Cause.CONTEXT, 0)
    assert "RLE Lossless" in refused.reason
    sent = sender.store(compressed, (Uncompress(),))
    assert (sent.state, sent.fidelity) == (State.SENT, Fidelity.DECOMPRESSED)
    other = sender.store(native, (Uncompress(),))
    expected = Fidelity.VERBATIM if taken == EXPLICIT else Fidelity.REENCODED
    assert (other.state, other.fidelity) == (State.SENT, expected)
    sender.release()
    assert [kept.uid for kept in keeper.kept] == [compressed.uid, native.uid]
    assert {kept.transfer_syntax for kept in keeper.kept} == {taken}


def test_no_uncompressed_syntax_accepted_is_told_in_words(
    keeping_scp: Callable[..., KeepingScp], archive: Callable[..., Archive]
) -> None:
    root, (instance,) = instances_of(archive(studies=1, instances=1, syntaxes=("1.2.840.10008.1.2.5",)))
    sender = quick(keeping_scp(syntaxes=("1.2.840.10008.1.2.4.70",)).node, root)
    sender.open([instance.pair])
    outcome = sender.store(instance, (Uncompress(),))
    sender.release()
    assert (outcome.cause, outcome.attempts) == (Cause.CONTEXT, 0)
    assert "no uncompressed syntax" in outcome.reason


def test_an_address_is_reached_by_name_too(
    keeping_scp: Callable[..., KeepingScp], archive: Callable[..., Archive]
) -> None:
    root, (instance,) = instances_of(archive(studies=1, instances=1))
    sender = quick(Node("localhost", keeping_scp().port), root)
    sender.open([instance.pair])
    assert sender.store(instance).is_stored
    sender.release()
