"""What anybody may read as JSON. Looked up at most every few seconds, however many ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from workers.streams import KeptPages
from workers.tracker.moves import figures, jobs
from workers.tracker.store import Tx
from workers.tracker.web.call import Call, Refused, respond
from workers.tracker.web.metrics import CONTENT_TYPE_LATEST
from workers.tracker.web.room import results_to_check

#: for how long an answer is good, in seconds
_FRESH = 5.0
_LEADERS = 100

Make = Callable[[Call], Awaitable[bytes]]


class Kept:
    """An answer that is made again when it is old; of many who ask at the same time one has it made."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._kept = KeptPages(_FRESH, most=1)

    async def __call__(self, call: Call) -> web.StreamResponse:
        """The answer."""
        response = respond(200, await self._kept.get("", call.now, lambda: self._make(call)))
        response.headers["Cache-Control"] = f"public, max-age={_FRESH:.0f}"
        return response


async def campaign(call: Call) -> web.StreamResponse:
    """GET /v1/campaign."""
    return respond(200, msgspec.json.encode(call.tracker.signed))


async def attachment(call: Call) -> web.StreamResponse:
    """GET /v1/attachments/{sha256}: a file that the recipe names."""
    digest = call.named("sha256")
    if not any(one.sha256 == digest for one in call.tracker.campaign.attachments):
        raise Refused(404, "unknown_attachment", "the campaign has no such file")
    headers = {"Content-Type": "application/octet-stream", "Cache-Control": "public, max-age=31536000, immutable"}
    return web.FileResponse(call.tracker.folder.attachments / digest, headers=headers)


async def stats(call: Call) -> bytes:
    """GET /v1/stats: how far the campaign is."""
    return msgspec.json.encode(await call.tracker.store.look(lambda tx: figures.overview(tx, call.now)))


async def leaderboard(call: Call) -> bytes:
    """GET /v1/leaderboard: verified work by account."""
    return msgspec.json.encode(await call.tracker.store.look(lambda tx: figures.leaders(tx, call.now, _LEADERS)))


async def metrics(call: Call) -> web.StreamResponse:
    """GET /metrics, for Prometheus."""
    tracker = call.tracker
    await tracker.room.look(call.now)
    counts, leases, to_check = await tracker.store.look(_standing)
    text = tracker.metrics.text(jobs=counts, leases=leases, to_check=to_check, room_bytes=tracker.room.free_bytes)
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def health(call: Call) -> web.StreamResponse:
    """GET /health: 200 where the database answers; for balancers and systemd."""
    if call.tracker.stopping():
        raise Refused(503, "stopping", "the tracker is stopping", 10.0)
    await call.tracker.store.look(lambda tx: tx.one("SELECT 1 AS one"))
    return respond(200, b'{"ok":true}')


def _standing(tx: Tx) -> tuple[dict[str, dict[str, int]], int, int]:
    """All three from indexes that hold nothing else: 8.57 million jobs are not read."""
    active = tx.one("SELECT count(*) AS n FROM leases WHERE state = 'active'")
    assert active is not None
    return jobs.counts(tx), active["n"], results_to_check(tx)
