"""Whether the files that a DICOMDIR lists are there (PS3.10 8). Its paths are followed nowhere by themselves.

Each component is looked up in a listing of its folder; what is not listed there, or is no plain name, leads
nowhere (CVE-2026-32711).
"""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from migrator.checks.quality_findings import Example, Findings
from migrator.core.control import Control
from migrator.core.errors import InstanceError
from migrator.core.inspection import DirectoryEntry, Kind
from migrator.core.paths import long_path

_MOST_LISTINGS = 16  # folders whose entries are remembered
_VERSION = re.compile(r"\.?;\d+$")
_UNSAFE = frozenset({"", ".", ".."})


class ReadDirectory(Protocol):
    """Reads which files a DICOMDIR lists."""

    def __call__(self, root: str, path: str) -> Iterator[DirectoryEntry]:
        """Every entry of the DICOMDIR at `path` (relative to `root`) that names a file.

        Raises InstanceError, where need be after some entries.
        """
        ...


class DirectoryCheck:
    """Compares DICOMDIR files with what lies in their folders."""

    def __init__(self, root: str, read: ReadDirectory, findings: Findings, control: Control) -> None:
        self._root = root
        self._read = read
        self._findings = findings
        self._control = control
        self._folders = _Folders(root)

    def check(self, path: str) -> None:
        """Compare one DICOMDIR, at this relative path. Raises Cancelled."""
        folder = str(Path(path).parent)
        folder = "" if folder == "." else folder
        try:
            for entry in self._read(self._root, path):
                self._control.checkpoint()
                self._compare(path, folder, entry)
        except InstanceError as error:
            self._findings.add(Kind.DIRECTORY_DAMAGED, Example(path, detail=str(error)))

    def _compare(self, path: str, folder: str, entry: DirectoryEntry) -> None:
        listed = "/".join(entry.components)
        if any(is_unsafe(component) for component in entry.components):
            self._findings.add(Kind.DIRECTORY_UNSAFE, Example(path, entry.uid, detail=f"lists {listed}"))
        elif not self._folders.holds(folder, entry.components):
            self._findings.add(Kind.DIRECTORY_MISSING, Example(path, entry.uid, detail=f"lists {listed}"))


def is_unsafe(component: str) -> bool:
    """Whether a component of a path is no name inside a folder, on any system."""
    return component in _UNSAFE or any(letter in "/\\:\0" for letter in component)


class _Folders:
    """What folders under the root hold, by names as ISO 9660 compares them."""

    def __init__(self, root: str) -> None:
        self._root = long_path(root)
        self._listings: OrderedDict[str, dict[str, tuple[str, bool]]] = OrderedDict()

    def holds(self, folder: str, components: tuple[str, ...]) -> bool:
        """Whether these components lead to a file from `folder`, by folders that are there."""
        for number, component in enumerate(components, 1):
            name, is_folder = self._listing(folder).get(_plain(component), ("", False))
            if not name or is_folder == (number == len(components)):
                return False
            folder = f"{folder}{os.sep}{name}" if folder else name
        return bool(components)

    def _listing(self, folder: str) -> dict[str, tuple[str, bool]]:
        """Plain name → real name, and whether it is a folder; links to folders are not followed."""
        listing = self._listings.get(folder)
        if listing is None:
            listing = self._listings[folder] = self._list(folder)
            if len(self._listings) > _MOST_LISTINGS:
                self._listings.popitem(last=False)
        self._listings.move_to_end(folder)
        return listing

    def _list(self, folder: str) -> dict[str, tuple[str, bool]]:
        try:
            with os.scandir(f"{self._root}{os.sep}{folder}") as entries:
                return {
                    _plain(entry.name): (entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries
                }
        except OSError:
            return {}


def _plain(name: str) -> str:
    """A name as every system writes it that reads such media: IMAGE1.;1 and image1 are one (PS3.12 F.1.2)."""
    return _VERSION.sub("", name).rstrip(".").casefold()
