"""What stands on the Configuration page, kept between starts. No secret is ever in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from migrator.core.errors import UsageError
from migrator.core.model import Node
from migrator.core.settings import Settings, TlsSettings
from migrator.core.settings_monitor import MonitorSettings
from migrator.jobs.nodes import CALLING_AE_TITLE
from migrator.jobs.settings_file import FileDestination
from migrator.jobs.settings_file import as_json as settings_as_json
from migrator.records.writing import write_whole

FILE = "window.json"
_MOST_RECENT = 10


class Destination(BaseModel):
    """One of the destinations: `is_on` where it is migrated to; `name` is its profile's, if it has one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    is_on: bool = True
    name: str = ""
    host: str = ""
    port: int = 104
    ae_title: str = "ANY-SCP"
    calling_ae_title: str = CALLING_AE_TITLE
    tls: TlsSettings = TlsSettings()

    @property
    def node(self) -> Node:
        """Without TLS; for showing, and for finding its job."""
        return Node(self.host, self.port, self.ae_title, self.calling_ae_title)

    def in_file(self) -> FileDestination:
        """As `--settings` takes it. Raises UsageError where a field is wrong."""
        try:
            return FileDestination(
                host=self.host,
                port=self.port,
                ae_title=self.ae_title,
                calling_ae_title=self.calling_ae_title,
                settings=Settings(tls=self.tls) if self.tls.tls else Settings(),
            )
        except ValidationError as error:
            place = ".".join(map(str, error.errors()[0]["loc"]))
            raise UsageError(f"the destination's {place.replace('_', ' ')} is not right") from None


class RulesDraft(BaseModel):
    """Rules that were written, and not saved to their file yet; `file` is empty where there is none."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    file: str = ""
    text: str = ""


class Configuration(BaseModel):
    """Everything that the window keeps of what its user has set. Frozen: it is replaced, never changed."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    source: str = ""
    recent: tuple[str, ...] = ()
    destinations: tuple[Destination, ...] = (Destination(),)
    settings: Settings = Settings()
    rules_draft: RulesDraft | None = None
    verify: Annotated[
        bool, Field(description="ask the destination at the end whether everything arrived")
    ] = True
    resend_missing: Annotated[
        bool, Field(description="send once more what that check does not find at the destination")
    ] = False
    integrity: Annotated[
        bool, Field(description="hash the whole source before and after, to prove that nothing in it changed")
    ] = False
    resume_at_start: Annotated[
        bool,
        Field(description="should the machine restart in the middle of a run, go on with it when it starts"),
    ] = False
    minimise_to_tray: Annotated[
        bool, Field(description="leave the task bar when minimised, and stay in the tray")
    ] = True
    chime: Annotated[bool, Field(description="play a sound at the end of a run, and another on failure")] = (
        True
    )

    @property
    def chosen(self) -> tuple[Destination, ...]:
        """The destinations that are migrated to."""
        return tuple(one for one in self.destinations if one.is_on and one.host)

    @property
    def is_ready(self) -> bool:
        """Whether a migration could be begun."""
        return bool(self.source and self.chosen)

    def with_source(self, source: str) -> Configuration:
        """The same with another source, which is the most recent one now."""
        recent = tuple(dict.fromkeys([source, *self.recent] if source else self.recent))[:_MOST_RECENT]
        return self.model_copy(update={"source": source, "recent": recent})

    def for_engine(self) -> dict[str, Any]:
        """What the engine gets as `--settings`. Raises UsageError where a destination is not right."""
        settings = self.settings
        if not settings.monitor.monitor:  # the rest of it is kept for later, and means nothing now
            settings = settings.model_copy(update={"monitor": MonitorSettings()})
        return settings_as_json(settings, tuple(one.in_file() for one in self.chosen))


def load(home: Path) -> Configuration:
    """What was kept; what cannot be read any more is as at a first start, group by group."""
    try:
        kept = json.loads((home / FILE).read_bytes())
        return Configuration.model_validate(kept)
    except ValidationError as error:
        for fault in error.errors():
            place = fault["loc"]
            if place and isinstance(kept, dict):
                _forget(kept, [str(one) for one in place[: 3 if place[0] == "settings" else 1]])
        try:
            return Configuration.model_validate(kept)
        except ValidationError:
            return Configuration()
    except (OSError, ValueError):
        return Configuration()


def save(home: Path, configuration: Configuration) -> None:
    """Raises UsageError where it cannot be written."""
    # By `json`, which writes also what no UTF-8 has: paths may hold it.
    kept = configuration.model_dump(mode="json", exclude_defaults=True)
    write_whole(home / FILE, json.dumps(kept, indent=1).encode())


def _forget(kept: dict[str, Any], place: list[str]) -> None:
    """Remove what stands at this place."""
    inner: Any = kept
    for name in place[:-1]:
        inner = inner.get(name, {}) if isinstance(inner, dict) else {}
    if isinstance(inner, dict):
        inner.pop(place[-1], None)
