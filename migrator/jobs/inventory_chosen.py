"""What is chosen in the tree, as the filters of a migration take it: whole studies, or single files."""

from __future__ import annotations

from collections.abc import Generator

from migrator.engine.manifest_lines import path_of
from migrator.jobs.inventory_nodes import SeriesNode
from migrator.jobs.inventory_tree import InventoryTree

_PENDING = 0
_YIELD_EVERY = 128


def whole_studies(tree: InventoryTree) -> Generator[None, None, tuple[str, ...] | None]:
    """The UIDs of the studies that are chosen; None where only a part of one is. Yields often."""
    whole: dict[str, bool] = {}
    number = 0
    for patient in tree.root.children:
        for study in patient.children:
            number += 1
            if number % _YIELD_EVERY == 0:
                yield
            if not study.instances:
                continue
            uid, is_whole = study.about.uid, study.is_whole
            if study.is_part or whole.setdefault(uid, is_whole) is not is_whole:
                return None  # a part of it, or it stands under two patients and one of them is left out
    return tuple(uid for uid, is_whole in whole.items() if is_whole)


def chosen_files(tree: InventoryTree) -> Generator[None, None, tuple[str, ...]]:
    """The paths of all instances that are chosen, relative to the source. Yields often."""
    files: list[str] = []
    words = tree.tail.words
    number = 0
    for series in _series(tree):
        for row in series.rows:
            number += 1
            if number % _YIELD_EVERY == 0:
                yield
            if words[row] == _PENDING and series.takes(row):
                line = tree.tail.line(row)
                if line:
                    files.append(_plain(path_of(line)))
    return tuple(files)


def _series(tree: InventoryTree) -> list[SeriesNode]:
    return [
        series
        for patient in tree.root.children
        if patient.chosen
        for study in patient.children
        for series in study.children
        if series.chosen
    ]


def _plain(path: str) -> str:
    """As a line of the file that `files_from` names: one that begins with # would be a comment there."""
    return f"./{path}" if path.startswith("#") else path
