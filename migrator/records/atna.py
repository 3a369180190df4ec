"""Audit messages of DICOM (PS3.15 A.5), as XML: an application starts or stops, instances are transferred."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import ip_address
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

from migrator.records.audit import utc

MOST_INSTANCES = 200  # UIDs named in one message: repositories need not take more than 32,768 bytes (A.6)
_MOST_TEXT = 256  # characters of one value

# Characters that XML 1.0 does not allow, not even escaped (2.2), and what has no place in a token.
_FORBIDDEN = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Outcome(str, Enum):
    """EventOutcomeIndicator (A.5.2): what failed for now is minor, what failed for good is serious."""

    SUCCESS = "0"
    MINOR = "4"
    SERIOUS = "8"


class Code(NamedTuple):
    """A coded value: of the DICOM terminology (PS3.16 Annex D) unless it says otherwise."""

    value: str
    meaning: str
    system: str = "DCM"


APPLICATION_ACTIVITY = Code("110100", "Application Activity")
APPLICATION_START = Code("110120", "Application Start")
APPLICATION_STOP = Code("110121", "Application Stop")
BEGIN_TRANSFERRING = Code("110102", "Begin Transferring DICOM Instances")
INSTANCES_TRANSFERRED = Code("110104", "DICOM Instances Transferred")
APPLICATION = Code("110150", "Application")
LAUNCHER = Code("110151", "Application Launcher")
DESTINATION_ROLE = Code("110152", "Destination Role ID")
SOURCE_ROLE = Code("110153", "Source Role ID")
STUDY_UID = Code("110180", "Study Instance UID")
PATIENT_NUMBER = Code("2", "Patient Number", "RFC-3881")


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports: this process, on this machine, started by this person."""

    process: str
    host: str
    operator: str


@dataclass(frozen=True, slots=True)
class Route:
    """Between which application entities instances are transferred."""

    source_ae: str
    destination_ae: str
    destination_host: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """Instances of one study of one patient: how many of each SOP class, and some of them by UID."""

    study_uid: str
    patient_id: str
    patient_name: str
    sop_classes: Mapping[str, int]
    description: str = ""
    accession: str = ""
    instances: Mapping[str, Sequence[str]] = field(default_factory=dict)


def application_activity(reporter: Reporter, at: int, *, is_start: bool) -> bytes:
    """This program starts or stops (A.5.3.1); `at`, here and below, is in nanoseconds since the epoch."""
    message = _message(APPLICATION_ACTIVITY, "E", at, Outcome.SUCCESS)
    _coded(message[0], "EventTypeCode", APPLICATION_START if is_start else APPLICATION_STOP)
    _participant(message, reporter.process, APPLICATION, reporter.host)
    _participant(message, reporter.operator, LAUNCHER, reporter.host)
    _audit_source(message, reporter)
    return _encoded(message)


def begin_transferring(reporter: Reporter, at: int, route: Route, transfer: Transfer) -> bytes:
    """These instances are about to be sent (A.5.3.3)."""
    message = _message(BEGIN_TRANSFERRING, "E", at, Outcome.SUCCESS)
    return _transfer(message, reporter, route, transfer)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a transfer ended; `why` says it in words, where it failed."""

    at: int
    outcome: Outcome = Outcome.SUCCESS
    why: str = ""


def instances_transferred(reporter: Reporter, ended: Ended, route: Route, transfer: Transfer) -> bytes:
    """These instances were sent, or were not (A.5.3.7): one message never tells of both (A.5.2).

    A sender does not know whether the receiver held them before; for that the standard wants "R".
    """
    message = _message(INSTANCES_TRANSFERRED, "R", ended.at, ended.outcome)
    if ended.why:
        SubElement(message[0], "EventOutcomeDescription").text = _clean(ended.why)
    return _transfer(message, reporter, route, transfer)


def _message(event: Code, action: str, at: int, outcome: Outcome) -> Element:
    message = Element("AuditMessage")
    attributes = {"EventActionCode": action, "EventDateTime": utc(at), "EventOutcomeIndicator": outcome.value}
    _coded(SubElement(message, "EventIdentification", attributes), "EventID", event)
    return message


def _coded(parent: Element, name: str, code: Code) -> None:
    """A CodedValueType (A.5.1)."""
    attributes = {
        "csd-code": code.value,
        "codeSystemName": code.system,
        "displayName": code.meaning,
        "originalText": code.meaning,
    }
    SubElement(parent, name, attributes)


def _participant(message: Element, user: str, role: Code, host: str, ae: str = "") -> None:
    """An active participant; who launched the application is who asked for all of it."""
    attributes = {"UserID": _clean(user)}
    if ae:
        attributes["AlternativeUserID"] = f"AETITLE={_clean(ae)}"  # A.5.2.2
    attributes["UserIsRequestor"] = "true" if role is LAUNCHER else "false"
    if host:
        attributes["NetworkAccessPointID"] = _clean(host)
        attributes["NetworkAccessPointTypeCode"] = "2" if _is_address(host) else "1"
    _coded(SubElement(message, "ActiveParticipant", attributes), "RoleIDCode", role)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _transfer(message: Element, reporter: Reporter, route: Route, transfer: Transfer) -> bytes:
    _participant(message, reporter.process, SOURCE_ROLE, reporter.host, route.source_ae)
    ae = route.destination_ae
    _participant(message, ae, DESTINATION_ROLE, route.destination_host, ae)
    _participant(message, reporter.operator, LAUNCHER, reporter.host)
    _audit_source(message, reporter)
    _study(message, transfer)
    _patient(message, transfer)
    return _encoded(message)


def _study(message: Element, transfer: Transfer) -> None:
    attributes = {
        "ParticipantObjectID": _clean(transfer.study_uid),
        "ParticipantObjectTypeCode": "2",  # system object
        "ParticipantObjectTypeCodeRole": "3",  # report
    }
    study = SubElement(message, "ParticipantObjectIdentification", attributes)
    _coded(study, "ParticipantObjectIDTypeCode", STUDY_UID)
    SubElement(study, "ParticipantObjectName").text = _clean(transfer.description or transfer.study_uid)
    described = SubElement(study, "ParticipantObjectDescription")
    if transfer.accession:
        SubElement(described, "Accession", {"Number": _clean(transfer.accession)})
    for uid, count in sorted(transfer.sop_classes.items()):
        kind = SubElement(described, "SOPClass", {"UID": _clean(uid), "NumberOfInstances": str(count)})
        for instance in transfer.instances.get(uid, ()):
            SubElement(kind, "Instance", {"UID": _clean(instance)})


def _patient(message: Element, transfer: Transfer) -> None:
    attributes = {
        "ParticipantObjectID": _clean(transfer.patient_id),
        "ParticipantObjectTypeCode": "1",  # person
        "ParticipantObjectTypeCodeRole": "1",  # patient
    }
    patient = SubElement(message, "ParticipantObjectIdentification", attributes)
    _coded(patient, "ParticipantObjectIDTypeCode", PATIENT_NUMBER)
    SubElement(patient, "ParticipantObjectName").text = _clean(transfer.patient_name)


def _audit_source(message: Element, reporter: Reporter) -> None:
    source = SubElement(message, "AuditSourceIdentification", {"AuditSourceID": _clean(reporter.host)})
    SubElement(source, "AuditSourceTypeCode", {"csd-code": "4"})  # an application server process


def _encoded(message: Element) -> bytes:
    return b'<?xml version="1.0" encoding="UTF-8"?>' + tostring(message, "unicode").encode()


def _clean(text: str) -> str:
    """A value that XML can hold, and of a length that fits."""
    return _FORBIDDEN.sub("\ufffd", text[:_MOST_TEXT])
