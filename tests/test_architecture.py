"""The arrows between the rooms of migrator/, and the size of what is in them. Read from the syntax trees."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "migrator"

_HALVES = {"core", "dicom", "engine", "checks", "exchange", "records", "notify"}
_FACE = {"jobs", "core", "monitor", "records", "engine.accounting"}

# Which rooms (or single modules of theirs) a room may import, beside itself.
ARROWS: dict[str, set[str]] = {
    "bootstrap": set(),
    "core": set(),
    "dicom": {"core"},
    "engine": {"core"},
    "checks": {"engine", "core"},
    "exchange": {"engine", "core"},
    "records": {"core"},
    "notify": {"core"},
    "jobs": _HALVES | {"bootstrap.libraries", "bootstrap.trouble"},
    "monitor": {"jobs", "core", "engine.accounting"},
    "cli": _FACE,
    "ui": _FACE,
    "__main__": {"cli", "ui", "bootstrap"},
}
BUILT = (
    "bootstrap",
    "core",
    "dicom",
    "engine",
    "checks",
    "records",
    "notify",
    "jobs",
    "monitor",
    "cli",
    "ui",
    "__main__",
)

# Packages that one room alone may import.
ONLY_IN = {
    "dicom": {"pydicom", "pynetdicom"},
    "ui": {"PyQt5", "PyQt6", "PySide2", "PySide6", "qtpy", "sip", "pyqtgraph", "qtawesome"},
}

MODULE_LINES = 400
FUNCTION_LINES = 45
PARAMETERS = 5


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def modules_of(room: str) -> list[Path]:
    found = [path for path in sorted(PACKAGE.rglob("*.py")) if room_of(path) == room]
    return [path for path in found if path.name != "__init__.py"] and found


def imports_of(path: Path, source: str) -> Iterator[str]:
    """Every module (or name in one) that the source imports, at any depth, as a full dotted name."""
    package = ("migrator", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (above, node.module) if part)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def strays(path: Path, source: str) -> list[str]:
    """What the source imports against the arrows."""
    room = room_of(path)
    return [name for name in imports_of(path, source) if not is_allowed(room, name)]


def is_allowed(room: str, name: str) -> bool:
    first, *inner = name.split(".")
    if first == "migrator":
        if not inner or inner[0] == "__version__" or inner[0] == room:
            return True
        return inner[0] in ARROWS[room] or ".".join(inner[:2]) in ARROWS[room]
    if room == "bootstrap":
        return first in sys.stdlib_module_names
    return all(first not in packages for home, packages in ONLY_IN.items() if home != room)


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def parameters_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    arguments = function.args
    names = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return [name for name in names if name not in ("self", "cls")]


def test_every_room_is_known_and_every_built_room_is_furnished() -> None:
    rooms = {room_of(path) for path in PACKAGE.rglob("*.py")} - {"__init__"}
    assert rooms <= set(ARROWS)
    assert [room for room in BUILT if not modules_of(room)] == []


@pytest.mark.parametrize("room", BUILT)
def test_a_room_imports_only_what_its_arrows_allow(room: str) -> None:
    modules = modules_of(room)
    assert modules, f"nothing was found in {room}: this test would prove nothing"
    found = {path: strays(path, path.read_text("utf-8")) for path in modules}
    assert {str(path.relative_to(PACKAGE)): names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("core/model.py", "from migrator.engine import ports"),
        ("core/model.py", "def late():\n    import migrator.dicom.files"),
        ("dicom/files.py", "from ..engine.ports import Sender"),
        ("dicom/files.py", "from .. import checks"),
        ("engine/worker.py", "import pydicom"),
        ("engine/worker.py", "from migrator.dicom.store import Store"),
        ("checks/verify.py", "from pynetdicom import AE"),
        ("cli/migrate.py", "from migrator.engine.worker import Worker"),
        ("cli/migrate.py", "from PyQt5.QtWidgets import QApplication"),
        ("jobs/migrate.py", "from migrator.cli import main"),
        ("bootstrap/install.py", "import filelock"),
        ("records/table.py", "from migrator.engine.manifest import Manifest"),
    ],
)
def test_an_import_against_the_arrows_is_found(module: str, source: str) -> None:
    assert strays(PACKAGE / module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("cli/migrate.py", "from migrator.engine.accounting import Snapshot"),
        ("cli/main.py", "from migrator import __version__"),
        ("engine/worker.py", "from migrator.engine import ports"),
        ("dicom/store.py", "from pydicom.uid import UID"),
    ],
)
def test_an_import_along_the_arrows_is_allowed(module: str, source: str) -> None:
    assert not strays(PACKAGE / module, source)


@pytest.mark.parametrize("room", BUILT)
def test_no_module_imports_with_a_wildcard(room: str) -> None:
    modules = modules_of(room)
    assert modules
    names = [name for path in modules for name in imports_of(path, path.read_text("utf-8"))]
    assert [name for name in names if name.endswith(".*")] == []


@pytest.mark.parametrize("room", BUILT)
def test_modules_and_functions_stay_small(room: str) -> None:
    modules = modules_of(room)
    assert modules
    too_long = {
        str(path.relative_to(PACKAGE)): lines
        for path in modules
        if (lines := len(path.read_text("utf-8").splitlines())) > MODULE_LINES
    }
    too_big = {
        f"{path.relative_to(PACKAGE)}: {function.name}": lines
        for path in modules
        for function in functions_of(path)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES
    }
    assert (too_long, too_big) == ({}, {})


@pytest.mark.parametrize("room", BUILT)
def test_functions_take_few_parameters(room: str) -> None:
    modules = modules_of(room)
    assert modules
    greedy = {
        f"{path.relative_to(PACKAGE)}: {function.name}": names
        for path in modules
        for function in functions_of(path)
        if len(names := parameters_of(function)) > PARAMETERS
    }
    assert greedy == {}
