"""One request on its way to its answer, and what there is to answer with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from aiohttp import web

from workers.protocol.messages import Refusal, Told

if TYPE_CHECKING:
    from workers.tracker.moves.records import Account, Worker
    from workers.tracker.web.tracker import Tracker

Body = TypeVar("Body", bound=msgspec.Struct)


class Refused(Exception):  # noqa: N818 - not an error of ours: an answer
    """The web layer's own refusals, before any move: who are you, too fast, no room. Becomes a `Refusal`."""

    def __init__(self, status: int, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


@dataclass(frozen=True, slots=True)
class Call:
    """One request: who asks, what, when by our clock."""

    tracker: Tracker
    request: web.Request
    #: of this request, for logs and for whoever complains
    id: str
    #: seconds since 1970 by the tracker's clock
    now: float
    #: stands for the caller's network (/24, /48): a keyed digest, never the address
    network: str
    #: the decoded body, of the route's `asks`; None where the route reads none, or reads it itself
    body: Any = None
    #: who it is, where the route is for accounts or workers
    caller: Account | Worker | None = None
    #: of Idempotency-Key; "" where there was none
    key: str = ""
    #: what the route's `prepare` found out
    prepared: Any = None

    @property
    def neighbourhood(self) -> str:
        """Whose neighbour the caller is when two opinions are wanted; "" where that is no matter to the operator."""
        return "" if self.tracker.settings.trust.one_network else self.network

    @property
    def worker(self) -> Worker:
        """Who asks, on a route for workers."""
        from workers.tracker.moves.records import Worker  # noqa: PLC0415 - the records need no web, nor the web them

        assert isinstance(self.caller, Worker)
        return self.caller

    @property
    def account(self) -> Account:
        """Who asks, on a route for accounts."""
        from workers.tracker.moves.records import Account  # noqa: PLC0415 - the records need no web, nor the web them

        assert isinstance(self.caller, Account)
        return self.caller

    def asked(self, kind: type[Body]) -> Body:
        """The body, which is of the route's `asks`."""
        assert isinstance(self.body, kind)
        return self.body

    def named(self, what: str) -> str:
        """What stands in the address at `{what}`. As it came: look it up, and never make a path of it."""
        return self.request.match_info[what]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a move answers. Without a body: 204 and the like."""

    status: int
    body: Told | None = None
    retry_after: float | None = None

    def content(self) -> bytes:
        """The bytes of the body."""
        return b"" if self.body is None else msgspec.json.encode(self.body)


def respond(status: int, content: bytes, *, retry_after: float | None = None) -> web.Response:
    """A JSON answer; one without content has no body."""
    headers = {} if retry_after is None else {"Retry-After": str(max(1, math.ceil(retry_after)))}
    if not content:
        return web.Response(status=status, headers=headers)
    return web.Response(status=status, headers=headers, body=content, content_type="application/json")


def refuse(status: int, code: str, message: str, retry_after: float | None = None) -> web.Response:
    """The answer to what is refused."""
    told = Refusal(code=code, message=message, retry_after=retry_after)
    return respond(status, msgspec.json.encode(told), retry_after=retry_after)
