"""A migration's report as a document: what it says, in which order and words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from migrator.core.outcome import State
from migrator.records import charts
from migrator.records.report_attestation import attestation
from migrator.records.report_document import (
    Banner,
    Block,
    Cell,
    Column,
    Document,
    Facts,
    Figure,
    Heading,
    Paragraph,
    Section,
    Table,
    Text,
    Tile,
    Tiles,
    cell,
)
from migrator.records.report_model import CauseGroup, EditGroup, Report, RunLine, Statement, StudyLine
from migrator.records.words import count, counted, day, moment, noun, size, span

_TROUBLED = [state.value for state in State if state.spoils]

_MEANINGS = {
    "sent": ("stored; the destination said so", "#2f7f5f"),
    "warned": ("stored, with a warning status", "#d39a2b"),
    "skipped": ("no image object, a duplicate, already there, or left out by a filter", "#a9b4bd"),
    "held": ("waits for a person to decide", "#7a5ba8"),
    "failed": ("refused, or could not be read", "#a3201d"),
    "quarantined": ("a damaged object that cannot be sent", "#6d1413"),
    "unknown": ("sent, but no answer came and nobody can tell", "#d2691e"),
    "pending": ("not yet sent", "#5b87a6"),
}
_FIDELITY = {
    "verbatim": ("the very bytes of the file's data set", "#2f7f5f"),
    "reencoded": ("the same values in another uncompressed transfer syntax", "#6ba58a"),
    "decompressed": ("pixel data decompressed, without loss by us", "#5b87a6"),
    "edited": ("changed by rules, or without private or irregular elements", "#d39a2b"),
    "remapped": ("with the patient's identity as the destination knows it", "#7a5ba8"),
    "reclassified": ("a Secondary Capture copy under a UID of its own", "#d2691e"),
}


def document_of(report: Report) -> Document:
    """The whole document."""
    return Document(
        title="Migration report",
        subtitle=f"{report.source} to {report.destination}",
        made=datetime.fromtimestamp(report.made).astimezone(),
        facts=_head(report),
        lead=(Banner(report.headline.tone, report.headline.word, report.headline.sentence), _tiles(report)),
        sections=tuple(_sections(report)),
    )


def _sections(report: Report) -> Iterator[Section]:
    yield Section("Ledger", tuple(_ledger(report)))
    yield Section("Runs", tuple(_runs(report)))
    yield Section("Proof and statements", tuple(_statements(report.statements)))
    yield Section("Fidelity and every change", tuple(_fidelity(report)))
    yield Section("What did not arrive", tuple(_failures(report)))
    yield Section("Held for a decision", tuple(_held(report)))
    yield Section("Skipped", tuple(_skipped(report)))
    yield Section("Configuration", tuple(_configuration(report)))
    yield Section("Attestation", tuple(attestation(report)), starts_page=True)
    yield Section("Studies", tuple(_studies(report)), starts_page=True)


def _head(report: Report) -> Facts:
    items: list[tuple[str, Cell]] = [
        ("Source", cell(report.source)),
        ("Destination", cell(report.destination)),
        ("Begun", cell(moment(report.begun) if report.begun else "-")),
        ("Last recorded", cell(moment(report.last) if report.last else "-")),
        ("Carried out by", cell(", ".join(report.who) or "not recorded")),
        ("As of", cell(moment(report.made))),
        ("Migration", cell(Text(report.id, "uid"))),
    ]
    if report.is_aside:
        items.append(("Note", cell("This migration was begun anew later; this is the record of before.")))
    return Facts(tuple(items))


def _tiles(report: Report) -> Tiles:
    stored = report.ledger["sent"] + report.ledger["warned"]
    troubled = sum(report.ledger[name] for name in _TROUBLED)
    return Tiles(
        (
            Tile(count(report.patients), noun(report.patients, "patient")),
            Tile(count(len(report.studies)), noun(len(report.studies), "study")),
            Tile(count(stored), f"{noun(stored, 'instance')} stored", "good" if stored else ""),
            Tile(size(report.stored_bytes), "stored"),
            Tile(count(troubled), "open", "bad" if troubled else "good"),
            Tile(count(report.ledger["skipped"]), "skipped"),
        )
    )


def _ledger(report: Report) -> Iterator[Block]:
    found = f"together they are the {count(report.found)} found"
    yield Paragraph(f"Every path that was found is in exactly one state; {found}.")
    if report.found:
        shares = [charts.Share(name, report.ledger[name], color) for name, (_, color) in _MEANINGS.items()]
        yield Figure(lambda font: charts.bar(shares, font), "The paths of this migration by state")
    rows = [
        (cell(Text(name, "strong")), cell(count(report.ledger[name])), cell(meaning))
        for name, (meaning, _) in _MEANINGS.items()
        if report.ledger[name] or name in ("sent", "failed")
    ]
    rows.append((cell(Text("found", "strong")), cell(Text(count(report.found), "strong")), cell("their sum")))
    yield Table((Column("State", 1.5), Column("Paths", 1, True), Column("Means", 5)), tuple(rows))
    if report.left_out:
        yield Paragraph(
            f"{count(report.left_out)} of those skipped were left out on request, by filters or limits."
        )


def _runs(report: Report) -> Iterator[Block]:
    if report.runs_left_out:
        yield Paragraph(
            f"The newest {len(report.runs)} runs; {count(report.runs_left_out)} older ones are not listed."
        )
    columns = (
        Column("Run", 0.6, True),
        Column("Begun and ended", 2.6),
        Column("What it did", 4),
        Column("By", 2.4),
    )
    yield Table(columns, tuple(_run_row(run) for run in report.runs))
    if report.stretches:
        yield Heading("Throughput")
        words = "Files and megabytes per second while objects were stored"
        yield Figure(lambda font: charts.throughput(report.stretches, font), words)
        left = report.stretches_left_out
        yield Paragraph(
            "By the files' sizes and the times at which they were stored. The time between runs is cut out."
            + (f" The runs that stored most; {count(left)} others are not drawn." if left else ""),
            "soft",
        )


def _run_row(run: RunLine) -> tuple[Cell, ...]:
    rate = f" in {span(run.seconds)}" if run.seconds else ""
    ended = moment(run.ended) if run.ended else "-"
    return (
        cell(str(run.number)),
        cell(
            moment(run.begun), ended if run.ended else "", Text(run.how, "" if run.how == "ended" else "warn")
        ),
        cell(
            run.ledger, f"{size(run.bytes)} stored{rate}" if run.bytes else "", Text(run.source_check, "soft")
        ),
        cell(
            run.who,
            Text(f"as {run.calling}" if run.calling else "", "soft"),
            Text(f"version {run.version}", "soft"),
        ),
    )


def _statements(statements: Sequence[Statement]) -> Iterator[Block]:
    columns = (Column("Check", 1.9), Column("Result", 1.6), Column("What it says", 5.5))
    yield Table(columns, tuple(_statement_row(one) for one in statements))


def _statement_row(one: Statement) -> tuple[Cell, ...]:
    lines: list[Text] = []
    for name, value in one.facts:
        is_digest = len(value) == 64
        lines.append(Text(f"{name}:" if is_digest else f"{name}: {value}", "soft"))
        lines += [Text(value, "uid")] if is_digest else []
    return cell(Text(one.title, "strong")), cell(Text(one.word, one.tone)), cell(one.text, *lines)


def _fidelity(report: Report) -> Iterator[Block]:
    if not report.contents.fidelity:
        yield Paragraph("Nothing was stored.")
        return
    shares = [
        charts.Share(name, report.contents.fidelity.get(name, 0), color)
        for name, (_, color) in _FIDELITY.items()
    ]
    yield Figure(lambda font: charts.bar(shares, font), "The stored instances by fidelity")
    rows = [
        (cell(Text(name, "strong")), cell(count(report.contents.fidelity[name])), cell(meaning))
        for name, (meaning, _) in _FIDELITY.items()
        if report.contents.fidelity.get(name)
    ]
    yield Table((Column("Fidelity", 1.5), Column("Instances", 1, True), Column("Means", 5)), tuple(rows))
    if report.contents.healed:
        yield Paragraph(f"{count(report.contents.healed)} instances were stored only after a recovery step.")
    yield Heading("Changed attributes")
    altered = sum(report.contents.fidelity.get(name, 0) for name in ("edited", "remapped", "reclassified"))
    if altered > report.contents.changed:
        unnamed = count(altered - report.contents.changed)
        yield Paragraph(f"Of {unnamed} changed instances the record does not name the attributes.", "warn")
    if not report.contents.changed:
        yield Paragraph("The record names no attribute that was sent otherwise than the file has it.")
        return
    yield Paragraph(
        f"{count(report.contents.changed)} instances were stored with changed attributes. Equal changes are "
        "one line with their number; the example names the first instance's patient, as in its file, and "
        "study. The command export lists every instance with its changes."
    )
    for group in report.contents.edits:
        yield _edits(group)


def _edits(group: EditGroup) -> Table:
    note = f"{group.attribute}: {count(group.count)} instances"
    if group.further or group.further_count:
        note += (
            f". The most frequent changes; {count(group.further_count)} instances with other changes are not "
            "listed here."
        )
    columns = (Column("Before", 2), Column("After", 2), Column("Instances", 1, True), Column("Example", 4))
    rows = tuple(
        (
            cell(line.before or Text("(none)", "soft")),
            cell(line.after or Text("(left out)", "soft")),
            cell(count(line.count)),
            cell(Text(line.example, "soft")),
        )
        for line in group.lines
    )
    return Table(columns, rows, note)


def _failures(report: Report) -> Iterator[Block]:
    pending = report.ledger["pending"]
    if pending:
        yield Paragraph(
            f"{counted(pending, 'path')} not sent yet; no list names them. The same migrate command sends "
            "them."
        )
    if not report.causes.failed and not pending:
        yield Paragraph("Nothing: no path failed, is damaged, or is in doubt.", "good")
    yield from _causes(report.causes.failed)
    if report.causes.warned:
        yield Heading("Stored with a warning")
        yield Paragraph("These are at the destination, which said that it changed or missed something.")
        yield from _causes(report.causes.warned)


def _held(report: Report) -> Iterator[Block]:
    if not report.causes.held:
        yield Paragraph("Nothing waits for a decision.", "good")
    yield from _causes(report.causes.held)


def _skipped(report: Report) -> Iterator[Block]:
    if not report.causes.skipped:
        yield Paragraph("Nothing was skipped.")
        return
    rows = tuple(
        (cell(group.cause), cell(count(group.count)), cell(*(path for path, _, _ in group.examples[:3])))
        for group in report.causes.skipped
    )
    yield Table((Column("Why", 3), Column("Paths", 1, True), Column("Some of them", 4)), rows)


def _causes(groups: Sequence[CauseGroup]) -> Iterator[Block]:
    for group in groups:
        yield Heading(f"{count(group.count)} {group.state}: {group.cause}")
        shown = f"{len(group.examples)} of them:" if group.count > len(group.examples) else ""
        where = f"In {counted(group.studies, 'study')}." if group.studies else ""
        note = " ".join(filter(None, (group.advice, where, shown)))
        rows = tuple(
            (cell(path), cell(Text(uid, "uid"), Text(detail, "soft"))) for path, uid, detail in group.examples
        )
        yield Table((Column("Path", 1), Column("SOP instance UID and detail", 1)), rows, note)


def _configuration(report: Report) -> Iterator[Block]:
    yield Heading("Settings that are not at their defaults")
    if report.setup.settings:
        rows = tuple(
            (
                cell(Text(line.name, "uid")),
                cell(line.value),
                cell(line.runs),
                cell(Text(line.meaning, "soft")),
            )
            for line in report.setup.settings
        )
        yield Table((Column("Setting", 2), Column("Value", 2), Column("Runs", 1), Column("Means", 4)), rows)
    else:
        yield Paragraph("All were at their defaults.")
    if report.setup.shaping:
        yield Facts(tuple((name, cell(Text(value, "uid"))) for name, value in report.setup.shaping))
    yield Heading("Versions")
    yield Paragraph("; ".join(f"{name}: {value}" for name, value in report.setup.versions))


def _studies(report: Report) -> Iterator[Block]:
    yield Paragraph(
        f"{counted(len(report.studies), 'study')} of {counted(report.patients, 'patient')}, by patient and "
        "date. Patients are named as in the files; where an object was sent under another identity, that is "
        "said. Counts are instances."
    )
    if sum(report.without_study.values()):
        parts = ", ".join(f"{count(number)} {state}" for state, number in report.without_study.items())
        yield Paragraph(f"Of no study, because their headers do not tell one: {parts}.", "soft")
    columns = (Column("Patient", 5.2), Column("Study", 8.6), Column("Instances", 2.6), Column("Proof", 3.4))
    yield Table(columns, tuple(_study_row(study) for study in report.studies))


def _study_row(study: StudyLine) -> tuple[Cell, ...]:
    born = f"born {day(study.birth_date)}" if study.birth_date else ""
    what = " · ".join(filter(None, (day(study.date) or "no date", study.modalities, study.description)))
    accession = f"accession {study.accession}" if study.accession else ""
    sent_as = f"sent as {study.sent_as}" if study.sent_as else ""
    return (
        cell(
            Text(study.patient_name or "(no name)", "strong"),
            f"ID {study.patient_id}" if study.patient_id else "no ID",
            Text(born, "soft"),
            Text(sent_as, "warn"),
        ),
        cell(what, Text(accession, "soft"), Text(study.uid, "uid")),
        cell(*_counts(study), Text(size(study.bytes) if study.bytes else "", "soft")),
        cell(Text(study.proof, study.proof_tone), Text(study.proof_detail, "soft")),
    )


def _counts(study: StudyLine) -> Iterator[Text]:
    for name in _MEANINGS:
        if number := study.counts.get(name):
            style = "bad" if name in _TROUBLED else "warn" if name == "warned" else ""
            yield Text(f"{count(number)} {name}", style)
    if study.edited:
        yield Text(f"{count(study.edited)} changed", "warn")
