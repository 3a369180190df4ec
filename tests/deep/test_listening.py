"""Our server for what destinations send: a stranger that says nothing holds up neither others nor its end."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pynetdicom import AE, build_context
from pynetdicom.sop_class import Verification

from migrator.core.model import Tls
from migrator.dicom.listening import listening
from migrator.dicom.receiver import MENDS
from tests.tls.making import Authority


@contextmanager
def serving(tls: Tls | None) -> Iterator[int]:
    """Listen on a thread of its own, since an end that hangs would hang the test; the port."""
    ports: list[int] = []
    is_up, may_end = threading.Event(), threading.Event()

    def serve() -> None:
        ae = AE()
        ae.supported_contexts = [build_context(Verification)]
        with listening(ae, ("127.0.0.1", 0), (), tls) as (_, port):
            ports.append(port)
            is_up.set()
            may_end.wait(60)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert is_up.wait(20)
    yield ports[0]
    may_end.set()
    thread.join(20)
    assert not thread.is_alive(), "it does not end"


def echoes(port: int, context: ssl.SSLContext | None) -> bool:
    ae = AE()
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 20
    ae.add_requested_context(Verification)
    tls = (context, "127.0.0.1") if context else None
    assoc = ae.associate(
        "127.0.0.1", port, tls_args=tls, evt_handlers=MENDS[:1]
    )  # the others are for servers
    if not assoc.is_established:
        return False
    status = assoc.send_c_echo().get("Status")
    assoc.release()
    return status == 0


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01"])
@pytest.mark.parametrize("is_secure", [True, False])
def test_who_connects_and_says_no_more_holds_up_nobody(is_secure: bool, said: bytes, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours, theirs = authority.issue(), authority.issue("archive.example")
    context = ssl.create_default_context(cafile=authority.file)
    context.load_cert_chain(theirs.cert, theirs.key)
    with (
        serving(Tls(authority.file, ours.cert, ours.key) if is_secure else None) as port,
        socket.create_connection(("127.0.0.1", port), timeout=20) as stranger,
    ):
        stranger.sendall(said)
        assert echoes(port, context if is_secure else None)


def test_who_shows_no_certificate_is_not_heard(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours = authority.issue()
    with serving(Tls(authority.file, ours.cert, ours.key)) as port:
        assert not echoes(port, ssl.create_default_context(cafile=authority.file))
        assert not echoes(port, None)


def test_what_a_deep_check_needs_is_loaded_before_a_run_begins_and_only_then() -> None:
    code = """
import sys
from migrator.core.settings import ProofSettings
from migrator.jobs.verify_deep import check_listening

for deep in (0.0, 1.0):
    check_listening(ProofSettings(deep=deep))
    print("migrator.dicom.retrieve" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
