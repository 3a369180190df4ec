"""Paths as the operating system wants them."""

from __future__ import annotations

import os


def long_path(path: str) -> str:
    r"""On Windows the \\?\ form of a path, which knows no limit of 260 characters; elsewhere itself."""
    if os.name != "nt" or path.startswith("\\\\?\\"):
        return path
    absolute = os.path.abspath(path)  # noqa: PTH100 - pathlib drops what it thinks redundant
    if absolute.startswith("\\\\"):
        return "\\\\?\\UNC\\" + absolute[2:]
    return "\\\\?\\" + absolute


def encodable(text: str) -> str:
    """A path for JSON and for people: what stands for undecodable bytes becomes a question mark."""
    return text.encode("utf-8", "replace").decode()
