"""Pages that are made once every few seconds, however many look at them, and one stream for all who stay."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

#: pages of workers are many; whose turn was longest ago is made again
_MOST_PAGES = 2_000
#: a stream notices so soon that the server is about to end
_STEP_SECONDS = 0.5


class KeptPages:
    """Pages by name. Of many who ask for an old one at the same time one makes it, and the others wait."""

    def __init__(self, fresh_seconds: float = 4.0, most: int = _MOST_PAGES) -> None:
        """Make it.

        Args:
            fresh_seconds: for how long a page is good.
            most: pages that are kept.
        """
        self._fresh_seconds, self._most = fresh_seconds, most
        self._made: OrderedDict[str, tuple[float, asyncio.Task[bytes]]] = OrderedDict()

    async def get(self, name: str, now: float, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """The page; made if it is not there, or old. What making raises, all who wait for it get, and nobody later."""
        at, task = self._made.get(name, (0.0, None))
        if task is None or not 0 <= now - at < self._fresh_seconds or _failed(task):
            task = asyncio.ensure_future(_await(make))
            self._made[name] = now, task
            self._made.move_to_end(name)
            if len(self._made) > self._most:
                self._made.popitem(last=False)
        return await asyncio.shield(task)  # whoever goes away does not take the page from the others


class Feed:
    """Messages that all listeners get. They are read once for all, and only while somebody listens."""

    def __init__(
        self, read: Callable[[], Awaitable[bytes]], *, seconds: float = 3.0, most: int = 10_000,
        most_of_one: int = 64, stopping: Callable[[], bool] = lambda: False,
        passed_over: tuple[type[Exception], ...] = (),
    ) -> None:  # fmt: skip
        """Make it.

        Args:
            read: what is told now; b"" tells nothing.
            seconds: between two messages.
            most: listeners.
            most_of_one: listeners from one network.
            stopping: whether the server is about to end: then all streams do.
            passed_over: errors of `read` after which the next turn may be better.
        """
        self._read, self._seconds, self._stopping = read, seconds, stopping
        self._passed_over = passed_over
        self._most, self._most_of_one = most, most_of_one
        self._listeners: Counter[str] = Counter()
        self._task: asyncio.Task[None] | None = None
        self._next: asyncio.Future[bytes | None] | None = None
        self._last = b""

    def has_room(self, network: str) -> bool:
        """Whether one more may listen."""
        return self._listeners.total() < self._most and self._listeners[network] < self._most_of_one

    @property
    def listeners(self) -> int:
        """How many there are."""
        return self._listeners.total()

    async def listen(self, network: str) -> AsyncGenerator[bytes]:
        """All messages from now on, beginning with the last one. Ends with the server."""
        self._listeners[network] += 1
        try:
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._go_on(), name="feed")
            elif self._last:
                yield self._last
            while True:
                waiting = self._coming()
                told = await asyncio.shield(waiting)
                if told is None:
                    return
                yield told
        finally:
            self._listeners[network] -= 1
            self._listeners += Counter()  # those without listeners are forgotten

    async def close(self) -> None:
        """End all streams."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _coming(self) -> asyncio.Future[bytes | None]:
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        return self._next

    async def _go_on(self) -> None:
        try:
            while self.listeners and not self._stopping():
                with suppress(*self._passed_over):
                    if told := await self._read():
                        self._last = told
                        self._tell(told)
                await self._pause()
        finally:
            self._tell(None)

    async def _pause(self) -> None:
        """Until the next turn, or the server's end."""
        for _ in range(max(1, round(self._seconds / _STEP_SECONDS))):
            if self._stopping():
                return
            await asyncio.sleep(min(self._seconds, _STEP_SECONDS))

    def _tell(self, message: bytes | None) -> None:
        coming, self._next = self._next, None
        if coming is not None and not coming.done():
            coming.set_result(message)


async def _await(make: Callable[[], Awaitable[bytes]]) -> bytes:
    return await make()


def _failed(task: asyncio.Task[bytes]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
