"""The old API over HTTP: what its client library sends, and the statuses and texts that it understands.

Errors are text, and their status says which exception the client raises: 400 ValueError, 403 ZeroJobError, 404
WorkerTimedOutError, others ServerError. Answers of /custom/ are JSON with a `status`, and always 200.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import uuid4

import msgspec
from aiohttp import web

from workers.tracker.folder import new_token, token_digest
from workers.tracker.legacy import clients, halves
from workers.tracker.legacy.accounts import account_for
from workers.tracker.legacy.clients import OldRefusal
from workers.tracker.legacy.pages import pages
from workers.tracker.legacy.words import (
    NO_GPU_JOBS,
    NO_JOBS,
    NO_UPLOADS,
    TYPES,
    WRONG_TYPE,
    OfAddresses,
    OfClaim,
    OfDone,
    OfProgress,
    OfToken,
    OfWat,
    new_display_name,
)
from workers.tracker.web.call import Call
from workers.tracker.web.routes import Route, Who

Body = TypeVar("Body", bound=msgspec.Struct)

#: of a body, and for it to arrive
_BODY_BYTES, _BODY_SECONDS = 256 * 1024, 30.0
#: display names that are tried for one client
_NAMES = 8


def routes() -> list[Route]:
    """All addresses of the old API. They are served with --legacy-api only."""
    answers: dict[tuple[str, str], Callable[[Call], Awaitable[web.Response]]] = {
        ("GET", "/api/new"): _new,
        ("POST", "/api/validateWorker"): _validate,
        ("GET", "/api/getUploadAddress"): _upload_address,
        ("POST", "/api/newJob"): _new_job,
        ("GET", "/api/jobCount"): _job_count,
        ("POST", "/api/updateProgress"): _progress,
        ("POST", "/api/markAsDone"): _done,
        ("POST", "/api/gpuInvalidDownload"): _invalid_download,
        ("POST", "/api/bye"): _bye,
        ("POST", "/api/isCompleted"): _is_completed,
        ("GET", "/custom/get-cpu-wat"): _offer_wat,
        ("POST", "/custom/lookup-wat"): _lookup_wat,
        ("POST", "/custom/markasdone-cpu"): _claim_wat,
        ("POST", "/custom/markasdone"): _off,
        ("GET", "/admin/set-banner"): _off,
        ("POST", "/admin/ban-shard"): _obsolete,
        ("POST", "/admin/reset-shard"): _obsolete,
    }
    own = [Route(method, path, Who.LEGACY, answer=_told_as_text(answer)) for (method, path), answer in answers.items()]
    return own + [Route("GET", path, Who.LEGACY, answer=_told_as_text(answer)) for path, answer in pages().items()]


async def _new(call: Call) -> web.Response:
    nickname = call.request.query.get("nickname")
    kind = _type(call.request.query.get("type", "HYBRID"))
    if nickname is None:
        raise OldRefusal(422, "nickname: field required")
    token, names = str(uuid4()), [new_display_name() for _ in range(_NAMES)]
    digest, nobodys = token_digest(token), token_digest(new_token())
    name = await call.tracker.store.do(
        lambda tx: clients.join(
            tx, call.now, nickname=nickname, kind=kind, token_digest=digest, names=names,
            account=account_for(tx, call.now, nickname=nickname, token_digest=nobodys, network=call.network),
        )
    )  # fmt: skip
    return _json({"display_name": name, "token": token, "upload_address": NO_UPLOADS})


async def _validate(call: Call) -> web.Response:
    asked = await _asked(call, OfToken)
    digest, kind = token_digest(asked.token), _type(asked.type)
    return _text(str(await call.tracker.store.look(lambda tx: clients.is_known(tx, digest, kind))))


async def _upload_address(call: Call) -> web.Response:
    _type(call.request.query.get("type", "HYBRID"))
    return _text(NO_UPLOADS)


async def _new_job(call: Call) -> web.Response:
    asked = await _asked(call, OfToken)
    digest, kind = token_digest(asked.token), _type(asked.type)
    half = await call.tracker.store.do(lambda tx: clients.new_job(tx, call.now, token_digest=digest, kind=kind))
    if half is None:
        raise OldRefusal(403, NO_GPU_JOBS if kind == "GPU" else NO_JOBS)
    return _json({**half.told(), "number": half.number})


async def _job_count(call: Call) -> web.Response:
    gpu = _type(call.request.query.get("type", "HYBRID")) == "GPU"
    return _text(str(await call.tracker.store.look(lambda tx: halves.open_halves(tx, gpu=gpu))))


async def _progress(call: Call) -> web.Response:
    asked = await _asked(call, OfProgress)
    digest, kind = token_digest(asked.token), _type(asked.type)
    await call.tracker.store.do(
        lambda tx: clients.progress(tx, call.now, token_digest=digest, kind=kind, said=asked.progress)
    )
    return _text("success")


async def _done(call: Call) -> web.Response:
    asked = await _asked(call, OfDone)
    digest, kind = token_digest(asked.token), _type(asked.type)
    await call.tracker.store.do(
        lambda tx: clients.done(tx, call.now, token_digest=digest, kind=kind, count=asked.count, note=asked.url)
    )
    return _text("success")


async def _invalid_download(call: Call) -> web.Response:
    asked = await _asked(call, OfToken)
    digest, kind = token_digest(asked.token), _type(asked.type)
    await call.tracker.store.do(lambda tx: clients.invalid_download(tx, call.now, token_digest=digest, kind=kind))
    return _text("success")


async def _bye(call: Call) -> web.Response:
    asked = await _asked(call, OfToken)
    digest, kind = token_digest(asked.token), _type(asked.type)
    await call.tracker.store.do(lambda tx: clients.bye(tx, token_digest=digest, kind=kind))
    return _text("success")


async def _is_completed(call: Call) -> web.Response:
    asked = await _asked(call, OfAddresses)
    return _json(await call.tracker.store.look(lambda tx: halves.completed(tx, asked.addresses)))


async def _offer_wat(call: Call) -> web.Response:
    address = await call.tracker.store.do(lambda tx: halves.offer_wat(tx, call.now))
    if address is None:
        raise OldRefusal(403, NO_JOBS)  # its client looks for "http" in the text, not at the status
    return _text(address)


async def _lookup_wat(call: Call) -> web.Response:
    asked = await _asked(call, OfWat)
    found = await call.tracker.store.look(lambda tx: halves.halves_at(tx, asked.url))
    if len(found) < 2:
        return _failed("All shards have already been completed by another worker.")
    return _json({"status": "success", "shards": [[half.number, half.told()] for half in found]})


async def _claim_wat(call: Call) -> web.Response:
    asked = await _asked(call, OfClaim)
    if not asked.token:  # anybody could close any job with a loop
        return _failed("Please update your client: a token is needed to mark jobs as done.")
    digest = token_digest(asked.token)
    try:
        completed = await call.tracker.store.do(
            lambda tx: clients.claim_wat(tx, call.now, token_digest=digest, shards=asked.shards, notes=asked.urls)
        )
    except OldRefusal as no:
        return _failed(no.text)
    return _json({"status": "success", "completed": completed})


async def _off(call: Call) -> web.Response:
    """What took a password, in an address or a body. Nothing is read of it."""
    del call
    return _failed("This endpoint is off: the operator has pages of his own.")


async def _obsolete(call: Call) -> web.Response:
    del call
    return _failed("obsolete endpoint")


def _told_as_text(
    answer: Callable[[Call], Awaitable[web.Response]],
) -> Callable[[Call], Awaitable[web.StreamResponse]]:
    async def told(call: Call) -> web.StreamResponse:
        try:
            return await answer(call)
        except OldRefusal as no:
            return _text(no.text, no.status)

    return told


async def _asked(call: Call, kind: type[Body]) -> Body:
    """The body. Lenient in types, as the old server was: "3" is a number. Raises OldRefusal: 422, 413, 408."""
    if (call.request.content_length or 0) > _BODY_BYTES:
        raise OldRefusal(413, "The request is too large.")
    content = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for piece in call.request.content.iter_any():
                content += piece
                if len(content) > _BODY_BYTES:
                    raise OldRefusal(413, "The request is too large.")
    except TimeoutError:
        raise OldRefusal(408, "The request took too long.") from None
    try:
        return msgspec.json.decode(content, type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise OldRefusal(422, "The request is not what this endpoint takes.") from None


def _type(told: str | None) -> str:
    """Raises OldRefusal."""
    if told not in TYPES:
        raise OldRefusal(400, WRONG_TYPE)
    return told


def _text(told: str, status: int = 200) -> web.Response:
    return web.Response(text=told, status=status, content_type="text/plain", charset="utf-8")


def _json(told: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(told), content_type="application/json")


def _failed(detail: str) -> web.Response:
    return _json({"status": "failed", "detail": detail})
