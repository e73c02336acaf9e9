"""One HTTP request, safely.

`open_transport` yields a `Get`. It follows no redirect and judges no status; it promises that nothing but a permitted
address is dialled, that no more than the cap is held, that no phase takes longer than the recipe says, and that
whatever a server does is an `Answer` or a `TransportError` with its fault.

The address policy stands in the socket factory (docs/decisions/0004-one-socket-door.md): everything that is dialled
passes there, whether it came from a name server, from an address in a URL, or from a second look-up that says
something else than the first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from types import TracebackType

from aiohttp.http_parser import RawResponseMessage
from aiohttp.streams import StreamReader

from crawler.courtesy.agent import identity_of
from crawler.courtesy.desk import Turn, Turns
from crawler.records import Fault
from crawler.settings import Fetch, Resources
from crawler.wire.addresses import AddressPolicy
from crawler.wire.answers import Answer, Get, TransportError
from crawler.wire.client import Client, Line
from crawler.wire.codings import BadCodingError, DecodedTooLargeError, coding_of, decoded
from crawler.wire.door import SocketDoor, own_networks, sockets_allowed
from crawler.wire.only_once import HungUpError
from crawler.wire.resolve import NameCache, Names, name_server
from crawler.wire.slots import Slot, Slots, chairs_for
from crawler.wire.target import Target
from crawler.wire.vigil import Patience, Vigil
from crawler.wire.wire_faults import REQUEST_ERRORS, meaning_of

__all__ = ["Answer", "Get", "Transport", "TransportError", "open_transport"]

#: open sockets per download from which on no connection is kept: a crawl that meets a new host with every request would
#: run out of file descriptors within seconds
_SOCKETS_PER_DOWNLOAD = 2
#: coded bodies that are inflated at once: each may take twice the cap of memory, and there are few
_INFLATED_AT_ONCE = 2
_PATIENCE = Patience()
#: the slot that the turn of this task came with
_SLOT: ContextVar[Slot | None] = ContextVar("_SLOT", default=None)


@asynccontextmanager
async def open_transport(
    settings: Fetch,
    resources: Resources,
    turns: Turns,
    names: Names | None = None,
    *,
    name_cache: NameCache | None = None,
    patience: Patience = _PATIENCE,
) -> AsyncIterator[Transport]:
    """A `Get` over real sockets, for as long as the context lasts. One per process: it holds the shared limits.

    Args:
        settings: what is put up with.
        resources: `downloads` is the number of slots.
        turns: whose turn at a host; shared with the other processes of the run.
        names: a resolver of the caller's, who closes it; without one, those of the recipe or the machine are asked.
        name_cache: what the resolver made here knows already and learns: one per process, given to each job's.
        patience: for tests.

    Raises:
        SettingsError: the settings hold a wrong network, host table, CA file or user agent.
    """
    door = SocketDoor(AddressPolicy.of(settings.allow_networks, settings.refuse_networks, own_networks()))
    user_agent = identity_of(settings.user_agent, settings.contact)
    async with contextlib.AsyncExitStack() as closes:
        if names is None:
            names = Names(
                await closes.enter_async_context(name_server(settings.name_servers)), settings.hosts, name_cache
            )
            closes.push_async_callback(names.close)
        client = Client(settings, user_agent, names, door)
        closes.push_async_callback(client.close)
        slots = Slots(resources.downloads, chairs_for(resources.downloads, sockets_allowed()))
        yield Transport(client, turns, slots, names, door, settings, patience)


class Transport:
    """The real `Get`. Made by `open_transport`."""

    def __init__(
        self,
        client: Client,
        turns: Turns,
        slots: Slots,
        names: Names,
        door: SocketDoor,
        settings: Fetch,
        patience: Patience,
    ) -> None:
        self.names = names
        self._client = client
        self._turns = turns
        self._slots = slots
        self._door = door
        self._settings = settings
        self._patience = patience
        self._inflating = asyncio.Semaphore(_INFLATED_AT_ONCE)

    @property
    def open_sockets(self) -> int:
        """Sockets that are open now, in use or kept for the next request."""
        return len(self._door)

    @property
    def at_once(self) -> int:
        """Requests that can be under way together, most of them before silent hosts."""
        return self._slots.places

    def turn(self, host: str) -> _Place:
        """See `Get.turn`. Those who queue at a host take no slot from others."""
        return _Place(self._turns.turn(host), self._slots.hold())

    async def __call__(self, url: str) -> Answer:
        """See `Get.__call__`."""
        vigil = Vigil(self._settings, self._patience, _SLOT.get())
        try:
            target = Target.of(url)
            async with vigil:
                try:
                    return await self._get(target, vigil)
                except HungUpError as error:
                    # a kept connection may have died of age while our request was on its way: that is nobody's answer,
                    # and asking again is right (RFC 9110 section 9.2.2). Once, and not on another old one
                    if not (vigil.reused and error.wordless):
                        raise
                return await self._get(target, vigil, fresh=True)
        except REQUEST_ERRORS as error:
            if vigil.overfed:
                raise TransportError(Fault.PROTOCOL_ERROR, "more wrapping than content") from error
            raise meaning_of(error, in_body=vigil.in_body) from error

    @property
    def _is_crowded(self) -> bool:
        return self.open_sockets - self._slots.aside >= _SOCKETS_PER_DOWNLOAD * self._slots.downloads

    async def _get(self, target: Target, vigil: Vigil, *, fresh: bool = False) -> Answer:
        keep = not (fresh or self._is_crowded)
        line = await self._client.line(target, fresh=fresh)
        answered = False
        try:
            vigil.connected(line.wire, line.reused)
            message, content = await self._client.ask(line, target, keep=keep)
            headers = tuple((_text(name).lower(), _text(value)) for name, value in message.raw_headers)
            body = await self._body(line, message, content, vigil) if message.code == 200 else b""
            answered = True
            return Answer(message.code, headers, body)
        finally:
            self._client.give_back(line, target, keep=keep and answered)

    async def _body(self, line: Line, message: RawResponseMessage, content: StreamReader, vigil: Vigil) -> bytes:
        """The body, coding removed.

        Raises:
            TransportError: it is too large, before or after decoding, or is not in the coding that it claims.
        """
        cap = self._settings.body_bytes
        announced = int(message.headers.get("Content-Length", 0))  # the parser has seen that it is a number
        if announced > cap:
            raise TransportError(Fault.BODY_TOO_LARGE, f"{announced} bytes announced")
        try:
            coding = coding_of(message.headers.getall("Content-Encoding", ()))
            await vigil.answered()
            body: bytes | bytearray = await content.readany()  # mostly all of it
            chunk: bytes | bytearray = body
            while chunk:
                if len(body) > cap:
                    raise TransportError(Fault.BODY_TOO_LARGE, f"more than {cap} bytes")
                await vigil.heard(len(body), complete=content.at_eof())
                if chunk := await content.readany():
                    body = body if isinstance(body, bytearray) else bytearray(body)
                    body += chunk
            vigil.complete()
            if _was_reset(line, message):
                raise TransportError(Fault.BODY_TRUNCATED, "connection reset")
            return await self._inflated(coding, bytes(body)) if coding and body else bytes(body)
        except BadCodingError as error:
            raise TransportError(Fault.BAD_ENCODING, str(error)) from error
        except DecodedTooLargeError as error:
            raise TransportError(Fault.BODY_TOO_LARGE, str(error)) from error

    async def _inflated(self, coding: str, body: bytes) -> bytes:
        """In a thread: inflating up to the cap takes some 30 ms, and every download would stand still for it."""
        async with self._inflating:
            return await asyncio.to_thread(decoded, coding, body, self._settings.body_bytes)


class _Place:
    """A turn at a host, and the slot that goes with it."""

    __slots__ = ("_slot", "_turn")

    def __init__(self, turn: AbstractAsyncContextManager[Turn], slot: Slot) -> None:
        self._turn = turn
        self._slot = slot

    async def __aenter__(self) -> Turn:
        turn = await self._turn.__aenter__()
        try:
            await self._slot.__aenter__()
        except asyncio.CancelledError as error:
            await self._turn.__aexit__(type(error), error, error.__traceback__)
            raise
        _SLOT.set(self._slot)
        return turn

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        _SLOT.set(None)
        await self._slot.__aexit__()
        return await self._turn.__aexit__(kind, error, trace)


def _was_reset(line: Line, message: RawResponseMessage) -> bool:
    """Whether a body that has ended ended because the connection broke.

    A body without a length ends where the connection does, and aiohttp takes a reset for an end like any other. With a
    length, or in chunks, the end is known and aiohttp knows better than the socket.
    """
    open_ended = "Content-Length" not in message.headers and "Transfer-Encoding" not in message.headers
    return open_ended and isinstance(line.protocol.exception(), OSError)


def _text(raw: bytes) -> str:
    """A header as text: UTF-8 as most servers mean it, else Latin-1 as the standard once said. Never a surrogate."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
