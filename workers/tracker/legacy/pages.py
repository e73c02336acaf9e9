"""The old API's pages and their data: /install, /data, /worker/TYPE/NAME and its data."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from workers.streams import KeptPages
from workers.tracker.legacy import clients
from workers.tracker.legacy.clients import Client, OldRefusal
from workers.tracker.legacy.words import TYPES, WRONG_TYPE, time_left
from workers.tracker.moves import figures
from workers.tracker.pages.answers import html
from workers.tracker.pages.estimate import estimate
from workers.tracker.pages.rendering import Site, render_install, render_old_worker
from workers.tracker.states import JobState
from workers.tracker.store import Tx
from workers.tracker.web.call import Call


async def _install(call: Call) -> web.Response:
    return html(render_install(Site.of(call.tracker.campaign), call.now), public=True)


def _data(kept: KeptPages) -> Callable[[Call], Awaitable[web.Response]]:
    """The campaign in the old words. Counts verified work only: what old clients say is in none of it."""

    async def answer(call: Call) -> web.Response:
        async def make() -> bytes:
            return await call.tracker.store.look(lambda tx: _told(tx, call.now))

        return web.Response(body=await kept.get("/data", call.now, make), content_type="application/json")

    return answer


def _told(tx: Tx, now: float) -> bytes:
    seen = figures.overview(tx, now)
    states = seen.jobs.get("extract", {})
    done = 2 * sum(states.get(state, 0) for state in (JobState.VERIFIED, JobState.COMMITTED))
    total = 2 * sum(many for state, many in states.items() if state is not JobState.CANCELLED)
    left = estimate(seen.total_jobs - seen.done_jobs, seen.rates, now)
    return msgspec.json.encode({
        "completion_str": f"{done:,} / {total:,}",
        "completion_float": 100 * done / total if total else 100.0,
        "total_connected_workers": clients.connected(tx) + seen.workers_now,
        "total_pairs_scraped": seen.verified_pairs,
        "total_multilanguage_pairs_scraped": 0,
        "eta": time_left(left.likely if left else None),
    })  # fmt: skip


async def _worker(call: Call) -> web.Response:
    one = await _client(call)
    facts = {
        "nickname": one.nickname, "type": one.type, "job": str(one.half or "none"), "progress": one.progress,
        "says that it has done": f"{one.jobs_completed:,} jobs", "first seen": _when(one.first_seen),
        "last seen": _when(one.last_seen),
    }  # fmt: skip
    return html(render_old_worker(facts, one.display_name, Site.of(call.tracker.campaign), call.now))


async def _worker_data(call: Call) -> web.Response:
    one = await _client(call)
    return _json({
        "display_name": one.display_name,
        "shard_number": "N/A" if one.half is None else one.half,
        "progress": one.progress,
        "jobs_completed": one.jobs_completed,
        "first_seen": one.first_seen,
        "last_seen": one.last_seen,
        "user_nickname": one.nickname,
        "type": one.type,
    })  # fmt: skip


async def _client(call: Call) -> Client:
    """Raises OldRefusal."""
    kind, name = call.named("type").upper(), call.named("name")
    if kind not in TYPES:
        raise OldRefusal(400, WRONG_TYPE)
    found = None
    if len(name) <= 100 and name.isascii() and name.isprintable():
        found = await call.tracker.store.look(lambda tx: clients.client_named(tx, kind, name))
    if found is None:
        raise OldRefusal(404, "Worker not found.")
    return found


def _when(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def _json(told: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(told), content_type="application/json")


def pages() -> dict[str, Callable[[Call], Awaitable[web.Response]]]:
    """Address to what answers it."""
    return {
        "/install": _install,
        "/data": _data(KeptPages()),
        "/worker/{type}/{name}": _worker,
        "/worker/{type}/{name}/data": _worker_data,
    }
