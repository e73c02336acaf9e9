"""Files of sites' rules, kept until they expire or room is needed: no clock, no waiting."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

Files = TypeVar("Files")

#: of rule files, kept by one process; the least recently used go first. Most sites have less than 2 KB
SHELF_BYTES = 64 * 1024 * 1024
#: what one origin takes beside its files
_OVERHEAD = 500


class RuleShelf(Generic[Files]):
    """The rule files of origins, by least recent use."""

    def __init__(self, most_bytes: int = SHELF_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, tuple[Files, int, float]] = OrderedDict()

    def __len__(self) -> int:
        """Origins on the shelf."""
        return len(self._kept)

    def find(self, origin: str, now: float) -> Files | None:
        """The files of this origin, if they are here and have not expired. `now`: seconds since 1970."""
        found = self._kept.get(origin)
        if found is None:
            return None
        files, _, expires_at = found
        if now >= expires_at:
            self._drop(origin)
            return None
        self._kept.move_to_end(origin)
        return files

    def put(self, origin: str, files: Files, *, size: int, expires_at: float) -> None:
        """Keep these files. `size`: bytes that they take; what is larger than the shelf is not kept."""
        self._drop(origin)
        self._kept[origin] = files, size + _OVERHEAD, expires_at
        self._bytes += size + _OVERHEAD
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, origin: str) -> None:
        if dropped := self._kept.pop(origin, None):
            self._bytes -= dropped[1]
