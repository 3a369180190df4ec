"""Which instances are migrated. A filter answers with the reason for leaving one out, or None."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from pathlib import Path

from migrator.core.errors import UsageError
from migrator.core.model import Instance, Reason
from migrator.core.settings import FilterSettings

Filter = Callable[[Instance], Reason | None]


def filters_of(settings: FilterSettings, root: str = "") -> list[Filter]:
    """The filters that these settings ask for; paths in lists may be absolute ones under `root`.

    Raises UsageError for lists and dates that cannot be read.
    """
    filters: list[Filter] = []
    if settings.modality:
        filters.append(_by_modality(settings.modality))
    if settings.study_date:
        filters.append(_by_date(settings.study_date))
    if settings.patient:
        filters.append(_by_patient(settings.patient))
    if settings.studies_from:
        filters.append(_by_study(frozenset(lines_of(settings.studies_from))))
    if settings.files_from:
        filters.append(_by_path(frozenset(plain_path(line, root) for line in lines_of(settings.files_from))))
    if settings.shard:
        filters.append(_by_shard(settings.shard))
    return filters


def reason_to_leave(filters: Iterable[Filter], instance: Instance) -> Reason | None:
    """The first filter's reason, or None when the instance passes all."""
    for one in filters:
        reason = one(instance)
        if reason is not None:
            return reason
    return None


def _leave_unless(is_wanted: Callable[[Instance], bool]) -> Filter:
    return lambda instance: None if is_wanted(instance) else Reason.FILTERED


def _by_modality(modalities: Iterable[str]) -> Filter:
    wanted = {part.strip().upper() for modality in modalities for part in modality.split(",")}
    return _leave_unless(lambda instance: instance.series.modality.upper() in wanted)


_DATES = re.compile(r"^(\d{8})?(?:(\.\.)(\d{8})?)?$")


def _by_date(text: str) -> Filter:
    match = _DATES.match(text.replace("-", ""))
    if match is None or not text.strip("."):
        raise UsageError(f"--study-date {text}: write YYYYMMDD, YYYYMMDD..YYYYMMDD, ..YYYYMMDD or YYYYMMDD..")
    first, is_range, last = match[1] or "", match[2], match[3]
    last = (last or "99999999") if is_range else first
    if first > last:
        raise UsageError(f"--study-date {text}: the first day is after the last")
    return _leave_unless(lambda instance: first <= instance.study.date.replace(".", "") <= last)


def _by_patient(patterns: Iterable[str]) -> Filter:
    wanted = [re.compile(translate(pattern), re.IGNORECASE) for pattern in patterns]

    def is_wanted(instance: Instance) -> bool:
        patient = instance.study.patient
        return any(one.match(patient.id) or one.match(patient.name) for one in wanted)

    return _leave_unless(is_wanted)


def _by_study(uids: frozenset[str]) -> Filter:
    return _leave_unless(lambda instance: instance.study.uid in uids)


def _by_path(paths: frozenset[str]) -> Filter:
    return _leave_unless(lambda instance: plain_path(instance.path) in paths)


def plain_path(path: str, root: str = "") -> str:
    """A path as lists and instances compare it: relative to the root, with forward slashes."""
    plain = path.replace("\\", "/")
    if root:
        plain = plain.removeprefix(root.replace("\\", "/").rstrip("/") + "/")
    return plain.removeprefix("./")


def _by_shard(text: str) -> Filter:
    part, parts = map(int, text.split("/"))
    if part > parts:
        raise UsageError(f"--shard {text}: there is no part {part} of {parts}")

    def leave(instance: Instance) -> Reason | None:
        # Not hash(): every machine that shares the archive must split alike.
        digest = hashlib.sha256(instance.study.uid.encode()).digest()
        return None if int.from_bytes(digest[:8], "big") % parts == part - 1 else Reason.OTHER_SHARD

    return leave


def lines_of(file: str) -> list[str]:
    """The entries of a list of studies or files. Raises UsageError where it cannot be read."""
    try:
        text = Path(file).read_text("utf-8-sig", "surrogateescape")
    except OSError as error:
        raise UsageError(f"cannot read the list {file}: {error.strerror}") from error
    return [line.strip("\r\n") for line in text.split("\n") if line.strip() and not line.startswith("#")]
