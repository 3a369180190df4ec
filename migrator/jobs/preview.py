"""What rules and a crosswalk would change in one file. Sends nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrator.core.edits import Change
from migrator.core.errors import SourceError
from migrator.core.model import Instance
from migrator.core.settings import RuleSettings
from migrator.dicom.editing.edits import Editor
from migrator.dicom.editing.rules import read_rule_files
from migrator.dicom.header import read_header


@dataclass(frozen=True, slots=True)
class Preview:
    """Every attribute of `file` that would be sent otherwise; `digest` is that of what the files say."""

    file: str
    changes: tuple[Change, ...]
    digest: str


def preview(file: str, settings: RuleSettings, written: str | None = None) -> Preview:
    """Apply the rules to a file, in memory; `written` are rules that stand in no file yet.

    Raises UsageError for the rules, SourceError for the file, CannotEncode where a rule cannot be applied.
    """
    rules = read_rule_files(settings, written)
    path = Path(file).absolute()
    try:
        found = path.stat()
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror}") from error
    if not path.is_file():
        raise SourceError(f"{file} is not a file")
    item = read_header(str(path.parent), path.name, found.st_size, found.st_mtime_ns)
    if not isinstance(item, Instance):
        detail = f" ({item.detail})" if item.detail else ""
        raise SourceError(f"{file}: {item.reason.value}{detail}")
    return Preview(file, Editor().preview(str(path), item, rules.edits), rules.digest)


def as_json(result: Preview) -> dict[str, Any]:
    """`before` and `after` are empty where the attribute is absent, or empty."""
    return {
        "file": result.file,
        "rules_digest": result.digest,
        "changes": [
            {"attribute": change.keyword, "before": change.before, "after": change.after}
            for change in result.changes
        ],
    }
