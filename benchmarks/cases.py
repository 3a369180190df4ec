"""All cases and what is to be reached in each, as one table."""

from __future__ import annotations

from typing import Protocol

from bookkeeping import ManifestCase, SecondRunCase
from corpora import Corpus, Ground
from integrity import IntegrityCase
from results import Faster, Result, Within
from scanning import ScanCase
from senders import Dcmsend, Ours, Sender, StockPynetdicom, Storescu
from sending import SendCase

MEGABYTE = 1e-6


class Case(Protocol):
    """One benchmark: some contenders, one load."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    def run(self, ground: Ground, rounds: int) -> Result: ...


def brief(case: Case) -> Case:
    """The case without the peers that no goal compares."""
    return case.brief() if isinstance(case, SendCase) else case


def cases(known: dict[str, Corpus]) -> list[Case]:
    """Every case, in the order in which they run."""
    archive = known["archive"].files
    outcomes = archive * 10
    return [
        *_as_shipped(known["ct-600"].files),
        *_at_its_best(known["ct"].files, known["small"].files),
        ScanCase(
            "scan",
            f"scan of {known['small'].files} files, warm",
            "small",
            (
                Faster("scan against pydicom with specific_tags", ("ours",), ("pydicom specific_tags",), 15),
                Faster("scan against gdcmscanner", ("ours",), ("gdcmscanner",), 1.5),
            ),
        ),
        IntegrityCase(
            "integrity",
            f"SHA-256 of {known['ct'].files} files, warm",
            "ct",
            (
                Faster("snapshot against sha256sum", ("ours",), ("sha256sum",), 1.0),
                Within("peak memory", "ours", "peak_bytes", 150, MEGABYTE, "MB"),
            ),
        ),
        *_large_and_compressed(known["multiframe"], known["compressed"].files),
        ManifestCase(
            "manifest",
            f"manifest on disk: append {outcomes} outcomes with the grouped fsync, and load them",
            outcomes,
            (
                Within("append of one outcome", "append", "seconds", 10, 1e6 / outcomes, "us"),
                Within(f"load of {outcomes} lines", "load", "seconds", 5, 1, "s"),
                Within("memory of that load", "load", "peak_bytes", 400, MEGABYTE, "MB"),
            ),
        ),
        SecondRunCase(
            "second-run",
            f"a second run over a settled archive of {archive} files",
            "archive",
            (Within("a second run at 20,000 files/s", "second run", "seconds", archive / 20_000, 1, "s"),),
        ),
    ]


def _as_shipped(files: int) -> list[Case]:
    one, four, stock = Dcmsend(1), Dcmsend(4), StockPynetdicom(4)
    ours, ours4 = Ours(1), Ours(4)
    return [
        SendCase(
            "orthanc",
            f"Orthanc as it ships, {files} x 0.5 MB",
            "orthanc",
            False,
            "ct-600",
            (one, four, Storescu(files), stock, ours, ours4),
            (
                Faster("1 worker against dcmsend", (ours.name,), (one.name,), 12),
                Faster("4 workers against 4 dcmsend", (ours4.name,), (four.name,), 5),
            ),
        ),
        SendCase(
            "storescp",
            f"storescp --ignore as it ships, {files} x 0.5 MB",
            "storescp",
            False,
            "ct-600",
            (one, Storescu(files), stock, ours, ours4),
            (Faster("1 worker against dcmsend", (ours.name,), (one.name,), 30),),
        ),
    ]


def _at_its_best(ct: int, small: int) -> list[Case]:
    one, four, ours, ours4 = Dcmsend(1), Dcmsend(4), Ours(1), Ours(4)
    senders: tuple[Sender, ...] = (one, four, Storescu(ct), StockPynetdicom(1), ours, ours4)
    many = tuple(Dcmsend(count) for count in (1, 2, 3, 4))
    ours_many = tuple(Ours(count) for count in (1, 2, 3, 4))
    stock = StockPynetdicom(4)
    never = Ours(1, ("--batch-size", "0"))
    return [
        SendCase(
            "storescp-nd",
            f"storescp --ignore, nd, {ct} x 0.5 MB",
            "storescp",
            True,
            "ct",
            senders,
            _one_and_four(1.5, 1.1),
        ),
        SendCase(
            "renewal",
            f"storescp --ignore, nd, {ct} x 0.5 MB: renewing the association every 50 files, and never",
            "storescp",
            True,
            "ct",
            (never, ours, Ours(4, never.options), ours4),
        ),
        SendCase(
            "orthanc-nd",
            f"Orthanc, nd, {ct} x 0.5 MB",
            "orthanc",
            True,
            "ct",
            (*many, Storescu(ct), stock, *ours_many),
            (
                Faster("best of ours against the best dcmsend", _names(ours_many), _names(many), 1.0),
                Faster("best of ours against pynetdicom in 4 threads", _names(ours_many), (stock.name,), 3),
            ),
        ),
        SendCase(
            "storescp-nd-small",
            f"storescp --ignore, nd, {small} x 20 KB",
            "storescp",
            True,
            "small",
            (one, four, Storescu(small), StockPynetdicom(1), ours, ours4),
            _one_and_four(1.3, 1.1),
        ),
    ]


def _one_and_four(one: float, four: float) -> tuple[Faster, ...]:
    return (
        Faster("1 worker against 1 dcmsend", (Ours(1).name,), (Dcmsend(1).name,), one),
        Faster("4 workers against 4 dcmsend", (Ours(4).name,), (Dcmsend(4).name,), four),
    )


def _names(senders: tuple[Sender, ...]) -> tuple[str, ...]:
    return tuple(sender.name for sender in senders)


def _large_and_compressed(large: Corpus, compressed: int) -> list[Case]:
    one, ours = Dcmsend(1), Ours(1)
    return [
        SendCase(
            "multiframe",
            f"storescp --ignore, nd, {large.files} multi-frames of {large.bytes / large.files / 1e6:.0f} MB",
            "storescp",
            True,
            "multiframe",
            (one, Storescu(large.files), StockPynetdicom(1), ours),
            (
                Faster("1 worker against 1 dcmsend", (ours.name,), (one.name,), 0.95),
                Within("peak memory", ours.name, "peak_bytes", 150, MEGABYTE, "MB"),
            ),
        ),
        SendCase(
            "compressed",
            f"storescp --ignore +xa, nd, {compressed} x J2K, JPEG-LS and RLE, sent as they are",
            "storescp +xa",
            True,
            "compressed",
            (one, ours),
        ),
    ]
