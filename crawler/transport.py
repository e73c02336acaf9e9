"""One HTTP request, safely: the border to aiohttp.

`open_transport` yields a `Get`. It follows no redirect and judges no status; it promises that nothing but a permitted
address is dialled, that no more than the cap is held, and that whatever a server does is an `Answer` or a
`TransportError` with its fault.

The address policy stands in the socket factory (docs/decisions/0004-one-socket-door.md): everything that is dialled
passes there, whether it came from a name server, from an address in a URL, or from a second look-up that says
something else than the first.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import lru_cache
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from crawler.addresses import AddressPolicy
from crawler.answers import Answer, Get, TransportError
from crawler.codings import BadCodingError, DecodedTooLargeError, coding_of, decoded
from crawler.door import AddressRefusedError, SocketDoor
from crawler.errors import SettingsError
from crawler.hosts import HostGate
from crawler.records import Fault
from crawler.resolve import LookUpError, Names, name_server
from crawler.settings import Fetch, Resources

__all__ = ["Answer", "Get", "Transport", "TransportError", "identity", "open_transport"]

#: an idle connection is kept so long for the next image of its host
_KEEP_ALIVE_SECONDS = 15.0
#: open sockets per download from which on no connection is kept: aiohttp bounds those in use, not those idle, and a
#: crawl that meets a new host with every request would run out of file descriptors within seconds
_SOCKETS_PER_DOWNLOAD = 2
_HEADERS = {
    # no "image/webp": servers that see it convert, and we want what was published
    "Accept": "image/*,*/*;q=0.1",
    # images are compressed already; a coding is a bomb or a waste
    "Accept-Encoding": "identity",
}


@asynccontextmanager
async def open_transport(settings: Fetch, resources: Resources, names: Names | None = None) -> AsyncIterator[Transport]:
    """A `Get` over real sockets, for as long as the context lasts. One per process: it holds the shared limits.

    `names` is a resolver of the caller's, who closes it; without one, the machine's name servers are asked.

    Raises:
        SettingsError: the settings hold a wrong network, host table, CA file or user agent.
    """
    door = SocketDoor(AddressPolicy.of(settings.allow_networks))
    context = _tls(settings.ca_file)
    headers = _HEADERS | {"User-Agent": identity(settings)}
    async with contextlib.AsyncExitStack() as closes:
        if names is None:
            names = Names(await closes.enter_async_context(name_server()), settings.hosts)
            closes.push_async_callback(names.close)
        resolver = _Resolver(names)

        def session(*, keep: bool) -> aiohttp.ClientSession:
            connector = aiohttp.TCPConnector(
                resolver=resolver,
                use_dns_cache=False,  # ours has a bound, remembers failures and counts
                limit=resources.downloads,
                ssl=context,
                socket_factory=door,
                **({"keepalive_timeout": _KEEP_ALIVE_SECONDS} if keep else {"force_close": True}),
            )
            return aiohttp.ClientSession(
                connector=connector,
                headers=headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,  # a proxy would dial for us, past our door
                auto_decompress=False,  # aiohttp's has no cap
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=settings.connect_seconds, sock_read=settings.read_seconds
                ),
            )

        gate = HostGate(per_host=resources.downloads_per_host, total=resources.downloads)
        most_sockets = _SOCKETS_PER_DOWNLOAD * resources.downloads
        keeping = await closes.enter_async_context(session(keep=True))
        closing = await closes.enter_async_context(session(keep=False))
        yield Transport(keeping, closing, gate, names, door, settings.body_bytes, most_sockets)


def identity(settings: Fetch) -> str:
    """The User-Agent that every request carries: `name/version (+contact)`.

    Raises:
        SettingsError: it holds what a header cannot.
    """
    text = f"{settings.user_agent} (+{settings.contact})" if settings.contact else settings.user_agent
    if not (text.isascii() and text.isprintable() and text.strip()):
        raise SettingsError(f"fetch.user_agent and fetch.contact make {text!r}: use printable ASCII characters")
    return text


class Transport:
    """The real `Get`. Made by `open_transport`."""

    def __init__(
        self,
        keeping: aiohttp.ClientSession,
        closing: aiohttp.ClientSession,
        gate: HostGate,
        names: Names,
        door: SocketDoor,
        body_bytes: int,
        most_sockets: int,
    ) -> None:
        self.names = names
        self._keeping = keeping
        self._closing = closing
        self._gate = gate
        self._door = door
        self._body_bytes = body_bytes
        self._most_sockets = most_sockets

    @property
    def open_sockets(self) -> int:
        """Sockets that are open now, in use or kept for the next request."""
        return len(self._door.open)

    def turn(self, authority: str) -> AbstractAsyncContextManager[None]:
        """See `Get.turn`."""
        return self._gate.turn(authority)

    async def __call__(self, url: str) -> Answer:
        """See `Get.__call__`."""
        session = self._closing if self.open_sockets >= self._most_sockets else self._keeping
        in_body = False
        try:
            async with session.get(URL(url, encoded=True), allow_redirects=False) as response:
                headers = tuple((_text(name).lower(), _text(value)) for name, value in response.raw_headers)
                in_body = response.status == 200
                body = await self._body(response) if in_body else b""
                return Answer(response.status, headers, body)
        except (aiohttp.ClientError, HttpProcessingError, OSError, UnicodeError) as error:
            raise _translated(error, in_body=in_body) from error

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        """The body, coding removed.

        Raises:
            TransportError: it is too large, before or after decoding, or is not in the coding that it claims.
        """
        cap = self._body_bytes
        if (response.content_length or 0) > cap:
            raise TransportError(Fault.BODY_TOO_LARGE, f"{response.content_length} bytes announced")
        try:
            coding = coding_of(response.headers.getall("Content-Encoding", []))
            was_reset = _reset_check(response)
            chunks: list[bytes] = []
            size = 0
            async for chunk in response.content.iter_any():
                size += len(chunk)
                if size > cap:
                    raise TransportError(Fault.BODY_TOO_LARGE, f"more than {cap} bytes")
                chunks.append(chunk)
            if was_reset():
                raise TransportError(Fault.BODY_TRUNCATED, "connection reset")
            body = b"".join(chunks)
            # in a thread: inflating up to the cap takes some 30 ms, and every download would stand still for it
            return await asyncio.to_thread(decoded, coding, body, cap) if coding and body else body
        except BadCodingError as error:
            raise TransportError(Fault.BAD_ENCODING, str(error)) from error
        except DecodedTooLargeError as error:
            raise TransportError(Fault.BODY_TOO_LARGE, str(error)) from error


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
        """Nothing: `open_transport` closes the names that it opened."""


def _reset_check(response: aiohttp.ClientResponse) -> Callable[[], bool]:
    """A question to ask once the body has ended: did it end because the connection broke?

    A body without a length ends where the connection does, and aiohttp takes a reset for an end like any other. With a
    length, or in chunks, the end is known and aiohttp knows better than the socket.
    """
    connection = response.connection
    open_ended = response.content_length is None and "Transfer-Encoding" not in response.headers
    protocol = connection.protocol if open_ended and connection else None
    return lambda: protocol is not None and isinstance(protocol.exception(), OSError)


@lru_cache(maxsize=2)
def _tls(ca_file: str) -> ssl.SSLContext:
    """One context for all connections of this process: making one costs 20 ms."""
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(Path(ca_file))
        except OSError as error:  # ssl.SSLError is one
            raise SettingsError(f"fetch.ca_file: {ca_file}: no readable PEM file: {error}") from error
    return context


def _text(raw: bytes) -> str:
    """A header as text: UTF-8 as most servers mean it, else Latin-1 as the standard once said. Never a surrogate."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


#: errors that say that this machine, and not the server, has come to its end
_OUR_LIMITS = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
#: what an error means, the first row that fits it or its cause; classes before their bases
_MEANINGS: tuple[tuple[type[BaseException], Fault], ...] = (
    (AddressRefusedError, Fault.ADDRESS_REFUSED),
    (LookUpError, Fault.DNS_FAILED),
    (aiohttp.ClientSSLError, Fault.TLS_FAILED),
    (ssl.SSLError, Fault.TLS_FAILED),
    (TimeoutError, Fault.TIMEOUT),
    (aiohttp.InvalidURL, Fault.URL_REFUSED),
    (UnicodeError, Fault.URL_REFUSED),  # a host that survives WHATWG but not IDNA
    (aiohttp.ClientPayloadError, Fault.BODY_TRUNCATED),
    (OSError, Fault.CONNECT_FAILED),  # refused, unreachable, reset
    (aiohttp.ServerDisconnectedError, Fault.CONNECT_FAILED),
    (aiohttp.ClientError, Fault.PROTOCOL_ERROR),
    (HttpProcessingError, Fault.PROTOCOL_ERROR),
)


def _translated(error: Exception, *, in_body: bool) -> TransportError | SettingsError:
    """What a failed request means; an error while the body was read means that the body is not all there."""
    if isinstance(error, OSError) and error.errno in _OUR_LIMITS:
        return SettingsError(
            f"{error}: this machine allows fewer sockets than resources.downloads needs; lower it or raise `ulimit -n`"
        )
    fault = next(
        (fault for kind, fault in _MEANINGS if isinstance(error, kind) or isinstance(error.__cause__, kind)),
        Fault.PROTOCOL_ERROR,
    )
    if in_body and fault is Fault.CONNECT_FAILED:
        fault = Fault.BODY_TRUNCATED
    return TransportError(fault, _detail(error))


def _detail(error: Exception) -> str:
    """A few words without an address of a page: aiohttp's own texts hold one."""
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    if isinstance(cause, HttpProcessingError):
        return cause.message.partition("\n")[0][:80]  # the lines after it quote the server
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause) if isinstance(cause, (AddressRefusedError, LookUpError)) else type(cause).__name__
