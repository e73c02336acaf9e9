"""Stopping a volunteer: the first Ctrl-C or TERM politely, the second one at once. Nothing is lost either way.

TERM is polite here, unlike in a run: systemd and container engines send it, and wait a while before they kill.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopping:
    """Whether somebody has asked a volunteer to stop. Belongs to the loop in which it is waited for."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()

    def __bool__(self) -> bool:
        return self._asked.is_set()

    def ask(self) -> None:
        """Stop politely."""
        self._asked.set()

    async def wait(self) -> None:
        """Wait until somebody asks."""
        await self._asked.wait()

    async def within(self, seconds: float) -> bool:
        """Wait so long, or until somebody asks; whether somebody has."""
        try:
            await asyncio.wait_for(self._asked.wait(), seconds)
        except TimeoutError:
            return False
        return True


@contextmanager
def stopped_by_signals(stopping: Stopping, work: asyncio.Task[object]) -> Iterator[None]:
    """While inside, INT and TERM ask to stop, and the second of them cancels `work`. Call it inside the loop."""
    loop = asyncio.get_running_loop()

    def heard(_number: int, _frame: FrameType | None) -> None:
        if stopping:
            loop.call_soon_threadsafe(work.cancel)
        else:
            loop.call_soon_threadsafe(stopping.ask)

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
