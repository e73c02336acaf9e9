"""From a request to its answer, for every route: limits, who asks, what, once only, errors into answers, counts."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import msgspec
from aiohttp import web

from workers.failpoints import failpoint
from workers.tracker.moves import replies, workers
from workers.tracker.moves.records import MoveRefused, Worker
from workers.tracker.store import StoreError, Tx
from workers.tracker.web import knowing
from workers.tracker.web.call import Call, Refused, refuse, respond
from workers.tracker.web.logs import LOG
from workers.tracker.web.networks import caller_of, network_of
from workers.tracker.web.routes import Route, Who
from workers.tracker.web.tracker import Tracker

#: of a body that is read as JSON; manifests of 64 files are a fifth of it
BODY_BYTES = 64 * 1024
#: for that body to arrive: whoever drips is not waited for
_BODY_SECONDS = 30.0
#: of Idempotency-Key
_KEY = re.compile(r"[!-~]{1,200}")
#: what a client is told when the database cannot, for now
_STORE_SECONDS = 15.0
#: who is told a key or an account in the answer needs one that others do not think of
_KEY_OF_SECRETS = 16

_log = logging.getLogger(LOG)


def handler(route: Route, tracker: Tracker) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """What aiohttp calls for this route."""

    async def handle(request: web.Request) -> web.StreamResponse:
        started, status, identity = time.monotonic(), 500, secrets.token_hex(8)
        try:
            response = await _answered(route, tracker, request, identity)
            status = response.status
            if not response.prepared:
                response.headers["X-Request-Id"] = identity
            return response
        except web.HTTPException as error:
            status = error.status
            raise
        except asyncio.CancelledError:
            status = 499  # the caller has gone; nginx counts them so
            raise
        finally:
            seconds = time.monotonic() - started
            tracker.metrics.answered(route.name, status, seconds)
            about = {"id": identity, "route": route.name, "status": status, "seconds": round(seconds, 4)}
            _log.log(logging.ERROR if status == 500 else logging.INFO, "request", extra={"about": about})

    return handle


async def _answered(route: Route, tracker: Tracker, request: web.Request, identity: str) -> web.StreamResponse:
    """The answer, refusals included."""
    try:
        call = _call(tracker, request, identity)
        _limit(route, call)
        if route.before is not None:
            await route.before(call)
        if route.move is not None:
            return await _moved(route, call)
        assert route.answer is not None
        return await route.answer(await _known(route, call))
    except Refused as no:
        return _no(no.status, no.code, no.message, no.retry_after)
    except MoveRefused as no:
        return _no(no.status, no.code, no.message, no.retry_after)
    except StoreError as error:
        _log.warning("store: %s", error, extra={"about": {"id": identity, "route": route.name}})
        return refuse(503, "store", "the tracker cannot write, for now; send the same again later", _STORE_SECONDS)


def _no(status: int, code: str, message: str, retry_after: float | None) -> web.Response:
    response = (
        respond(status, b"", retry_after=retry_after) if status == 204 else refuse(status, code, message, retry_after)
    )
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _call(tracker: Tracker, request: web.Request, identity: str) -> Call:
    """The request as far as it is known before anything is looked up. Raises Refused for an impossible key."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    forwarded = request.headers.getall("X-Forwarded-For", [])
    address = caller_of(str(peer[0]) if peer else "", forwarded, tracker.settings.proxy.networks)
    key = request.headers.get("Idempotency-Key", "")
    if key and not _KEY.fullmatch(key):
        raise Refused(400, "bad_key", "Idempotency-Key must be 1 to 200 printable characters without blanks")
    network = tracker.secrets.network(network_of(address))
    return Call(tracker=tracker, request=request, id=identity, now=tracker.clock(), network=network, key=key)


def _limit(route: Route, call: Call) -> None:
    """Raises Refused for who comes too fast."""
    limits = call.tracker.limits
    wait = limits.by_network.take(call.network, call.now)
    if route.who in {Who.ADMIN, Who.OPERATOR, Who.LOGIN} and not wait:
        wait = limits.admin.take(call.network, call.now)
    if wait:
        raise Refused(429, "too_fast", "too many requests from your network; come later", max(1.0, wait))


async def _known(route: Route, call: Call) -> Call:
    """The call with who asks and, where the route wants one, its body: for a route that answers by itself."""
    who, tracker = route.who, call.tracker
    if who in {Who.ACCOUNT, Who.WORKER}:
        token = knowing.bearer(call.request)
        caller = await tracker.store.look(lambda tx: knowing.caller_in(tx, who, token, call.now))
        call = replace(call, caller=caller)
    elif who is Who.ADMIN:
        knowing.make_sure_admin(tracker.secrets, knowing.bearer(call.request))
    elif who is Who.OPERATOR:
        knowing.make_sure_operator(call)
    return call if route.asks is None else replace(call, body=_decoded(await _read(call.request), route.asks))


async def _moved(route: Route, call: Call) -> web.StreamResponse:
    """The answer of a move: who asks, whether it was asked before, and what it does, all in one transaction."""
    tracker, who = call.tracker, route.who
    token = knowing.bearer(call.request) if who in {Who.ACCOUNT, Who.WORKER, Who.ADMIN} else ""
    if who is Who.ADMIN:
        knowing.make_sure_admin(tracker.secrets, token)
    content = await _read(call.request)
    asked = hashlib.sha256(f"{route.method} {call.request.path}\0".encode("utf-8", "surrogateescape") + content)
    body: msgspec.Struct | None = None
    problem: Refused | None = None  # told to those only whom we know
    try:
        body = None if route.asks is None else _decoded(content, route.asks)
    except Refused as no:
        problem = no

    call = replace(call, body=body)
    if route.prepare is not None and problem is None:
        call = replace(call, prepared=await route.prepare(call))

    def at_once(tx: Tx) -> tuple[int, bytes, Call]:
        caller = knowing.caller_in(tx, who, token, call.now) if who in {Who.ACCOUNT, Who.WORKER} else None
        if problem is not None:
            raise problem
        known = replace(call, caller=caller)
        if isinstance(caller, Worker):
            workers.seen_from(tx, call.now, caller, call.neighbourhood)
        if not call.key and who is Who.ADMIN:
            told = _told(route, tx, known)
        else:
            name = _name(who, known)
            told = replies.once(
                tx, call.now, who=name, key=call.key, asked_sha256=asked.hexdigest(),
                answer=lambda: _told(route, tx, known),
            )  # fmt: skip
        return (*told, known)

    _check_key(route, call)
    failpoint("web.asked")
    status, told, known = await tracker.store.do(at_once)
    failpoint("web.answered")
    return respond(status, told if route.finish is None else await route.finish(known, told))


def _told(route: Route, tx: Tx, call: Call) -> tuple[int, bytes]:
    assert route.move is not None
    answer = route.move(tx, call)
    return answer.status, answer.content()


def _name(who: Who, call: Call) -> str:
    """Whose Idempotency-Keys these are: two callers may choose the same."""
    return f"{who.value}:{call.caller.id}" if call.caller is not None else who.value


def _check_key(route: Route, call: Call) -> None:
    if route.who is Who.ADMIN:
        return
    least = 1 if route.who is Who.WORKER else _KEY_OF_SECRETS
    if len(call.key) < least:
        raise Refused(
            400,
            "no_key",
            f"send Idempotency-Key, {least} characters or more, at random, and the same one when you ask again",
        )


async def _read(request: web.Request) -> bytes:
    """The body, if it is not too long, packed, or slow."""
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused(415, "packed", "send the body as it is, without Content-Encoding")
    if (request.content_length or 0) > BODY_BYTES:
        raise Refused(413, "too_long", f"a request has {BODY_BYTES} bytes at most")
    content = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for piece in request.content.iter_any():
                content += piece
                if len(content) > BODY_BYTES:
                    raise Refused(413, "too_long", f"a request has {BODY_BYTES} bytes at most")
    except TimeoutError:
        raise Refused(408, "too_slow", "the request took too long to arrive") from None
    return bytes(content)


def _decoded(content: bytes, kind: type[msgspec.Struct]) -> msgspec.Struct:
    """The body as what it must be.

    Raises:
        Refused: it is something else. The message names the place, and quotes nothing.
    """
    if rb"\u0000" in content:
        raise Refused(400, "bad_json", "a text holds NUL, which no database takes")
    try:
        return msgspec.json.decode(content, type=kind, strict=True)
    except msgspec.ValidationError as error:
        raise Refused(422, "bad_request", str(error)[:300]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(400, "bad_json", "the body is not JSON in UTF-8") from None
