"""A campaign over WAT files, served with the old API, and clients that talk to it from a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from crawler.settings import Recipe
from crawler.sources import ArchiveKind, Source
from tests.workers.tracker.web.campaigns import SETTINGS, HandClock, Running, running
from workers.tracker.founding import Founding, found
from workers.tracker.store import Tx

ARCHIVES = "https://archives.example.org/"
Result = TypeVar("Result")


def wat(number: int) -> str:
    return f"{ARCHIVES}{number}.warc.wat.gz"


def served(path: Path, life: Callable[[Server], None], *, wats: int = 2, warcs: int = 0) -> None:
    """Serve a campaign of so many WATs, and after them WARCs, while `life` runs in a thread."""
    sources = [Source(wat(number), ArchiveKind.WAT) for number in range(wats)]
    sources += [Source(f"{ARCHIVES}{number}.warc.gz", ArchiveKind.WARC) for number in range(wats, wats + warcs)]
    folder, token = found(Founding(path=path / "c", recipe=Recipe(name="a test"), sources=sources))
    folder.settings.write_text(SETTINGS)
    assert token is not None
    clock = HandClock()

    async def whole() -> None:
        async with running(folder, token, stage="extract", clock=clock, legacy_api=True) as server:
            await asyncio.to_thread(life, Server(server, clock, asyncio.get_running_loop()))

    asyncio.run(whole())


class Server:
    """The tracker, from the clients' thread."""

    def __init__(self, server: Running, clock: HandClock, loop: asyncio.AbstractEventLoop) -> None:
        self.url, self.clock, self.running, self._loop = server.root, clock, server, loop

    def do(self, move: Callable[[Tx], Result]) -> Result:
        """What only the tracker itself can do."""
        return asyncio.run_coroutine_threadsafe(self.running.tracker.store.do(move), self._loop).result(60)
