"""Decoded objects for the next destination that needs the same: decoding costs far more than a read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from typing import Protocol

from migrator.core.memo import Memo
from migrator.core.model import Instance
from migrator.dicom.editing.splice import Segments

BUDGET = 256_000_000  # bytes


def _never() -> bool:
    return False


class Decodes(Protocol):
    """What `decoding.Decoders` offers."""

    def decode(
        self,
        path: str,
        instance: Instance,
        target: str,
        is_cancelled: Callable[[], bool] = ...,
        segments: Segments | None = None,
    ) -> bytearray: ...


class DecodedCache:
    """Decoders for several destinations: what one asked for is kept, within `budget` bytes, for the others.

    Two that ask at once decode once. Results are shared, so nobody may change them. `decoders` is asked
    whenever something is to be decoded.
    """

    def __init__(self, decoders: Callable[[], Decodes], destinations: int, budget: int = BUDGET) -> None:
        self._decoders = decoders
        self._memo: Memo[Hashable, bytearray] = Memo(budget, len, destinations)

    @property
    def weight(self) -> int:
        """How many bytes are kept."""
        return self._memo.weight

    def decode(
        self,
        path: str,
        instance: Instance,
        target: str,
        is_cancelled: Callable[[], bool] = _never,
        segments: Segments | None = None,
    ) -> bytearray:
        """As `Decoders.decode`. Raises InstanceError, and Cancelled once `is_cancelled`."""
        file = (path, instance.size, instance.mtime_ns)
        key = (*file, *instance.pair, instance.uid, target, _digest(segments))
        return self._memo.get(
            key,
            lambda: self._decoders().decode(path, instance, target, is_cancelled, segments),
            is_cancelled,
        )


def _digest(segments: Segments | None) -> bytes:
    """What tells one edited data set from another of the same file, without keeping it."""
    digest = hashlib.blake2b(digest_size=16)
    for part in segments.parts if segments is not None else ():
        digest.update(part if isinstance(part, bytes) else repr(part).encode())
        digest.update(b"|")
    return digest.digest()
