"""A C-FIND SCP whose answers are a function: what real archives do at their worst, on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
    Verification,
)

from migrator.core.model import Node
from migrator.dicom.receiver import MENDS, end_server

STUDY_ROOT = StudyRootQueryRetrieveInformationModelFind
PATIENT_ROOT = PatientRootQueryRetrieveInformationModelFind

Answer = tuple[int, Dataset | None]
Script = Callable[[Dataset, Any], Iterable[Answer]]


def record(**values: Any) -> Answer:
    """One match."""
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return 0xFF00, ds


class ScriptedFinder:
    """Answers each question by `script(identifier, association)`; `questions` are their levels in order."""

    def __init__(self, script: Script, models: Iterable[str] = (STUDY_ROOT,)) -> None:
        self.script = script
        self.models = tuple(models)
        self.questions: list[str] = []
        self.associations = 0
        self._server: Any = None

    @property
    def node(self) -> Node:
        return Node("127.0.0.1", self._server.server_address[1], "SCRIPTED")

    def _find(self, event: evt.Event) -> Iterator[Answer]:
        self.questions.append(event.identifier.QueryRetrieveLevel)
        yield from self.script(event.identifier, event.assoc)

    def _count(self, event: evt.Event) -> None:
        self.associations += 1

    def __enter__(self) -> ScriptedFinder:
        ae = AE("SCRIPTED")
        for model in self.models or (Verification,):
            ae.add_supported_context(model)
        handlers = [
            *MENDS,
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_ACCEPTED, self._count),
        ]
        self._server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        return self

    def __exit__(self, *_: object) -> None:
        end_server(self._server)
