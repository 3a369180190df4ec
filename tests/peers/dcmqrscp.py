"""DCMTK's dcmqrscp as a PACS: Storage and Query/Retrieve, uncompressed syntaxes only, as it ships."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.peers.processes import ProcessPeer, program

# The database of dcmqrscp is made for at most so many studies.
MOST_STUDIES = 500


class Dcmqrscp(ProcessPeer):
    """One storage area; `arguments` are further options of the program."""

    def __init__(
        self, arguments: Sequence[str] = (), *, has_no_delay: bool = False, folder: Path | None = None
    ) -> None:
        self._program = program("dcmqrscp", "dcmtk")
        self._arguments = list(arguments)
        super().__init__("QRSCP", has_no_delay=has_no_delay, folder=folder)

    @property
    def storage(self) -> Path:
        return self.folder / "storage"

    def command(self) -> list[str]:
        self.storage.mkdir(exist_ok=True)
        configuration = self.folder / "dcmqrscp.cfg"
        configuration.write_text(
            f"NetworkTCPPort = {self.port}\n"
            "MaxPDUSize = 16384\n"
            "MaxAssociations = 32\n"
            "HostTable BEGIN\nHostTable END\n"
            "VendorTable BEGIN\nVendorTable END\n"
            "AETable BEGIN\n"
            f"QRSCP {self.storage} RW ({MOST_STUDIES}, 4gb) ANY\n"
            "AETable END\n"
        )
        return [self._program, "--log-level", "fatal", *self._arguments, "-c", str(configuration)]

    def files(self) -> list[Path]:
        return [path for path in self.storage.iterdir() if path.name != "index.dat"]

    def count(self) -> int:
        """How many instances it holds."""
        return len(self.files())
