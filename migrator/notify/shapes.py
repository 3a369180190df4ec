"""A message as webhooks take it: generic JSON, Slack's blocks, Teams' Adaptive Card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from migrator.notify.message import Message, as_json, facts, part_lines

_LONGEST_HEADER = 150  # letters, Slack's limit
_LONGEST_TEXT = 2900  # letters of a block; Slack takes 3,000
_MOST_PARTS = 20  # destinations told one by one; Slack takes 50 blocks, Teams 28 kB
_MOST_IN_TEAMS = 20_000  # bytes over all destinations and problems

_BLOCK = 80  # bytes around the text of a card's line
_LONGEST_PROBLEM = 500  # letters

_COLOURS = {"good": "Good", "warn": "Warning", "bad": "Attention"}  # Adaptive Cards' names
_MARKS = {"good": "✅", "warn": "⚠️", "bad": "❌"}


def shaped(message: Message, shape: str) -> dict[str, Any]:
    """What is POSTed as JSON: `shape` is json, slack or teams."""
    return {"json": as_json, "slack": _slack, "teams": _teams}[shape](message)


def _slack(message: Message) -> dict[str, Any]:
    """Slack's incoming webhooks: `text` for the notice on the phone, `blocks` for the channel."""
    subject = f"{_MARKS[message.tone]} {message.subject}"
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(subject, _LONGEST_HEADER)}},
        _section("\n".join((message.headline, *message.lines))),
    ]
    blocks += [
        _section("\n".join((part.node, *part_lines(part))), first_is_bold=True)
        for part in message.parts[:_MOST_PARTS]
    ]
    if message.problems:
        blocks.append(_section("\n".join(("Problems", *message.problems)), first_is_bold=True))
    if message.look:
        blocks.append(_section("\n".join(("Where to look next", *message.look)), first_is_bold=True))
    said = " · ".join(f"{name}: {value}" for name, value in facts(message))
    blocks.append(
        {"type": "context", "elements": [{"type": "plain_text", "text": _cut(said, _LONGEST_TEXT)}]}
    )
    return {"text": _escaped(subject), "blocks": blocks}


def _section(text: str, *, first_is_bold: bool = False) -> dict[str, Any]:
    shown = _escaped(_cut(text, _LONGEST_TEXT))
    if len(shown) > _LONGEST_TEXT:
        shown = _escaped(_cut(text, _LONGEST_TEXT // len("&amp;")))
    if first_is_bold:
        first, line, rest = shown.partition("\n")
        shown = f"*{first}*{line}{rest}"
    return {"type": "section", "text": {"type": "mrkdwn", "text": shown}}


def _escaped(text: str) -> str:
    """The three letters that mean something to Slack in any text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _teams(message: Message) -> dict[str, Any]:
    """A message with one Adaptive Card, as the Workflows of Teams take it; connectors are no more."""
    body: list[dict[str, Any]] = [
        _words(message.subject, size="Large", weight="Bolder", color=_COLOURS[message.tone]),
        *(_words(line) for line in (message.headline, *message.lines)),
        {"type": "FactSet", "facts": [{"title": name, "value": value} for name, value in facts(message)]},
    ]
    room = _MOST_IN_TEAMS
    for part in message.parts[:_MOST_PARTS]:
        lines = part_lines(part)
        room -= _bytes(lines)
        if room < 0:
            break
        body.append(_words(part.node, weight="Bolder", separator=True, spacing="Medium"))
        body += [_words(line, spacing="Small") for line in lines]
    problems = [_cut(problem, _LONGEST_PROBLEM) for problem in message.problems]
    while problems and _bytes(problems) > room:
        problems.pop()
    if problems:
        body.append(_words("Problems", weight="Bolder", separator=True))
        body += [_words(problem, spacing="Small") for problem in problems]
    if message.look:
        body.append(_words("Where to look next", weight="Bolder", separator=True))
        body += [_words(place, fontType="Monospace", spacing="Small") for place in message.look]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    content = "application/vnd.microsoft.card.adaptive"
    return {
        "type": "message",
        "attachments": [{"contentType": content, "contentUrl": None, "content": card}],
    }


def _words(text: str, **looks: Any) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text, "wrap": True, **looks}


def _bytes(lines: Sequence[str]) -> int:
    """What lines take in a card, each with the block around it."""
    return sum(len(line.encode("utf-8", "replace")) + _BLOCK for line in lines)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
