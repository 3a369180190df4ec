"""What a person signs: what the program recorded, point by point, and what only a person can say."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.core.outcome import State
from migrator.records.report_document import (
    Block,
    Cell,
    Checks,
    Column,
    Heading,
    Signature,
    Table,
    Text,
    cell,
)
from migrator.records.report_model import Report
from migrator.records.words import count, counted, moment


def attestation(report: Report) -> Iterator[Block]:
    yield Heading("As recorded by the program")
    columns = (Column("Point", 1.7), Column("Result", 1.9), Column("What is recorded", 5.4))
    yield Table(columns, tuple(_points(report)))
    yield Heading("To be confirmed by the person who signs")
    yield Checks(
        (
            "I have read this report, and the migration that it tells of was authorised.",
            "What did not arrive, what is held and what was skipped has been looked at; what is open is "
            "named below.",
            "Samples were looked at in the destination by a person who can judge them.",
            "The source stays available for as long as the institution requires.",
        )
    )
    yield Signature(("Open points", "Name", "Role", "Place and date", "Signature"))


def _points(report: Report) -> Iterator[tuple[Cell, ...]]:
    yield _point("Result", report.headline.word, report.headline.tone, report.headline.sentence)
    yield _point("Source", report.copy_only.word, report.copy_only.tone, report.copy_only.text)
    yield _complete(report)
    yield _unchanged(report)
    yield _encrypted(report)
    for one in report.statements:
        yield _point(one.title, one.word, one.tone, one.text)
    who = ", ".join(report.who) or "not recorded"
    when = f"From {moment(report.begun)} to {moment(report.last)}" if report.begun else "Not begun"
    yield _point("Responsible", "", "", f"{when}, in {count(report.setup.runs)} runs, by {who}.")


def _point(name: str, word: str, tone: str, text: str) -> tuple[Cell, ...]:
    return cell(Text(name, "strong")), cell(Text(word, tone)), cell(text)


def _complete(report: Report) -> tuple[Cell, ...]:
    stored = report.ledger["sent"] + report.ledger["warned"]
    open_ones = sum(report.ledger[state.value] for state in State if state.spoils)
    aside = f" ({count(report.left_out)} of them left out on request)" if report.left_out else ""
    word, tone = "ALL SETTLED", "good"
    if not report.is_whole or not report.found:
        word, tone = "NOT KNOWN TO BE WHOLE", "bad"
    elif open_ones:
        word, tone = f"{count(open_ones)} OPEN", "bad"
    elif report.left_out:
        word, tone = "IN PART ONLY", "warn"
    text = (
        f"{count(report.found)} paths are recorded: {count(stored)} stored, "
        f"{count(report.ledger['skipped'])} skipped with a reason{aside}, "
        f"{count(open_ones)} not known to be at the destination."
    )
    if not report.is_whole:
        text += " The source may hold more than was recorded."
    return _point("Completeness", word, tone, text)


def _unchanged(report: Report) -> tuple[Cell, ...]:
    contents = report.contents
    stored, verbatim = sum(contents.fidelity.values()), contents.fidelity.get("verbatim", 0)
    of_stored = f"{count(verbatim)} of {counted(stored, 'stored instance')}"
    text = f"{of_stored} went with the very bytes of the file's data set."
    if contents.changed:
        text += (
            f" {count(contents.changed)} went with changed attributes: this report tells which, the command "
            "export lists each."
        )
    else:
        text += " The record names no attribute that was changed."
    word, tone = ("VERBATIM", "good") if stored and verbatim == stored else ("SEE FIDELITY", "none")
    return _point("Contents", word, tone, text)


def _encrypted(report: Report) -> tuple[Cell, ...]:
    runs, encrypted = report.setup.runs, report.setup.encrypted_runs
    text = f"The connection was encrypted by TLS in {count(encrypted)} of {count(runs)} runs."
    if runs and encrypted == runs:
        return _point("Transmission", "ENCRYPTED", "good", text)
    return _point("Transmission", "IN PART ENCRYPTED" if encrypted else "NOT ENCRYPTED", "warn", text)
