"""Write the README's tables of settings from their declarations: `python scripts/readme_tables.py`."""

from __future__ import annotations

import sys
import typing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pydantic import BaseModel  # noqa: E402
from pydantic.fields import FieldInfo  # noqa: E402

from migrator.core.settings import Settings  # noqa: E402

START, END = "<!-- settings: made by scripts/readme_tables.py -->", "<!-- end of settings -->"


def tables() -> str:
    """The tables of all groups, as Markdown."""
    return "\n".join(_table(getattr(Settings(), name)) for name in Settings.model_fields)


def _table(group: BaseModel) -> str:
    rows = [_row(name, field) for name, field in type(group).model_fields.items()]
    head = ["", f"**{type(group).__doc__}**", "", "| option | default | meaning |", "|---|---|---|"]
    return "\n".join([*head, *rows])


def _row(name: str, field: FieldInfo) -> str:
    option = "--" + name.replace("_", "-")
    if field.annotation in (bool, bool | None):
        spelt = f"`{option}` / `--no-{option[2:]}`"
        usual = "by preset" if field.default is None else "on" if field.default else "off"
        return f"| {spelt} | {usual} | {field.description} |"
    if typing.get_origin(field.annotation) is typing.Literal:
        value = " or ".join(typing.get_args(field.annotation))
    else:
        assert isinstance(field.json_schema_extra, dict)
        value = str(field.json_schema_extra["metavar"])
    shown = (
        ""
        if field.default in ("", ())
        else f"{field.default:g}"
        if isinstance(field.default, float)
        else field.default
    )
    again = " (may be repeated)" if typing.get_origin(field.annotation) is tuple else ""
    return f"| `{option} {value}` | {shown} | {field.description}{again} |"


def renewed(readme: str) -> str:
    """The README's text with fresh tables."""
    before, _, rest = readme.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{tables()}\n\n{END}{after}"


if __name__ == "__main__":
    file = ROOT / "README.md"
    file.write_text(renewed(file.read_text("utf-8")), "utf-8")
