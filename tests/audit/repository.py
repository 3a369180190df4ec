"""An audit record repository: takes syslog over TLS (RFC 5425), and knows the schema of PS3.15 A.5.1."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element, fromstring

_HEADER = re.compile(
    rb"<(?P<priority>\d{1,3})>1 "
    rb"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) "
    rb"(?P<host>[\x21-\x7e]{1,255}) (?P<app>[\x21-\x7e]{1,48}) (?P<process>[\x21-\x7e]{1,128}) "
    rb"(?P<id>[\x21-\x7e]{1,32}) - \xef\xbb\xbf(?P<xml>.*)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Received:
    """One message: its syslog header's fields, and its XML."""

    priority: int
    host: str
    app: str
    process: str
    id: str
    xml: Element

    @property
    def event(self) -> str:
        """The EventID's meaning, with that of the EventTypeCode."""
        identification = self.xml[0]
        return " / ".join(
            one.attrib["originalText"] for one in identification if one.tag != "EventOutcomeDescription"
        )

    @property
    def outcome(self) -> str:
        return self.xml[0].attrib["EventOutcomeIndicator"]

    @property
    def study(self) -> str:
        return self.xml.findall("ParticipantObjectIdentification")[0].attrib["ParticipantObjectID"]

    @property
    def classes(self) -> dict[str, int]:
        return {one.attrib["UID"]: int(one.attrib["NumberOfInstances"]) for one in self.xml.iter("SOPClass")}


def parsed(message: bytes) -> Received:
    """A SYSLOG-MSG, read strictly (RFC 5424 6)."""
    match = _HEADER.fullmatch(message)
    assert match is not None, message[:200]
    xml = fromstring(match["xml"])
    check_message(xml)
    texts = [match[name].decode("ascii") for name in ("host", "app", "process", "id")]
    return Received(int(match["priority"]), *texts, xml)


class Repository:
    """Listens on the loopback interface; everything that came whole stands in `received`."""

    def __init__(self, cert: str, key: str, client_ca: str = "", port: int = 0) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(cert, key)
        if client_ca:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(client_ca)
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listener.getsockname()[1])
        self.cuts_after = 0
        """So many messages of a connection are taken; then it is reset."""
        self.raw: list[bytes] = []
        self.connections = 0
        self.failures: list[str] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def received(self) -> list[Received]:
        return [parsed(message) for message in self.raw]

    def of(self, event: str) -> list[Received]:
        return [one for one in self.received if one.event == event]

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                with plain, self._context.wrap_socket(plain, server_side=True) as secure:
                    self._take(secure)
            except (OSError, ValueError) as error:
                self.failures.append(repr(error))

    def _take(self, secure: ssl.SSLSocket) -> None:
        """Frames with octet counting: their length in decimal, a space, the message (RFC 5425 4.3)."""
        buffer, taken = b"", 0
        while True:
            while (space := buffer.find(b" ")) > 0 and len(buffer) > space + int(buffer[:space]):
                end = space + 1 + int(buffer[:space])
                self.raw.append(buffer[space + 1 : end])
                buffer, taken = buffer[end:], taken + 1
                if self.cuts_after and taken >= self.cuts_after:
                    secure.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    return
            piece = secure.recv(65536)
            if not piece:
                assert not buffer, "half a message"
                secure.unwrap().close()
                return
            buffer += piece

    def close(self) -> None:
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def __enter__(self) -> Repository:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class Shape:
    """What the schema says of an element: attributes with what they match, children in order and how many."""

    required: dict[str, str] = field(default_factory=dict)
    optional: dict[str, str] = field(default_factory=dict)
    children: tuple[tuple[str, str], ...] = ()  # element and one of "1", "?", "*", "+"
    has_text: bool = False


_CODED = {"csd-code": ".+", "codeSystemName": ".+", "originalText": ".+"}
_OID = r"[0-2]((\.0)|(\.[1-9][0-9]*))*"
_CODE = Shape(_CODED, {"displayName": ".+"})
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?"

# PS3.15 A.5.1, as far as transfers and application activity need it.
SCHEMA: dict[str, Shape] = {
    "AuditMessage": Shape(
        children=(
            ("EventIdentification", "1"),
            ("ActiveParticipant", "+"),
            ("AuditSourceIdentification", "1"),
            ("ParticipantObjectIdentification", "*"),
        )
    ),
    "EventIdentification": Shape(
        {"EventDateTime": _TIME, "EventOutcomeIndicator": "0|4|8|12"},
        {"EventActionCode": "[CRUDE]"},
        (("EventID", "1"), ("EventTypeCode", "*"), ("EventOutcomeDescription", "?")),
    ),
    "EventID": _CODE,
    "EventTypeCode": _CODE,
    "EventOutcomeDescription": Shape(has_text=True),
    "ActiveParticipant": Shape(
        {"UserID": ".+", "UserIsRequestor": "true|false"},
        {
            "AlternativeUserID": ".+",
            "UserName": ".*",
            "NetworkAccessPointID": ".+",
            "NetworkAccessPointTypeCode": "[1-5]",
        },
        (("RoleIDCode", "*"), ("MediaIdentifier", "?")),
    ),
    "RoleIDCode": _CODE,
    "AuditSourceIdentification": Shape(
        {"AuditSourceID": ".+"}, {"AuditEnterpriseSiteID": ".+"}, (("AuditSourceTypeCode", "*"),)
    ),
    "AuditSourceTypeCode": Shape({"csd-code": "[1-9]"}),
    "ParticipantObjectIdentification": Shape(
        {"ParticipantObjectID": "(?s).*"},
        {
            "ParticipantObjectTypeCode": "[1-4]",
            "ParticipantObjectTypeCodeRole": "[1-9]|1[0-9]|2[0-6]",
            "ParticipantObjectDataLifeCycle": "[1-9]|1[0-5]",
            "ParticipantObjectSensitivity": ".+",
        },
        (
            ("ParticipantObjectIDTypeCode", "1"),
            ("ParticipantObjectName", "1"),  # or a query, which transfers have none of
            ("ParticipantObjectDetail", "*"),
            ("ParticipantObjectDescription", "*"),
        ),
    ),
    "ParticipantObjectIDTypeCode": _CODE,
    "ParticipantObjectName": Shape(has_text=True),
    "ParticipantObjectDescription": Shape(
        children=(
            ("MPPS", "*"),
            ("Accession", "*"),
            ("SOPClass", "*"),
            ("ParticipantObjectContainsStudy", "?"),
        )
    ),
    "Accession": Shape({"Number": ".+"}),
    "SOPClass": Shape({"NumberOfInstances": r"\d+"}, {"UID": _OID}, (("Instance", "*"),)),
    "Instance": Shape({"UID": _OID}),
}


def check_message(element: Element) -> None:
    """Fail where an element is not as the schema says."""
    shape = SCHEMA[element.tag]
    known = {**shape.required, **shape.optional}
    assert set(shape.required) <= set(element.attrib) <= set(known), (element.tag, element.attrib)
    for name, value in element.attrib.items():
        assert re.fullmatch(known[name], value), (element.tag, name, value)
    assert shape.has_text or not (element.text or "").strip(), element.tag
    pattern = "".join(f"(?:{name},){'' if many == '1' else many}" for name, many in shape.children)
    order = "".join(f"{child.tag}," for child in element)
    assert re.fullmatch(pattern, order), (element.tag, order)
    for child in element:
        check_message(child)


def participants(message: Received) -> dict[str, dict[str, Any]]:
    """The active participants' attributes, by the meaning of their role."""
    return {
        one[0].attrib["originalText"]: dict(one.attrib) for one in message.xml.findall("ActiveParticipant")
    }
