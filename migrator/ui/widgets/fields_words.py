"""How settings are called on a form, and what is wrong with a value, in words."""

from __future__ import annotations

import re
from typing import Any, Literal, get_args, get_origin

from pydantic_core import ErrorDetails

_NAMES = {
    "acse_timeout": "Association time-out",
    "adaptive": "Follow the destination's pace",
    "ask": "Ask about lost answers",
    "attributes": "Compare patients and studies",
    "audit": "Audit log",
    "audit_ca": "Repository's authorities",
    "audit_cert": "Certificate for the repository",
    "audit_size": "Size of one log file",
    "audit_syslog": "Audit record repository",
    "back_off": "Wait when it is out of resources",
    "bandwidth": "Bandwidth limit",
    "batch_size": "Files per association",
    "breaker_failures": "Failures before a break",
    "breaker_wait": "Length of the break",
    "ca": "Trusted authorities",
    "cert": "Our certificate",
    "check_host": "Check the host's name",
    "chime": "Chime at the end",
    "clean": "Write anew without irregular values",
    "commit_wait": "Wait for commitment",
    "conflicts": "Same UID, other content",
    "crosswalk": "Patient crosswalk",
    "decompress": "Decompress losslessly",
    "decompress_lossy": "Decompress lossy images too",
    "deep": "Deep check",
    "dimse_timeout": "Answer time-out",
    "email_ca": "Mail server's authorities",
    "email_from": "Sender",
    "email_password_file": "Password file",
    "email_security": "Encryption",
    "email_server": "Mail server",
    "email_to": "Recipients",
    "email_user": "User name",
    "files_from": "List of files",
    "give_up_after": "Give up after",
    "integrity": "Integrity checkpoint",
    "keep_awake": "Keep the computer awake",
    "key": "Our private key",
    "key_passphrase_file": "Passphrase file",
    "limit_studies": "Most studies",
    "listen": "Our listening port",
    "max_duration": "Stop after",
    "max_pdu": "Max PDU length",
    "minimise_to_tray": "Minimise to the tray",
    "modality": "Modalities",
    "monitor": "Phone monitor",
    "monitor_cert": "The monitor's certificate",
    "monitor_control": "Allow control",
    "monitor_details": "Show paths",
    "monitor_key": "Its private key",
    "monitor_tls": "Encrypt by TLS",
    "network_timeout": "Network time-out",
    "notify_breaker": "Left alone for",
    "notify_details": "Name paths",
    "notify_disk": "Free space below",
    "notify_on": "Occasions",
    "order": "Order of studies",
    "patient": "Patients",
    "peak": "Peak hours",
    "peak_days": "Days with peak hours",
    "peak_delay": "Pause between files",
    "peak_workers": "Workers in peak hours",
    "readers": "Reader threads",
    "reclassify": "Send as Secondary Capture",
    "reconnect": "Reconnect",
    "recovery": "Preset",
    "remap": "Take over the destination's patient",
    "resend_missing": "Resend what is missing",
    "resume_at_start": "Go on after a restart",
    "retries": "Retries per file",
    "rules": "Rules file",
    "settle": "Settling time",
    "shard": "Part of the studies",
    "skip_existing": "Skip what is already there",
    "split_limit": "Split studies beyond",
    "start_at": "Start at",
    "status": "Meanings of statuses",
    "strip_private": "Drop private elements",
    "studies_from": "List of studies",
    "study_batches": "Keep studies together",
    "study_date": "Study dates",
    "suffix": "Append a suffix to the patient ID",
    "conflict_suffix": "Suffix",
    "targeted": "Targeted association",
    "tls": "Use TLS",
    "verify": "Verify at the end",
    "wave_wait": "Wait before a retry pass",
    "waves": "Retry passes at the end",
    "webhook": "Send as",
    "webhook_ca": "Its authorities",
    "webhook_file": "File with the address",
    "window": "Transfer window",
    "window_days": "Days of the window",
    "workers": "Workers",
}

_CHOICES = {
    ("conflicts", "hold"): "Hold for a person",
    ("conflicts", "send"): "Send it too",
    ("email_security", "none"): "Not encrypted",
    ("email_security", "starttls"): "STARTTLS",
    ("email_security", "tls"): "TLS",
    ("notify_on", "breaker"): "A destination is left alone",
    ("notify_on", "completion"): "Completion",
    ("notify_on", "disk"): "The disk is nearly full",
    ("notify_on", "failure"): "Failure",
    ("order", "found"): "As found",
    ("order", "newest"): "Newest first",
    ("order", "oldest"): "Oldest first",
    ("webhook", "json"): "JSON",
    ("webhook", "slack"): "Slack",
    ("webhook", "teams"): "Teams",
}

_UNITS = {"S": "seconds", "MB/S": "MB per second", "BYTES": "bytes", "MB": "MB", "N%": "%", "GB": "GB"}
_OWN_UNITS = {
    "split_limit": "instances",
    "batch_size": "files",
    "limit_studies": "studies",
    "breaker_failures": "failures",
}

_EXAMPLES = {
    "A..B": "20200101..20241231",
    "K/N": "1/4",
    "HH:MM-HH:MM": "19:00-06:00",
    "DAYS": "mon-fri",
    "TIME": "22:00",
    "T": "90s, 30m, 8h",
    "HOST:PORT": "host:6514",
    "CODE=MEANING": "A778=patient-conflict",
    "M": "CT, MR",
    "P": "DOE^*",
    "PORT": "11113",
    "HOST[:PORT]": "smtp.example.org:587",
}

_OWN_EXAMPLES = {
    "peak": "07:00-18:00",
    "email_from": "migration@example.org",
    "email_to": "pacs-team@example.org",
}

_MISTAKES = {
    "float_parsing": "write a number",
    "float_type": "write a number",
    "finite_number": "write a number",
    "int_parsing": "write a whole number",
    "int_type": "write a whole number",
    "int_from_float": "write a whole number",
    "int_parsing_size": "that number is too large",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "tuple_type": "choose at least one",
}


_OPTION = re.compile(r"--([a-z][a-z-]*[a-z])")


def title_of(name: str) -> str:
    """What a setting is called on a form: `max_pdu` is "Max PDU length"."""
    return _NAMES.get(name) or name.replace("_", " ").capitalize()


def choice_words(name: str, value: str) -> str:
    """What one of the values of a setting is called."""
    return _CHOICES.get((name, value)) or value.replace("-", " ").capitalize()


def named_settings(text: str) -> list[str]:
    """The settings that a text names by their options: `--max-pdu` is `max_pdu`."""
    names = (option.replace("-", "_") for option in _OPTION.findall(text))
    return [name for name in names if name in _NAMES]


def in_titles(text: str) -> str:
    """The same with the titles of settings in the place of their options."""

    def titled(found: re.Match[str]) -> str:
        name = found[1].replace("-", "_")
        return f"“{_NAMES[name]}”" if name in _NAMES else found[0]

    return _OPTION.sub(titled, text)


def metavar_of(field: Any) -> str:
    """What a value looks like, as the setting's declaration names it: FILE, S, T …; empty without one."""
    extra = field.json_schema_extra
    return str(extra.get("metavar", "")) if isinstance(extra, dict) else ""


def unit_of(name: str, field: Any) -> str:
    """What stands behind the field."""
    return _OWN_UNITS.get(name) or _UNITS.get(metavar_of(field), "")


def example_of(name: str, field: Any) -> str:
    """A value as it may be written, for an empty field; empty where there is nothing to show."""
    return _OWN_EXAMPLES.get(name) or _EXAMPLES.get(metavar_of(field), "")


def shown(name: str, field: Any, value: object) -> str:
    """A value of a setting as a form shows it; empty for nothing."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None:
        return "as the preset says"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if get_origin(field.annotation) is Literal and value in get_args(field.annotation):
        return choice_words(name, str(value))
    if metavar_of(field) == "T" and isinstance(value, float | int):
        return span_text(float(value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def span_text(seconds: float) -> str:
    """Seconds as a duration is written: 0, 90s, 30m, 8h."""
    if not seconds:
        return "0"
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds / length:.12g}{unit}"
    return f"{seconds:.12g}s"


def sentence(text: str) -> str:
    """A meaning that begins as a sentence does."""
    return text[:1].upper() + text[1:]


def help_of(name: str, field: Any) -> str:
    """A setting's meaning, its default and its name on the command line."""
    default = shown(name, field, field.default)
    words = f"{sentence(field.description or title_of(name))}. Default: {default or 'none'}."
    if isinstance(field.json_schema_extra, dict):
        words += f" Command line: --{name.replace('_', '-')}"
    return words


def _figure(limit: object) -> str:
    return f"{limit:,}".removesuffix(".0") if isinstance(limit, int | float) else str(limit)


def mistake(field: Any, fault: ErrorDetails) -> str:
    """What is wrong with a value, in words for the one who wrote it."""
    known = _MISTAKES.get(fault["type"])
    if known is not None:
        words = known.format(**{name: _figure(limit) for name, limit in fault.get("ctx", {}).items()})
    elif fault["type"] == "string_pattern_mismatch" and metavar_of(field) == "K/N":
        words = "write a part and the number of parts: 1/4"
    elif fault["type"] == "string_pattern_mismatch":
        words = "write 1 to 16 letters, digits, dots, dashes or underscores"
    else:
        words = fault["msg"].removeprefix("Value error, ")
    return sentence(words)
