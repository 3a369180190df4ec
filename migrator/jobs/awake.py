"""Keeping the machine from falling asleep while a run is on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_log = logging.getLogger("migrator.awake")


@contextmanager
def awake(is_wanted: bool = True) -> Iterator[bool]:
    """Keep the machine awake while the block lasts; gives whether that could be had.

    The screen may go dark. Servers without a desktop have nobody to ask, and do not fall asleep by
    themselves: the run goes on either way.
    """
    stack = ExitStack()
    is_awake = is_wanted and _keep_awake(stack)
    try:
        yield is_awake
    finally:
        try:
            stack.close()
        except Exception as error:  # noqa: BLE001 - whatever a desktop's service does, the run has ended well
            _log.debug("the machine could not be let sleep again: %s", error)


def _keep_awake(stack: ExitStack) -> bool:
    try:
        # Imported only here: it loads a D-Bus client.
        from wakepy import keep

        mode = stack.enter_context(keep.running(on_fail="pass"))
        if not mode.active:
            _log.debug("the machine is not kept awake: %s", mode.result.get_failure_text())
        return bool(mode.active)
    except Exception as error:  # noqa: BLE001 - a desktop's service must not keep a run from starting
        _log.debug("the machine is not kept awake: %s", error)
        return False
