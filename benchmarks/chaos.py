"""Migrates among everything that can go wrong, again and again: python benchmarks/chaos.py --minutes N

Every round migrates a seeded archive through a proxy that refuses, delays, truncates, resets and silences
connections, to a PACS that crashes and comes back: Orthanc, one that keeps every byte and answers C-FIND, one
that does not answer it, in turn. The migrator is killed, loses its power (its manifest keeps what was forced
to the disk only), is told to end, and is started again. Then it runs once undisturbed.

At every one of these moments: whatever was sent is in the record on the disk; whatever the record has as
stored is there; nothing that it had as stored is sent again; and in the end nothing is lost, nothing is
altered, all ledgers balance and the last run ends with 0. Ends with 1 when anything of this is not so.

--break resume|unknown|fsync spoils a copy of the source in that one respect and must therefore end with 1.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from measure import ROOT
from packages import enter_environment

PACKAGES = ("filelock", "orjson", "pydantic", "pydicom", "pynetdicom", "numpy")

# What is replaced in a copy of the source: the folder or file below migrator/, the text, what it becomes.
BREAKS = {
    "resume": ("engine/manifest_index.py", r'if kind == "o":', 'if kind == "nothing is taken up again":'),
    "unknown": (
        "engine",
        r"error\.unanswered or Outcome\(State\.UNKNOWN, Cause\.ASSOCIATION\)",
        "replace(error.unanswered or Outcome(State.UNKNOWN, Cause.ASSOCIATION), state=State.SENT)",
    ),
    "fsync": ("engine/manifest.py", r"os\.fsync\(self\._descriptor\)", "pass"),
}


def main() -> int:
    options = _options()
    enter_environment(PACKAGES)
    sys.path.insert(0, str(ROOT))
    scratch = Path(tempfile.mkdtemp(prefix="migrator-chaos-"))
    is_good = False
    try:
        is_good = _all_rounds(options, scratch)
    except KeyboardInterrupt:
        return 130
    finally:
        if is_good or options.broken:
            shutil.rmtree(scratch)
        else:
            print(f"what is left of it is in {scratch}")
    if options.broken:
        print("it was noticed, as it must be" if not is_good else "IT WAS NOT NOTICED")
    return 0 if is_good else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Migrate among everything that can go wrong.")
    parser.add_argument("--minutes", type=float, default=10, metavar="N", help="how long (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="of the archive and of what goes wrong")
    parser.add_argument("--workers", type=int, default=4, metavar="W", help="of the migrator (default: 4)")
    parser.add_argument("--files", type=int, default=2000, metavar="N", help="per round (default: 2000)")
    parser.add_argument(
        "--pacs", action="append", choices=("orthanc", "find", "mute"), help="only these (default: all)"
    )
    parser.add_argument(
        "--break", dest="broken", choices=tuple(BREAKS), help="spoil this in a copy of the source"
    )
    return parser.parse_args()


def _all_rounds(options: argparse.Namespace, scratch: Path) -> bool:
    from chaos_round import Plan, Round, Tally

    chance = random.Random(options.seed)
    archive = _archive(scratch, options)
    tree = _broken_tree(options.broken, scratch) if options.broken else ROOT
    end = time.monotonic() + options.minutes * 60
    total = Tally()
    kinds = options.pacs or ["find", "orthanc", "mute"]
    while time.monotonic() < end:
        number = total.rounds + 1
        kind = kinds[total.rounds % len(kinds)]
        pacs = _pacs(kind, scratch / f"pacs{number}")
        pacs.start()
        try:
            plan = Plan(archive, tree, options.workers, end)
            tally = Round(plan, pacs, scratch / f"home{number}", random.Random(chance.random())).run()
        finally:
            pacs.end()
        print(f"round {number:>3} ({kind}): {tally.words()}", flush=True)
        print("".join(f"    WRONG: {words}\n" for words in tally.wrong), end="", flush=True)
        total.add(tally)
        if not tally.wrong:
            for leftover in (f"pacs{number}", f"home{number}"):
                shutil.rmtree(scratch / leftover, ignore_errors=True)
        elif options.broken:
            break
    verdict = "instances lost 0, ledgers balanced" if not total.wrong else "NOT GOOD"
    print(f"{total.rounds} rounds, seed {options.seed}: {total.words()}; {verdict}")
    return not total.wrong


def _archive(scratch: Path, options: argparse.Namespace):  # type: ignore[no-untyped-def]
    from pydicom.uid import (
        CTImageStorage,
        ExplicitVRBigEndian,
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        JPEGBaseline8Bit,
        MRImageStorage,
        RLELossless,
    )

    from tests.peers.archives import ArchivePlan, make_archive

    per_study = 20
    plan = ArchivePlan(
        studies=max(1, options.files // per_study),
        series=2,
        instances=per_study // 2,
        side=16,
        sop_classes=(CTImageStorage, MRImageStorage),
        syntaxes=(
            *(ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit),
            *(RLELossless, ExplicitVRBigEndian),
        ),
        seed=options.seed,
    )
    return make_archive(scratch / "archive", plan)


def _pacs(kind: str, folder: Path):  # type: ignore[no-untyped-def]
    from chaos_pacs import Keeper, RealOrthanc

    return RealOrthanc(folder) if kind == "orthanc" else Keeper(answers_find=kind == "find")


def _broken_tree(what: str, scratch: Path) -> Path:
    """A copy of the source in which one promise is not kept."""
    place, pattern, replacement = BREAKS[what]
    tree = scratch / "tree"
    shutil.copytree(ROOT / "migrator", tree / "migrator", ignore=shutil.ignore_patterns("__pycache__"))
    target = tree / "migrator" / place
    changed = 0
    for path in [target] if target.is_file() else sorted(target.rglob("*.py")):
        text, count = re.subn(pattern, replacement, path.read_text("utf-8"))
        changed += count
        path.write_text(text, "utf-8")
    if not changed:
        sys.exit(f"the source has changed: nothing in {place} looks like {pattern}")
    return tree


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        sys.exit(main())
