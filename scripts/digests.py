"""The list of SHA-256 beside what is handed over, as `sha256sum -c` reads it. Standard library only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def note(dist: Path, files: Iterable[Path]) -> list[str]:
    """Put these files, which stand in or below `dist`, into its SHA256SUMS; returns their lines.

    Lines of other files stay while the files are there.
    """
    digests = {file.relative_to(dist).as_posix(): _sha256(file) for file in files}
    new = [f"{digest}  {name}" for name, digest in digests.items()]
    sums = dist / "SHA256SUMS"
    before = sums.read_text("utf-8").splitlines() if sums.exists() else []
    stay = [line for line in before if _name_in(line) not in digests and (dist / _name_in(line)).is_file()]
    text = "".join(f"{line}\n" for line in sorted([*stay, *new], key=_name_in))
    sums.write_text(text, encoding="utf-8", newline="\n")
    return new


def _name_in(line: str) -> str:
    return line.partition("  ")[2]


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
