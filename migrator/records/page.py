"""Documents for people as one self-contained HTML file: no script, nothing fetched, printable."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from migrator import __version__
from migrator.records.words import count, day, moment, size, span
from migrator.records.writing import PHI_NOTICE


def render(template: str, **values: Any) -> str:
    """The page that this template of `templates/` makes of the values, each escaped.

    A template extends base.html, which says what it is and who may read it.
    """
    made = datetime.now().astimezone()
    page = _environment().get_template(template)
    return page.render(**values, version=__version__, made=made, phi_notice=PHI_NOTICE)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("migrator.records", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": count, "size": size, "day": day, "moment": moment, "span": span}
    return environment
