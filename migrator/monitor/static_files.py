"""The page and what belongs to it, read once: its files are few and small."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

# Not asked of the system: on Windows a program may have taught it other types.
_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "png": "image/png",
    "webmanifest": "application/manifest+json",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is served."""

    content: bytes
    type: str
    tag: str


def static_files() -> dict[str, StaticFile]:
    """By the path under which each is served: the page as `/`, what lies beside it as `/name` too."""
    files: dict[str, StaticFile] = {}
    folder = resources.files("migrator.monitor") / "static"
    for name, content in _read(folder, ""):
        tag = f'"{hashlib.sha256(content).hexdigest()[:24]}"'
        one = StaticFile(content, _TYPES[name.rpartition(".")[2]], tag)
        files[f"/static/{name}"] = one
        if "/" not in name:
            files["/" if name == "index.html" else f"/{name}"] = one
    return files


def _read(folder: Any, prefix: str) -> Iterator[tuple[str, bytes]]:
    if not folder.is_dir():
        return
    for one in folder.iterdir():
        if one.is_dir():
            yield from _read(one, f"{prefix}{one.name}/")
        elif one.name.rpartition(".")[2] in _TYPES:
            yield prefix + one.name, one.read_bytes()
