"""After a power cut the disk holds what was forced to it: everything else that was sent must be in doubt."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migrator.core.model import Instance
from migrator.engine import manifest as manifest_module
from migrator.engine.manifest import Manifest
from tests.engine.making import MemoryPacs
from tests.engine.test_worker import Bench, many_studies


class Disk:
    """What of the manifest is on the disk: as much as there was when fsync was last called."""

    def __init__(self) -> None:
        self.size = 0
        self.calls = 0

    def fsync(self, descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        os.fsync(descriptor)
        self.size = size
        self.calls += 1


@pytest.mark.parametrize("workers", [1, 4])
def test_at_any_moment_what_was_sent_is_recorded_or_in_doubt_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    disk = Disk()
    monkeypatch.setattr(manifest_module, "os", _OsWith(disk))
    cuts: list[tuple[int, frozenset[str]]] = []

    def note(instance: Instance, tries: int) -> None:
        sent = frozenset(pacs.stores)  # before a look at the disk: the other workers go on in between
        cuts.append((disk.size, sent))

    pacs = MemoryPacs(script=note)
    Bench(tmp_path / "job", pacs, workers=workers).run(many_studies(12, 90))
    assert disk.calls > 2, "how many are made one depends on how quick the disk is"
    whole = (tmp_path / "job" / "manifest.jsonl").read_bytes()
    for number, (size, sent) in enumerate(cuts[::37]):
        folder = tmp_path / f"cut{number}"
        folder.mkdir()
        (folder / "manifest.jsonl").write_bytes(whole[:size])
        after = Manifest(folder, "/s", "d")
        settled = {uid for uid in sent if after.index.may_know_uid(uid)}
        assert sent <= settled | after.index.in_doubt
        assert len(after.index.in_doubt) <= workers * 128 + 64
        after.close()


class _OsWith:
    """The module os, with the disk's fsync."""

    def __init__(self, disk: Disk) -> None:
        self.fsync = disk.fsync

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)
