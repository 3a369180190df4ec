"""Whether texts are in the character set that their dataset names (PS3.3 C.12.1.1.2, PS3.5 6.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from migrator.core.inspection import Fault, Kind
from migrator.dicom.charsets import decoder_of
from migrator.dicom.editing.splice_show import keyword_of

_ESCAPE = b"\x1b"
_LATIN = frozenset(("100", "101", "109", "110", "126", "127", "138", "144", "148", "166", "203"))
_ALONE = frozenset({*(f"ISO_IR {number}" for number in _LATIN), "ISO_IR 13", "ISO_IR 192", "GB18030", "GBK"})
# Where it is the only one, the default repertoire may be named too, as many writers do.
_DEFAULTS = frozenset(("", "ISO_IR 6", "ISO 2022 IR 6"))
_EXTENDED = frozenset(
    {"", "ISO 2022 IR 6", "ISO 2022 IR 13", *(f"ISO 2022 IR {number}" for number in _LATIN)}
)
_EXTENDED_LATER = frozenset(f"ISO 2022 IR {number}" for number in ("87", "159", "149", "58"))
# In these a byte above 127 stands for a letter by itself; from 128 to 159 there is none (PS3.5 6.1.2.5).
_SINGLE_BYTE = frozenset(f"{prefix} {number}" for prefix in ("ISO_IR", "ISO 2022 IR") for number in _LATIN)
_NO_LETTERS = bytes(range(0x80, 0xA0))


class Text(NamedTuple):
    """A value that is not plain ASCII, with its element's tag and VR."""

    tag: int
    vr: bytes
    raw: bytes


def text_faults(character_set: bytes, texts: Sequence[Text]) -> Iterator[Fault]:
    """What is wrong with (0008,0005), and with the texts under it. Texts in plain ASCII need not be given."""
    terms, unknown = _judged(character_set)
    declared = "\\".join(terms)
    if unknown:
        yield Fault(Kind.CHARSET_UNKNOWN, declared)
    elif not texts:
        return
    elif set(terms) <= _DEFAULTS:
        yield Fault(Kind.CHARSET_UNDECLARED, ", ".join(keyword_of(text.tag) for text in texts))
    else:
        wrong = [keyword_of(text.tag) for text in texts if _is_wrong(terms, character_set, text)]
        if wrong:
            yield Fault(Kind.CHARSET_WRONG, f"{', '.join(wrong)} under {declared}")


@lru_cache(256)
def _judged(character_set: bytes) -> tuple[tuple[str, ...], bool]:
    """The terms of (0008,0005), and whether one of them means nothing where it stands."""
    terms = tuple(term.strip(" \0") for term in character_set.decode("latin_1").split("\\"))
    if len(terms) == 1:
        return terms, terms[0] not in _ALONE | _DEFAULTS | _EXTENDED
    return terms, terms[0] not in _EXTENDED or not set(terms[1:]) <= _EXTENDED | _EXTENDED_LATER


def _is_wrong(terms: tuple[str, ...], character_set: bytes, text: Text) -> bool:
    """Whether these bytes cannot be what the character set says; UTF-8 in a set of single bytes is not."""
    raw = text.raw
    if "\ufffd" in decoder_of(character_set)(raw, text.vr == b"PN"):
        return True
    if _ESCAPE in raw:
        return len(terms) == 1
    if terms[0] not in _SINGLE_BYTE:
        return False
    return len(raw.translate(None, _NO_LETTERS)) < len(raw) or _is_utf8(raw)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
