"""No host is asked by more than a few of our downloads at once, and a busy host holds up nobody else.

The decision is a state machine without a clock or a socket (`Places`); `HostGate` lets coroutines wait on it. A host is
remembered only while somebody is there, so memory follows the downloads in flight and not the hosts ever seen.

Rates and pauses (a delay between two requests, Retry-After, Crawl-delay, hosts that share an address) belong here too
when they come: as a time before which `Places.ask` and `Places.give_back` hand out no place of that host.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Ticket = TypeVar("Ticket")


@dataclass(slots=True)
class _Host(Generic[Ticket]):
    inside: int = 0
    waiting: dict[Ticket, None] = field(default_factory=dict)  # a queue from which anyone can leave at once


class Places(Generic[Ticket]):
    """Who may go, at each host: `per_host` at once, the others in the order in which they came."""

    def __init__(self, per_host: int) -> None:
        self._per_host = per_host
        self._hosts: dict[str, _Host[Ticket]] = {}

    def __len__(self) -> int:
        """Hosts remembered: those where somebody is inside or waiting."""
        return len(self._hosts)

    def ask(self, host: str, ticket: Ticket) -> bool:
        """True: the place is yours, give it back later. False: you are in the queue; `give_back` will name you."""
        known = self._hosts.setdefault(host, _Host())
        if known.inside < self._per_host:
            known.inside += 1
            return True
        known.waiting[ticket] = None
        return False

    def give_back(self, host: str) -> Ticket | None:
        """Leave a place of this host. The ticket returned, if any, has it now."""
        known = self._hosts[host]
        if known.waiting:
            ticket = next(iter(known.waiting))
            del known.waiting[ticket]
            return ticket
        known.inside -= 1
        if not known.inside:
            del self._hosts[host]
        return None

    def withdraw(self, host: str, ticket: Ticket) -> None:
        """Leave the queue of this host; nothing happens to a ticket that is not in it."""
        if known := self._hosts.get(host):
            known.waiting.pop(ticket, None)


class HostGate:
    """Lets `total` coroutines through at once, and `per_host` of them to the same host."""

    def __init__(self, *, per_host: int, total: int) -> None:
        self._places: Places[asyncio.Future[None]] = Places(per_host)
        self._slots = asyncio.Semaphore(total)

    @property
    def hosts(self) -> int:
        """Hosts remembered now."""
        return len(self._places)

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait for a place at this host ("name:port"), hold it inside the `with`.

        The wait has no limit of its own: put deadlines inside, so that nobody times out by queueing and nobody keeps a
        place longer than the deadline. Places at the host come first, slots of the process second: those who queue for
        a popular host take no slot from others.
        """
        await self._enter(host)
        try:
            async with self._slots:
                yield
        finally:
            self._leave(host)

    async def _enter(self, host: str) -> None:
        ticket = asyncio.get_running_loop().create_future()
        if self._places.ask(host, ticket):
            return
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket.cancelled():
                self._places.withdraw(host, ticket)
            else:  # the place was ours already when we were cancelled: hand it on
                self._leave(host)
            raise

    def _leave(self, host: str) -> None:
        while (ticket := self._places.give_back(host)) is not None:
            if not ticket.done():  # a cancelled one has not withdrawn yet; its place goes on to the next
                ticket.set_result(None)
                return
