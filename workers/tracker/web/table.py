"""Every route of the server, in one list."""

from __future__ import annotations

from aiohttp import web

from workers.protocol import messages
from workers.tracker import pages
from workers.tracker.uploads import tus
from workers.tracker.web import admin, inputs, joining, leasing, public, sending
from workers.tracker.web.call import Call, respond
from workers.tracker.web.routes import Route, Who
from workers.tracker.web.tracker import Tracker


def table(tracker: Tracker) -> list[Route]:
    """What this tracker answers. What is not here is 404, or 405."""
    return [
        *_protocol(),
        *admin.routes(),
        *tus.routes(tracker.uploads),
        *pages.routes(tracker),
        *(_of_the_old_api() if tracker.legacy_api else ()),
    ]


def _of_the_old_api() -> list[Route]:
    from workers.tracker.legacy.routes import routes  # noqa: PLC0415 - where it is off, none of it is even read

    return routes()


def _protocol() -> list[Route]:
    lease = "/v1/leases/{lease}"
    return [
        Route("GET", "/v1/campaign", Who.PUBLIC, answer=public.campaign),
        Route("GET", "/v1/attachments/{sha256}", Who.PUBLIC, answer=public.attachment),
        Route("GET", "/v1/stats", Who.PUBLIC, answer=public.Kept(public.stats)),
        Route("GET", "/v1/leaderboard", Who.PUBLIC, answer=public.Kept(public.leaderboard)),
        Route("GET", "/metrics", Who.PUBLIC, answer=public.metrics),
        Route("GET", "/health", Who.PUBLIC, answer=public.health),
        Route(
            "POST", "/v1/accounts", Who.PUBLIC, move=joining.open_account, asks=messages.OpenAccount,
            finish=joining.tell_account_token,
        ),
        Route(
            "POST", "/v1/workers", Who.ACCOUNT, move=joining.register, asks=messages.Register,
            finish=joining.tell_worker_key,
        ),
        Route(
            "POST", "/v1/workers/me/selftest", Who.WORKER, move=joining.judge_selftest, asks=messages.SelfTest
        ),
        Route("GET", "/v1/leases", Who.WORKER, answer=_held),
        Route(
            "POST", "/v1/leases", Who.WORKER, move=leasing.take, asks=messages.TakeLeases,
            before=leasing.make_sure_of_room, finish=leasing.tell_inputs,
        ),
        Route("GET", f"{lease}/input", Who.WORKER, answer=inputs.send),
        Route("POST", f"{lease}/heartbeat", Who.WORKER, move=leasing.heartbeat, asks=messages.Heartbeat),
        Route("POST", f"{lease}/release", Who.WORKER, move=leasing.release, asks=messages.Release),
        Route("POST", f"{lease}/fail", Who.WORKER, move=leasing.fail, asks=messages.Fail),
        Route(
            "POST", f"{lease}/uploads", Who.WORKER, move=sending.reserve, asks=messages.ReserveUpload,
            prepare=sending.choose_target,
        ),
        Route(
            "POST", f"{lease}/result", Who.WORKER, move=leasing.submit, asks=messages.SubmitResult,
            prepare=sending.settle,
        ),
    ]  # fmt: skip


async def _held(call: Call) -> web.StreamResponse:
    return respond(200, messages.canonical(await leasing.held(call)))
