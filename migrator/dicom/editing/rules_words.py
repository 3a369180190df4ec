"""Rules and attributes in words, for those who write rules or read what they change."""

from __future__ import annotations

from pydicom.datadict import dictionary_description, tag_for_keyword

from migrator.core.rules import Action, Comparison, Condition, Rule


def words(rule: Rule) -> str:
    """What a rule does, in a sentence without a stop."""
    name, argument = name_of(rule.attribute), rule.argument
    does = {
        Action.SET: f'Set {name} to "{argument}"',
        Action.PREFIX: f'Put "{argument}" before {name}',
        Action.SUFFIX: f'Append "{argument}" to {name}',
        Action.DELETE: f"Delete {name}",
        Action.REPLACE: f'In {name} replace what matches /{argument}/ by "{rule.replacement}"',
        Action.COPY: f"Set {name} to {name_of(argument)}",
        Action.STRIP_PRIVATE: "Drop every private element",
    }[rule.action]
    return does if rule.condition is None else f"{does}, {_condition_words(rule.condition)}"


def _condition_words(condition: Condition) -> str:
    holds = {
        Comparison.EQUAL: f'is "{condition.operand}"',
        Comparison.UNEQUAL: f'is not "{condition.operand}"',
        Comparison.MATCHES: f"matches /{condition.operand}/",
        Comparison.EXISTS: "is present",
        Comparison.MISSING: "is missing",
    }[condition.comparison]
    return f"where {name_of(condition.attribute)} {holds}"


def name_of(attribute: str) -> str:
    """The name of a keyword or a (gggg,eeee) as people read it (PS3.6); as it stands where none is known."""
    tag = _tag_of(attribute)
    try:
        return attribute if tag is None else dictionary_description(tag)
    except KeyError:
        return attribute


def tag_text(attribute: str) -> str:
    """The tag of a keyword as (gggg,eeee); what is none stays as it is."""
    tag = _tag_of(attribute)
    return attribute if tag is None else f"({tag >> 16:04x},{tag & 0xFFFF:04x})"


def _tag_of(attribute: str) -> int | None:
    if attribute.startswith("("):
        return int(attribute[1:5] + attribute[6:10], 16)
    return tag_for_keyword(attribute)
