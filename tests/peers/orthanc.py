"""Orthanc as a PACS, with the REST interface to count by."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from tests.peers.processes import ProcessPeer, free_port, listens, program


class Orthanc(ProcessPeer):
    """Orthanc with its own defaults but for what strangers may ask; `settings` overrides any of them."""

    def __init__(
        self,
        *,
        has_no_delay: bool = False,
        folder: Path | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        self._program = program("Orthanc", "orthanc")
        self._settings = settings or {}
        self._http_port = 0
        super().__init__("ORTHANC", has_no_delay=has_no_delay, folder=folder)

    def command(self) -> list[str]:
        self._http_port = free_port()
        storage = str(self.folder / "storage")
        settings = {
            "Name": "peer",
            "StorageDirectory": storage,
            "IndexDirectory": storage,
            "DicomAet": "ORTHANC",
            "DicomPort": self.port,
            "DicomCheckCalledAet": False,
            "DicomAlwaysAllowEcho": True,
            "DicomAlwaysAllowStore": True,
            "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowFindWorklist": True,
            "UnknownSopClassAccepted": True,
            "HttpServerEnabled": True,
            "HttpPort": self._http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "LimitFindResults": 0,
            "LimitFindInstances": 0,
        }
        configuration = self.folder / "orthanc.json"
        configuration.write_text(json.dumps(settings | self._settings))
        return [self._program, str(configuration)]

    def is_ready(self) -> bool:
        return listens(self._http_port) and listens(self.port)

    def count(self) -> int:
        """How many instances it holds."""
        return int(self._rest("/statistics")["CountInstances"])

    def uids(self) -> set[str]:
        """The SOP instance UIDs that it holds."""
        return {entry["MainDicomTags"]["SOPInstanceUID"] for entry in self._rest("/instances?expand")}

    def datasets(self) -> dict[str, bytes]:
        """The part 10 files that it holds, by SOP instance UID."""
        return {
            entry["MainDicomTags"]["SOPInstanceUID"]: self._get(f"/instances/{entry['ID']}/file")
            for entry in self._rest("/instances?expand")
        }

    def delete(self, uids: set[str]) -> None:
        """Lose these instances."""
        for entry in self._rest("/instances?expand"):
            if entry["MainDicomTags"]["SOPInstanceUID"] in uids:
                self._ask(urllib.request.Request(self._address(f"/instances/{entry['ID']}"), method="DELETE"))

    def _rest(self, path: str) -> Any:
        return json.loads(self._get(path))

    def _get(self, path: str) -> bytes:
        return self._ask(urllib.request.Request(self._address(path)))

    def _address(self, path: str) -> str:
        return f"http://127.0.0.1:{self._http_port}{path}"

    def _ask(self, request: urllib.request.Request) -> bytes:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return bytes(answer.read())
