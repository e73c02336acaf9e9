"""How many bytes a second go over the network, at most."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class Rate:
    """A limit that all transfers of one direction share."""

    def __init__(
        self,
        bytes_per_second: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.bytes_per_second = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._free_at = clock()

    async def take(self, count: int) -> None:
        """Count bytes that have gone, or are about to, and wait until they may have."""
        if self.bytes_per_second is None:
            return
        now = self._clock()
        self._free_at = max(self._free_at, now) + count / self.bytes_per_second
        if self._free_at > now:
            await self._sleep(self._free_at - now)
