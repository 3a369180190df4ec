"""What was sent, as the record of a job tells it: which instances, and under what patient and study."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migrator.checks.verify_expected import Expectation, sent_values
from migrator.checks.verify_sent import SentRow, SentRules
from migrator.core.edits import Edit
from migrator.core.errors import InstanceError, UsageError
from migrator.core.model import Instance, Reason, Series
from migrator.core.outcome import State
from migrator.core.rules import ApplyCrosswalk, ApplyRules
from migrator.core.settings import RuleSettings
from migrator.dicom.editing.edits import Editor
from migrator.dicom.editing.rules import read_rule_files
from migrator.dicom.header import read_header
from migrator.engine.manifest_lines import Row, row_of, series_of
from migrator.engine.manifest_rows import last_lines

_OF_CROSSWALK = frozenset({"PatientID", "PatientName"})


def sent_rows(manifest: Path, wanted: Callable[[Row], bool]) -> Iterator[SentRow]:
    """The last record of every path that is wanted, with the rules of its time."""
    series: dict[int, Series] = {}
    rules: dict[int, SentRules | None] = {}
    for line in last_lines(manifest):
        if line["t"] == "series":
            series[line["series"]] = series_of(line)
        elif line["t"] == "settings":
            rules[line["settings"]] = _rules_of(line["values"])
        elif line["t"] == "o" and State(line["state"]) in _MAY_BE_THERE:
            row = row_of(line, series.get(line.get("series", 0)))
            if wanted(row):
                yield SentRow(row, rules.get(line.get("settings", 0)) if row.state.is_stored else None)


_MAY_BE_THERE = frozenset({State.SENT, State.WARNED, State.SKIPPED})


def is_expected_there(row: Row) -> bool:
    """Whether the destination should hold it, whoever put it there."""
    return row.state.is_stored or row.why is Reason.ALREADY_THERE


def was_stored(row: Row) -> bool:
    return row.state.is_stored


def _rules_of(values: Mapping[str, Any]) -> SentRules | None:
    digest = str(values.get("rule.digest", ""))
    if not digest:
        return None
    return SentRules(str(values.get("rule.rules", "")), str(values.get("rule.crosswalk", "")), digest)


class RuleShelf:
    """The edits that rules of earlier runs stand for, as far as their files still say the same."""

    def __init__(self) -> None:
        self._known: dict[SentRules, tuple[Edit, ...] | None] = {}

    def edits(self, rules: SentRules | None) -> tuple[Edit, ...] | None:
        """The edits; None where nobody can tell any more."""
        if rules is None:
            return ()
        if rules not in self._known:
            self._known[rules] = _read(rules)
        return self._known[rules]


def _read(rules: SentRules) -> tuple[Edit, ...] | None:
    try:
        files = read_rule_files(RuleSettings(rules=rules.rules, crosswalk=rules.crosswalk))
    except UsageError:
        return None
    return files.edits if files.digest == rules.digest else None


def expectation_of(manifest: Path, root: str) -> Expectation:
    """What the destination should hold, and what was sent about it; `root` is where the source is now."""
    reader = _AsSent(root)
    expectation = Expectation()
    for sent in sent_rows(manifest, is_expected_there):
        row = sent.row
        if row.series is None or (sent.rules is None and not row.changes):
            expectation.add(row.series, row.uid)
            continue
        values = reader.values(sent, row.series)
        study = expectation.study(row.series.study.uid)
        study.add(row.series, row.uid, values.sent)
        study.unsure |= values.unsure
    return expectation


@dataclass(slots=True)
class _Values:
    """What was sent of patient and study; of attributes in `unsure` it may have been something else."""

    sent: dict[str, str]
    unsure: frozenset[str] = field(default_factory=frozenset)


class _AsSent:
    """Tells what objects said when they were sent. Rules are applied once a series, to one of its files."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._shelf = RuleShelf()
        self._editor = Editor()
        self._ruled: dict[tuple[int, SentRules], _Values] = {}

    def values(self, sent: SentRow, series: Series) -> _Values:
        if sent.rules is None:
            values = _Values(sent_values(series))
        else:
            key = (id(series), sent.rules)  # the rows of a manifest share their series
            if key not in self._ruled:
                self._ruled[key] = self._apply(sent.row, sent.rules, series)
            values = self._ruled[key]
        changes = {one.keyword: one.after for one in sent.row.changes if one.keyword in values.sent}
        if not changes:
            return values
        return _Values({**values.sent, **changes}, values.unsure - changes.keys())

    def _apply(self, row: Row, rules: SentRules, series: Series) -> _Values:
        plain = sent_values(series)
        edits = self._shelf.edits(rules)
        if edits is None:
            return _Values(plain, frozenset(plain))
        touched, is_certain = _touched(edits)
        item = read_header(self._root, row.path, row.size, row.mtime_ns)
        if isinstance(item, Instance):
            try:
                path = os.path.join(self._root, row.path)  # noqa: PTH118 - bytes that are no text must survive
                changes = self._editor.preview(path, item, edits)
                ruled = {one.keyword: one.after for one in changes if one.keyword in plain}
                return _Values({**plain, **ruled}, frozenset() if is_certain else touched)
            except InstanceError:
                pass  # what the rules made of it cannot be told any more: unsure, as below
        return _Values(plain, touched)


def _touched(edits: tuple[Edit, ...]) -> tuple[frozenset[str], bool]:
    """Which attributes these edits may change, and whether they do the same to all objects of a series."""
    touched: set[str] = set()
    is_certain = True
    for edit in edits:
        if isinstance(edit, ApplyCrosswalk):
            touched |= _OF_CROSSWALK
        elif isinstance(edit, ApplyRules):
            touched |= {rule.attribute for rule in edit.rules}
            is_certain = is_certain and all(rule.condition is None for rule in edit.rules)
    return frozenset(touched), is_certain
