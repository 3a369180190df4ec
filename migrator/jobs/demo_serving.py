"""The demo to play with: a sample archive and a PACS on the loopback interface, until told to stop.

Whoever started it migrates in the usual way; `demo.json` in the folder says from where to where.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from migrator.core.control import Control
from migrator.core.errors import Cancelled, UsageError
from migrator.core.model import Node
from migrator.dicom.receiver import Receiver
from migrator.dicom.sample import make_sample
from migrator.jobs.home import job_folder
from migrator.jobs.launch import launched
from migrator.jobs.steering import is_gone
from migrator.records.writing import write_whole

_FILE = "demo.json"
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class DemoPlace:
    """From where to where the demo is to be migrated."""

    source: str
    host: str
    port: int
    ae_title: str

    @property
    def node(self) -> Node:
        return Node(self.host, self.port, self.ae_title)


def serve_demo(folder: Path, control: Control, ready: Callable[[DemoPlace], None]) -> None:
    """Make the archive and serve the PACS until `control` is cancelled; then remove `folder`.

    Raises UsageError when the folder is neither new nor empty, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"--serve {folder}: the folder must be new or empty")
    try:
        archive = folder.absolute() / "archive"
        make_sample(str(archive))
        with Receiver(str(folder / "pacs")) as pacs, suppress(Cancelled):
            node = pacs.node
            place = DemoPlace(str(archive), node.host, node.port, node.ae_title)
            write_whole(folder / _FILE, json.dumps(asdict(place)).encode())
            ready(place)
            while True:
                control.wait(_HOUR)
    except OSError as error:
        raise UsageError(f"the demo cannot be made in {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def demo_place(folder: Path) -> DemoPlace | None:
    """Where the demo in this folder is served; None while, or once, it is not."""
    try:
        told: dict[str, Any] = json.loads((folder / _FILE).read_bytes())
        return DemoPlace(**told)
    except (OSError, ValueError, TypeError):
        return None


def is_served(home: Path) -> bool:
    """Whether a window over this data directory serves the demo now."""
    demos = (one for one in launched(home) if one.name == "demo" and not one.has_ended)
    return any(not is_gone(one.folder) for one in demos)


def forget_demo(home: Path, folder: Path, place: DemoPlace | None) -> None:
    """Remove what a demo has left: its folder, and the record of its migration."""
    shutil.rmtree(folder, ignore_errors=True)
    if place is not None:
        shutil.rmtree(job_folder(home, place.source, place.node), ignore_errors=True)
