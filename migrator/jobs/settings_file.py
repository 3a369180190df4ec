"""Settings and destinations in a file of JSON, for `--settings`: what a window, or a script, put together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from migrator.core.errors import UsageError
from migrator.core.model import Node
from migrator.core.settings import Settings
from migrator.jobs.nodes import CALLING_AE_TITLE
from migrator.jobs.profile import AeTitle, Host, merged

_MOST_BYTES = 8 << 20


class FileDestination(BaseModel):
    """One destination; its `settings` go before those of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = 104
    ae_title: AeTitle = "ANY-SCP"
    calling_ae_title: AeTitle = CALLING_AE_TITLE
    settings: Settings = Settings()

    @property
    def node(self) -> Node:
        """Without TLS: that is `nodes.node_of`'s to add."""
        return Node(self.host, self.port, self.ae_title, self.calling_ae_title)


class SettingsFile(BaseModel):
    """What such a file may hold: groups of settings, and destinations."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: Settings = Settings()
    destinations: tuple[FileDestination, ...] = ()

    def settings_for(self, node: Node | None) -> Settings:
        """Those for this node: the file's, and over them what it says of this destination."""
        own = self.destination(node)
        return self.settings if own is None else merged(self.settings, own.settings)

    def destination(self, node: Node | None) -> FileDestination | None:
        return next(
            (one for one in self.destinations if node is not None and str(one.node) == str(node)), None
        )


def as_json(settings: Settings, destinations: tuple[FileDestination, ...]) -> dict[str, Any]:
    """What a file with these holds; settings at their defaults are left out."""
    return {
        "settings": settings.model_dump(mode="json", exclude_defaults=True),
        "destinations": [one.model_dump(mode="json", exclude_defaults=True) for one in destinations],
    }


def read_settings(file: Path) -> SettingsFile:
    """Raises UsageError that says what is wrong with the file."""
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise UsageError(f"{file} is too large for a file of settings")
        return SettingsFile.model_validate(json.loads(file.read_bytes()))
    except OSError as error:
        raise UsageError(f"the settings {file} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise UsageError(f"the settings {file}: {'; '.join(map(_explain, error.errors()))}") from None
    except ValueError as error:
        raise UsageError(f"the settings {file} are not JSON: {error}") from error


def _explain(fault: Any) -> str:
    place = ".".join(map(str, fault["loc"])) or "the file"
    words = fault["msg"].removeprefix("Value error, ")
    return f"{place}: {words[:1].lower()}{words[1:]}"
