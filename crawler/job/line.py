"""A production line: parts that run side by side in one event loop, with queues between them."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager

from crawler.errors import PairtrawlError

#: made and not let go of since the last look for cycles: some 25 MB
_OBJECTS = 50_000


def run_line(*parts: Coroutine[None, None, None]) -> None:
    """Run the parts of a line side by side, each to its end.

    Raises:
        PairtrawlError, OSError: what the user can mend, out of the group of what the parts raised.
        ExceptionGroup: there was a bug of ours among it.
    """

    async def all_parts() -> None:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(part)

    try:
        with _fewer_collections():
            asyncio.run(all_parts())
    except ExceptionGroup as group:
        if (told := _for_the_user(group)) is None:
            raise
        raise told from group


@contextmanager
def _fewer_collections() -> Iterator[None]:
    """Look for cycles less often than Python does: after every 700 objects, and at all of them now and then.

    Thousands of downloads under way are hundreds of thousands of objects, none of them garbage: looking took a quarter
    of the time of the event loop.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()  # what is there now outlives the line
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _for_the_user(group: ExceptionGroup) -> Exception | None:
    """The one thing to tell the user of what ended a line's tasks; None where there is a bug among it."""
    mendable, bugs = group.split((PairtrawlError, OSError))
    if mendable is None or bugs is not None:
        return None
    told: Exception = mendable
    while isinstance(told, ExceptionGroup):
        told = told.exceptions[0]
    return told
