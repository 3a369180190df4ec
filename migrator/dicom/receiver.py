"""An embedded PACS on pynetdicom: Storage of any SOP class and transfer syntax, Verification, C-FIND."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import threading
import weakref
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pynetdicom import AE, _config, build_context, evt, register_uid
from pynetdicom.service_class import ServiceClass, StorageServiceClass
from pynetdicom.sop_class import uid_to_service_class

from migrator.core.model import Node
from migrator.dicom.inquiry import PATIENT_ROOT, STUDY_ROOT
from migrator.dicom.probe import VERIFICATION
from migrator.dicom.receiver_index import ALL_KEYS, Index, Record, text_of

# pynetdicom's settings are module globals. By default it formats every message for its log, patients and all.
_config.LOG_HANDLER_LEVEL = "none"
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False

SUCCESS, PENDING, CANCELLED = 0x0000, 0xFF00, 0xFE00
OUT_OF_RESOURCES, CANNOT_UNDERSTAND, BAD_IDENTIFIER = 0xA700, 0xC000, 0xA900

_SERVICES = (VERIFICATION, STUDY_ROOT, PATIENT_ROOT)
_MAX_PDU = 128 * 1024
_MAX_ASSOCIATIONS = 64
_IDLE_SECONDS = 600
_END_SECONDS = 5
_SAFE_NAME = re.compile(r"(?=.{1,64}$)[0-9]+(\.[0-9]+)*")

# pynetdicom's registry of SOP classes is one for the process.
_registry_lock = threading.Lock()


class Receiver:
    """A Storage SCP that keeps datasets byte by byte, as part 10 files in `folder`, and answers C-FIND.

    A later instance with the same SOP instance UID replaces the earlier, as in most archives. Serves in
    threads of its own between `start` and `stop`.
    """

    def __init__(
        self, folder: str, ae_title: str = "DEMO_PACS", host: str = "127.0.0.1", port: int = 0
    ) -> None:
        """With port 0 the system chooses a free one at `start`; a later start uses it again."""
        self._folder = Path(folder)
        self._ae_title = ae_title
        self._host = host
        self._port = port
        self._index = Index()
        self._lock = threading.Lock()
        self._stored = 0  # guarded by _lock
        self._server: Any = None

    @property
    def node(self) -> Node:
        """Where it listens; valid after `start`."""
        return Node(self._host, self._port, self._ae_title)

    @property
    def uids(self) -> frozenset[str]:
        """The SOP instance UIDs of all that is held."""
        return self._index.uids

    @property
    def stored(self) -> int:
        """How many C-STORE requests succeeded; more than there are `uids` when some came twice."""
        with self._lock:
            return self._stored

    def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        self._folder.mkdir(parents=True, exist_ok=True)
        ae = AE(self._ae_title)
        ae.maximum_pdu_size = _MAX_PDU
        ae.maximum_associations = _MAX_ASSOCIATIONS
        ae.network_timeout = _IDLE_SECONDS
        ae.supported_contexts = [build_context(service) for service in _SERVICES]
        handlers: list[Any] = [
            *MENDS,
            (evt.EVT_REQUESTED, accept_storage),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_FIND, self._find),
        ]
        self._server = ae.start_server((self._host, self._port), block=False, evt_handlers=handlers)
        self._port = self._server.server_address[1]

    def stop(self) -> None:
        """Stop listening, and end the associations that are open."""
        if self._server is not None:
            end_server(self._server)
            self._server = None

    def __enter__(self) -> Receiver:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def file_of(self, uid: str) -> Path:
        """Where an instance is kept. UIDs come from outside, so only plain ones become file names."""
        digest = hashlib.sha256(uid.encode()).hexdigest()
        return self._folder / digest[:2] / (uid if _SAFE_NAME.fullmatch(uid) else digest)

    def _store(self, event: evt.Event) -> int:
        content = event.encoded_dataset(include_meta=True)
        request: Any = event.request
        uid = str(request.AffectedSOPInstanceUID)
        try:
            record = _record(content)
        except (InvalidDicomError, ValueError, EOFError, NotImplementedError):
            return CANNOT_UNDERSTAND
        if record["SOPInstanceUID"] != uid or not record["StudyInstanceUID"]:
            return CANNOT_UNDERSTAND
        try:
            self._keep(uid, content)
        except OSError:
            return OUT_OF_RESOURCES
        self._index.add(record)
        with self._lock:
            self._stored += 1
        return SUCCESS

    def _keep(self, uid: str, content: bytes) -> None:
        path = self.file_of(uid)
        path.parent.mkdir(exist_ok=True)
        part = path.with_name(f"{path.name}.{threading.get_ident()}.part")
        part.write_bytes(content)
        os.replace(part, path)  # noqa: PTH105 - also over an existing file, on every system

    def _find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        try:
            answers = self._index.find(event.identifier)
        except ValueError:
            yield BAD_IDENTIFIER, None
            return
        for answer in answers:
            if event.is_cancelled:
                yield CANCELLED, None
                return
            yield PENDING, answer


def _close_socket_at_end(event: evt.Event) -> None:
    """Close a connection's socket when pynetdicom drops it: after a reset by the peer it forgets to."""
    wrapper: Any = event.assoc.dul.socket
    weakref.finalize(wrapper, wrapper.socket.close)


def _end_wait_for_request(event: evt.Event) -> None:
    """End an association whose peer left before it asked for one; pynetdicom alone waits 30 s."""
    assoc: Any = event.assoc
    if assoc.requestor.primitive is None:
        # How it reads that the time is over.
        assoc.dul.to_user_queue.put(None)


def _let_the_program_end(event: evt.Event) -> None:
    """Have no connection keep the process alive: of its two threads pynetdicom makes only one a daemon."""
    dul: Any = event.assoc.dul
    dul.daemon = True


MENDS: list[Any] = [
    (evt.EVT_CONN_OPEN, _close_socket_at_end),
    (evt.EVT_CONN_OPEN, _let_the_program_end),
    (evt.EVT_CONN_CLOSE, _end_wait_for_request),
]
"""Handlers that every pynetdicom server of ours needs."""


def end_server(server: Any) -> None:
    """Stop a pynetdicom server and all its associations.

    Their connections are shut, not aborted: an abort() that meets one just ending leaves its thread with
    an exception.
    """
    # Its loop looks twice a second whether to end, unless its socket wakes it: on Linux being shut does.
    with contextlib.suppress(OSError):
        server.socket.shutdown(socket.SHUT_RDWR)
    server.shutdown()
    associations = list(server.active_associations)  # only now: until then it may take another
    for assoc in associations:
        connection = getattr(assoc.dul.socket, "socket", None)
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
    for assoc in associations:
        assoc.join(_END_SECONDS)


def accept_storage(event: evt.Event) -> None:
    """Support whatever is proposed, private SOP classes and syntaxes included, beside the other services."""
    proposed: dict[str, dict[str, None]] = {}
    request: Any = event.assoc.requestor.primitive
    for context in request.presentation_context_definition_list:
        syntaxes = proposed.setdefault(str(context.abstract_syntax), {})
        syntaxes.update(dict.fromkeys(str(syntax) for syntax in context.transfer_syntax))
    supported = list(event.assoc.acceptor.supported_contexts)
    for sop_class, syntaxes in proposed.items():
        if _is_storage(sop_class):
            supported.append(build_context(sop_class, list(syntaxes)))
    event.assoc.acceptor.supported_contexts = supported


def _is_storage(sop_class: str) -> bool:
    """Whether a class is, or for want of any other knowledge is taken for, one of storage."""
    with _registry_lock:
        if uid_to_service_class(sop_class) is ServiceClass:
            register_uid(sop_class, f"Unknown_{sop_class.replace('.', '_')}", StorageServiceClass)
        return uid_to_service_class(sop_class) is StorageServiceClass


def _record(content: bytes) -> Record:
    ds = dcmread(BytesIO(content), stop_before_pixels=True, specific_tags=list(ALL_KEYS))
    return {keyword: text_of(ds, keyword) for keyword in ALL_KEYS}
