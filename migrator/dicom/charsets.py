"""Decoding texts as the dataset's Specific Character Set says (PS3.3 C.12.1.1.2, PS3.5 6.1)."""

from __future__ import annotations

import codecs
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from pydicom.charset import convert_encodings, decode_bytes, python_encoding


class Decode(Protocol):
    """Decodes one value. Never raises: what cannot be decoded becomes U+FFFD."""

    def __call__(self, value: bytes, is_name: bool = False) -> str: ...


_ESCAPE = b"\x1b"
_TO_CHINESE = "\x1b$)A"  # ISO-IR 58: pydicom leaves this to Python's decoder, which leaves it in the text
# PS3.5 6.1.2.5.3: what resets code extensions; in names also the delimiters of their components.
_DELIMITERS = set(b"\n\r\t\f\\")
_NAME_DELIMITERS = _DELIMITERS | set(b"^=")
_DEFAULT = "iso8859"  # ISO_IR 6 as pydicom reads it: eight-bit bytes are kept, not lost
_MOST_KNOWN = 256
_known: dict[bytes, Decode] = {}
# Reentrant: reading a file quietly decodes its texts quietly too.
_one_at_a_time = threading.RLock()


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Silence pydicom's warnings on odd values; the warnings' filters belong to the whole process."""
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def decoder_of(character_set: bytes) -> Decode:
    """The decoder for texts of a dataset whose (0008,0005) has this value.

    Unknown names mean the default; raises ValueError for what cannot even be a name.
    """
    decode = _known.get(character_set)
    if decode is None:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        decode = _known[character_set] = _make_decoder(character_set)
    return decode


def _make_decoder(character_set: bytes) -> Decode:
    terms = [term.strip(" \0") for term in character_set.decode("latin_1").split("\\")]
    encodings = _encodings_of(terms)

    def decode(value: bytes, is_name: bool = False) -> str:
        if _ESCAPE not in value:
            return value.decode(encodings[0], "replace")
        with quiet_pydicom():
            text = decode_bytes(value, encodings, _NAME_DELIMITERS if is_name else _DELIMITERS)
            return text.replace(_TO_CHINESE, "")

    return decode


def _encodings_of(terms: list[str]) -> list[str]:
    with quiet_pydicom():
        found = convert_encodings(terms) if any(terms) else [_DEFAULT]
    known = set(python_encoding.values())
    return [encoding if encoding in known or _is_text(encoding) else _DEFAULT for encoding in found]


def _is_text(encoding: str) -> bool:
    """Whether this is one of Python's own names of an eight-bit or UTF encoding, as some datasets hold it."""
    try:
        return codecs.lookup(encoding).name.startswith(("iso8859", "cp", "utf-8", "gb", "euc", "koi8"))
    except LookupError:
        return False
