"""A pass over a job's records that keeps tallies, never rows: per study, per cause, per change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from migrator.core.edits import Change
from migrator.core.model import LEFT_OUT, Patient, Study
from migrator.core.outcome import State
from migrator.core.paths import encodable
from migrator.engine.manifest_runs import Record
from migrator.jobs.report_advice import advice_for, cause_of
from migrator.records.report_model import CauseGroup, EditGroup, EditLine

MOST_EXAMPLES = 10  # of each cause
MOST_CAUSES = 100  # of each state; then they are counted together
MOST_PAIRS = 1000  # distinct changes of one attribute that are told apart
MOST_CHANGES = 25  # of one attribute that are listed
_LONGEST = 160  # letters of a value or a reason that are shown


class StudyTally:
    """What became of one study's paths. `study` is as its first file names it."""

    __slots__ = ("bytes", "counts", "edited", "modalities", "patients", "sent_as", "study")

    def __init__(self, study: Study) -> None:
        self.study = study
        self.counts: Counter[str] = Counter()
        self.modalities: set[str] = set()
        self.patients: set[Patient] = {study.patient}
        self.sent_as: set[str] = set()
        self.bytes = 0
        self.edited = 0


@dataclass(slots=True)
class _Cause:
    advice: str
    count: int = 0
    studies: set[int] = field(default_factory=set)  # hashes
    examples: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Pairs:
    """The distinct changes of one attribute, with how often each was made and by whom first."""

    count: int = 0
    pairs: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    beyond: int = 0


class Tally:
    """Takes up every record of a job once."""

    def __init__(self) -> None:
        self.states: Counter[str] = Counter()
        self.fidelity: Counter[str] = Counter()
        self.studies: dict[str, StudyTally] = {}
        self.without_study: Counter[str] = Counter()
        self.stored_bytes = 0
        self.healed = 0
        self.changed = 0
        self.left_out = 0
        self._causes: dict[State, dict[str, _Cause]] = {}
        self._edits: dict[str, _Pairs] = {}

    def take_up(self, record: Record) -> None:
        row = record.row
        state = row.state
        self.states[state.value] += 1
        study = self._study_of(record)
        if study is not None:
            study.counts[state.value] += 1
        else:
            self.without_study[state.value] += 1
        if state.is_stored:
            self.fidelity[row.fidelity.value] += 1
            self.stored_bytes += row.size
            self.healed += row.healed
            if study is not None:
                study.bytes += row.size
            if row.changes:
                self._note_changes(record, study)
        if state is not State.SENT:
            self._note_cause(record)
            self.left_out += row.why in LEFT_OUT

    def _study_of(self, record: Record) -> StudyTally | None:
        series = record.row.series
        if series is None:
            return None
        tally = self.studies.get(series.study.uid)
        if tally is None:
            tally = self.studies[series.study.uid] = StudyTally(series.study)
        tally.modalities.add(series.modality)
        if len(tally.patients) < MOST_EXAMPLES:
            tally.patients.add(series.study.patient)
        return tally

    def _note_changes(self, record: Record, study: StudyTally | None) -> None:
        self.changed += 1
        if study is not None:
            study.edited += 1
            _note_patient(study, record.row.changes)
        for change in record.row.changes:
            # What was too much for one line of the manifest stands there as "and 12 more".
            is_rest = change.keyword.startswith("and ")
            keyword = "further attributes of the same objects" if is_rest else change.keyword
            group = self._edits.setdefault(keyword, _Pairs())
            group.count += 1
            pair = ("", "") if is_rest else (_short(change.before), _short(change.after))
            if pair in group.pairs:
                count, example = group.pairs[pair]
                group.pairs[pair] = (count + 1, example)
            elif len(group.pairs) < MOST_PAIRS:
                group.pairs[pair] = (1, _who(study))
            else:
                group.beyond += 1

    def _note_cause(self, record: Record) -> None:
        row = record.row
        causes = self._causes.setdefault(row.state, {})
        words = _short(cause_of(record))
        if words not in causes and len(causes) >= MOST_CAUSES:
            words = "other causes"
        cause = causes.get(words)
        if cause is None:
            cause = causes[words] = _Cause(advice_for(record) if row.state.spoils else "")
        cause.count += 1
        if row.series is not None:
            cause.studies.add(hash(row.series.study.uid))
        if len(cause.examples) < MOST_EXAMPLES:
            detail = ": ".join(filter(None, (row.reason, row.comment)))
            cause.examples.append((encodable(row.path), row.uid, "" if detail in words else _short(detail)))

    def causes(self, *states: State) -> tuple[CauseGroup, ...]:
        """What these states are owed to, the most frequent cause first."""
        groups = [
            CauseGroup(state.value, words, one.count, len(one.studies), one.advice, tuple(one.examples))
            for state in states
            for words, one in self._causes.get(state, {}).items()
        ]
        return tuple(sorted(groups, key=lambda group: -group.count))

    def edits(self) -> tuple[EditGroup, ...]:
        """What was changed, by attribute, the most frequent change first."""
        return tuple(
            _edit_group(keyword, pairs)
            for keyword, pairs in sorted(self._edits.items(), key=lambda item: (-item[1].count, item[0]))
        )


def tally_of(records: Iterable[Record]) -> Tally:
    tally = Tally()
    for record in records:
        tally.take_up(record)
    return tally


def _edit_group(keyword: str, pairs: _Pairs) -> EditGroup:
    ranked = sorted(pairs.pairs.items(), key=lambda item: (-item[1][0], item[0]))
    lines = tuple(
        EditLine(before, after, count, example) for (before, after), (count, example) in ranked[:MOST_CHANGES]
    )
    left = pairs.count - sum(line.count for line in lines)
    return EditGroup(keyword, pairs.count, lines, max(0, len(ranked) - MOST_CHANGES), left)


def _note_patient(study: StudyTally, changes: Iterable[Change]) -> None:
    sent = {change.keyword: change.after for change in changes}
    if len(study.sent_as) < MOST_EXAMPLES and ("PatientID" in sent or "PatientName" in sent):
        study.sent_as.add(" ".join(_parts(sent.get("PatientName", ""), sent.get("PatientID", ""))))


def _parts(name: str, id_: str) -> Iterator[str]:
    if name:
        yield name
    if id_:
        yield f"(ID {id_})"


def _who(study: StudyTally | None) -> str:
    if study is None:
        return ""
    patient = study.study.patient
    return f"{patient.name} (ID {patient.id}), study {study.study.uid}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
