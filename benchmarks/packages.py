"""Going on in the project's private environment where this interpreter lacks packages."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence

from measure import ROOT


def enter_environment(packages: Sequence[str], layer: str = "BASE") -> None:
    """Return when the packages are there; else replace this process by one of this layer, which has them."""
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if not missing:
        return
    sys.path.insert(0, str(ROOT))
    launch, layers = (importlib.import_module(f"migrator.bootstrap.{name}") for name in ("launch", "layers"))
    try:
        python = str(launch.prepare(getattr(layers, layer), ROOT))
    except launch.SetupError as error:
        sys.exit(f"the environment cannot be made: {error}")
    if python == sys.executable:
        sys.exit(f"missing in {python}: {', '.join(missing)}")
    os.execv(python, [python, *sys.argv])
