"""Rules and crosswalks: reading and checking them before a run, and applying them to a data set."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword

from migrator.core.edits import Edit
from migrator.core.errors import CannotEncode, UsageError
from migrator.core.rules import (
    Action,
    ApplyCrosswalk,
    ApplyRules,
    Comparison,
    Condition,
    Fault,
    Rule,
    parse_rules,
    refuse,
)
from migrator.core.rules_crosswalk import parse_crosswalk
from migrator.core.settings import RuleSettings
from migrator.dicom.editing.edits_patient import patient_of, remap
from migrator.dicom.editing.edits_private import strip_private
from migrator.dicom.editing.rules_values import FREE, NUMBERS, fault_of, number_bytes
from migrator.dicom.editing.splice import Draft
from migrator.dicom.editing.splice_elements import is_private
from migrator.dicom.editing.splice_show import TEXTS, keyword_of, shown
from migrator.dicom.editing.splice_texts import SINGLE

# PS3.3 C.7.6.3: without these, or with others, pixel data cannot be read; lossy flags stay whatever happens.
_PIXELS = frozenset(
    0x00280000 | number
    for number in (
        *(0x0002, 0x0003, 0x0004, 0x0006, 0x0008, 0x0009, 0x0010, 0x0011, 0x0014, 0x0100, 0x0101, 0x0102),
        *(0x0103, 0x1101, 0x1102, 0x1103, 0x1199, 0x1201, 0x1202, 0x1203, 0x1221, 0x1222, 0x1223, 0x2110),
        *(0x2112, 0x2114, 0x7FE0),
    )
)
_IDENTIFYING = {
    0x00080016: "says what kind of object this is",
    0x00080018: "names the object",
    0x0020000D: "names the study",
    0x0020000E: "names the series",
    0x00080005: "says how texts are encoded",
    0x04000561: "tells what was changed before",
}
_MOST_RULES = 1 << 20  # bytes of the file
_MOST_CROSSWALK = 256 << 20  # some millions of patients
_MOST_LETTERS = 10_240  # that patterns are looked for in; no text with a limit is longer (LT, PS3.5 6.2)


class _Attribute(NamedTuple):
    tag: int
    vr: str


@dataclass(frozen=True, slots=True)
class RuleFiles:
    """What the files of RuleSettings hold; `digest` is that of their contents, empty without any."""

    edits: tuple[Edit, ...] = ()
    digest: str = ""


def read_rule_files(settings: RuleSettings, written: str | None = None) -> RuleFiles:
    """Edits and digest, from one reading; `written` are rules that stand in no file yet.

    Raises UsageError with everything that is wrong, line by line.
    """
    edits: list[Edit] = []
    digest, troubles = hashlib.sha256(), []
    files = (
        (settings.rules, _read_rules, _MOST_RULES),
        (settings.crosswalk, _read_crosswalk, _MOST_CROSSWALK),
    )
    for file, read, most in files:
        is_written = written is not None and read is _read_rules
        if not file and not is_written:
            continue
        try:
            text = str(written) if is_written else _content(file, most)
            digest.update(f"{read.__name__}\n{text}\n".encode())
            edits.append(read(file, text))
        except UsageError as error:
            troubles.append(str(error))
    if troubles:
        raise UsageError("\n".join(troubles))
    return RuleFiles(tuple(edits), digest.hexdigest()[:32] if edits else "")


def _content(file: str, most: int) -> str:
    try:
        with Path(file).open("rb") as stream:
            data = stream.read(most + 1)
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or "not a path"
        raise UsageError(f"{file} cannot be read: {words}") from error
    if len(data) > most:
        raise UsageError(f"{file} is longer than {most >> 20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{file}, line {line}: is not UTF-8") from error


def check_rules(text: str) -> tuple[list[Rule], list[Fault]]:
    """The rules of a text, and everything that is wrong with its lines, in their order."""
    rules, faults = parse_rules(text)
    faults += [Fault(rule.line, words) for rule in rules for words in _faults(rule)]
    return rules, sorted(faults, key=lambda fault: fault.line)


def _read_rules(file: str, text: str) -> ApplyRules:
    rules, faults = check_rules(text)
    refuse(file or "the rules", faults)
    return ApplyRules(tuple(rules))


def _read_crosswalk(file: str, text: str) -> ApplyCrosswalk:
    crosswalk, faults = parse_crosswalk(text)
    refuse(file, faults)
    return crosswalk


def _faults(rule: Rule) -> Iterator[str]:
    """What is wrong with a rule that was understood."""
    if rule.condition is not None:
        yield from _faults_of_condition(rule.condition)
    if rule.action is Action.STRIP_PRIVATE:
        return
    target = _attribute(rule.attribute)
    if target is None:
        yield _unknown(rule.attribute)
        return
    refusal = _forbidden(target.tag)
    if refusal:
        yield f"{rule.attribute} cannot be changed: it {refusal}"
        return
    if rule.action is not Action.DELETE and is_private(target.tag):
        yield f"{rule.attribute} is private: it can only be deleted"
    elif rule.action is Action.SET:
        yield from _faults_of_set(rule, target)
    elif rule.action is Action.COPY:
        yield from _faults_of_copy(rule, target)
    elif rule.action is Action.REPLACE and target.vr not in TEXTS:
        yield f"{rule.attribute} is no text (VR {target.vr}): nothing in it can be replaced"
    elif rule.action in (Action.PREFIX, Action.SUFFIX):
        if target.vr not in FREE:
            yield f"{rule.attribute} is no free text (VR {target.vr}): it takes no {rule.action.value}"
        elif (fault := fault_of(target.vr, rule.argument)) is not None:
            yield f"the {rule.action.value} is {fault}"
        elif "\\" in rule.argument and _takes_one(target):
            yield f"{rule.attribute} takes one value, not several"


def _faults_of_condition(condition: Condition) -> Iterator[str]:
    attribute, comparison = _attribute(condition.attribute), condition.comparison
    if attribute is None:
        yield _unknown(condition.attribute)
    elif comparison not in _PRESENCE and attribute.vr not in TEXTS | NUMBERS | {"UN"}:
        yield f"{condition.attribute} is neither text nor number (VR {attribute.vr}): it only exists or not"


def _faults_of_set(rule: Rule, target: _Attribute) -> Iterator[str]:
    if target.vr in NUMBERS:
        try:
            number_bytes(target.vr, rule.argument, is_little=True)
        except ValueError as error:
            yield f"the value for {rule.attribute} is {error}"
    elif target.vr not in TEXTS:
        yield f"{rule.attribute} is no text (VR {target.vr}): it cannot be set"
    elif (fault := fault_of(target.vr, rule.argument)) is not None:
        yield f"the value for {rule.attribute} is {fault}"
    if "\\" in rule.argument and _takes_one(target):
        yield f"{rule.attribute} takes one value, not several"


def _faults_of_copy(rule: Rule, target: _Attribute) -> Iterator[str]:
    other = _attribute(rule.argument)
    if other is None:
        yield _unknown(rule.argument)
    elif target.vr != other.vr and not (target.vr in TEXTS and other.vr in TEXTS):
        yield f"{rule.argument} (VR {other.vr}) does not fit into {rule.attribute} (VR {target.vr})"
    elif target.vr not in TEXTS | NUMBERS:
        yield f"{rule.attribute} is neither text nor number (VR {target.vr}): nothing is copied into it"


def _takes_one(attribute: _Attribute) -> bool:
    """Whether a backslash would divide what must be one value."""
    if attribute.vr in SINGLE or attribute.tag & 0xFF000000 in (0x50000000, 0x60000000):
        return False
    try:
        return dictionary_VM(attribute.tag) == "1"
    except KeyError:
        return False


def _attribute(name: str) -> _Attribute | None:
    if name.startswith("("):
        tag = int(name[1:5] + name[6:10], 16)
    else:
        found = tag_for_keyword(name)
        if found is None:
            return None
        tag = found
    if is_private(tag):
        return _Attribute(tag, "UN")
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        # Only an element that the standard does not know is without an entry; it may be deleted.
        return _Attribute(tag, "UN")
    return _Attribute(tag, vr if len(vr) == 2 else "US" if "OW" not in vr else "OW")


def _unknown(name: str) -> str:
    return f"{name!r} is no attribute's keyword"


def _forbidden(tag: int) -> str:
    """Why an attribute must not be changed; empty where it may be."""
    group = tag >> 16
    if group < 0x0008 or group == 0xFFFE:
        return "is no part of the data set"
    if group == 0x7FE0 or tag in _PIXELS:
        return "is or describes the pixel data"
    if not tag & 0xFFFF or tag == 0xFFFCFFFC:
        return "belongs to the encoding"
    return _IDENTIFYING.get(tag, "")


_PRESENCE = frozenset({Comparison.EXISTS, Comparison.MISSING})


def apply_crosswalk(draft: Draft, crosswalk: ApplyCrosswalk) -> None:
    """Give the object its patient's new identity, if the table has one. Raises CannotEncode."""
    patient = crosswalk.find(patient_of(draft))
    if patient is not None:
        remap(draft, patient)


def apply_rules(draft: Draft, edit: ApplyRules) -> None:
    """Apply the rules in order. Raises CannotEncode where a result does not fit its attribute."""
    for rule in edit.rules:
        if rule.condition is not None and not _holds(draft, rule, rule.condition):
            continue
        if rule.action is Action.STRIP_PRIVATE:
            strip_private(draft)
        else:
            _ACTIONS[rule.action](draft, rule, _known(rule.attribute).tag)


def _known(name: str) -> _Attribute:
    found = _attribute(name)
    assert found is not None, "rules are checked before"
    return found


def _holds(draft: Draft, rule: Rule, condition: Condition) -> bool:
    tag, comparison = _known(condition.attribute).tag, condition.comparison
    element = draft.get(tag)
    if comparison in _PRESENCE:
        return (element is not None) is (comparison is Comparison.EXISTS)
    if element is not None and element.end - element.value > _MOST_RULES:
        raise _too_long(tag, rule)
    text = shown(element, b"") if draft.vr(tag) in NUMBERS else draft.text(tag)
    if comparison is Comparison.MATCHES:
        if len(text) > _MOST_LETTERS:
            raise _too_long(tag, rule)
        return re.search(condition.operand, text) is not None
    return (text == condition.operand) is (comparison is Comparison.EQUAL)


def _set(draft: Draft, rule: Rule, tag: int) -> None:
    _write(draft, rule, tag, rule.argument)


def _prefix(draft: Draft, rule: Rule, tag: int) -> None:
    _write_each(draft, rule, tag, lambda value: rule.argument + value if value else value)


def _suffix(draft: Draft, rule: Rule, tag: int) -> None:
    _write_each(draft, rule, tag, lambda value: value + rule.argument if value else value)


def _replace(draft: Draft, rule: Rule, tag: int) -> None:
    def replaced(value: str) -> str:
        if len(value) > _MOST_LETTERS:
            raise _too_long(tag, rule)
        return re.sub(rule.argument, rule.replacement, value)

    _write_each(draft, rule, tag, replaced)


def _delete(draft: Draft, rule: Rule, tag: int) -> None:
    draft.delete(tag)


def _copy(draft: Draft, rule: Rule, tag: int) -> None:
    """What is absent, or empty, is not copied."""
    other = _known(rule.argument).tag
    if draft.vr(tag) in NUMBERS:
        if draft.raw(other):
            draft.set_raw(tag, draft.vr(tag), draft.raw(other))
    elif text := draft.text(other):
        _write(draft, rule, tag, text)


_ACTIONS: dict[Action, Callable[[Draft, Rule, int], None]] = {
    Action.SET: _set,
    Action.PREFIX: _prefix,
    Action.SUFFIX: _suffix,
    Action.DELETE: _delete,
    Action.REPLACE: _replace,
    Action.COPY: _copy,
}


def _write_each(draft: Draft, rule: Rule, tag: int, change: Callable[[str], str]) -> None:
    """Change each of an attribute's values; one that is absent stays so."""
    if draft.get(tag) is None:
        return
    before = draft.text(tag)
    values = [before] if draft.vr(tag) in SINGLE else before.split("\\")
    after = "\\".join(change(value) for value in values)
    if after != before:
        _write(draft, rule, tag, after)


def _write(draft: Draft, rule: Rule, tag: int, text: str) -> None:
    vr = draft.vr(tag)
    if vr in NUMBERS:
        draft.set_raw(tag, vr, number_bytes(vr, text, is_little=draft.coding.is_little))
        return
    fault = fault_of(vr, text)
    if fault is not None:
        raise CannotEncode(f"the rule in line {rule.line} would make {keyword_of(tag)} {fault}")
    # Where there are several already, all of them were changed.
    if _takes_one(_Attribute(tag, vr)) and text.count("\\") > draft.text(tag).count("\\"):
        raise CannotEncode(f"the rule in line {rule.line} would give {keyword_of(tag)} several values")
    draft.set_text(tag, text)


def _too_long(tag: int, rule: Rule) -> CannotEncode:
    return CannotEncode(f"{keyword_of(tag)} is too long for the rule in line {rule.line}")
