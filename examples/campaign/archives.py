"""The demo's archives on a loopback port, as Common Crawl has them: whole or in ranges."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web


@contextmanager
def archives_at(folder: Path) -> Iterator[str]:
    """Serve the files of a folder until the block is left; yields what their addresses begin with."""
    started: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(folder, started)), daemon=True)
    thread.start()
    address, loop, over = started.result()
    try:
        yield address
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


async def _serve(folder: Path, started: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    app = web.Application()
    app.router.add_static("/archives/", folder)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    over = asyncio.Event()
    started.set_result((f"http://127.0.0.1:{runner.addresses[0][1]}/archives/", asyncio.get_running_loop(), over))
    await over.wait()
    await runner.cleanup()
