"""notify test|password|address: try out how people are told, and keep the secrets of that."""

from __future__ import annotations

import argparse
import getpass
import json
import warnings
from pathlib import Path

from migrator.cli.options import add_settings, settings_from, warn
from migrator.cli.terminal import printable, tell
from migrator.core.errors import NotDelivered, UsageError
from migrator.core.settings_notify import NotifySettings
from migrator.jobs.home import home_path
from migrator.jobs.notifying import Kind, test, web_address
from migrator.jobs.notifying_carriers import wants_email, wants_webhook
from migrator.jobs.profile import Profiles, merged
from migrator.jobs.secrets import EMAIL_PASSWORD, WEBHOOK_URL, Secret
from migrator.jobs.settings_file import read_settings

_KINDS: tuple[Kind, ...] = ("email", "webhook")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=("test", "password", "address"),
        help="test: tell people now that this works; password, address: ask for the mail server's password, "
        "or the webhook's address, and keep it in the system's keyring (nothing given: forget it)",
    )
    parser.add_argument("kind", choices=_KINDS, nargs="?", help="test: only this (default: all that is set)")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    add_settings(parser, "notify")


def run(arguments: argparse.Namespace) -> int:
    """Exit code 0, or 1 where a test message was not delivered; a setting that is wrong is a UsageError."""
    if arguments.action == "test":
        return _test(arguments)
    if arguments.kind is not None or any("." in name for name in vars(arguments)):
        raise UsageError(f"notify {arguments.action} takes no settings: it only asks for the secret")
    done = _keep(EMAIL_PASSWORD if arguments.action == "password" else WEBHOOK_URL)
    tell(json.dumps({"done": done}) if arguments.json else done)
    return 0


def _test(arguments: argparse.Namespace) -> int:
    settings = _settings_of(arguments)
    is_set = {"email": wants_email(settings), "webhook": wants_webhook(settings)}
    kinds = [kind for kind in _KINDS if kind == arguments.kind or (arguments.kind is None and is_set[kind])]
    if not kinds:
        raise UsageError("nobody is to be told: --email-to, --email-from and --email-server, or --webhook")
    told: list[dict[str, object]] = []
    for kind in kinds:
        try:
            words, is_delivered = test(settings, kind, None, warn), True
        except NotDelivered as error:
            words, is_delivered = str(error), False
        told.append({"kind": kind, "delivered": is_delivered, "words": words})
        tell(printable(f"{kind}: {words}"), to_stderr=arguments.json or not is_delivered)
    if arguments.json:
        tell(json.dumps({"told": told}))
    return 0 if all(one["delivered"] for one in told) else 1


def _settings_of(arguments: argparse.Namespace) -> NotifySettings:
    """The command line's before the profile's, and those before the file's. Raises UsageError."""
    settings = settings_from(arguments)
    if arguments.profile is not None:
        settings = merged(Profiles(home_path(arguments.home)).get(arguments.profile).settings, settings)
    if arguments.settings_file is not None:
        file = read_settings(Path(arguments.settings_file))
        first = file.destinations[0].node if file.destinations else None
        settings = merged(file.settings_for(first), settings)
    return settings.notify


def _keep(secret: Secret) -> str:
    """Ask for it, where nobody reads along, and keep it; gives what was done."""
    try:
        with warnings.catch_warnings():  # getpass itself says so where what is typed can be seen
            warnings.simplefilter("ignore", getpass.GetPassWarning)
            text = getpass.getpass(f"{secret.words}: ").strip()
    except EOFError:
        raise UsageError(f"there was nobody to ask for the {secret.words}") from None
    if not text:
        secret.forget()
        return f"the system's keyring has forgotten the {secret.words}"
    if secret is WEBHOOK_URL:
        web_address(text)
    secret.keep(text)
    return f"the system's keyring keeps the {secret.words}"
