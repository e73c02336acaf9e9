"""Moves that wait for a thread of the store, and how their callers hear what became of them."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from workers.tracker.store import StoreBusyError, StoreError


@dataclass(slots=True)
class Asked:
    """A move somebody waits for. It ends with `error`, or without one and with `result`."""

    move: Callable[[Any], Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Waiting:
    """A queue from event loops to threads, of at most `most` moves: more are refused at once, and may come again."""

    def __init__(self, most: int) -> None:
        self._queue: queue.Queue[Asked | None] = queue.Queue(most)
        self._closed = False
        self._door = threading.Lock()  # nobody comes in after the end has been put in line

    async def ask(self, move: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - whatever the move gives
        """Wait in line, then for what comes of it.

        Raises:
            StoreBusyError: the line is full.
            StoreError: the store is closed.
        """
        future = asyncio.get_running_loop().create_future()
        with self._door:
            if self._closed:
                raise StoreError("the database has been closed")
            try:
                self._queue.put_nowait(Asked(move, future))
            except queue.Full:
                raise StoreBusyError(f"{self._queue.maxsize} moves wait for the database already") from None
        return await future

    def take(self, most: int) -> list[Asked]:
        """At least one and at most `most` moves; waits for the first. None at all: the store closes."""
        first = self._queue.get()
        if first is None:
            self._queue.put(None)  # for the other threads
            return []
        taken = [first]
        while len(taken) < most:
            try:
                asked = self._queue.get_nowait()
            except queue.Empty:
                break
            if asked is None:
                self._queue.put(None)
                break
            taken.append(asked)
        return taken

    def close(self) -> None:
        """Let nobody in any more; threads get what waits, and then nothing. May block while the line is full."""
        with self._door:
            was_closed, self._closed = self._closed, True
        if not was_closed:
            self._queue.put(None)


def answer(all_asked: Iterable[Asked]) -> None:
    """Tell the callers, with one call into each event loop. Those who were cancelled, or whose loop ended, are gone."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Asked]] = {}
    for asked in all_asked:
        by_loop.setdefault(asked.future.get_loop(), []).append(asked)
    for loop, theirs in by_loop.items():
        try:
            loop.call_soon_threadsafe(_tell, theirs)
        except RuntimeError:  # the loop is closed: nobody waits there
            continue


def _tell(all_asked: list[Asked]) -> None:
    for asked in all_asked:
        if asked.future.done():
            continue
        if asked.error is None:
            asked.future.set_result(asked.result)
        elif isinstance(asked.error, StopIteration):  # the one that a future does not take
            asked.future.set_exception(RuntimeError("a move raised StopIteration"))
        else:
            asked.future.set_exception(asked.error)
