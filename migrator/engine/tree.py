"""Walking a folder: every entry once, links never out of it and never in a circle. Opens no file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from migrator.core.errors import SourceError
from migrator.core.model import Reason
from migrator.core.outcome import Problem, State
from migrator.core.paths import long_path

MOST_IN_LISTING = 512
_MOST_SORTED = 10_000  # entries of one folder; sorting more would hold up the first ones for too long

Entry = os.DirEntry[str]


@dataclass(frozen=True, slots=True)
class Listing:
    """A piece of one folder: entries that may be files, and what else was found.

    `prefix` goes before an entry's name to make its path relative to the root.
    """

    prefix: str
    entries: list[Entry]
    problems: list[Problem] = field(default_factory=list)


def walk(root: str) -> Iterator[Listing]:
    """Everything under `root`, folder by folder, in pieces of at most 512 entries.

    Sorted by name, except in folders of more than 10,000 entries. A link to a file inside the root counts as
    a file. A link to a folder is not followed: if it leads inside, its files are found under their own name.
    Raises SourceError when the root itself cannot be listed; whatever else fails is a problem in a listing.
    """
    try:
        with os.scandir(long_path(root)):
            pass
    except OSError as error:
        raise SourceError(f"the source cannot be read: {error.strerror}") from error
    yield from _Walk(root).listings()


def problem_at(path: str, state: State, reason: Reason, detail: str = "") -> Problem:
    """A problem of a path of which size and time do not matter, or are not known."""
    return Problem(path, 0, 0, state, reason, detail, may_retry=state is State.FAILED)


class _Walk:
    def __init__(self, root: str) -> None:
        self._root = long_path(root)
        self._real_root = os.path.realpath(self._root)
        self._folders = [""]

    def listings(self) -> Iterator[Listing]:
        while self._folders:
            folder = self._folders.pop()
            try:
                entries = os.scandir(f"{self._root}{os.sep}{folder}")
            except OSError as error:
                yield Listing("", [], [_unreadable(folder, error)])
                continue
            with entries:
                yield from self._pieces(folder, entries)

    def _pieces(self, folder: str, entries: Iterator[Entry]) -> Iterator[Listing]:
        prefix = folder + os.sep if folder else ""
        problems: list[Problem] = []
        surviving = _survive(folder, entries, problems)
        known = sorted(islice(surviving, _MOST_SORTED), key=lambda entry: entry.name)
        folders: list[str] = []
        while known:
            for start in range(0, len(known), MOST_IN_LISTING):
                piece = known[start : start + MOST_IN_LISTING]
                listing = Listing(prefix, self._files(prefix, piece, problems, folders), problems)
                if listing.entries or listing.problems:
                    yield listing
                problems = []
            known = list(islice(surviving, MOST_IN_LISTING))
        if problems:
            yield Listing(prefix, [], problems)
        self._folders += reversed(folders)

    def _files(
        self, prefix: str, entries: list[Entry], problems: list[Problem], folders: list[str]
    ) -> list[Entry]:
        """The entries that may be files; folders and links that are not followed go into their lists."""
        files = []
        for entry in entries:
            try:
                if _is_link(entry):
                    problem = self._problem_of_link(prefix, entry)
                    if problem is not None:
                        problems.append(problem)
                        continue
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(prefix + entry.name)
                    continue
            except OSError:
                pass  # whoever asks for its size will hear the reason
            files.append(entry)
        return files

    def _problem_of_link(self, prefix: str, entry: Entry) -> Problem | None:
        """None for a link to something inside the root that is no folder."""
        path = prefix + entry.name
        try:
            target = os.path.realpath(entry.path, strict=True)
            is_folder = entry.is_dir()
        except OSError as error:
            return problem_at(path, State.SKIPPED, Reason.LINK_OUTSIDE, error.strerror or "")
        if not _is_inside(target, self._real_root):
            return problem_at(path, State.SKIPPED, Reason.LINK_OUTSIDE)
        if not is_folder:
            return None
        if _is_inside(os.path.realpath(Path(entry.path).parent), target):
            return problem_at(path, State.SKIPPED, Reason.LINK_OUTSIDE, "leads back to a folder above")
        detail = "a link to a folder, whose files are found under their own name"
        return problem_at(path, State.SKIPPED, Reason.NOT_A_FILE, detail)


def _survive(folder: str, entries: Iterator[Entry], problems: list[Problem]) -> Iterator[Entry]:
    """The entries until the end, or until the system fails to list on (a share that went away)."""
    try:
        yield from entries
    except OSError as error:
        problems.append(_unreadable(folder, error))


def _unreadable(folder: str, error: OSError) -> Problem:
    return problem_at(folder or ".", State.FAILED, Reason.UNREADABLE_FOLDER, error.strerror or "")


def _is_link(entry: Entry) -> bool:
    """Whether this is a symbolic link or, on Windows, a junction."""
    if entry.is_symlink():
        return True
    if os.name != "nt":
        return False
    status = entry.stat(follow_symlinks=False)
    return bool(getattr(status, "st_reparse_tag", 0) == getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", -1))


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
