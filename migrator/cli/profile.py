"""profile list|save|show|delete|import|export: destinations with their settings, under names."""

from __future__ import annotations

import argparse
import getpass
import json
from collections.abc import Callable
from pathlib import Path

from migrator.cli.options import GROUPS, NODE_HELP, add_calling, add_settings, destination_of, settings_from
from migrator.cli.terminal import printable, tell
from migrator.core.errors import UsageError
from migrator.jobs.home import data_home, home_path
from migrator.jobs.profile import (
    Profile,
    Profiles,
    as_json,
    export_profiles,
    profile_of,
    read_profiles,
)
from migrator.jobs.secrets import passphrase_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=_ACTIONS, help="what to do")
    parser.add_argument(
        "name",
        metavar="NAME|FILE",
        nargs="?",
        help="the profile's name, for save, show and delete; the file, for import and export",
    )
    parser.add_argument("--to", metavar="NODE", help=f"save: {NODE_HELP}")
    add_calling(parser)
    parser.add_argument(
        "--replace", action="store_true", help="save, import: replace profiles of the same name"
    )
    parser.add_argument(
        "--ask-passphrase",
        action="store_true",
        help="save: ask for the passphrase of the key, and keep it in the system's keyring",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    add_settings(parser, *GROUPS)


def run(arguments: argparse.Namespace) -> int:
    """Exit code 0; whatever is wrong is a UsageError."""
    _check(arguments)
    _ACTIONS[arguments.action](arguments)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what the action has no use for. Raises UsageError."""
    action = arguments.action
    if (arguments.name is None) != (action == "list"):
        raise UsageError(f"profile {action} takes no name" if arguments.name else f"profile {action} what?")
    if action == "save" and arguments.to is None:
        raise UsageError("profile save needs the destination: --to NODE")
    allowed = {"save": {"to", "calling_aet", "replace", "ask_passphrase"}, "import": {"replace"}}
    for option in ("to", "calling_aet", "replace", "ask_passphrase"):
        if getattr(arguments, option) and option not in allowed.get(action, ()):
            raise UsageError(f"profile {action} has no use for --{option.replace('_', '-')}")
    if action != "save" and any("." in key for key in vars(arguments)):
        raise UsageError(f"profile {action} takes no settings")


def _list(arguments: argparse.Namespace) -> None:
    profiles = Profiles(home_path(arguments.home)).all()
    if arguments.json:
        tell(json.dumps({"profiles": [as_json(profile) for profile in profiles]}))
        return
    width = max((len(profile.name) for profile in profiles), default=0)
    for profile in profiles:
        tell(
            printable(f"{profile.name:<{width}}  {profile.node}{'  TLS' if profile.settings.tls.tls else ''}")
        )
    if not profiles:
        tell("no profile is saved; profile save NAME --to NODE saves one", to_stderr=True)


def _save(arguments: argparse.Namespace) -> None:
    if arguments.ask_passphrase:
        _ask_passphrase(arguments)
    node, settings = destination_of(arguments.to, arguments)
    profile = profile_of(arguments.name, node, settings)
    Profiles(data_home(arguments.home)).add([profile], replaces=arguments.replace)
    _tell(arguments, [profile], "saved")


def _ask_passphrase(arguments: argparse.Namespace) -> None:
    tls = settings_from(arguments).tls
    if not tls.cert:
        raise UsageError("--ask-passphrase needs --cert, and --key where the key is in another file")
    key = tls.key or tls.cert
    passphrase_of(key).keep(getpass.getpass(f"passphrase of {key}: "))


def _show(arguments: argparse.Namespace) -> None:
    profile = Profiles(home_path(arguments.home)).get(arguments.name)
    if arguments.json:
        tell(json.dumps(as_json(profile)))
        return
    tell(printable(f"{profile.name}  {profile.node}, calling as {profile.calling_ae_title}"))
    for values in as_json(profile)["settings"].values():
        for field, value in values.items():
            tell(printable(f"  {_as_option(field, value)}"))


def _as_option(field: str, value: object) -> str:
    """A setting as it is written on the command line."""
    name = field.replace("_", "-")
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    values = value if isinstance(value, list) else [value]
    return " ".join(f"--{name} {one}" for one in values)


def _delete(arguments: argparse.Namespace) -> None:
    profiles = Profiles(home_path(arguments.home))
    profile = profiles.get(arguments.name)
    profiles.delete(arguments.name)
    _tell(arguments, [profile], "deleted")


def _import(arguments: argparse.Namespace) -> None:
    profiles = read_profiles(Path(arguments.name))
    Profiles(data_home(arguments.home)).add(profiles, replaces=arguments.replace)
    _tell(arguments, profiles, "imported")


def _export(arguments: argparse.Namespace) -> None:
    profiles = Profiles(home_path(arguments.home)).all()
    export_profiles(Path(arguments.name), profiles)
    _tell(arguments, profiles, "exported")


def _tell(arguments: argparse.Namespace, profiles: list[Profile] | tuple[Profile, ...], done: str) -> None:
    names = [profile.name for profile in profiles]
    if arguments.json:
        tell(json.dumps({done: names}))
    else:
        tell(f"{done}: {', '.join(names) or 'nothing'}")


_ACTIONS: dict[str, Callable[[argparse.Namespace], None]] = {
    "list": _list,
    "save": _save,
    "show": _show,
    "delete": _delete,
    "import": _import,
    "export": _export,
}
