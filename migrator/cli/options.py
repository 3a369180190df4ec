"""Options made from the settings' own declarations, and the nodes and folders that commands name."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from migrator.cli.terminal import printable, tell
from migrator.core.errors import UsageError
from migrator.core.model import Node
from migrator.core.settings import Settings
from migrator.jobs.home import home_path
from migrator.jobs.nodes import CALLING_AE_TITLE, check_ae_title, node_of
from migrator.jobs.nodes import parse_node as parse_node
from migrator.jobs.profile import Profile, Profiles, may_be_profile, merged
from migrator.jobs.settings_file import SettingsFile, read_settings

NODE_HELP = "AETITLE@host:port, host:port, host, or a saved profile's name"

GROUPS: dict[str, type[BaseModel]] = {name: type(getattr(Settings(), name)) for name in Settings.model_fields}


def add_settings(parser: argparse.ArgumentParser, *groups: str) -> None:
    """Add the options of these groups of settings; "group.setting,setting" adds some of a group's.

    Only options that were given are in the result.
    """
    for text in groups:
        name, _, wanted = text.partition(".")
        group = GROUPS[name]
        section = parser.add_argument_group((group.__doc__ or name).split(".")[0].lower())
        for field_name in wanted.split(",") if wanted else group.model_fields:
            field = group.model_fields[field_name]
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
        words = fault["msg"].removeprefix("Value error, ")
        yield f"{option} {fault['input']}: {words[:1].lower()}{words[1:]}"


def add_calling(parser: argparse.ArgumentParser) -> None:
    """Add --calling-aet; absent, a profile's counts."""
    parser.add_argument("--calling-aet", metavar="AE", help=f"our own AE title (default: {CALLING_AE_TITLE})")


def destination_of(text: str | None, arguments: argparse.Namespace) -> tuple[Node, Settings]:
    """The node that `text` names, with its TLS, and the settings for it; without a text, those of --profile,
    else the first of --settings.

    A text that is a saved profile's name means that profile, even where a host has the same name. What stands
    on the command line goes before what the profile says, and that before --settings. Raises UsageError.
    """
    node, profile = _named(text, arguments)
    settings = _file_of(arguments).settings_for(node)
    if profile is not None:
        settings = merged(settings, profile.settings)
    settings = merged(settings, settings_from(arguments))
    return node_of(node, settings.tls, warn), settings


def destinations_of(texts: list[str] | None, arguments: argparse.Namespace) -> list[tuple[Node, Settings]]:
    """As `destination_of`, for each text; without any, that of --profile, else all of --settings."""
    if not texts and getattr(arguments, "profile", None) is None:
        texts = [str(one.node) for one in _file_of(arguments).destinations]
    if not texts:
        return [destination_of(None, arguments)]
    return [destination_of(text, arguments) for text in texts]


def _file_of(arguments: argparse.Namespace) -> SettingsFile:
    """What --settings names; without it, nothing."""
    file = getattr(arguments, "settings_file", None)
    return SettingsFile() if file is None else read_settings(Path(file))


def address_of(text: str | None, arguments: argparse.Namespace) -> Node:
    """The node that `text` or --profile names, for commands that only say which job they mean.

    It carries no TLS, so no certificate or passphrase is asked for. Raises UsageError.
    """
    return _named(text, arguments)[0]


def _named(text: str | None, arguments: argparse.Namespace) -> tuple[Node, Profile | None]:
    profiles = Profiles(home_path(arguments.home))
    named = profiles.find(text.strip()) if text is not None and may_be_profile(text) else None
    option = getattr(arguments, "profile", None)
    profile = named if option is None else profiles.get(option)
    if named is not None and profile != named:
        raise UsageError(f"{text} is a profile, and --profile names another one: {option}")
    if profile is not None and (text is None or named is not None):
        node = profile.node
    elif text is not None:
        node = parse_node(text, profile.calling_ae_title if profile is not None else CALLING_AE_TITLE)
        kept = _file_of(arguments).destination(node)
        node = node if kept is None or profile is not None else kept.node
    elif kept_all := _file_of(arguments).destinations:
        node = kept_all[0].node
    else:
        raise UsageError("no destination: name a node, or a profile by --profile")
    calling = getattr(arguments, "calling_aet", None)
    if calling is not None:
        check_ae_title(calling)
        node = replace(node, calling_ae_title=calling)
    return node, profile


def warn(words: str) -> None:
    """Tell on stderr of what is no error."""
    tell(f"warning: {printable(words)}", to_stderr=True)
