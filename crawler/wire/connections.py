"""aiohttp's sessions and connections as we need them: nothing surprising is kept, nothing is taken from around us."""

from __future__ import annotations

import socket
import ssl
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, TypedDict, Unpack

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from crawler.errors import SettingsError
from crawler.settings import Fetch
from crawler.wire.door import MeteredSocket, SocketDoor
from crawler.wire.only_once import only_once
from crawler.wire.resolve import Names

#: an idle connection is kept so long for the next image of its host
_KEEP_ALIVE_SECONDS = 15.0
_HEADERS = {
    # no "image/webp": servers that see it convert, and we want what was published
    "Accept": "image/*,*/*;q=0.1",
    # images are compressed already; a coding is a bomb or a waste
    "Accept-Encoding": "identity",
}
#: called, in the task that asks, when its request has a connection: over which socket, and whether that served another
#: request before
ON_CONNECTION: ContextVar[Callable[[MeteredSocket | None, bool], None]] = ContextVar("ON_CONNECTION")


def session(settings: Fetch, user_agent: str, names: Names, door: SocketDoor, *, keep: bool) -> aiohttp.ClientSession:
    """A session that dials through this door only; `keep` keeps connections for the next request.

    It has no limit of connections and no deadline but that for connecting: `slots` and `vigil` have.

    Raises:
        SettingsError: the CA file cannot be used.
    """
    connector = _Connector(
        door,
        resolver=_Resolver(names),
        use_dns_cache=False,  # ours has a bound, remembers failures and counts
        limit=0,
        ssl=_tls(settings.ca_file, settings.verify_tls),
        force_close=not keep,
        keepalive_timeout=_KEEP_ALIVE_SECONDS if keep else None,
    )
    return aiohttp.ClientSession(
        connector=connector,
        headers=_HEADERS | {"User-Agent": user_agent},
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,  # a proxy would dial for us, past our door; and no .netrc
        auto_decompress=False,  # aiohttp's has no cap
        middlewares=(only_once,),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_seconds),
    )


class _Options(TypedDict):
    """What `_Connector` passes on to its base class."""

    resolver: AbstractResolver
    use_dns_cache: bool
    limit: int
    ssl: ssl.SSLContext
    force_close: bool
    keepalive_timeout: float | None


class _Connector(aiohttp.TCPConnector):
    """Knows which connections were used before, and gives out none on which a server has talked out of turn."""

    _used: ClassVar[weakref.WeakSet[ResponseHandler]] = weakref.WeakSet()  # of all connectors

    def __init__(self, door: SocketDoor, **options: Unpack[_Options]) -> None:
        super().__init__(socket_factory=door, **options)
        self._door = door

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's signature
    ) -> Connection:
        """As the base class's; tells `ON_CONNECTION`."""
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            assert protocol is not None  # only released connections have none
            reused = protocol in self._used
            # an answer that came while nobody asked would be taken for that to the next request: who can put one there
            # answers in the place of other pages of the same host
            if reused and protocol.should_close:
                connection.close()
                continue
            self._used.add(protocol)
            wire = connection.transport and connection.transport.get_extra_info("socket")
            ON_CONNECTION.get()(self._door.find(wire.fileno()) if wire else None, reused)
            return connection


class _Resolver(AbstractResolver):
    """`Names` as aiohttp wants to see it."""

    def __init__(self, names: Names) -> None:
        self._names = names

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - aiohttp's signature; we use both families
    ) -> list[ResolveResult]:
        found = await self._names.look_up(host)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=found.port or port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in found.addresses
        ]

    async def close(self) -> None:
        """Nothing: whoever opened the names closes them."""


@lru_cache(maxsize=2)
def _tls(ca_file: str, verify: bool) -> ssl.SSLContext:
    """One context for all connections of this process: making one costs 20 ms."""
    context = ssl.create_default_context()
    if not verify:  # asked for by name only (`fetch.verify_tls`)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if ca_file:
        try:
            context.load_verify_locations(Path(ca_file))
        except OSError as error:  # ssl.SSLError is one
            raise SettingsError(f"fetch.ca_file: {ca_file}: no readable PEM file: {error}") from error
    return context
