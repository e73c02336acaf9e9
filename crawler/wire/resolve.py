"""Names to addresses: the recipe's own table first, then a cache, then the name server through c-ares.

Asking lives as long as an event loop, which is one job; what was learnt is plain values and lives as long as the
process (`NameCache`). Neither root nor a daemon on this machine is needed.

Whether an address may be dialled is not judged here: an address in a URL never passes a resolver, so the judgement
stands at the socket (crawler.wire.transport). This is the border to aiodns.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiodns

from crawler.wire.host_table import Found, StaticHosts

#: a name server may send thousands of addresses for one name, and each would be tried, many at the same time
_ADDRESSES_PER_NAME = 4
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

    @property
    def hit_rate(self) -> float:
        """The share that needed no question to a name server, of those that the recipe's table did not know."""
        saved = self.cached + self.joined
        return saved / (saved + self.asked) if saved else 0.0


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of one name: where it lives, or why it lives nowhere."""

    found: Found | None
    failure: str = ""

    def outcome(self) -> Found:
        """Where it lives.

        Raises:
            LookUpError: it does not.
        """
        if self.found is None:
            raise LookUpError(self.failure)
        return self.found


class NameCache:
    """What was learnt of names, good or bad, for as long as it holds; the name used last stays longest.

    Belongs to no event loop, so that one job's look-ups serve the next. For one thread at a time.
    """

    def __init__(self, *, now: Callable[[], float] = time.monotonic, names_remembered: int = _NAMES_REMEMBERED) -> None:
        self._now = now
        self._names_remembered = names_remembered
        self._entries: dict[str, tuple[float, Known]] = {}  # with the time of its end; in the order of last use

    def __len__(self) -> int:
        """Names remembered."""
        return len(self._entries)

    def find(self, name: str) -> Known | None:
        """What is known of this name now."""
        entry = self._entries.pop(name, None)
        if entry is None or entry[0] <= self._now():
            return None
        self._entries[name] = entry
        return entry[1]

    def remember(self, name: str, known: Known, seconds: float) -> None:
        """This holds for so many seconds from now."""
        self._entries.pop(name, None)
        self._entries[name] = (self._now() + seconds, known)
        if len(self._entries) > self._names_remembered:
            del self._entries[next(iter(self._entries))]


class Names:
    """A caching resolver, inside one event loop.

    Args:
        ask: called once per name and lifetime of the answer.
        static: the recipe's `fetch.hosts`.
        cache: what other resolvers of this process have learnt; None is a cache of its own.
    """

    def __init__(self, ask: Ask, static: Mapping[str, str], cache: NameCache | None = None) -> None:
        self.counts = LookUps()
        self._ask = ask
        self._static = StaticHosts.of(static)
        self._cache = NameCache() if cache is None else cache
        self._asking: dict[str, asyncio.Task[Known]] = {}

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
        if known := self._cache.find(name):
            self.counts.cached += 1
            return known.outcome()
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

    async def _learn(self, name: str) -> Known:
        try:
            known, seconds = await self._asked(name)
        finally:
            del self._asking[name]
        self._cache.remember(name, known, seconds)
        return known

    async def _asked(self, name: str) -> tuple[Known, float]:
        """What the name server says, and for how many seconds it holds."""
        try:
            records = await self._ask(name)
        except LookUpError as error:
            return Known(None, str(error)), _FAILED_TTL_SECONDS
        if not records.addresses:
            return Known(None, "no addresses"), _FAILED_TTL_SECONDS
        ttl = _DEFAULT_TTL_SECONDS if records.ttl_seconds is None else records.ttl_seconds
        return Known(Found(_few(records.addresses))), min(max(ttl, _SHORTEST_TTL_SECONDS), _LONGEST_TTL_SECONDS)


def _few(addresses: Sequence[str]) -> tuple[str, ...]:
    """The first few, in order, but no family without a place if it has any: one of the two may be broken here."""
    first, rest = addresses[: _ADDRESSES_PER_NAME - 1], addresses[_ADDRESSES_PER_NAME - 1 :]
    six = ":" in first[0]
    if all((":" in address) == six for address in first):
        rest = sorted(rest, key=lambda address: (":" in address) == six)  # stable: the other family first
    return (*first, *rest[:1])


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
