"""What the server does beside answering. A loop that fails, or dies of a bug, is begun again after a while."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from workers.failpoints import failpoint
from workers.tracker.clock import REMEMBERED_EVERY, TrackerClock
from workers.tracker.moves import leases, replies
from workers.tracker.store import StoreError
from workers.tracker.uploads import TargetError
from workers.tracker.uploads.collecting import collect
from workers.tracker.web.logs import LOG
from workers.tracker.web.tracker import Tracker

_REAP_SECONDS = 5.0
_FORGET_SECONDS = 60.0
_COLLECT_SECONDS = 60.0
#: after a failure, and after a bug
_AGAIN_SECONDS = 10.0

_log = logging.getLogger(LOG)


@dataclass(frozen=True, slots=True)
class Loop:
    """Something that is done again and again. `turn` returns whether there is more to do at once."""

    name: str
    seconds: float
    turn: Callable[[], Awaitable[bool]]


def loops_of(tracker: Tracker) -> list[Loop]:
    """Those of a tracker."""
    store, clock, metrics = tracker.store, tracker.clock, tracker.metrics

    async def reap() -> bool:
        reaped = await store.do(lambda tx: leases.reap(tx, clock()))
        failpoint("web.reaped")
        for what, number in (("lease_expired", reaped.expired), ("job_poisoned", reaped.poisoned)):
            if number:
                metrics.happened(what, number)
        return reaped.more

    async def forget() -> bool:
        most = 5_000
        gone = await store.do(
            lambda tx: replies.forget_old(tx, clock(), tracker.settings.server.remember_seconds, most)
        )
        return gone == most

    async def clean() -> bool:
        collected = await collect(tracker.uploads, older_than=tracker.settings.uploads.idle_seconds)
        if collected.uploads:
            metrics.happened("upload_removed", collected.uploads)
        return False

    loops = [
        Loop("reap", _REAP_SECONDS, reap), Loop("forget", _FORGET_SECONDS, forget),
        Loop("collect", _COLLECT_SECONDS, clean),
    ]  # fmt: skip
    if isinstance(clock, TrackerClock):
        remember = clock.remember

        async def keep_time() -> bool:
            await store.do(remember)
            return False

        loops.append(Loop("clock", REMEMBERED_EVERY, keep_time))
    return loops


async def keep_going(loops: Sequence[Loop], pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Run all loops until cancelled."""
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(_supervised(loop, pause), name=f"keep {loop.name}")


async def _supervised(loop: Loop, pause: Callable[[float], Awaitable[None]]) -> None:
    """Begin a loop again whenever it has died. As a task of its own: its errors are looked at here, and end nothing."""
    while True:
        task = asyncio.create_task(_repeat(loop, pause), name=loop.name)
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
        if not task.cancelled():
            _log.error("loop %s died", loop.name, exc_info=task.exception())
        await pause(_AGAIN_SECONDS)


async def _repeat(loop: Loop, pause: Callable[[float], Awaitable[None]]) -> None:
    while True:
        try:
            more = await loop.turn()
        except (StoreError, TargetError, OSError) as error:  # passes: a full disk, a database that is restarted
            _log.warning("loop %s: %s", loop.name, type(error).__name__)
            await pause(_AGAIN_SECONDS)
            continue
        await pause(0.0 if more else loop.seconds)
