"""DCMTK's storescp: a Storage SCP that writes what it receives as it received it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from tests.peers.processes import ProcessPeer, program


class Storescp(ProcessPeer):
    """Bit preserving, accepting every syntax that it knows and unknown SOP classes.

    `arguments` are further options; without "--fork" among them it serves one association at a time.
    """

    def __init__(
        self, arguments: Sequence[str] = (), *, has_no_delay: bool = False, folder: Path | None = None
    ) -> None:
        self._program = program("storescp", "dcmtk")
        self._arguments = list(arguments)
        super().__init__("STORESCP", has_no_delay=has_no_delay, folder=folder)

    @property
    def storage(self) -> Path:
        return self.folder / "storage"

    def command(self) -> list[str]:
        self.storage.mkdir(exist_ok=True)
        options = ["--quiet", "+B", "+xa", "--promiscuous", "-aet", "STORESCP", "-od", str(self.storage)]
        return [self._program, *options, *self._arguments, str(self.port)]

    def files(self) -> list[Path]:
        return list(self.storage.iterdir())

    def count(self) -> int:
        """How many instances it holds."""
        return len(self.files())

    def datasets(self) -> dict[str, bytes]:
        """The dataset's bytes of each file, by SOP instance UID."""
        return dict(uid_and_dataset(path.read_bytes()) for path in self.files())


def uid_and_dataset(file: bytes) -> tuple[str, bytes]:
    """Split a part 10 file (PS3.10 7.1): its Media Storage SOP Instance UID (0002,0003) and its dataset."""
    assert file[128:140] == b"DICM\x02\x00\x00\x00UL\x04\x00"
    end = 144 + struct.unpack_from("<L", file, 140)[0]
    at = file.index(b"\x02\x00\x03\x00UI", 144, end)
    length = struct.unpack_from("<H", file, at + 6)[0]
    return file[at + 8 : at + 8 + length].rstrip(b"\0 ").decode("ascii"), file[end:]
