"""Options made from the settings' own declarations, and the nodes and folders that commands name."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from migrator.core.errors import UsageError
from migrator.core.model import Node
from migrator.core.settings import Settings

GROUPS: dict[str, type[BaseModel]] = {name: type(getattr(Settings(), name)) for name in Settings.model_fields}


def add_settings(parser: argparse.ArgumentParser, *groups: str) -> None:
    """Add the options of these groups of settings. Only options that were given are in the result."""
    for name in groups:
        group = GROUPS[name]
        section = parser.add_argument_group((group.__doc__ or name).split(".")[0].lower())
        for field_name, field in group.model_fields.items():
            section.add_argument(*flags(field_name, field.annotation), **_keywords(name, field_name, field))


def flags(field_name: str, annotation: Any) -> list[str]:
    """The spelling of a setting on the command line; a switch that is on by default is spelt --no-…"""
    return ["--" + field_name.replace("_", "-")]


def _keywords(group: str, field_name: str, field: Any) -> dict[str, Any]:
    default = field.default
    keywords: dict[str, Any] = {"dest": f"{group}.{field_name}", "default": argparse.SUPPRESS}
    meaning = field.description.replace("%", "%%")
    if field.annotation in (bool, bool | None):
        keywords["action"] = argparse.BooleanOptionalAction
        usual = "as the preset says" if default is None else "on" if default else "off"
        return keywords | {"help": f"{meaning} (default: {usual})"}
    if get_origin(field.annotation) is Literal:
        keywords["choices"] = get_args(field.annotation)
    elif get_origin(field.annotation) is tuple:
        keywords["action"] = "append"
    if "choices" not in keywords:
        keywords["metavar"] = field.json_schema_extra["metavar"]
    shown = (
        ""
        if default in ("", ())
        else f" (default: {default:g})"
        if isinstance(default, float)
        else f" (default: {default})"
    )
    return keywords | {"help": meaning + shown}


def settings_from(arguments: argparse.Namespace) -> Settings:
    """The settings that the options give. Raises UsageError that names the option and what is wrong."""
    values: dict[str, dict[str, Any]] = {name: {} for name in GROUPS}
    for key, value in vars(arguments).items():
        group, dot, field = key.partition(".")
        if dot:
            values[group][field] = value
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise UsageError("; ".join(_explain(error))) from None


def _explain(error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        option = "--" + str(fault["loc"][1]).replace("_", "-") if len(fault["loc"]) > 1 else str(fault["loc"])
        yield f"{option} {fault['input']}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"


_NODE = re.compile(r"^(?:(?P<ae>[^@]*)@)?(?P<host>\[[^\]]+\]|[^:@\[\]]+)(?::(?P<port>\d+))?$")


def parse_node(text: str, calling_ae_title: str = "DICOM_MIGRATOR") -> Node:
    """Read `AETITLE@host:port`, `host:port` or `host`. Raises UsageError with what is wrong."""
    match = _NODE.match(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a destination; write AETITLE@host:port, host:port or host")
    ae_title = "ANY-SCP" if match["ae"] is None else match["ae"].strip()
    port = int(match["port"] or 104)
    if not 1 <= port <= 65535:
        raise UsageError(f"{text!r}: the port must be between 1 and 65535")
    for title in (ae_title, calling_ae_title):
        check_ae_title(title)
    return Node(match["host"].strip("[]").lower(), port, ae_title, calling_ae_title)


def check_ae_title(title: str) -> None:
    """Check an AE title (PS3.5 6.2, VR AE): 1 to 16 printable characters, no backslash."""
    if not title.strip() or len(title) > 16 or "\\" in title or not (title.isascii() and title.isprintable()):
        raise UsageError(
            f"{title!r} is not an AE title: 1 to 16 printable ASCII characters without a backslash"
        )
