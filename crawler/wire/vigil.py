"""How long one request may take, phase by phase, and what silence costs it.

A server that never answers, one whose headers drip, one that falls silent in the middle of a body and one whose body
drips each meet a bound of their own; the bound of the whole (`fetch.total_seconds`) is the caller's, since it covers
redirects too. While its server is silent, a request's slot goes to others (crawler.wire.slots).
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from crawler.records import Fault
from crawler.settings import Fetch
from crawler.wire.answers import TransportError
from crawler.wire.door import MeteredSocket
from crawler.wire.slots import Slot

#: a body in the making that goes to the waiting room holds no more: there is room for a thousand of them
_ASIDE_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Patience:
    """What no recipe has a reason to change."""

    #: a server that is silent so long is silent for longer, mostly: nine in ten answer within a second
    silent_seconds: float = 2.0
    #: a body's rate is not judged before: TCP starts slowly, and many servers make the picture while they send it
    rate_after_seconds: float = 5.0


class Vigil:
    """Watches over one request, inside an `async with`, and raises `TransportError` where it takes too long."""

    def __init__(self, settings: Fetch, patience: Patience, slot: Slot | None) -> None:
        self.reused = False  # the connection had served another request before
        self.in_body = False  # the headers are there
        self._settings = settings
        self._patience = patience
        self._slot = slot
        self._wire: MeteredSocket | None = None
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(None)
        self._due_at = math.inf
        self._waits_for = ""
        self._heard_at = self._loop.time()
        self._body_since = 0.0
        self._body_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        if self._slot is not None:
            self._look_at(self._heard_at + self._patience.silent_seconds)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as timeout:
            raise TransportError(Fault.TIMEOUT, self._waits_for) from timeout

    def connected(self, wire: MeteredSocket | None, reused: bool) -> None:
        """The request is on its way, and the headers of the answer are due."""
        self.reused = reused
        self._wire = wire
        if wire is not None:
            wire.begin()
        self._due(self._loop.time(), self._settings.first_byte_seconds, "no answer")

    async def answered(self) -> None:
        """The headers are all there. Returns when the body may be read, which takes a slot."""
        self.in_body = True
        self._body_since = await self._hear()

    async def heard(self, body_bytes: int, *, complete: bool) -> None:
        """So many bytes of the body are there by now, perhaps all. Returns when reading may go on.

        Raises:
            TransportError: TOO_SLOW, the body's mean rate is below the recipe's, and more of it is to come.
        """
        arrived = self._loop.time()
        seconds = arrived - self._body_since
        drips = body_bytes < seconds * self._settings.bytes_per_second
        if drips and seconds > self._patience.rate_after_seconds and not complete:
            raise TransportError(Fault.TOO_SLOW, f"{body_bytes} bytes in {seconds:.1f} seconds")
        self._body_bytes = body_bytes
        if self._wire is not None:
            self._wire.content = body_bytes
        self._body_since += await self._hear() - arrived  # our own queue is not the server's fault

    @property
    def overfed(self) -> bool:
        """Whether it ended because more came over the wire than the body accounts for."""
        return self._wire is not None and self._wire.received > self._wire.may_receive

    def complete(self) -> None:
        """Everything is there: nothing is waited for any more."""
        self._due_at = math.inf

    async def _hear(self) -> float:
        """The server speaks: back to a slot, if that was given away. Returns the time."""
        if self._slot is not None:
            if self._slot.aside:
                self._due_at = math.inf
            await self._slot.come_back()
        self._heard_at = self._loop.time()
        self._due(self._heard_at, self._settings.read_seconds, "silence")
        return self._heard_at

    def _due(self, now: float, seconds: float, what: str) -> None:
        self._waits_for = f"{what} for {seconds:g} seconds"
        self._due_at = now + seconds
        if self._timer is None or self._timer.when() > self._due_at:
            self._look_at(self._due_at)

    def _look_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        """Is it time for anything? One timer looks now and then; moving it with every read is a tenth of a request."""
        self._timer = None
        now = self._loop.time()
        if now >= self._due_at:
            self._timeout.reschedule(now)
            return
        following = self._due_at
        if self._slot is not None:
            silent_at = self._heard_at + self._patience.silent_seconds
            if now >= silent_at and self._body_bytes <= _ASIDE_BODY_BYTES:
                self._slot.step_aside()
            following = min(following, max(silent_at, now + self._patience.silent_seconds))
        if following < math.inf:
            self._look_at(following)
