"""What a route is: data, so that a test can go through all of them and prove that none is open that must not be.

Each part brings a list of them: `workers.tracker.web.table` the protocol's own, and `routes(tracker) -> list[Route]` of
`workers.tracker.pages`, `workers.tracker.legacy` and `workers.tracker.uploads` theirs. The dispatch (`web.dispatch`)
does for every route what no route may forget: limits, authentication, decoding, idempotency, errors, headers, counts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from aiohttp import web

from workers.tracker.store import Tx
from workers.tracker.web.call import Answer, Call

#: answers by itself: reads, pages, streams. Raises `Refused` and `MoveRefused`, which become answers
Reply = Callable[[Call], Awaitable[web.StreamResponse]]
#: answers inside one transaction, once per Idempotency-Key. Pure but for `tx`: it may be run again
Move = Callable[[Tx, Call], Answer]
#: whether there is room, before anybody is looked up
Before = Callable[[Call], Awaitable[None]]
#: what a move needs to know that only awaiting tells, such as where there is room: goes into `prepared`. Asked after
#: the body was read, and before anybody knows who the caller is
Prepare = Callable[[Call], Awaitable[object]]
#: what is added to a move's remembered answer whenever it is told: the same for the same call, every time
Finish = Callable[[Call, bytes], Awaitable[bytes]]


class Who(StrEnum):
    """Who may call a route. The dispatch sees to it; but for LOGIN and LEGACY, whose `answer` must."""

    PUBLIC = "public"  # anybody: reads, and POST /v1/accounts
    ACCOUNT = "account"  # Authorization: Bearer, an account's token
    WORKER = "worker"  # Authorization: Bearer, a worker's key
    ADMIN = "admin"  # Authorization: Bearer, the admin token
    OPERATOR = "operator"  # the admin token, or the cookie that `knowing.operator_cookie` made; of our own pages only
    LOGIN = "login"  # brings the admin token in a form; few tries a minute from one network
    LEGACY = "legacy"  # brings a token of the old API in its body, where that API has one; only with --legacy-api


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address. Exactly one of `answer` and `move` is there."""

    method: str
    path: str  # as aiohttp writes it: /v1/leases/{lease}/result
    who: Who
    answer: Reply | None = None
    move: Move | None = None
    #: what the body must be, strictly; None: the body is not read here
    asks: type[msgspec.Struct] | None = None
    finish: Finish | None = None
    #: asked before anything else of the route; raises `Refused`
    before: Before | None = None
    prepare: Prepare | None = None

    def __post_init__(self) -> None:
        assert (self.answer is None) != (self.move is None), f"{self.method} {self.path}: answer or move, not both"
        assert (self.finish is None and self.prepare is None) or self.move is not None

    @property
    def name(self) -> str:
        """For logs and metrics: never holds what a caller has written."""
        return f"{self.method} {self.path}"

    @property
    def changes(self) -> bool:
        """Whether it may change anything."""
        return self.method not in {"GET", "HEAD", "OPTIONS"}
