"""Every setting, declared once: type, default, meaning and check.

The command's options and help, the README's tables and the window's tooltips all come from here.
A field's `option` is its name on the command line; `shapes` marks settings that change what is sent.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from migrator.core.settings_base import Duration, Group, setting
from migrator.core.settings_monitor import MonitorSettings
from migrator.core.settings_notify import NotifySettings
from migrator.core.times import clock_range, moment_text, weekday_list


def _without_sign(text: object) -> object:
    return text.strip().removesuffix("%") if isinstance(text, str) else text


_Percent = Annotated[float, BeforeValidator(_without_sign), Field(ge=0, le=100, allow_inf_nan=False)]
_ClockRange = Annotated[str, AfterValidator(clock_range)]
_Weekdays = Annotated[str, AfterValidator(weekday_list)]
_Moment = Annotated[str, AfterValidator(moment_text)]


class ScanSettings(Group):
    """How the source is read."""

    settle: Annotated[
        float,
        setting(
            "seconds since its last change before a file is read; younger ones wait for the end of the pass",
            "S",
            ge=0,
            le=3600,
        ),
    ] = 5.0
    readers: Annotated[
        int, setting("threads that read headers; 0 chooses by measured latency", "N", ge=0, le=16)
    ] = 0
    conflicts: Annotated[
        Literal["hold", "send"],
        setting("one SOP instance UID with other content: hold it for a person, or send it too", shapes=True),
    ] = "hold"


class FilterSettings(Group):
    """Which instances are migrated; all others are recorded as skipped."""

    modality: Annotated[tuple[str, ...], setting("only these modalities (CT, MR …)", "M")] = ()
    study_date: Annotated[
        str, setting("only studies of these dates: YYYYMMDD..YYYYMMDD, either end may be left out", "A..B")
    ] = ""
    patient: Annotated[
        tuple[str, ...], setting("only patients whose id or name matches; * and ? are wildcards", "P")
    ] = ()
    studies_from: Annotated[
        str, setting("only the study instance UIDs listed in this file, one per line", "FILE")
    ] = ""
    files_from: Annotated[
        str, setting("only the files listed in this file, one path per line, relative to the source", "FILE")
    ] = ""
    limit_studies: Annotated[
        int, setting("at most this many studies, for a pilot; 0 is no limit", "N", ge=0)
    ] = 0
    shard: Annotated[
        str,
        setting(
            "only part K of N of the studies, split by study UID", "K/N", pattern=r"^$|^[1-9]\d*/[1-9]\d*$"
        ),
    ] = ""


class SendSettings(Group):
    """How instances are sent."""

    workers: Annotated[int, setting("associations at the same time", "N", ge=1, le=16)] = 4
    study_batches: Annotated[bool, setting("send each study over one association in one piece")] = True
    order: Annotated[
        Literal["found", "newest", "oldest"], setting("the order of studies: as found, or by study date")
    ] = "found"
    split_limit: Annotated[
        int, setting("instances of a study beyond which it is split over associations", "N", ge=1)
    ] = 2000
    batch_size: Annotated[
        int,
        setting(
            "renew the association at the next study boundary after so many files; 0 is never", "N", ge=0
        ),
    ] = 50
    retries: Annotated[
        int, setting("further tries per file after a failure that may pass", "N", ge=0, le=10)
    ] = 1
    max_pdu: Annotated[
        int,
        setting(
            "the maximum PDU length that we announce, in bytes; 0 is unlimited", "BYTES", ge=0, le=2**32 - 1
        ),
    ] = 0
    acse_timeout: Annotated[
        float, setting("seconds to wait for an association to be accepted or released", "S", gt=0, le=3600)
    ] = 30.0
    dimse_timeout: Annotated[
        float, setting("seconds to wait for the answer to a request", "S", gt=0, le=86400)
    ] = 120.0
    network_timeout: Annotated[
        float, setting("seconds without any progress on the network", "S", gt=0, le=86400)
    ] = 60.0
    skip_existing: Annotated[
        bool, setting("ask the destination first and send only the instances it lacks")
    ] = False
    status: Annotated[
        tuple[str, ...],
        setting(
            "what a C-STORE status means at this destination: A778=patient-conflict (stored-with-warning, "
            "already-there, out-of-resources, class-mismatch, cannot-understand, patient-conflict, invalid, "
            "failed, failed-for-now, not-authorised)",
            "CODE=MEANING",
            shapes=True,
        ),
    ] = ()


# Steps that change nothing but the encoding of an object; only these are on with the preset `strict`.
_LOSSLESS = frozenset({"decompress", "targeted", "reconnect", "ask", "back_off"})


class RecoverySettings(Group):
    """What is tried when an instance is not stored. Steps not set are as the preset says."""

    recovery: Annotated[
        Literal["standard", "strict"],
        setting("standard: every step; strict: lossless steps only, the rest is held for a person"),
    ] = "standard"
    reconnect: Annotated[bool | None, setting("open a new association where one was lost")] = None
    ask: Annotated[
        bool | None, setting("ask by C-FIND about an answer that never came, before sending again")
    ] = None
    back_off: Annotated[
        bool | None, setting("wait 2, 4 and 8 seconds where the destination is out of resources")
    ] = None
    targeted: Annotated[
        bool | None, setting("try a refused object over an association for its SOP class alone")
    ] = None
    decompress: Annotated[
        bool | None,
        setting(
            "decompress losslessly where the destination does not accept the compressed syntax", shapes=True
        ),
    ] = None
    decompress_lossy: Annotated[
        bool | None,
        setting("decompress also what was compressed with loss; its flags stay", shapes=True),
    ] = None
    remap: Annotated[
        bool | None,
        setting("take over the patient that the destination has for the study, on a conflict", shapes=True),
    ] = None
    suffix: Annotated[
        bool | None,
        setting("append --conflict-suffix to the patient ID where that patient is not found", shapes=True),
    ] = None
    conflict_suffix: Annotated[
        str, setting("what is appended", "TEXT", shapes=True, pattern=r"^[A-Za-z0-9_.-]{1,16}$")
    ] = "_MIG"
    strip_private: Annotated[
        bool | None,
        setting("drop private elements where the destination cannot understand an object", shapes=True),
    ] = None
    clean: Annotated[
        bool | None,
        setting("decompress and write anew, without irregular values, what it still refuses", shapes=True),
    ] = None
    reclassify: Annotated[
        bool | None,
        setting("send a Secondary Capture copy of images that do not fit their SOP class", shapes=True),
    ] = None
    waves: Annotated[
        int, setting("passes over what failed for a reason that may pass, at the end", "N", ge=0, le=5)
    ] = 3
    wave_wait: Annotated[
        Duration, setting("wait before the first of them; doubles each time, up to ten times it", "T", ge=0)
    ] = 30.0
    breaker_failures: Annotated[
        int, setting("failures of the destination in a row after which it is left alone", "N", ge=1)
    ] = 5
    breaker_wait: Annotated[
        Duration,
        setting("wait before it is tried again; doubles each time, up to ten times it", "T", gt=0),
    ] = 60.0
    give_up_after: Annotated[
        Duration, setting("give a destination up that is down for so long; 0 is never", "T", ge=0)
    ] = 0.0

    def allows(self, step: str) -> bool:
        """Whether this step is on: as its switch says, else as the preset does."""
        switch = getattr(self, step)
        if switch is None:
            return self.recovery == "standard" or step in _LOSSLESS
        return bool(switch)


class PaceSettings(Group):
    """How the flow is held back. All off by default; times are the workstation's local time."""

    bandwidth: Annotated[
        float,
        setting(
            "at most so many MB (10^6 bytes) per second; 0 is no limit", "MB/S", ge=0, allow_inf_nan=False
        ),
    ] = 0.0
    adaptive: Annotated[bool, setting("slow down while the destination takes longer than 1 s to answer")] = (
        False
    )
    peak: Annotated[_ClockRange, setting("hours in which to go slow: 07:00-18:00", "HH:MM-HH:MM")] = ""
    peak_days: Annotated[_Weekdays, setting("weekdays on which these hours count: mon-fri,sun", "DAYS")] = ""
    peak_workers: Annotated[int, setting("associations in these hours", "N", ge=1, le=4)] = 1
    peak_delay: Annotated[float, setting("seconds between two files in these hours", "S", ge=0, le=10)] = 0.5
    window: Annotated[
        _ClockRange,
        setting("send only in these hours, and wait outside: 19:00-06:00", "HH:MM-HH:MM"),
    ] = ""
    window_days: Annotated[_Weekdays, setting("weekdays on which the window opens: mon-fri,sun", "DAYS")] = ""
    start_at: Annotated[
        _Moment,
        setting("wait until then before sending: 22:00, 2027-01-31T22:00", "TIME"),
    ] = ""
    max_duration: Annotated[
        Duration, setting("stop in order after so long (exit code 5); 0 is never", "T", ge=0)
    ] = 0.0
    keep_awake: Annotated[bool, setting("keep the machine from falling asleep while a run is on")] = True


class RuleSettings(Group):
    """What is changed in every object that is sent; without rules nothing is."""

    rules: Annotated[
        str, setting("change attributes as this file says, one rule per line", "FILE", shapes=True)
    ] = ""
    crosswalk: Annotated[
        str,
        setting(
            "give patients the IDs of this CSV: old ID and issuer, new ID, issuer and name",
            "FILE",
            shapes=True,
        ),
    ] = ""


class TlsSettings(Group):
    """How the connection is encrypted (TLS 1.2 or later)."""

    tls: Annotated[bool, setting("speak TLS with the destination")] = False
    ca: Annotated[
        str, setting("PEM file with the authorities to trust; without one, the system's", "FILE")
    ] = ""
    cert: Annotated[str, setting("PEM file with our own certificate", "FILE")] = ""
    key: Annotated[str, setting("PEM file with its key, where that is another file", "FILE")] = ""
    key_passphrase_file: Annotated[
        str,
        setting(
            "file with the key's passphrase; else DICOM_MIGRATOR_KEY_PASSPHRASE or the system's keyring",
            "FILE",
        ),
    ] = ""
    check_host: Annotated[bool, setting("check that the certificate names the host")] = True


class ProofSettings(Group):
    """How it is proven that everything arrived, unchanged."""

    attributes: Annotated[
        bool, setting("compare the patients and studies that the destination names with what was sent")
    ] = True
    deep: Annotated[
        _Percent,
        setting("retrieve so many percent of the instances and compare them whole; 0 is none", "N%"),
    ] = 0.0
    listen: Annotated[
        str,
        setting(
            "where the destination reaches us, for what it sends by itself: 11113, 10.0.0.7:11113", "PORT"
        ),
    ] = ""
    commit_wait: Annotated[
        Duration,
        setting("wait for the results of storage commitment before asking by C-FIND", "T", ge=0),
    ] = 60.0


class AuditSettings(Group):
    """Who is told what was done, for the auditor."""

    audit: Annotated[
        str, setting("write every event to this file, as JSON lines that are chained by hashes", "FILE")
    ] = ""
    audit_size: Annotated[
        float, setting("MB (10^6 bytes) after which the next file is begun; 0 is never", "MB", ge=0)
    ] = 100.0
    audit_syslog: Annotated[
        str,
        setting(
            "tell an audit record repository (DICOM PS3.15 A.5, syslog over TLS): host:6514", "HOST:PORT"
        ),
    ] = ""
    audit_ca: Annotated[
        str, setting("PEM file with the authorities to trust there; without one, the system's", "FILE")
    ] = ""
    audit_cert: Annotated[str, setting("PEM file with our own certificate and key for it", "FILE")] = ""


class Settings(Group):
    """All settings of a migration."""

    scan: ScanSettings = ScanSettings()
    filter: FilterSettings = FilterSettings()
    send: SendSettings = SendSettings()
    recovery: RecoverySettings = RecoverySettings()
    pace: PaceSettings = PaceSettings()
    rule: RuleSettings = RuleSettings()
    tls: TlsSettings = TlsSettings()
    proof: ProofSettings = ProofSettings()
    audit: AuditSettings = AuditSettings()
    monitor: MonitorSettings = MonitorSettings()
    notify: NotifySettings = NotifySettings()


def shaping(settings: Settings) -> dict[str, Any]:
    """The settings that change what is sent, by name: what the record must tell of a run."""
    return {
        f"{group}.{name}": getattr(getattr(settings, group), name)
        for group in Settings.model_fields
        for name, field in type(getattr(settings, group)).model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra["shapes"]
    }
