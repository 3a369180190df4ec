"""What findings say that a migration does about them is what it does."""

from __future__ import annotations

from pathlib import Path

from migrator.checks.quality_kinds import KINDS
from migrator.core.inspection import Kind
from migrator.core.outcome import Fidelity, State
from migrator.engine.manifest_rows import Row, rows
from tests.migrate.running import Command
from tests.peers import KeepingScp
from tests.quality.making import COMMENTS, clean, part_10, put
from tests.quality.test_single_files import FAULTY

_UID = b"1.2.3.1.1.1.1"


def states_of(home: Path) -> dict[str, Row]:
    (manifest,) = home.glob("jobs/*/manifest.jsonl")
    return {row.path: row for row in rows(manifest)}


def test_every_fault_is_treated_as_its_finding_says(
    migrate: Command, source: Path, keeping_scp: object, data_directory: Path
) -> None:
    peer: KeepingScp = keeping_scp()  # type: ignore[operator]
    for number, name in enumerate(FAULTY):
        # One UID for each, or they would be conflicts; all as long as the one they replace.
        put(source / name, FAULTY[name][1].replace(_UID, b"1.2.3.1.%d" % (10000 + number)))
    migrate(source, peer.node)
    found = states_of(data_directory)
    kept = [one.data for one in peer.kept]
    for name, (code, _) in FAULTY.items():
        action, row = KINDS[Kind(code)].action, found[name]
        if "recorded as quarantined" in action:
            assert row.state is State.QUARANTINED, name
        elif "recorded as skipped" in action:
            assert row.state is State.SKIPPED, name
        else:
            assert row.state is State.SENT, name
            is_whole = any((source / name).read_bytes().endswith(data) for data in kept)
            assert is_whole == (code != "odd-length"), name


def test_odd_values_are_padded_where_they_make_the_object_odd(
    migrate: Command, source: Path, keeping_scp: object, data_directory: Path
) -> None:
    peer: KeepingScp = keeping_scp()  # type: ignore[operator]
    odd = sorted((clean() | {COMMENTS: (b"LT", b"odd")}).items())
    even = sorted((clean(2) | {COMMENTS: (b"LT", b"odd"), 0x00204001: (b"LT", b"odd")}).items())
    put(source / "odd", part_10(dict(odd)))
    put(source / "even", part_10(dict(even)))
    migrate(source, peer.node)
    found = states_of(data_directory)
    assert found["odd"].fidelity is Fidelity.REENCODED
    assert found["even"].fidelity is Fidelity.VERBATIM
    assert any(b"odd " in one.data for one in peer.kept)


def test_conflicts_are_held_or_sent_as_asked(
    migrate: Command, source: Path, keeping_scp: object, data_directory: Path
) -> None:
    peer: KeepingScp = keeping_scp()  # type: ignore[operator]
    put(source / "1", part_10(clean()))
    put(source / "2", part_10(dict(sorted((clean() | {COMMENTS: (b"LT", b"other ")}).items()))))
    put(source / "3", part_10(clean()))
    migrate(source, peer.node)
    assert {path: row.state for path, row in states_of(data_directory).items()} == {
        "1": State.SENT,
        "2": State.HELD,
        "3": State.SKIPPED,
    }
    migrate(source, peer.node, "--conflicts", "send", "--retry-failed")
    assert states_of(data_directory)["2"].state is State.SENT
