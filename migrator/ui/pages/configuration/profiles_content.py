"""What a profile holds of the configuration, and what the configuration becomes of one."""

from __future__ import annotations

from typing import Any

from migrator.core.settings import Settings, TlsSettings
from migrator.jobs.profile import Profile, as_json, profile_of
from migrator.records.words import counted
from migrator.ui.configuration import Configuration, Destination


def made_of(destination: Destination, settings: Settings, name: str) -> Profile:
    """The profile of a destination and of all settings that are not at their defaults.

    Raises UsageError for a name that cannot be, and for a destination that is not right.
    """
    given: dict[str, Any] = settings.model_dump(mode="json", exclude_defaults=True)
    tls = destination.tls.model_dump(mode="json", exclude_defaults=True)
    if tls:
        # Told also where it is off, for the command line takes certificates without it as a mistake.
        given["tls"] = tls | {"tls": destination.tls.tls}
    return profile_of(name, destination.node, Settings.model_validate(given))


def put_into(configuration: Configuration, number: int, profile: Profile) -> Configuration:
    """The configuration with this profile's destination at this place, and with its settings."""
    given = profile.settings.model_dump(exclude_unset=True)
    tls = TlsSettings.model_validate(given.pop("tls", {}))
    destination = Destination(
        is_on=True,
        name=profile.name,
        host=profile.host,
        port=profile.port,
        ae_title=profile.ae_title,
        calling_ae_title=profile.calling_ae_title,
        tls=tls,
    )
    destinations = list(configuration.destinations) or [destination]
    destinations[number] = destination
    settings = Settings.model_validate(given)
    return configuration.model_copy(update={"destinations": tuple(destinations), "settings": settings})


def settings_words(profile: Profile) -> str:
    """How many settings it brings, in words."""
    number = sum(len(values) for values in as_json(profile)["settings"].values())
    return counted(number, "setting") if number else "no settings but the defaults"
