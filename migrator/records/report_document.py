"""What a printed document consists of. One description makes HTML and PDF, so both say the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple


class Text(NamedTuple):
    """A line of text; `style` is strong, soft, uid, good, warn, bad, none, or nothing."""

    text: str
    style: str = ""


Cell = tuple[Text, ...]

# No letters, but names of several languages are not spelt without them.
_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"


def printable(text: str) -> str:
    """Text without control characters, nor those that would turn the direction of what follows."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter in _JOINERS else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )


def cell(*lines: str | Text) -> Cell:
    """The lines of a cell, those that are empty left out."""
    texts = (line if isinstance(line, Text) else Text(line) for line in lines)
    return tuple(text for text in texts if text.text)


@dataclass(frozen=True, slots=True)
class Banner:
    """What the document says in one word and one sentence; `tone` is good, warn or bad."""

    kind: ClassVar[str] = "banner"
    tone: str
    word: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    kind: ClassVar[str] = "paragraph"
    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading within a section."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and their values."""

    kind: ClassVar[str] = "facts"
    items: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True, slots=True)
class Tile:
    value: str
    name: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Tiles:
    """A few numbers to be seen at once."""

    kind: ClassVar[str] = "tiles"
    items: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """`share` is the column's part of the width."""

    title: str
    share: float = 1.0
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    kind: ClassVar[str] = "table"
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing: `draw` makes its SVG with this font family; `words` say what it shows."""

    kind: ClassVar[str] = "figure"
    draw: Callable[[str], str]
    words: str


@dataclass(frozen=True, slots=True)
class Checks:
    """Sentences with boxes to be ticked by hand."""

    kind: ClassVar[str] = "checks"
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """Lines to be filled in by hand."""

    kind: ClassVar[str] = "signature"
    fields: tuple[str, ...]


Block = Banner | Paragraph | Heading | Facts | Tiles | Table | Figure | Checks | Signature


@dataclass(frozen=True, slots=True)
class Section:
    """`starts_page`: it begins on a page of its own."""

    title: str
    blocks: tuple[Block, ...]
    starts_page: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """`lead` stands before the first section, with the table of contents after it."""

    title: str
    subtitle: str
    made: datetime
    facts: Facts
    lead: tuple[Block, ...]
    sections: tuple[Section, ...]
