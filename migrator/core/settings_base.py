"""What declarations of settings are made of."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from migrator.core.times import duration


def setting(meaning: str, metavar: str = "", *, shapes: bool = False, **limits: Any) -> Any:
    """A field of a group. `shapes` marks what changes what is sent; `limits` are pydantic's."""
    return Field(description=meaning, json_schema_extra={"metavar": metavar, "shapes": shapes}, **limits)


class Group(BaseModel):
    """Settings that belong together; the docstring's first sentence is their heading."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Duration = Annotated[float, BeforeValidator(duration)]
"""Seconds; written as 30, 90s, 10m, 2h."""
