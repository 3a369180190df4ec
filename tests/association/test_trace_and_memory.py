"""The trace for vendors, and memory that does not grow with the objects."""

from __future__ import annotations

import json
import os
import stat
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.core.errors import AssociationLost
from migrator.core.settings import SendSettings
from migrator.dicom.store import StoreSender
from migrator.dicom.trace import AssociationTrace
from tests.association.making import scan
from tests.association.scripted import (
    ABORT_BY_PROVIDER,
    RELEASE_REPLY,
    Conversation,
    ScriptedScp,
    element,
    response,
)
from tests.peers.archives import Archive


def test_the_trace_holds_the_negotiation_and_the_commands_of_failing_files(
    archive: Callable[..., Archive], tmp_path: Path
) -> None:
    path = archive(studies=1, instances=1).files[0].path

    def script(talk: Conversation) -> None:
        talk.accept(4096, refuse=lambda sop_class, syntax: 4 * (syntax == "1.2.840.10008.1.2"))
        for status in (0x0000, 0xC123):
            message = talk.message()
            comment = element(0x0902, b"no such tag ") if status else b""
            talk.say(response(message.context_id, message.message_id, status, comment))
        talk.message()
        talk.say(ABORT_BY_PROVIDER)

    file = tmp_path / "trace.txt"
    trace = AssociationTrace(file)
    with ScriptedScp(script) as scp:
        sender = StoreSender(scp.node, SendSettings(), str(path.parent), trace=trace)
        instance = scan(path)
        sender.open([instance.pair])
        for _ in range(2):
            sender.store(instance)
        with pytest.raises(AssociationLost):
            sender.store(instance)
    trace.close()
    text = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 or os.name == "nt"
    assert "maximum PDU     4096" in text
    assert "CT Image Storage (1.2.840.10008.5.1.4.1.1.2)" in text
    assert "Explicit VR Little Endian (1.2.840.10008.1.2.1): accepted" in text
    assert "Implicit VR Little Endian (1.2.840.10008.1.2): the transfer syntax is not supported" in text
    assert text.count("C-STORE-RQ") == 2 and text.count("C-STORE-RSP") == 1
    assert "(0000,0900) Status                     C123H" in text
    assert "no such tag" in text and "aborted the association" in text
    assert instance.uid in text
    assert "Patient1" not in text and path.name not in text


_SEND_ONE = """
import json, sys
from pathlib import Path
from migrator.core.model import Node
from migrator.core.settings import SendSettings
from migrator.dicom.store import StoreSender
from tests.association.making import scan
path = Path(sys.argv[1])
sender = StoreSender(Node("127.0.0.1", int(sys.argv[2])), SendSettings(), str(path.parent))
instance = scan(path)
sender.open([instance.pair])
outcome = sender.store(instance, (), instance)
sender.release()
# getrusage would count the parent's memory before the exec.
status = Path("/proc/self/status").read_text()
peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
print(json.dumps([outcome.state.value, outcome.bytes, peak]))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measures as Linux does")
def test_a_multi_frame_of_a_gigabyte_needs_little_memory(
    archive: Callable[..., Archive], tmp_path: Path
) -> None:
    path = archive(studies=1, instances=1).files[0].path
    size = 1 << 30
    with path.open("r+b") as file:
        file.seek(-(16 * 16 * 2 + 4), os.SEEK_END)
        file.write(size.to_bytes(4, "little"))
        file.truncate(file.tell() + size)
    offset = scan(path).offset

    def script(talk: Conversation) -> int:
        talk.accept(0)
        taken, flags, buffer = 0, 0, memoryview(bytearray(1 << 20))
        while flags != 2:  # the last fragment of the data set (PS3.8 Annex E.2)
            (left,) = struct.unpack(">2xI", talk.read(6))
            while left:
                length, flags = struct.unpack(">IxB", talk.read(6))
                left -= length + 4
                fragment = length - 2
                while fragment:
                    step = talk.socket.recv_into(buffer[:fragment])
                    assert step, "it ended in the middle"
                    fragment -= step
                taken += 0 if flags & 1 else length - 2
        talk.say(response(1, 1))
        talk.read_pdu()
        talk.say(RELEASE_REPLY)
        return taken

    with ScriptedScp(script) as scp:
        done = subprocess.run(
            [sys.executable, "-c", _SEND_ONE, str(path), str(scp.node.port)],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            timeout=120,
            check=True,
        )
    state, sent, peak = json.loads(done.stdout)
    assert (state, sent) == ("sent", path.stat().st_size - offset)
    assert peak < 150_000_000
