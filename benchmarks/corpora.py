"""The archives that are sent and scanned: what they hold, where they are made, when they go."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADER_BYTES = 3200


@dataclass(frozen=True)
class Corpus:
    """An archive of `studies` folders with `images` files each (per syntax); always the same bytes.

    With `part_of` its files are the first `images` of every study of another corpus.
    """

    name: str
    studies: int
    images: int
    rows: int
    frames: int = 1
    syntaxes: tuple[str, ...] = ("explicit",)
    part_of: str = ""

    @property
    def files(self) -> int:
        return self.studies * self.images * len(self.syntaxes)

    @property
    def bytes(self) -> int:
        """About how much room it needs."""
        return self.files * (HEADER_BYTES + self.rows * self.rows * 2 * self.frames)


FULL = (
    Corpus("ct", studies=24, images=100, rows=512),
    Corpus("ct-600", studies=24, images=25, rows=512, part_of="ct"),
    Corpus("small", studies=40, images=250, rows=96),
    Corpus("multiframe", studies=4, images=5, rows=512, frames=200),
    Corpus("compressed", studies=4, images=50, rows=512, syntaxes=("j2k", "jpeg-ls", "rle")),
    Corpus("archive", studies=500, images=200, rows=8),
)


def corpora(is_quick: bool) -> dict[str, Corpus]:
    """All corpora by name; the quick ones hold about a tenth, which is for trying the harness only."""
    if not is_quick:
        return {corpus.name: corpus for corpus in FULL}
    smaller = (replace(c, images=max(1, c.images // 10), frames=max(1, c.frames // 5)) for c in FULL)
    return {corpus.name: corpus for corpus in smaller}


@dataclass(frozen=True)
class Archive:
    """A corpus on disk. `bytes` are those of its files."""

    corpus: Corpus
    folder: Path
    bytes: int

    @property
    def files(self) -> int:
        return self.corpus.files

    def shares(self, count: int) -> list[list[Path]]:
        """The study folders, dealt out evenly over `count` senders; the whole folder to a single one."""
        if count == 1:
            return [[self.folder]]
        studies = sorted(self.folder.iterdir())
        return [studies[first::count] for first in range(count)]


class Ground:
    """The folder where corpora and the sinks' storage are: in memory where that has room, else on disk."""

    def __init__(self, known: dict[str, Corpus], keep: bool) -> None:
        self._known = known
        self._keep = keep
        self._made: dict[str, Archive] = {}
        sizes = [corpus.bytes for corpus in known.values()]
        # What stays until the end, and once more the largest: Orthanc's storage, the blocks' round-up.
        self.folder = Path(tempfile.mkdtemp(prefix="migrator-bench-", dir=_roomiest(sum(sizes) + max(sizes))))

    def archive(self, name: str) -> Archive:
        """Make a corpus, unless this run has it already."""
        if name not in self._made:
            self._made[name] = self._make(self._known[name])
        return self._made[name]

    def clear(self) -> None:
        if not self._keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _make(self, corpus: Corpus) -> Archive:
        folder = self.folder / corpus.name
        if corpus.part_of:
            _link(self.archive(corpus.part_of).folder, folder, corpus.images)
        else:
            shape = [corpus.studies, corpus.images, corpus.rows, corpus.frames]
            command = [sys.executable, HERE / "images.py", folder, *shape, *corpus.syntaxes]
            subprocess.run([str(word) for word in command], check=True)
        sizes = [path.stat().st_size for path in folder.rglob("*.dcm")]
        if len(sizes) != corpus.files:
            raise RuntimeError(f"corpus {corpus.name}: {len(sizes)} files were made, not {corpus.files}")
        return Archive(corpus, folder, sum(sizes))


def _link(source: Path, folder: Path, images: int) -> None:
    for study in source.iterdir():
        place = folder / study.name
        place.mkdir(parents=True)
        for path in sorted(study.iterdir())[:images]:
            os.link(path, place / path.name)


def _roomiest(needed: int) -> str | None:
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > needed * 1.2:
        return str(memory)
    return None
