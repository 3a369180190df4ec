"""Rules that change attributes of every object that is sent, as data; and the text they are written in.

One rule per line, `#` begins a comment:

    PatientID prefix "A-"                     set, prefix, suffix "text"
    StudyDescription replace /foo(\\d+)/ "bar \\1"
    AccessionNumber copy StudyID
    (0010,4000) delete
    strip_private
    InstitutionName set "North" if Modality = "CT"       =, !=, ~ /pattern/, exists, missing
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from migrator.core.edits import Edit
from migrator.core.errors import UsageError
from migrator.core.model import Patient


class Action(str, Enum):
    """What a rule does to an attribute; the value is the word that stands in the file."""

    SET = "set"
    PREFIX = "prefix"
    SUFFIX = "suffix"
    DELETE = "delete"
    REPLACE = "replace"
    COPY = "copy"
    STRIP_PRIVATE = "strip_private"


class Comparison(str, Enum):
    """How a condition looks at an attribute."""

    EQUAL = "="
    UNEQUAL = "!="
    MATCHES = "~"
    EXISTS = "exists"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Condition:
    """`attribute` is a keyword (PS3.6) or a tag as (gggg,eeee); `operand` a text or a pattern."""

    attribute: str
    comparison: Comparison
    operand: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line. `argument` is the text, the pattern or the other attribute; `replacement` is REPLACE's."""

    line: int
    attribute: str
    action: Action
    argument: str = ""
    replacement: str = ""
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class ApplyRules(Edit):
    """Change attributes as these rules say, in their order."""

    rules: tuple[Rule, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class ApplyCrosswalk(Edit):
    """Give patients the identity that stands for them in a table; others keep theirs.

    `patients` maps old Patient ID and issuer; where `by_id_alone`, the issuer there is always empty and an
    object's is not looked at.
    """

    patients: Mapping[tuple[str, str], Patient] = field(repr=False)
    by_id_alone: bool = False

    def find(self, patient: Patient) -> Patient | None:
        """The new identity; None where the table has none for this patient."""
        return self.patients.get((patient.id, "" if self.by_id_alone else patient.issuer))


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line of a file."""

    line: int
    words: str


def refuse(file: str, faults: list[Fault]) -> None:
    """Raise UsageError with all faults at once, each with file and line number; without any, nothing.

    Of more than a hundred the first are told.
    """
    if faults:
        ordered = sorted(faults, key=lambda fault: fault.line)
        lines = [f"{file}, line {fault.line}: {fault.words}" for fault in ordered[:_MOST_FAULTS]]
        if len(ordered) > _MOST_FAULTS:
            lines.append(f"{file}: and {len(ordered) - _MOST_FAULTS:,} more lines")
        raise UsageError("\n".join(lines))


_MOST_FAULTS = 100
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*")
      | (?P<pattern>/(?:[^/\\]|\\.)*/)
      | (?P<tag>\([0-9A-Fa-f]{4},\s*[0-9A-Fa-f]{4}\))
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>!=|=|~)
      | (?P<comment>\#.*)
    )""",
    re.VERBOSE,
)
_NEW_LINE = re.compile(r"\r\n|\r|\n")
_TEXT_ACTIONS = frozenset({Action.SET, Action.PREFIX, Action.SUFFIX})
_Token = tuple[str, str]


class _Wrong(Exception):
    """Words for a Fault."""


def parse_rules(text: str) -> tuple[list[Rule], list[Fault]]:
    """The rules of a file, and what is wrong with its other lines. Attributes' names are not checked here."""
    rules, faults = [], []
    for number, line in enumerate(_NEW_LINE.split(text.removeprefix("\ufeff")), 1):
        try:
            tokens = list(_tokens(line))
            if tokens:
                rules.append(_Line(number, tokens).rule())
        except _Wrong as wrong:
            faults.append(Fault(number, str(wrong)))
    return rules, faults


def _tokens(line: str) -> Iterator[_Token]:
    position, line = 0, line.rstrip()
    while position < len(line):
        match = _TOKEN.match(line, position)
        if match is None:
            raise _Wrong(f"cannot be understood from {line[position:].strip()[:20]!r} on")
        kind = str(match.lastgroup)
        if kind == "comment":
            return
        yield kind, _content(kind, match[kind])
        position = match.end()


def _content(kind: str, token: str) -> str:
    if kind == "text":
        return re.sub(r'\\(["\\])', r"\1", token[1:-1])
    if kind == "pattern":
        return token[1:-1].replace(r"\/", "/")
    return re.sub(r"\s", "", token).lower() if kind == "tag" else token


class _Line:
    def __init__(self, number: int, tokens: list[_Token]) -> None:
        self._number = number
        self._tokens = tokens

    def rule(self) -> Rule:
        if self._tokens[0] == ("word", Action.STRIP_PRIVATE.value):
            self._tokens.pop(0)
            return Rule(self._number, "", Action.STRIP_PRIVATE, condition=self._condition())
        attribute, action = self._attribute("the attribute to change"), self._action()
        argument = replacement = ""
        if action in _TEXT_ACTIONS:
            argument = self._take("text", f'a "text" after {action.value}')
        elif action is Action.REPLACE:
            argument = self._pattern()
            replacement = self._take("text", 'a "text" after replace\'s /pattern/')
            _check_replacement(argument, replacement)
        elif action is Action.COPY:
            argument = self._attribute("the attribute to copy")
        return Rule(self._number, attribute, action, argument, replacement, self._condition())

    def _action(self) -> Action:
        word = self._take("word", "what to do with it")
        try:
            if word != Action.STRIP_PRIVATE.value:
                return Action(word)
        except ValueError:
            pass
        words = ", ".join(action.value for action in Action if action is not Action.STRIP_PRIVATE)
        raise _Wrong(f"{word!r} is none of {words}")

    def _condition(self) -> Condition | None:
        if not self._tokens:
            return None
        if self._tokens.pop(0) != ("word", "if"):
            raise _Wrong("something stands behind the rule that is no condition (if …)")
        attribute = self._attribute("the condition's attribute")
        try:
            comparison = Comparison(self._tokens.pop(0)[1])
        except (IndexError, ValueError):
            raise _Wrong("a condition needs one of =, !=, ~, exists, missing") from None
        operand = ""
        if comparison is Comparison.MATCHES:
            operand = self._pattern()
        elif comparison in (Comparison.EQUAL, Comparison.UNEQUAL):
            operand = self._take("text", f'a "text" after {comparison.value}')
        if self._tokens:
            raise _Wrong("something stands behind the condition")
        return Condition(attribute, comparison, operand)

    def _attribute(self, what: str) -> str:
        if self._tokens and self._tokens[0][0] in ("word", "tag"):
            return self._tokens.pop(0)[1]
        raise _Wrong(f"{what} is missing: a keyword or (gggg,eeee)")

    def _pattern(self) -> str:
        pattern = self._take("pattern", "a /pattern/")
        _check_pattern(pattern)
        return pattern

    def _take(self, kind: str, what: str) -> str:
        if self._tokens and self._tokens[0][0] == kind:
            return self._tokens.pop(0)[1]
        raise _Wrong(f"{what} is missing")


def _check_pattern(pattern: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of what other versions of Python read otherwise
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise _Wrong(f"/{pattern[:50]}/ is no regular expression: {error}") from error
    if _repeats_what_repeats(pattern):
        # Nothing could stop it: Python matches without letting anybody else run.
        raise _Wrong(f"/{pattern}/ repeats a group that repeats something itself, so it may run for ever")


_PART = re.compile(r"\\.|\[\^?\]?(?:[^\]\\]|\\.)*\]|\{\d*,\d*\}|.", re.DOTALL)
_FEW = re.compile(r"\{\d*,\d\}")


def _repeats_what_repeats(pattern: str) -> bool:
    """Whether a repeated group holds a repetition: such patterns can take exponential time."""
    groups, ended = [False], False  # does what is open so far repeat anything; did the group just closed
    for part in _PART.findall(pattern):
        is_repetition = part in ("*", "+") or (len(part) > 1 and part[0] == "{" and not _FEW.match(part))
        if is_repetition:
            if ended:
                return True
            groups[-1] = True
        ended = part == ")" and groups.pop()
        if part == "(":
            groups.append(False)
        elif ended:
            groups[-1] = True
    return False


def _check_replacement(pattern: str, replacement: str) -> None:
    compiled = re.compile(pattern)
    names = {number: name for name, number in compiled.groupindex.items()}
    groups = (f"(?P<{names[n]}>)" if n in names else "()" for n in range(1, compiled.groups + 1))
    try:
        re.sub("".join(groups), replacement, "")
    except (re.error, IndexError) as error:
        raise _Wrong(f"{replacement!r} does not fit /{pattern}/: {error}") from error
