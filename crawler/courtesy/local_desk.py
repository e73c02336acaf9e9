"""The desk of a single process: one `HostBook` and one shelf of rule files, for as long as the process lives.

Jobs come and go, each with its own event loop; what was learnt of hosts outlives them. One at a time: it is neither for
threads nor for two openings at once.
"""

from __future__ import annotations

import asyncio
import math
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic

from crawler.courtesy.desk import OpenDesk, SiteFiles, Turn, TurnRefusedError, Word
from crawler.courtesy.host_health import Refusal
from crawler.courtesy.host_memory import Ticket
from crawler.courtesy.hosts import HostBook
from crawler.courtesy.rule_shelf import RuleShelf
from crawler.settings import Manners

#: draws from the system: forked processes share the state of `random`, and would all come back at the same moment
UNIFORM = random.SystemRandom().uniform
#: resolves to None (the turn is ours) or to why there is none
_Call = asyncio.Future[Refusal | None]


class Caller(Generic[Ticket]):
    """Calls tickets of a book when their time has come, inside the running event loop."""

    def __init__(
        self, book: HostBook[Ticket], call: Callable[[Ticket, Refusal | None], None], clock: Callable[[], float]
    ) -> None:
        self._book = book
        self._call = call
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = math.inf

    def look(self) -> None:
        """Call who is due, and come back when the next one is. To be called after every change of the book."""
        for ticket, refusal in self._book.due(self._clock()):
            self._call(ticket, refusal)
        upcoming = self._book.next_due()
        # a timer that rings too early only looks once more; that is cheaper than setting it anew with every request
        if upcoming < self._rings_at:
            self.close()
            self._rings_at = upcoming
            self._timer = self._loop.call_later(max(0.0, upcoming - self._clock()), self._ring)

    def close(self) -> None:
        """Call nobody any more, until the next `look`."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._rings_at = math.inf

    def _ring(self) -> None:
        self._timer = None
        self._rings_at = math.inf
        self.look()


class LocalDesk:
    """A desk for one process. `clock` and `wall` (seconds since 1970) and `uniform` are open to tests."""

    def __init__(
        self,
        manners: Manners,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        uniform: Callable[[float, float], float] = UNIFORM,
    ) -> None:
        self._book: HostBook[_Call] = HostBook(manners, uniform=uniform)
        self._shelf: RuleShelf[SiteFiles] = RuleShelf()
        self._clock = clock
        self._wall = wall

    def __len__(self) -> int:
        """Sites and hosts remembered now."""
        return len(self._book)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenDesk]:
        """See `Desk.open`. Who still waits for a turn when the context ends is cancelled."""
        turns = _LocalTurns(self._book, self._clock)
        try:
            yield OpenDesk(turns, SharedRules(self._shelf, self._wall))
        finally:
            turns.close()


class _LocalTurns:
    """`Turns` of one opening: its tickets are futures of its loop."""

    def __init__(self, book: HostBook[_Call], clock: Callable[[], float]) -> None:
        self.loop = asyncio.get_running_loop()
        self._book = book
        self._clock = clock
        self._caller = Caller(book, _resolve, clock)
        self._tickets: set[_Call] = set()

    def turn(self, host: str) -> _LocalTurn:
        """See `Turns.turn`."""
        return _LocalTurn(self, host)

    def ask(self, host: str, ticket: _Call) -> None:
        """Put a ticket into the book, and call it if it may come at once."""
        self._tickets.add(ticket)
        self._book.ask(host, ticket, self._clock())
        self._caller.look()

    def leave(self, ticket: _Call, word: Word | None) -> None:
        """A ticket is done, whatever became of it; nothing happens where the desk was closed before."""
        if ticket in self._tickets:
            self._tickets.remove(ticket)
            self._book.leave(ticket, word, self._clock())
            self._caller.look()

    def slow_to(self, host: str, seconds: float) -> None:
        """See `Turns.slow_to`."""
        self._book.slow_to(host, seconds, self._clock())
        self._caller.look()

    def close(self) -> None:
        """Withdraw every ticket of this opening."""
        for ticket in self._tickets:
            self._book.leave(ticket, None, self._clock())
            ticket.cancel()
        self._tickets.clear()
        self._caller.close()


class _LocalTurn:
    """One turn: waited for, held and given back. A class, for a generator in its place is a tenth of a request."""

    __slots__ = ("_host", "_ticket", "_turn", "_turns")

    def __init__(self, turns: _LocalTurns, host: str) -> None:
        self._turns = turns
        self._host = host
        self._ticket: _Call = turns.loop.create_future()
        self._turn = Turn()

    async def __aenter__(self) -> Turn:
        inside = False
        try:
            self._turns.ask(self._host, self._ticket)
            refusal = await self._ticket
            if refusal is not None:
                raise TurnRefusedError(refusal.fault, refusal.detail)
            inside = True
            return self._turn
        finally:
            if not inside:  # waiting, called but not yet awake, or refused
                self._turns.leave(self._ticket, None)

    async def __aexit__(self, *_exc: object) -> None:
        self._turns.leave(self._ticket, self._turn.word)


def _resolve(ticket: _Call, refusal: Refusal | None) -> None:
    if not ticket.done():  # a cancelled one leaves as soon as its coroutine runs
        ticket.set_result(refusal)


class SharedRules:
    """`RuleStore` over a shelf of this process; one asker makes, the others wait for it."""

    def __init__(self, shelf: RuleShelf[SiteFiles], wall: Callable[[], float]) -> None:
        self._shelf = shelf
        self._wall = wall
        self._making: dict[str, asyncio.Future[SiteFiles | None]] = {}

    async def of(self, origin: str, make: Callable[[], Awaitable[SiteFiles]]) -> SiteFiles:
        """See `RuleStore.of`."""
        while True:
            if found := self._shelf.find(origin, self._wall()):
                return found
            if (first := self._making.get(origin)) is None:
                return await self._make(origin, make)
            await asyncio.wait([first])  # not `await first`: cancelling one who waits would cancel it for all
            if made := first.result():
                return made

    async def _make(self, origin: str, make: Callable[[], Awaitable[SiteFiles]]) -> SiteFiles:
        ours = self._making[origin] = asyncio.get_running_loop().create_future()
        made = None
        try:
            made = await make()
            size = sum(sys.getsizeof(one.text) for one in (made.robots, made.tdmrep, made.ai_txt))
            self._shelf.put(origin, made, size=size, expires_at=made.expires_at)
            return made
        finally:
            del self._making[origin]
            ours.set_result(made)  # None: it failed, and the next one tries
