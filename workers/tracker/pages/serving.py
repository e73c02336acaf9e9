"""The pages' addresses: what everybody may look at, and the stream that keeps the dashboard current."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import msgspec
from aiohttp import web

from workers.streams import Feed, KeptPages
from workers.tracker.legacy.half_rows import HalfState, counts
from workers.tracker.moves import figures
from workers.tracker.moves.figure_records import Overview
from workers.tracker.pages import operating
from workers.tracker.pages.answers import HEADERS, html
from workers.tracker.pages.assets import ASSETS
from workers.tracker.pages.rendering import (
    MOST_LEADERS,
    Site,
    render_dashboard,
    render_leaderboard,
    render_message,
    render_worker,
)
from workers.tracker.pages.words import share
from workers.tracker.store import StoreError, Tx
from workers.tracker.web.call import Call, Refused
from workers.tracker.web.routes import Route, Who
from workers.tracker.web.tracker import Tracker

#: a listener that takes nothing for so long is let go
_WRITE_SECONDS = 20.0
#: until a browser asks again for a stream that ended
_AGAIN_MILLISECONDS = 15_000
_BIGGEST_ID = 2**31


def routes(tracker: Tracker) -> list[Route]:
    """All addresses of the pages."""
    site, pages = Site.of(tracker.campaign), KeptPages()

    async def overview(now: float) -> Overview:
        return await tracker.store.look(lambda tx: figures.overview(tx, now))

    async def dashboard(call: Call) -> web.StreamResponse:
        async def make() -> bytes:
            claimed = await tracker.store.look(_claimed) if tracker.legacy_api else 0
            return render_dashboard(await overview(call.now), site, call.now, claimed=claimed).encode()

        return html(await pages.get("/", call.now, make), public=True)

    async def leaderboard(call: Call) -> web.StreamResponse:
        async def make() -> bytes:
            leaders = await tracker.store.look(lambda tx: figures.leaders(tx, call.now, MOST_LEADERS))
            return render_leaderboard(leaders, site, call.now).encode()

        return html(await pages.get("/leaderboard", call.now, make), public=True)

    async def worker(call: Call) -> web.StreamResponse:
        number = operating.number_in(call.named("id"))

        async def make() -> bytes:
            found = None
            if number is not None:
                found = await tracker.store.look(lambda tx: figures.worker_page(tx, call.now, number))
            return b"" if found is None else render_worker(found, site, call.now).encode()

        page = b"" if number is None else await pages.get(f"/w/{number}", call.now, make)
        if not page:
            return html(render_message("No such worker", "There is no worker with this number.", site, call.now), 404)
        return html(page, public=True)

    async def message() -> bytes:
        seen = await overview(tracker.clock())
        return b"data: " + msgspec.json.encode(_counts(seen)) + b"\n\n"

    feed = Feed(message, stopping=tracker.stopping, passed_over=(StoreError,))
    pictures = [Route("GET", path, Who.PUBLIC, answer=_asset(*content)) for path, content in ASSETS.items()]
    return [
        Route("GET", "/", Who.PUBLIC, answer=dashboard),
        Route("GET", "/leaderboard", Who.PUBLIC, answer=leaderboard),
        Route("GET", "/w/{id}", Who.PUBLIC, answer=worker),
        Route("GET", "/events", Who.PUBLIC, answer=lambda call: _stream(call, feed)),
        *pictures,
        *operating.routes(tracker, site),
    ]


async def _stream(call: Call, feed: Feed) -> web.StreamResponse:
    """Numbers for as long as somebody looks (text/event-stream).

    Raises:
        Refused: 503, so many look already. The page is whole without it.
    """
    if not feed.has_room(call.network):
        raise Refused(503, "too_many", "so many look already; load the page again to see new numbers", 60.0)
    response = web.StreamResponse(
        headers=HEADERS | {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    await response.prepare(call.request)
    try:
        await response.write(b"retry: %d\n\n" % _AGAIN_MILLISECONDS)
        async with aclosing(feed.listen(call.network)) as messages:
            async for message in messages:
                async with asyncio.timeout(_WRITE_SECONDS):
                    await response.write(message)
    except (TimeoutError, ConnectionError):
        pass  # gone, or as good as gone
    return response


def _claimed(tx: Tx) -> int:
    counted = counts(tx)
    return sum(counted.get(state, 0) for state in (HalfState.GPU, HalfState.GPU_LEASED, HalfState.CLAIMED))


def _counts(seen: Overview) -> dict[str, object]:
    hour = seen.rates[-2].pairs if len(seen.rates) > 1 else 0
    return {
        "done": seen.done_jobs, "total": seen.total_jobs, "share": share(seen.done_jobs, seen.total_jobs),
        "pairs": seen.verified_pairs, "workers": seen.workers_now, "accounts": seen.accounts_now,
        "leases": seen.leases_now, "waiting": seen.results_waiting, "hour": max(0, hour),
    }  # fmt: skip


def _asset(media: str, content: bytes) -> Callable[[Call], Awaitable[web.StreamResponse]]:
    async def answer(_call: Call) -> web.StreamResponse:
        kept = {"Cache-Control": "public, max-age=31536000, immutable"}
        return web.Response(body=content, content_type=media, charset="utf-8", headers=HEADERS | kept)

    return answer
