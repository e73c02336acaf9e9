"""A production line: parts that run side by side in one event loop, with queues between them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from crawler.errors import PairtrawlError


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
        asyncio.run(all_parts())
    except ExceptionGroup as group:
        if (told := _for_the_user(group)) is None:
            raise
        raise told from group


def _for_the_user(group: ExceptionGroup) -> Exception | None:
    """The one thing to tell the user of what ended a line's tasks; None where there is a bug among it."""
    mendable, bugs = group.split((PairtrawlError, OSError))
    if mendable is None or bugs is not None:
        return None
    told: Exception = mendable
    while isinstance(told, ExceptionGroup):
        told = told.exceptions[0]
    return told
