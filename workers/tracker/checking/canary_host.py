"""The host of canaries: a small web server that has the pictures which only the project has, and nothing else.

It needs the campaign's canary key and no database, so it may stand anywhere; best under a name and address that do not
look like the tracker's.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from crawler.errors import SettingsError
from workers.tracker.checking.canaries import CanaryMaker

_ROBOTS = "User-agent: *\nAllow: /\n"


def canary_app(maker: CanaryMaker) -> web.Application:
    """Answers the addresses of canaries with their pictures, robots.txt with leave, and everything else with 404."""

    async def picture(request: web.Request) -> web.Response:
        made = await asyncio.to_thread(maker.picture_at, request.path)
        if made is None:
            raise web.HTTPNotFound
        return web.Response(body=made, content_type="image/png")

    async def robots(_request: web.Request) -> web.Response:
        return web.Response(text=_ROBOTS)

    app = web.Application()
    app.router.add_get("/robots.txt", robots)
    app.router.add_get("/{path:.*}", picture)
    return app


@asynccontextmanager
async def canaries_at(maker: CanaryMaker, host: str, port: int) -> AsyncIterator[int]:
    """Serve while inside. Gives the port, which 0 leaves to the system.

    Raises:
        SettingsError: host and port cannot be had.
    """
    runner = web.AppRunner(canary_app(maker), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise SettingsError(f"--host {host} --port {port}: cannot listen there: {error}") from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def serve_canaries(maker: CanaryMaker, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        SettingsError: as `canaries_at`.
    """
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    async with canaries_at(maker, host, port) as found:
        say(f"canaries at http://{host}:{found}/")
        await over.wait()
