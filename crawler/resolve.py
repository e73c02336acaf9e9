"""Names to addresses: the recipe's own table first, then a cache, then the name server through c-ares.

Whether an address may be dialled is not judged here: an address in a URL never passes a resolver, so the judgement
stands at the socket (crawler.transport). This is the border to aiodns.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiodns

from crawler.host_table import Found, StaticHosts

#: a name server may send thousands of addresses for one name, and each would be tried
_ADDRESSES_PER_NAME = 8
#: where the name server does not say how long an answer holds
_DEFAULT_TTL_SECONDS = 300.0
#: a TTL of 0 must not mean a query per request, nor one of 68 years a wrong address for ever
_SHORTEST_TTL_SECONDS = 1.0
_LONGEST_TTL_SECONDS = 3600.0
#: a dead domain has many links: it is asked for twice a minute, not once a link
_FAILED_TTL_SECONDS = 30.0
#: about 400 bytes each
_NAMES_REMEMBERED = 50_000


class LookUpError(OSError):
    """A name has no address, or its name server does not say."""


@dataclass(frozen=True, slots=True)
class Records:
    """What a name server said: addresses, and for how many seconds it holds (None: it did not say)."""

    addresses: tuple[str, ...]
    ttl_seconds: float | None = None


#: Asks a name server about one name (lower case, no dot at the end). Raises LookUpError.
Ask = Callable[[str], Awaitable[Records]]


@dataclass(slots=True)
class LookUps:
    """How look-ups ended so far; their sum is the number of look-ups."""

    static: int = 0  # the recipe's table knew
    cached: int = 0  # the cache knew, good or bad
    joined: int = 0  # somebody else was asking already
    asked: int = 0  # a name server was asked


@dataclass(frozen=True, slots=True)
class _Entry:
    expires: float
    found: Found | None
    failure: str = ""

    def outcome(self) -> Found:
        if self.found is None:
            raise LookUpError(self.failure)
        return self.found


class Names:
    """A caching resolver. `static` is the recipe's `fetch.hosts`; `ask` is called once per name and lifetime."""

    def __init__(
        self,
        ask: Ask,
        static: Mapping[str, str],
        *,
        now: Callable[[], float] = time.monotonic,
        names_remembered: int = _NAMES_REMEMBERED,
    ) -> None:
        self.counts = LookUps()
        self._ask = ask
        self._static = StaticHosts(static)
        self._now = now
        self._names_remembered = names_remembered
        self._cache: dict[str, _Entry] = {}  # in the order of their last use
        self._asking: dict[str, asyncio.Task[_Entry]] = {}

    def __len__(self) -> int:
        """Names remembered."""
        return len(self._cache)

    async def look_up(self, name: str) -> Found:
        """Where this name lives.

        Cancelling a look-up does not cancel it for the others who wait for the same name.

        Raises:
            LookUpError: it lives nowhere, or nobody says.
        """
        name = name.lower().rstrip(".")
        if static := self._static.find(name):
            self.counts.static += 1
            return static
        if entry := self._remembered(name):
            self.counts.cached += 1
            return entry.outcome()
        if asking := self._asking.get(name):
            self.counts.joined += 1
        else:
            self.counts.asked += 1
            asking = asyncio.create_task(self._learn(name))
            self._asking[name] = asking
        return (await asyncio.shield(asking)).outcome()

    async def close(self) -> None:
        """Give up the look-ups that still run."""
        running = list(self._asking.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _remembered(self, name: str) -> _Entry | None:
        entry = self._cache.pop(name, None)
        if entry is None or entry.expires <= self._now():
            return None
        self._cache[name] = entry
        return entry

    async def _learn(self, name: str) -> _Entry:
        try:
            entry = await self._asked(name)
        finally:
            del self._asking[name]
        self._cache[name] = entry
        if len(self._cache) > self._names_remembered:
            del self._cache[next(iter(self._cache))]
        return entry

    async def _asked(self, name: str) -> _Entry:
        try:
            records = await self._ask(name)
        except LookUpError as error:
            return _Entry(self._now() + _FAILED_TTL_SECONDS, None, str(error))
        if not records.addresses:
            return _Entry(self._now() + _FAILED_TTL_SECONDS, None, "no addresses")
        ttl = _DEFAULT_TTL_SECONDS if records.ttl_seconds is None else records.ttl_seconds
        lifetime = min(max(ttl, _SHORTEST_TTL_SECONDS), _LONGEST_TTL_SECONDS)
        return _Entry(self._now() + lifetime, Found(records.addresses[:_ADDRESSES_PER_NAME]))


@asynccontextmanager
async def name_server(servers: Sequence[str] | None = None) -> AsyncIterator[Ask]:
    """Ask the machine's name servers, or these ("address" or "address:port"), without a thread for each query.

    Only the name itself is asked for: a search list (in a cluster, often five names long) would send every dead host to
    the local domain, and could find one there.
    """
    options: dict[str, Any] = {"servers": list(servers)} if servers else {}
    resolver = aiodns.DNSResolver(domains=[], ndots=1, **options)

    async def ask(name: str) -> Records:
        try:
            answer = await resolver.getaddrinfo(name)
        except aiodns.error.DNSError as error:
            raise LookUpError(str(error.args[1]) if len(error.args) > 1 else "look-up failed") from error
        addresses: dict[str, None] = {}
        for node in answer.nodes:
            text = node.addr[0]
            addresses[text.decode("ascii") if isinstance(text, bytes) else text] = None
        ttl = min((float(node.ttl) for node in answer.nodes), default=None)
        return Records(tuple(addresses), ttl)

    try:
        yield ask
    finally:
        await resolver.close()
