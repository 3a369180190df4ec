"""Reading large JSON without holding up other threads: the standard reader keeps the GIL from end to end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_DEPTH = 3  # levels that are read member by member; what is deeper is small, and read at once
_DECODER = json.JSONDecoder()
_NEXT = re.compile(r"[ \t\n\r]*([,\]}])[ \t\n\r]*")
_COLON = re.compile(r"[ \t\n\r]*:[ \t\n\r]*")
_WHITE = re.compile(r"[ \t\n\r]*")

Makers = Mapping[str, Callable[[Any], Any]]
"""What is to become of each member of a list, by the list's name in the outermost object."""


def loads(text: str, makers: Makers | None = None) -> Any:
    """What `json.loads` gives, read in pieces. Raises ValueError.

    The members of a list that `makers` name go through its maker one by one, so that a long one never exists
    as a whole.
    """
    at = _skip(text, 0)
    if makers and text[at : at + 1] == "{":
        value, end = _object(text, _skip(text, at + 1), _DEPTH - 1, makers)
    else:
        value, end = _read(text, at, _DEPTH)
    if _skip(text, end) != len(text):
        raise ValueError(f"something follows the value at {end}")
    return value


def _read(text: str, at: int, depth: int) -> tuple[Any, int]:
    kind = text[at : at + 1]
    if depth and kind == "{":
        return _object(text, _skip(text, at + 1), depth - 1)
    if depth and kind == "[":
        return _array(text, _skip(text, at + 1), depth - 1)
    return _DECODER.raw_decode(text, at)


def _object(text: str, at: int, depth: int, makers: Makers | None = None) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    if text[at : at + 1] == "}":
        return found, at + 1
    while True:
        name, at = _DECODER.raw_decode(text, at)
        colon = _COLON.match(text, at)
        if colon is None or not isinstance(name, str):
            raise ValueError(f"no member of an object at {at}")
        at = colon.end()
        if makers and name in makers and text[at : at + 1] == "[":
            found[name], at = _array(text, _skip(text, at + 1), depth - 1, makers[name])
        else:
            found[name], at = _read(text, at, depth)
        mark, at = _after(text, at)
        if mark != ",":
            return found, _closed(mark, "}", at)


def _array(text: str, at: int, depth: int, make: Callable[[Any], Any] | None = None) -> tuple[list[Any], int]:
    found: list[Any] = []
    if text[at : at + 1] == "]":
        return found, at + 1
    while True:
        value, at = _read(text, at, depth)
        found.append(value if make is None else make(value))
        mark, at = _after(text, at)
        if mark != ",":
            return found, _closed(mark, "]", at)


def _after(text: str, at: int) -> tuple[str, int]:
    found = _NEXT.match(text, at)
    if found is None:
        raise ValueError(f"neither a comma nor an end at {at}")
    return found.group(1), found.end()


def _closed(mark: str, wanted: str, at: int) -> int:
    if mark != wanted:
        raise ValueError(f"{mark} where {wanted} was to be, at {at}")
    return at


def _skip(text: str, at: int) -> int:
    found = _WHITE.match(text, at)
    return found.end() if found is not None else at
