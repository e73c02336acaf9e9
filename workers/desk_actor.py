"""The desk that the actors of a run share: one process that holds the `HostBook` and the rule files for all of them.

Ray makes an actor of `DeskActor` (workers/ray_desk.py). Workers talk to it in batches: asking and leaving is posted,
turns that come at once are in the reply, later ones in the reply to `collect`, which is held until there is something
to say. Every message can be repeated without harm, so that a worker may say it again when it is not sure.

It has no memory beyond its process. If that dies, Ray starts another, which knows nothing: workers ask again for those
who wait, hosts that were paused or down are asked once more and say so again, rules that a worker does not have are
asked for again, and for a moment a site may see as many requests more as were under way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence
from uuid import uuid4

import msgspec

from crawler.courtesy.desk import Word
from crawler.courtesy.host_health import Refusal
from crawler.courtesy.hosts import HostBook
from crawler.courtesy.local_desk import UNIFORM, Caller
from crawler.courtesy.rule_shelf import RuleShelf
from crawler.settings import Manners

#: a question that has no answer yet is held so long, in seconds; then the worker asks again, and so shows that it lives
HELD = 1.0
#: a worker that has not asked for so long is dead, and its places are free; in seconds
_SILENCE = 30.0
#: whoever makes the rule files of an origin has so long for it, in seconds; then somebody else may
_CLAIM = 60.0
#: calls for one worker are gathered so long, in seconds, before it is told
_GATHER = 0.002

#: worker, and its own number for the visit
_Ticket = tuple[str, int]


class Ask(msgspec.Struct, frozen=True, array_like=True, tag="ask"):
    """A worker's visit `number` would like a turn at this host."""

    number: int
    host: str


class Leave(msgspec.Struct, frozen=True, array_like=True, tag="leave"):
    """It leaves, and has learnt this."""

    number: int
    word: Word | None


class Slow(msgspec.Struct, frozen=True, array_like=True, tag="slow"):
    """The host has a Crawl-delay."""

    host: str
    seconds: float


Wish = Ask | Leave | Slow


class Calls(msgspec.Struct, frozen=True, array_like=True):
    """Whose turn it is (None), or who is refused, of one worker."""

    session: str  # another one than before: the desk has forgotten this worker's visits in between
    calls: list[tuple[int, Refusal | None]]


def encode_wishes(wishes: Sequence[Wish]) -> bytes:
    """A batch as it travels."""
    return msgspec.msgpack.encode(wishes)


decode_calls = msgspec.msgpack.Decoder(Calls).decode
_decode_wishes = msgspec.msgpack.Decoder(list[Wish]).decode


class _Member:
    """A worker, as the desk sees it."""

    def __init__(self, now: float) -> None:
        self.session = uuid4().hex
        self.heard_at = now
        self.visits: set[int] = set()  # waiting or inside
        self.calls: list[tuple[int, Refusal | None]] = []  # not told yet
        self.news = asyncio.Event()
        self.gone = False


class _Claim:
    """Somebody is making the rule files of an origin."""

    def __init__(self, worker: str, until: float) -> None:
        self.worker = worker
        self.until = until
        self.ended = asyncio.Event()


class DeskActor:
    """See the module. `manners` is JSON; a place is taken back from who holds it for `hold_seconds`."""

    def __init__(self, manners: bytes, hold_seconds: float) -> None:
        self._book: HostBook[_Ticket] = HostBook(
            msgspec.json.decode(manners, type=Manners), uniform=UNIFORM, hold_seconds=hold_seconds
        )
        self._shelf: RuleShelf[bytes] = RuleShelf()
        self._members: dict[str, _Member] = {}
        self._claims: dict[str, _Claim] = {}
        self._caller: Caller[_Ticket] | None = None

    async def post(self, worker: str, wishes: bytes) -> bytes:
        """Do as a worker wishes; the reply has what there is to tell it now."""
        member = self._member(worker)
        self._grant(worker, member, wishes)
        return _told(member)

    async def collect(self, worker: str) -> bytes:
        """What there is to tell a worker, as soon as there is something; nothing after `HELD` seconds."""
        member = self._member(worker)
        until = time.monotonic() + HELD
        while not member.calls and not member.gone and (left := until - time.monotonic()) > 0:
            member.news.clear()
            if await _happens(member.news.wait(), left):
                await asyncio.sleep(_GATHER)
        member.heard_at = time.monotonic()
        return _told(member)

    async def bye(self, worker: str, wishes: bytes) -> None:
        """The last wishes of a worker. Whatever else it has at the desk is withdrawn."""
        self._grant(worker, self._member(worker), wishes)
        self._drop(worker)

    async def claim(self, worker: str, origin: str) -> tuple[str, bytes]:
        """The rule files of an origin: ("here", them), ("yours", b""): make them, or ("later", b""): ask again."""
        until = time.monotonic() + HELD
        while True:
            if (found := self._shelf.find(origin, time.time())) is not None:
                return "here", found
            now = time.monotonic()
            claim = self._claims.get(origin)
            if claim is None or claim.until <= now or claim.worker == worker:  # it asks again: it has not heard us
                self._end_claim(origin)
                self._claims[origin] = _Claim(worker, now + _CLAIM)
                return "yours", b""
            if now >= until or not await _happens(claim.ended.wait(), min(until, claim.until) - now):
                return "later", b""

    async def put(self, worker: str, origin: str, files: bytes, expires_at: float) -> None:
        """The rule files that a worker made."""
        self._shelf.put(origin, files, size=len(files), expires_at=expires_at)
        await self.give_up(worker, origin)

    async def give_up(self, worker: str, origin: str) -> None:
        """A worker makes no rule files of this origin any more: the next one may."""
        claim = self._claims.get(origin)
        if claim is not None and claim.worker == worker:
            self._end_claim(origin)

    def _member(self, worker: str) -> _Member:
        now = time.monotonic()
        for name in [name for name, one in self._members.items() if one.heard_at + _SILENCE < now]:
            self._drop(name)
        member = self._members.get(worker)
        if member is None:
            member = self._members[worker] = _Member(now)
        member.heard_at = now
        return member

    def _grant(self, worker: str, member: _Member, wishes: bytes) -> None:
        now = time.monotonic()
        for wish in _decode_wishes(wishes):
            match wish:
                case Ask(number, host):
                    member.visits.add(number)
                    self._book.ask(host, (worker, number), now)
                case Leave(number, word):
                    member.visits.discard(number)
                    self._book.leave((worker, number), word, now)
                case Slow(host, seconds):
                    self._book.slow_to(host, seconds, now)
        self._look()

    def _look(self) -> None:
        if self._caller is None:  # not earlier: Ray makes the object before there is a loop
            self._caller = Caller(self._book, self._call, time.monotonic)
        self._caller.look()

    def _call(self, ticket: _Ticket, refusal: Refusal | None) -> None:
        worker, number = ticket
        member = self._members[worker]
        if refusal is not None:
            member.visits.discard(number)
        member.calls.append((number, refusal))
        member.news.set()

    def _drop(self, worker: str) -> None:
        member = self._members.pop(worker)
        now = time.monotonic()
        for number in member.visits:
            self._book.leave((worker, number), None, now)
        for origin in [origin for origin, claim in self._claims.items() if claim.worker == worker]:
            self._end_claim(origin)
        member.gone = True
        member.news.set()
        self._look()

    def _end_claim(self, origin: str) -> None:
        if claim := self._claims.pop(origin, None):
            claim.ended.set()


def _told(member: _Member) -> bytes:
    calls, member.calls = member.calls, []
    return msgspec.msgpack.encode(Calls(member.session, calls))


async def _happens(event: Awaitable[object], seconds: float) -> bool:
    """Whether it happens within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await event
    except TimeoutError:
        return False
    return True
