"""A document as PDF, set by typst in a process of its own: its memory is given back, and it can be stopped.

The document travels as data, never as markup, so nothing in it needs to be escaped or can be run. typst may
read nothing outside a folder made for it, and fetches nothing, since the template imports no package.
"""

from __future__ import annotations

import json
import multiprocessing
import re
import signal
from collections.abc import Iterable, Iterator
from importlib.resources import files
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from migrator import __version__
from migrator.core.control import Control
from migrator.core.errors import CannotTypeset
from migrator.records.report_document import (
    Banner,
    Block,
    Cell,
    Document,
    Facts,
    Figure,
    Table,
    Tiles,
    printable,
)
from migrator.records.words import moment
from migrator.records.writing import PHI_NOTICE

_FONT = "Libertinus Serif"  # typst brings it along
_TICK = 0.1
_MOST_IN_TABLE = 6000  # rows; longer lists are set without columns, which takes half the memory
_LONG_RUN = re.compile(r"\S{25,}")
_RUN_PIECE = re.compile(r".{1,12}[/\\._^,;:=-]|.{12}|.+")
_LINE = 90  # letters of the line above a page
_SPACE = "\N{ZERO WIDTH SPACE}"
# What typst quotes may name a patient.
_QUOTED = re.compile("[\"'`\u2018\u201c].*[\"'`\u2019\u201d]", re.DOTALL)
_ONE_PIECE = re.compile(r"[0-9a-f.]{1,64}")

ARCHIVAL, PLAIN = "PDF/A-2b", "PDF"


def as_pdf(document: Document, folder: Path, control: Control) -> tuple[bytes, str]:
    """The document as PDF, PDF/A-2b where every letter has a font; and what is to be told of it, if anything.

    What that takes, patients' data too, is left in `folder`. Raises CannotTypeset and Cancelled.
    """
    try:
        _lay_out(document, folder)
        refused = ""
        for standard in (ARCHIVAL, PLAIN):
            trouble = _set(folder, standard, control)
            if not trouble:
                return (folder / "report.pdf").read_bytes(), _told(refused)
            refused = trouble
    except OSError as error:
        raise CannotTypeset(f"the PDF could not be made: {error.strerror or error}") from error
    raise CannotTypeset(f"the PDF could not be made: {_QUOTED.sub('(…)', trouble)}")


def _told(trouble: str) -> str:
    if not trouble:
        return ""
    if "could not be displayed" in trouble:
        return (
            "the PDF is no PDF/A, and shows boxes for letters that no font of this machine has: install "
            "one that has them (such as Noto Sans CJK)"
        )
    return f"the PDF is no PDF/A: {_QUOTED.sub('(…)', trouble)}"


def _lay_out(document: Document, folder: Path) -> None:
    """Write what typst reads: the template, the data, the drawings."""
    template = files("migrator.records") / "templates" / "report.typ"
    (folder / "report.typ").write_bytes(template.read_bytes())
    figures: list[str] = []
    data = {
        "title": document.title,
        "subtitle": _plain(document.subtitle),
        "running": _plain(_shortened(f"{document.title}: {document.subtitle}")),
        "made": moment(document.made),
        "date": [document.made.year, document.made.month, document.made.day],
        "program": f"DICOM PACS Migrator {__version__}",
        "phi": PHI_NOTICE,
        "facts": _block(document.facts, figures),
        "lead": [_block(block, figures) for block in document.lead],
        "sections": [
            {
                "title": section.title,
                "starts_page": section.starts_page,
                "blocks": [_block(block, figures) for block in section.blocks],
            }
            for section in document.sections
        ],
    }
    for number, svg in enumerate(figures):
        (folder / f"figure{number}.svg").write_text(svg, "utf-8")
    (folder / "report.json").write_text(json.dumps(data), "utf-8")


def _block(block: Block, figures: list[str]) -> dict[str, Any]:
    """A block as JSON; drawings are put into `figures` and cited by their numbers."""
    values: dict[str, Any] = {"kind": block.kind}
    if isinstance(block, Figure):
        figures.append(block.draw(_FONT))
        return values | {"file": f"figure{len(figures) - 1}.svg", "words": block.words}
    if isinstance(block, Table):
        return values | {
            "titles": [column.title for column in block.columns],
            "shares": [column.share for column in block.columns],
            "numbers": [column.is_number for column in block.columns],
            "rows": [[_cell(one) for one in row] for row in block.rows],
            "note": _plain(block.note),
            "is_list": len(block.rows) > _MOST_IN_TABLE,
        }
    if isinstance(block, Facts):
        return values | {"items": [[name, _cell(value)] for name, value in block.items]}
    if isinstance(block, Tiles):
        return values | {"items": [[tile.value, tile.name, tile.tone] for tile in block.items]}
    if isinstance(block, Banner):
        return values | {"tone": block.tone, "word": block.word, "sentence": _plain(block.sentence)}
    return values | {name: _words(getattr(block, name)) for name in block.__slots__}


def _words(value: object) -> object:
    return _plain(value) if isinstance(value, str) else value


def _cell(value: Cell) -> list[list[str]]:
    return [[_plain(line.text), line.style] for line in value]


def _plain(text: str) -> str:
    """Text that can be set: without control characters, and with places to break in what has no spaces.

    A UID or a digest stays as it is: columns are wide enough for its 64 letters, and it is copied from a PDF.
    """
    text = printable(text)
    if len(text) < 25 or _ONE_PIECE.fullmatch(text):
        return text
    return _LONG_RUN.sub(lambda run: _SPACE.join(_pieces(run[0])), text)


def _shortened(text: str) -> str:
    """Text for one line: from a longer one the middle is left out."""
    return text if len(text) <= _LINE else f"{text[: _LINE // 2]} … {text[-_LINE // 2 :]}"


def _pieces(run: str) -> Iterable[str]:
    return [run] if _ONE_PIECE.fullmatch(run) else _RUN_PIECE.findall(run)


def _set(folder: Path, standard: str, control: Control) -> str:
    """Run typst; what hindered it, if anything. Raises Cancelled."""
    # Spawned, never forked: threads of ours may be running.
    process = multiprocessing.get_context("spawn").Process(target=typeset, args=(str(folder), standard))
    process.start()
    try:
        for _ in _until_ended(process):
            control.checkpoint()
    finally:
        if process.is_alive():
            process.kill()
            process.join()
    try:
        return (folder / "result").read_text("utf-8")
    except OSError:
        return f"its process ended with {process.exitcode}"


def _until_ended(process: BaseProcess) -> Iterator[None]:
    while process.is_alive():
        process.join(_TICK)
        yield


def typeset(folder: str, standard: str) -> None:
    """In a process of its own: set this folder's document; `result` is written last, empty for success."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both; the other one ends this
    place = Path(folder)
    (place / "result").unlink(missing_ok=True)
    try:
        import typst

        standards: list[Any] = ["a-2b"] if standard == ARCHIVAL else []
        data = typst.compile(str(place / "report.typ"), root=folder, pdf_standards=standards)
        (place / "report.pdf").write_bytes(data)
    except ImportError:
        trouble = "typst, which sets it, is not there for this machine; the HTML can be printed"
    except Exception as error:  # noqa: BLE001 - a process's outermost level: the other one tells
        trouble = getattr(error, "diagnostic", "") or str(error) or type(error).__name__
    else:
        trouble = ""
    (place / "result").write_text(trouble, "utf-8")
