"""Where a source really is, without waiting for a share that does not answer.

A job's record is found by the path that the system resolves. Resolving asks the disk, and a share whose
server is gone may hold that up for ever: so a thread asks, and the event loop waits for it for a moment only.
"""

from __future__ import annotations

import os
import threading

_PATIENCE = 0.08  # seconds
_lock = threading.Lock()
_asking: set[str] = set()  # guarded by _lock
_known: dict[str, str] = {}  # guarded by _lock


def real_path(source: str) -> str:
    """As os.path.realpath tells it, or told it last; the path as it is written where that takes too long."""
    told = threading.Event()

    def ask() -> None:
        try:
            resolve(source)
        finally:
            with _lock:
                _asking.discard(source)
            told.set()

    with _lock:
        is_first = source not in _asking
        _asking.add(source)
    if is_first:
        threading.Thread(target=ask, name="real-path", daemon=True).start()
        told.wait(_PATIENCE)
    with _lock:
        return _known.get(source) or os.path.abspath(source)  # noqa: PTH100 - which asks no disk


def resolve(source: str) -> str:
    """The same, however long it takes; for threads."""
    real = os.path.realpath(source)
    with _lock:
        _known[source] = real
    return real
