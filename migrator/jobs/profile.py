"""Connection profiles: destinations with their settings, saved under names. No secret is ever among them."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from filelock import FileLock
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from migrator.core.addresses import is_address
from migrator.core.errors import UsageError
from migrator.core.model import Node
from migrator.core.settings import Settings
from migrator.jobs.nodes import CALLING_AE_TITLE, check_ae_title

FILE_NAME = "profiles.json"

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
_LOCK_SECONDS = 10.0
_MOST_BYTES = 2 << 20


def _ae_title(title: str) -> str:
    try:
        check_ae_title(title)
    except UsageError as error:
        raise ValueError(str(error)) from None
    return title


def _host(host: str) -> str:
    # A port that was written behind the host's name would be taken for a part of it.
    if ":" in host and not is_address(host):
        raise ValueError("a host is a name or an IP address, without a port")
    return host


AeTitle = Annotated[str, AfterValidator(_ae_title)]
Host = Annotated[
    str,
    Field(min_length=1, max_length=255, pattern=r"^[^\s@\[\]\x00-\x1f\x7f]+$"),
    AfterValidator(_host),
]


class Profile(BaseModel):
    """One destination by name; `settings` are those that were given, all others stay at their defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=_NAME)]
    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = 104
    ae_title: AeTitle = "ANY-SCP"
    calling_ae_title: AeTitle = CALLING_AE_TITLE
    settings: Settings = Settings()

    @property
    def node(self) -> Node:
        """Its destination, without TLS: that is `nodes.node_of`'s to add."""
        return Node(self.host, self.port, self.ae_title, self.calling_ae_title)


class _ProfileFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    profiles: tuple[Profile, ...] = ()

    @field_validator("profiles")
    @classmethod
    def _names_are_unique(cls, profiles: tuple[Profile, ...]) -> tuple[Profile, ...]:
        names = Counter(profile.name for profile in profiles)
        for name, count in names.items():
            if count > 1:
                raise ValueError(f"the name {name} stands there twice")
        return profiles


class Profiles:
    """The profiles of one data directory. Several processes may change them."""

    def __init__(self, home: Path) -> None:
        self._file = home / FILE_NAME

    def all(self) -> tuple[Profile, ...]:
        """All profiles, by name. Raises UsageError where their file is damaged."""
        if not self._file.exists():
            return ()
        return tuple(sorted(read_profiles(self._file), key=lambda profile: profile.name))

    def find(self, name: str) -> Profile | None:
        return next((profile for profile in self.all() if profile.name == name), None)

    def get(self, name: str) -> Profile:
        """The profile of this name. Raises UsageError where there is none."""
        profile = self.find(name)
        if profile is None:
            names = ", ".join(profile.name for profile in self.all()) or "none"
            raise UsageError(f"there is no profile {name!r}; saved are: {names}")
        return profile

    def add(self, profiles: Iterable[Profile], *, replaces: bool) -> None:
        """Save all of these or none. Raises UsageError for a name that is taken, unless `replaces`."""
        with self._changing() as saved:
            for profile in profiles:
                if profile.name in saved and not replaces:
                    raise UsageError(f"there is a profile {profile.name} already; --replace replaces it")
                saved[profile.name] = profile

    def delete(self, name: str) -> None:
        """Forget a profile. Raises UsageError where there is none of this name."""
        self.get(name)
        with self._changing() as saved:
            saved.pop(name, None)

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Profile]]:
        try:
            with FileLock(self._file.with_suffix(".lock"), timeout=_LOCK_SECONDS, mode=0o600):
                saved = {profile.name: profile for profile in self.all()}
                yield saved
                _write(self._file, saved.values())
        except OSError as error:
            raise UsageError(f"the profiles cannot be saved: {error}") from error


def may_be_profile(text: str) -> bool:
    """Whether a text can be a profile's name at all; most nodes cannot."""
    return re.match(_NAME, text.strip()) is not None


def profile_of(name: str, node: Node, settings: Settings) -> Profile:
    """A profile of what was given, its files by absolute paths. Raises UsageError for a bad name."""
    given = _given(settings)
    for group, values in given.items():
        fields = type(getattr(settings, group)).model_fields
        for field, value in values.items():
            extra = fields[field].json_schema_extra
            if isinstance(extra, dict) and extra["metavar"] == "FILE" and value:
                values[field] = str(Path(value).absolute())
    try:
        return Profile(
            name=name,
            host=node.host,
            port=node.port,
            ae_title=node.ae_title,
            calling_ae_title=node.calling_ae_title,
            settings=Settings.model_validate(given),
        )
    except ValidationError as error:
        if any(fault["loc"] == ("name",) for fault in error.errors()):
            raise UsageError(
                f"{name!r} is no name for a profile: up to 64 letters, digits, - and _, the first no - or _"
            ) from None
        raise UsageError(_words(error)) from None


def merged(settings: Settings, over: Settings) -> Settings:
    """These settings with those that were given in `over` in their places."""
    values = _given(settings)
    for group, given in _given(over).items():
        values[group] = values.get(group, {}) | given
    return Settings.model_validate(values)


def _given(settings: Settings) -> dict[str, dict[str, Any]]:
    """The settings that were given, by group, as JSON has them."""
    groups = settings.model_dump(mode="json", exclude_unset=True)
    return {group: values for group, values in groups.items() if values}


def as_json(profile: Profile) -> dict[str, Any]:
    """The profile as it stands in the file: the destination, and the settings that were given."""
    whole = profile.model_dump(mode="json", exclude={"settings"})
    return whole | {"settings": _given(profile.settings)}


def read_profiles(file: Path) -> tuple[Profile, ...]:
    """The profiles of a file that was exported. Raises UsageError with what is wrong in it."""
    try:
        with file.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"the profiles in {file} cannot be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise UsageError(f"{file} is longer than {_MOST_BYTES >> 20} MiB")
    try:
        return _ProfileFile.model_validate_json(data).profiles
    except ValidationError as error:
        raise UsageError(f"{file} does not hold profiles: {_words(error)}") from None


def export_profiles(file: Path, profiles: Iterable[Profile]) -> None:
    """Write profiles to a file that `read_profiles` reads. Raises UsageError where that cannot be."""
    try:
        _write(file, profiles)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error


def _write(file: Path, profiles: Iterable[Profile]) -> None:
    """Write the file whole or not at all, for its owner only. Raises OSError."""
    content = {"version": 1, "profiles": [as_json(profile) for profile in profiles]}
    # mkstemp makes it readable by its owner only.
    descriptor, temporary = tempfile.mkstemp(".tmp", f".{file.name}-", file.absolute().parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(content, stream, indent=2, ensure_ascii=False)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(file)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _words(error: ValidationError) -> str:
    """What is wrong, without repeating what stands there."""
    faults = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg']}" for fault in faults)
