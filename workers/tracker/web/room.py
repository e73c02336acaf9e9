"""Whether more work can be handed out: room for uploads, and checkers that keep up.

Looked at every few seconds, not for every lease: ten thousand workers ask at once after an outage.
"""

from __future__ import annotations

import asyncio

from workers.tracker.settings import Admission
from workers.tracker.store import Store, Tx
from workers.tracker.uploads.reserving import Uploads
from workers.tracker.web.call import Refused

_FRESH_SECONDS = 2.0
_LATER_SECONDS = 120.0
#: uploads that are reserved between two looks, at most
_MANY = 2_000


class Room:
    """The last look at it."""

    def __init__(self, store: Store, uploads: Uploads, limits: Admission) -> None:
        self._store, self._uploads, self._limits = store, uploads, limits
        self._looked_at: float | None = None
        self._lock = asyncio.Lock()
        self._target = ("", 0.0)
        self.free_bytes = 0
        self.waiting = 0

    async def make_sure(self, now: float) -> None:
        """Raises Refused (503) where nothing more should be handed out for now."""
        await self.look(now)
        if self.free_bytes < self._limits.room_bytes:
            raise Refused(503, "no_room", "the storage is full: no new jobs until it has room", _LATER_SECONDS)
        if self.waiting > self._limits.results_waiting:
            raise Refused(503, "no_room", "many results wait to be checked: no new jobs for now", _LATER_SECONDS)

    async def target_for(self, count: int, now: float) -> str:
        """Which target a new upload of so many bytes goes to.

        All open uploads are added up for that; where there is room for very many more it is not done for each.

        Raises:
            NoRoomError: none has room.
        """
        target, at = self._target
        if target and 0 <= now - at < _FRESH_SECONDS and count * _MANY < self.free_bytes:
            return target
        target = await self._uploads.target_for(count)
        self._target = target, now
        return target

    async def look(self, now: float) -> None:
        """Look again, if the last look is old. Of many who want to, one does."""
        async with self._lock:
            if self._looked_at is not None and 0 <= now - self._looked_at < _FRESH_SECONDS:
                return
            self.free_bytes = await self._uploads.room()
            self.waiting = await self._store.look(results_to_check)
            self._looked_at = now


def results_to_check(tx: Tx) -> int:
    """Results that no checker has judged. From an index that holds nothing else."""
    row = tx.one("SELECT count(*) AS n FROM results WHERE state IN ('received', 'checking')")
    assert row is not None
    return int(row["n"])
