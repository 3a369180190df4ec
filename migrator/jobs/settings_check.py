"""What is wrong with a single setting beyond its declaration, as the job that uses it would find out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from migrator.core.addresses import is_port, listen_address
from migrator.core.errors import UsageError
from migrator.core.settings import FilterSettings
from migrator.dicom.status import overrides_of
from migrator.engine.filters import filters_of
from migrator.notify.places import mail_address, mail_server
from migrator.records.atna_syslog import address_of

Check = Callable[[Any], object]


def _named(name: str, check: Check) -> Check:
    """The check, without the option and its value before the words: they stand beside the field."""

    def checked(value: Any) -> None:
        try:
            if value:
                check(value)
        except UsageError as error:
            option, words = f"--{name.replace('_', '-')} ", str(error)
            raise UsageError(words.partition(": ")[2] if words.startswith(option) else words) from None

    return checked


def _monitor_place(value: str) -> None:
    if not is_port(value.rpartition(":")[2]):
        raise UsageError("write a port: 1 to 65535")
    listen_address(value)


_JOBS: Mapping[str, Check] = {
    "study_date": lambda value: filters_of(FilterSettings(study_date=value)),
    "shard": lambda value: filters_of(FilterSettings(shard=value)),
    "status": overrides_of,
    "listen": listen_address,
    "audit_syslog": address_of,
    "email_to": lambda value: [mail_address(one) for one in value],
    "email_from": mail_address,
    "email_server": lambda value: mail_server(value, "starttls"),
    "monitor": _monitor_place,
}

CHECKS: Mapping[str, Check] = MappingProxyType({name: _named(name, check) for name, check in _JOBS.items()})
"""By the setting's name; each raises UsageError with what is wrong. Reads no files."""
