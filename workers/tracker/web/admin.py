"""What an operator may do from elsewhere: POST /v1/admin/*, with the admin token. The command line does the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from workers.protocol.messages import Asked, Count, Text, Told
from workers.tracker.folder import new_token, token_digest
from workers.tracker.moves import figures, jobs, revoking, workers
from workers.tracker.states import VersionState, WorkerState
from workers.tracker.store import Tx
from workers.tracker.web import invitations, versions
from workers.tracker.web.call import Answer, Call, respond
from workers.tracker.web.routes import Route, Who

#: what an operator calls it, and the state of the worker afterwards
WORDS: dict[str, WorkerState] = {
    "quarantine": WorkerState.QUARANTINED,
    "release": WorkerState.ACTIVE,
    "ban": WorkerState.BANNED,
}


class Ok(Told, frozen=True, kw_only=True):
    """It is so now."""

    ok: bool = True


class Nothing(Asked, frozen=True, kw_only=True):
    """No settings: {}."""


class OfJob(Asked, frozen=True, kw_only=True):
    """Requeue or cancel one job, by the tracker's number."""

    job: Count


class OfWorker(Asked, frozen=True, kw_only=True):
    """Quarantine, release or ban a worker."""

    worker: Count
    word: Literal["quarantine", "release", "ban"]
    why: Text = ""


class Revoke(Asked, frozen=True, kw_only=True):
    """Take back what a worker, or an account, contributed: since a time (seconds since 1970), or all of it."""

    worker: Count | None = None
    account: Count | None = None
    since: Annotated[float, msgspec.Meta(ge=0)] | None = None
    why: Text = ""


class OfVersion(Asked, frozen=True, kw_only=True):
    """What a version of the client may do."""

    version: Annotated[str, msgspec.Meta(max_length=40, pattern=r"^[0-9]+(\.[0-9]+)*[0-9A-Za-z.+-]*$")]
    state: VersionState
    why: Text = ""


class Invited(Told, frozen=True, kw_only=True):
    """An invitation, told once: it opens one account."""

    invitation: str


class RevokedTold(Told, frozen=True, kw_only=True):
    """What was taken back. `jobs` are ready to be done again; their files leave the data set with the next check."""

    results: list[int]
    jobs: list[int]


class Findings(Told, frozen=True, kw_only=True):
    """Every broken invariant as a sentence; none: the database is sound."""

    problems: list[str]


def routes() -> list[Route]:
    """All addresses of operators."""
    moves: list[tuple[str, type[Asked], Callable[[Tx, Call], Answer]]] = [
        ("pause", Nothing, lambda tx, call: _paused(tx, call, paused=True)),
        ("drain", Nothing, lambda tx, call: _paused(tx, call, paused="drain")),
        ("resume", Nothing, lambda tx, call: _paused(tx, call, paused=False)),
        ("requeue", OfJob, _requeue),
        ("cancel", OfJob, _cancel),
        ("worker", OfWorker, _worker),
        ("revoke", Revoke, _revoke),
        ("version", OfVersion, _version),
        ("fsck", Nothing, _fsck),
    ]
    own = [Route("POST", f"/v1/admin/{name}", Who.ADMIN, move=move, asks=asks) for name, asks, move in moves]
    return [*own, Route("POST", "/v1/admin/invite", Who.ADMIN, answer=_invite, asks=Nothing)]


def _paused(tx: Tx, call: Call, *, paused: bool | Literal["drain"]) -> Answer:
    jobs.pause(tx, call.now, paused)
    return Answer(200, Ok())


def _requeue(tx: Tx, call: Call) -> Answer:
    jobs.requeue(tx, call.now, call.asked(OfJob).job)
    return Answer(200, Ok())


def _cancel(tx: Tx, call: Call) -> Answer:
    jobs.cancel(tx, call.now, call.asked(OfJob).job)
    return Answer(200, Ok())


def _worker(tx: Tx, call: Call) -> Answer:
    asked = call.asked(OfWorker)
    workers.set_state(tx, call.now, asked.worker, WORDS[asked.word], asked.why)
    return Answer(200, Ok())


def _revoke(tx: Tx, call: Call) -> Answer:
    asked = call.asked(Revoke)
    taken = revoking.revoke(
        tx, call.now, worker=asked.worker, account=asked.account, since=asked.since, why=asked.why or "by the operator"
    )
    return Answer(200, RevokedTold(results=taken.results, jobs=taken.jobs))


def _version(tx: Tx, call: Call) -> Answer:
    asked = call.asked(OfVersion)
    versions.set_version(tx, call.now, asked.version, asked.state, asked.why, call.tracker.settings.versions)
    return Answer(200, Ok())


def _fsck(tx: Tx, call: Call) -> Answer:
    return Answer(200, Findings(problems=figures.fsck(tx, call.now)))


async def _invite(call: Call) -> web.StreamResponse:
    token = new_token()
    await call.tracker.store.do(lambda tx: invitations.invite(tx, call.now, token_digest(token)))
    return respond(201, msgspec.json.encode(Invited(invitation=token)))
