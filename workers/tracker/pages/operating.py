"""The operator's pages: a login by the admin token, figures, and buttons that are the same moves as /v1/admin.

A cookie stands for the token (`web.knowing`): it lasts twelve hours, scripts cannot read it, and browsers do not send
it with what other sites make them ask for. Every change is a POST from our own pages, which the dispatch sees to.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qs

from aiohttp import web

from workers.report.drawn.html import UNPRINTABLE, size
from workers.tracker.moves import figures, jobs, revoking, workers
from workers.tracker.moves.figure_records import WorkerFigures
from workers.tracker.moves.records import MoveRefused
from workers.tracker.pages.answers import html, to
from workers.tracker.pages.rendering import (
    CONFIRMED,
    Site,
    render_confirm,
    render_login,
    render_message,
    render_operator,
    render_operators_worker,
)
from workers.tracker.states import VersionState
from workers.tracker.store import Tx
from workers.tracker.web import knowing, versions
from workers.tracker.web.admin import WORDS
from workers.tracker.web.call import Call, Refused
from workers.tracker.web.routes import Route, Who
from workers.tracker.web.tracker import Tracker

#: of a form, and for it to arrive
_FORM_BYTES, _FORM_SECONDS = 16 * 1024, 30.0
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*[0-9A-Za-z.+-]*")
#: what was done, in words; only these stand on a page
NOTICES: Final = {
    "pause": "Paused: no jobs are handed out.", "drain": "Draining: workers finish what they have.",
    "resume": "Jobs are handed out again.", "requeue": "The job will be tried again.",
    "cancel": "The job is taken out.",
    "quarantine": "The worker is quarantined.", "release": "The worker may have jobs again.",
    "ban": "The worker is banned.", "revoke": "Its work is taken back, and will be done again by others.",
    "version": "The version's state is changed.",
}  # fmt: skip

Reply = Callable[[Call], Awaitable[web.StreamResponse]]


def routes(tracker: Tracker, site: Site) -> list[Route]:
    """All addresses of operators' pages."""
    del tracker  # every call brings it
    looks: dict[str, Callable[[Call, Site], Awaitable[web.StreamResponse]]] = {
        "/operator": _overview,
        "/operator/login": _overview,
        "/operator/workers": _worker,
        "/operator/workers/{worker}/confirm/{what}": _confirm,
    }
    changes: dict[str, Reply] = {
        "/operator/logout": _logout,
        "/operator/pause/{what}": _pause,
        "/operator/jobs/{job}/{what}": _job,
        "/operator/workers/{worker}/{what}": _on_worker,
        "/operator/versions": _version,
    }
    return [
        Route("POST", "/operator/login", Who.LOGIN, answer=lambda call: _login(call, site)),
        *(Route("GET", path, Who.LOGIN, answer=_or_login(look, site)) for path, look in looks.items()),
        *(Route("POST", path, Who.OPERATOR, answer=_or_words(change, site)) for path, change in changes.items()),
    ]


def number_in(text: str) -> int | None:
    """The number of a worker or a job, as it stands in an address; None for what cannot be one."""
    return int(text) if re.fullmatch("[0-9]{1,12}", text) else None


def _or_login(look: Callable[[Call, Site], Awaitable[web.StreamResponse]], site: Site) -> Reply:
    """The page for operators, the login for everybody else."""

    async def answer(call: Call) -> web.StreamResponse:
        try:
            knowing.make_sure_operator(call)
        except Refused:
            return html(render_login(site, call.now), 401)
        try:
            return await look(call, site)
        except MoveRefused as no:
            return html(render_message("That cannot be", no.message, site, call.now), no.status)

    return answer


def _or_words(change: Reply, site: Site) -> Reply:
    async def answer(call: Call) -> web.StreamResponse:
        try:
            return await change(call)
        except MoveRefused as no:
            return html(render_message("That cannot be", no.message, site, call.now), no.status)

    return answer


async def _login(call: Call, site: Site) -> web.StreamResponse:
    """A cookie for whoever knows the admin token."""
    form = await _form(call)
    if not knowing.from_our_pages(call.request) or not call.tracker.secrets.is_admin(form.get("token", "").strip()):
        return html(render_login(site, call.now, wrong=True), 403)
    response = to("/operator")
    response.set_cookie(
        knowing.COOKIE, knowing.operator_cookie(call.tracker.secrets, call.now), max_age=knowing.COOKIE_SECONDS,
        path="/operator", httponly=True, samesite="Strict", secure=call.tracker.secure,
    )  # fmt: skip
    return response


async def _logout(call: Call) -> web.StreamResponse:
    response = to("/operator")
    response.del_cookie(knowing.COOKIE, path="/operator", httponly=True, samesite="Strict", secure=call.tracker.secure)
    return response


async def _overview(call: Call, site: Site) -> web.StreamResponse:
    tracker = call.tracker
    await tracker.room.look(call.now)
    seen = await tracker.store.look(lambda tx: figures.operator(tx, call.now))
    notice = NOTICES.get(call.request.query.get("done", ""), "")
    return html(render_operator(seen, site, call.now, room=size(max(0, tracker.room.free_bytes)), notice=notice))


async def _worker(call: Call, site: Site) -> web.StreamResponse:
    return html(render_operators_worker(await _found(call, call.request.query.get("worker", "")), site, call.now))


async def _confirm(call: Call, site: Site) -> web.StreamResponse:
    if call.named("what") not in CONFIRMED:
        raise MoveRefused("unknown_move", "there is no such button", 404)
    return html(render_confirm(await _found(call, call.named("worker")), call.named("what"), site, call.now))


async def _pause(call: Call) -> web.StreamResponse:
    what = call.named("what")
    if what == "drain":
        await call.tracker.store.do(lambda tx: jobs.pause(tx, call.now, "drain"))
    elif what in {"pause", "resume"}:
        await call.tracker.store.do(lambda tx: jobs.pause(tx, call.now, what == "pause"))
    else:
        raise MoveRefused("unknown_move", "there is no such button", 404)
    return _done(what)


async def _job(call: Call) -> web.StreamResponse:
    number, what = _number(call, "job"), call.named("what")
    moves: dict[str, Callable[[Tx], None]] = {
        "requeue": lambda tx: jobs.requeue(tx, call.now, number),
        "cancel": lambda tx: jobs.cancel(tx, call.now, number),
    }
    if what not in moves:
        raise MoveRefused("unknown_move", "there is no such button", 404)
    await call.tracker.store.do(moves[what])
    return _done(what)


async def _on_worker(call: Call) -> web.StreamResponse:
    number, what = _number(call, "worker"), call.named("what")
    why = UNPRINTABLE.sub(" ", (await _form(call)).get("why", "").strip()[:200]) or "by the operator"
    if what == "revoke":
        await _found(call, str(number))
        await call.tracker.store.do(lambda tx: revoking.revoke(tx, call.now, worker=number, why=why))
    elif what in WORDS:
        await call.tracker.store.do(lambda tx: workers.set_state(tx, call.now, number, WORDS[what], why))
    else:
        raise MoveRefused("unknown_move", "there is no such button", 404)
    return _done(what)


async def _version(call: Call) -> web.StreamResponse:
    form = await _form(call)
    version, state = form.get("version", ""), form.get("state", "")
    if len(version) > 40 or not _VERSION.fullmatch(version) or state not in set(VersionState):
        raise MoveRefused("bad_request", "this is no version, or no state of one", 422)
    settings = call.tracker.settings.versions
    await call.tracker.store.do(
        lambda tx: versions.set_version(tx, call.now, version, VersionState(state), "by the operator", settings)
    )
    return _done("version")


async def _found(call: Call, text: str) -> WorkerFigures:
    number = number_in(text)
    found = None
    if number is not None:
        found = await call.tracker.store.look(lambda tx: figures.worker_page(tx, call.now, number))
    if found is None:
        raise MoveRefused("unknown_worker", "there is no worker with this number", 404)
    return found


def _number(call: Call, name: str) -> int:
    number = number_in(call.named(name))
    if number is None:
        raise MoveRefused("unknown", "this is no number", 404)
    return number


def _done(what: str) -> web.Response:
    return to(f"/operator?done={what}")


async def _form(call: Call) -> dict[str, str]:
    """The fields of a form (application/x-www-form-urlencoded), the first of each name. Raises Refused."""
    content = bytearray()
    try:
        async with asyncio.timeout(_FORM_SECONDS):
            async for piece in call.request.content.iter_any():
                content += piece
                if len(content) > _FORM_BYTES:
                    raise Refused(413, "too_long", f"a form has {_FORM_BYTES} bytes at most")
    except TimeoutError:
        raise Refused(408, "too_slow", "the form took too long to arrive") from None
    try:
        fields = parse_qs(content.decode("ascii"), max_num_fields=20, keep_blank_values=True)
    except ValueError:
        raise Refused(422, "bad_form", "this is no form of ours") from None
    return {name: values[0] for name, values in fields.items()}
