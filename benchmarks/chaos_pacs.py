"""The destinations of chaos: what they hold and every request that reached them, by SOP instance UID."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

from tests.peers import Orthanc, Script, ScriptedPacs

_LUA = """function ReceivedInstanceFilter(dicom, origin, info)
  local file = io.open(%s, "a")
  file:write(dicom.SOPInstanceUID .. "\\n")
  file:close()
  return true
end
"""


class Pacs(Protocol):
    """A destination; `crash` and `start` keep its port and what it holds."""

    port: int
    ae_title: str
    answers_find: bool

    def start(self) -> None: ...

    def crash(self) -> None: ...

    def end(self) -> None: ...

    def received(self) -> list[str]:
        """The UIDs of all whole C-STORE requests, in order of arrival."""
        ...

    def held(self) -> set[str]: ...

    def datasets(self) -> dict[str, bytes] | None:
        """The bytes of every data set; None where it does not keep them."""
        ...

    @property
    def is_idle(self) -> bool:
        """Whether nothing more can come of connections that were lost."""
        ...


class Keeper:
    """The scripted PACS, behaving: keeps every byte. A crash cuts its connections at any moment."""

    ae_title = "SCRIPTED"

    def __init__(self, answers_find: bool) -> None:
        self.answers_find = answers_find
        self._pacs = ScriptedPacs(Script(finds=answers_find))
        self.port = 0

    def start(self) -> None:
        self._pacs.start()
        self.port = self._pacs.port

    def crash(self) -> None:
        self._pacs.stop()

    def end(self) -> None:
        self._pacs.stop()

    def received(self) -> list[str]:
        return [one.uid for one in list(self._pacs.arrived) if one.data]

    def held(self) -> set[str]:
        return set(self._pacs.uids)

    def datasets(self) -> dict[str, bytes] | None:
        return {one.uid: one.data for one in list(self._pacs.arrived) if one.data}

    @property
    def is_idle(self) -> bool:
        return self._pacs.is_idle


class RealOrthanc:
    """Orthanc with its own storage; a script of its own notes every instance that reaches it."""

    ae_title = "ORTHANC"
    answers_find = True
    is_idle = True

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._log = folder / "received.txt"
        self._log.touch()
        script = folder / "received.lua"
        script.write_text(_LUA % json.dumps(str(self._log)))
        self._orthanc = Orthanc(folder=folder, has_no_delay=True, settings={"LuaScripts": [str(script)]})
        self._uids: list[str] = []
        self._read = 0
        self.port = 0

    def start(self) -> None:
        self._orthanc.start()
        self.port = self._orthanc.port

    def crash(self) -> None:
        self._orthanc.kill()

    def end(self) -> None:
        self._orthanc.kill()

    def received(self) -> list[str]:
        with self._log.open("rb") as log:
            log.seek(self._read)
            whole = log.read().rpartition(b"\n")[0]
        if whole:
            self._read += len(whole) + 1
            self._uids += whole.decode().split("\n")
        return self._uids

    def held(self) -> set[str]:
        return self._orthanc.uids()

    def datasets(self) -> dict[str, bytes] | None:
        return None
