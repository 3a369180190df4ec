"""Every setting, declared once: type, default, meaning and check.

The command's options and help, the README's tables and the window's tooltips all come from here.
A field's `option` is its name on the command line; `shapes` marks settings that change what is sent.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


def _setting(meaning: str, metavar: str = "", *, shapes: bool = False, **limits: Any) -> Any:
    return Field(description=meaning, json_schema_extra={"metavar": metavar, "shapes": shapes}, **limits)


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScanSettings(_Group):
    """How the source is read."""

    settle: Annotated[
        float,
        _setting(
            "seconds since its last change before a file is read; younger ones wait for the end of the pass",
            "S",
            ge=0,
            le=3600,
        ),
    ] = 5.0
    readers: Annotated[
        int, _setting("threads that read headers; 0 chooses by measured latency", "N", ge=0, le=16)
    ] = 0
    conflicts: Annotated[
        Literal["hold", "send"],
        _setting(
            "one SOP instance UID with other content: hold it for a person, or send it too", shapes=True
        ),
    ] = "hold"


class FilterSettings(_Group):
    """Which instances are migrated; all others are recorded as skipped."""

    modality: Annotated[tuple[str, ...], _setting("only these modalities (CT, MR …)", "M")] = ()
    study_date: Annotated[
        str, _setting("only studies of these dates: YYYYMMDD..YYYYMMDD, either end may be left out", "A..B")
    ] = ""
    patient: Annotated[
        tuple[str, ...], _setting("only patients whose id or name matches; * and ? are wildcards", "P")
    ] = ()
    studies_from: Annotated[
        str, _setting("only the study instance UIDs listed in this file, one per line", "FILE")
    ] = ""
    files_from: Annotated[
        str, _setting("only the files listed in this file, one path per line, relative to the source", "FILE")
    ] = ""
    limit_studies: Annotated[
        int, _setting("at most this many studies, for a pilot; 0 is no limit", "N", ge=0)
    ] = 0
    shard: Annotated[
        str,
        _setting(
            "only part K of N of the studies, split by study UID", "K/N", pattern=r"^$|^[1-9]\d*/[1-9]\d*$"
        ),
    ] = ""


class SendSettings(_Group):
    """How instances are sent."""

    workers: Annotated[int, _setting("associations at the same time", "N", ge=1, le=16)] = 4
    study_batches: Annotated[bool, _setting("send each study over one association in one piece")] = True
    order: Annotated[
        Literal["found", "newest", "oldest"], _setting("the order of studies: as found, or by study date")
    ] = "found"
    split_limit: Annotated[
        int, _setting("instances of a study beyond which it is split over associations", "N", ge=1)
    ] = 2000
    batch_size: Annotated[
        int,
        _setting(
            "renew the association at the next study boundary after so many files; 0 is never", "N", ge=0
        ),
    ] = 50
    retries: Annotated[
        int, _setting("further tries per file after a failure that may pass", "N", ge=0, le=10)
    ] = 1
    decompress: Annotated[
        bool,
        _setting(
            "decompress losslessly where the destination does not accept the compressed syntax", shapes=True
        ),
    ] = True
    max_pdu: Annotated[
        int,
        _setting(
            "the maximum PDU length that we announce, in bytes; 0 is unlimited", "BYTES", ge=0, le=2**32 - 1
        ),
    ] = 0
    acse_timeout: Annotated[
        float, _setting("seconds to wait for an association to be accepted or released", "S", gt=0, le=3600)
    ] = 30.0
    dimse_timeout: Annotated[
        float, _setting("seconds to wait for the answer to a request", "S", gt=0, le=86400)
    ] = 120.0
    network_timeout: Annotated[
        float, _setting("seconds without any progress on the network", "S", gt=0, le=86400)
    ] = 60.0
    skip_existing: Annotated[
        bool, _setting("ask the destination first and send only the instances it lacks")
    ] = False


class Settings(_Group):
    """All settings of a migration."""

    scan: ScanSettings = ScanSettings()
    filter: FilterSettings = FilterSettings()
    send: SendSettings = SendSettings()


def shaping(settings: Settings) -> dict[str, Any]:
    """The settings that change what is sent, by name: what the record must tell of a run."""
    return {
        f"{group}.{name}": getattr(getattr(settings, group), name)
        for group in Settings.model_fields
        for name, field in type(getattr(settings, group)).model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra["shapes"]
    }
