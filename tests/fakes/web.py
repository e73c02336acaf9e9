"""A web that misbehaves on demand, twice: over real sockets on loopback (`a_web`) and in memory (`FakeGet`).

Both answer from a table of behaviours. The real one is a bare socket server, so that it can break every rule of HTTP;
it writes down what it was asked. The fake obeys the same contract as the real transport before the real web
(tests/crawler/wire/test_transport.py), so that other tests may use it without a socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from crawler.courtesy.desk import Turn, TurnRefusedError
from crawler.records import Fault
from crawler.settings import Fetch, Resources
from crawler.wire.admission import Admitted, admit
from crawler.wire.answers import Answer, TransportError


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the server saw it."""

    path: str
    headers: dict[str, str]  # names in lower case
    connection: int  # number of the connection that it came on, from 1

    @property
    def host(self) -> str:
        return self.headers.get("host", "")


#: What a server does with one request: writes whatever it likes. Returns whether the connection may go on.
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]]


def sends(raw: bytes, *, then_hangs_up: bool = False) -> Behaviour:
    """These very bytes."""

    async def behave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.write(raw)
        await writer.drain()
        return not then_hangs_up

    return behave


def answers(
    status: int = 200, body: bytes = b"", *headers: str, length: int | None = None, hangs_up: bool = False
) -> Behaviour:
    """A proper answer; or, with a `length` that is not the body's, one that lies."""
    announced = len(body) if length is None else length
    head = [f"HTTP/1.1 {status} Said", f"Content-Length: {announced}", *headers]
    return sends("\r\n".join(head).encode() + b"\r\n\r\n" + body, then_hangs_up=hangs_up or announced != len(body))


def redirects(to: str, status: int = 302, *headers: str) -> Behaviour:
    return answers(status, b"", f"Location: {to}", *headers)


def resets(raw: bytes = b"") -> Behaviour:
    """These bytes, then a TCP reset."""

    async def behave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.write(raw)
        await writer.drain()
        await asyncio.sleep(0.02)  # or the reset overtakes the bytes
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        return False

    return behave


def falls_silent(raw: bytes = b"") -> Behaviour:
    """These bytes, then nothing until the other side goes away."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.write(raw)
        await writer.drain()
        await reader.read(1)
        return False

    return behave


def drips(first: bytes, each: bytes, seconds: float = 0.01, times: float = math.inf) -> Behaviour:
    """The first bytes at once, then these so many times, or until the other side goes away."""

    async def behave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.write(first)
        left = times
        while left and not writer.is_closing():
            await asyncio.sleep(seconds)
            writer.write(each)
            await writer.drain()
            left -= 1
        return not writer.is_closing()

    return behave


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """The first behaviour for the first request, and so on; the last one for all that follow."""
    left = list(behaviours)

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        return await (left.pop(0) if len(left) > 1 else left[0])(reader, writer)

    return behave


@dataclass
class Web:
    """A running server: where it is, and what it was asked."""

    pages: Mapping[str, Behaviour]
    address: str
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    at_once: Counter[str] = field(default_factory=Counter)  # requests being answered, by host
    most_at_once: Counter[str] = field(default_factory=Counter)

    def settings(self, **changes: Any) -> Fetch:
        """Settings under which every name that ends in .test leads here."""
        fields: dict[str, Any] = {
            "allow_networks": (f"{self.address}/32",),
            "hosts": {"*.test": f"{self.address}:{self.port}"},
            "total_seconds": 5.0,
        }
        return Fetch(**(fields | changes))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if not await self._answer(_parsed(head, number), reader, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other side has gone
        finally:
            writer.close()

    async def _answer(self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        self.asked.append(asked)
        self.at_once[asked.host] += 1
        self.most_at_once[asked.host] = max(self.most_at_once[asked.host], self.at_once[asked.host])
        try:
            behaviour = self.pages.get(asked.host + asked.path) or self.pages.get(asked.path) or answers(404)
            return await behaviour(reader, writer)
        finally:
            self.at_once[asked.host] -= 1


def _parsed(head: bytes, connection: int) -> Asked:
    request, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Asked(request.split(" ")[1], headers, connection)


@asynccontextmanager
async def a_web(
    pages: Mapping[str, Behaviour] | None = None, *, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Web]:
    """A server on loopback that answers by path, or by host and path ("boats.test/boat.png"); all else is a 404."""
    web = Web(pages or {}, address)
    visits: set[asyncio.Task[None]] = set()

    def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(web.serve(reader, writer))
        visits.add(task)
        task.add_done_callback(visits.discard)

    server = await asyncio.start_server(visit, address, 0, ssl=tls, limit=1 << 20, backlog=1024)
    web.port = server.sockets[0].getsockname()[1]
    try:
        yield web
    finally:
        server.close()
        for task in list(visits):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


class FreeTurns:
    """Turns at every host at once, but for those that are refused; everything that passes is written down."""

    def __init__(self, refused: Mapping[str, Fault] | None = None) -> None:
        self.taken: list[str] = []  # hosts, in order
        self.ended: list[tuple[str, Turn]] = []  # with the word that was given
        self.slowed: dict[str, float] = {}
        self.inside: Counter[str] = Counter()
        self.most_inside: Counter[str] = Counter()
        self._refused = refused or {}

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[Turn]:
        await asyncio.sleep(0)
        if fault := self._refused.get(host):
            raise TurnRefusedError(fault, "as scripted")
        self.taken.append(host)
        self.inside[host] += 1
        self.most_inside[host] = max(self.most_inside[host], self.inside[host])
        turn = Turn()
        try:
            yield turn
        finally:
            self.inside[host] -= 1
            self.ended.append((host, turn))

    def slow_to(self, host: str, seconds: float) -> None:
        self.slowed[host] = seconds


#: What the fake says about one address: an answer, a fault, or (None) nothing, ever.
Script = Answer | Fault | None


class FakeGet:
    """A `Get` without a network: answers from a table; an address that is not in it has no host."""

    def __init__(self, script: Mapping[str, Script | list[Script]], turns: FreeTurns | None = None) -> None:
        """A list is used up from the front; its last entry stays."""
        self.asked: list[str] = []
        self.free_turns = turns or FreeTurns()
        self._script = {url: list(says) if isinstance(says, list) else [says] for url, says in script.items()}

    @property
    def turns(self) -> list[str]:
        """Hosts whose turns were taken, in order."""
        return self.free_turns.taken

    def turn(self, host: str) -> AbstractAsyncContextManager[Turn]:
        return self.free_turns.turn(host)

    async def __call__(self, url: str) -> Answer:
        self.asked.append(url)
        await asyncio.sleep(0)
        says = self._script.get(url, [Fault.DNS_FAILED])
        said = says.pop(0) if len(says) > 1 else says[0]
        if said is None:
            await asyncio.Event().wait()
        if isinstance(said, Fault):
            raise TransportError(said, "as scripted")
        assert isinstance(said, Answer)
        return said


def an_answer(status: int = 200, body: bytes = b"a boat", **headers: str) -> Answer:
    """An answer as the real transport gives it: header names in lower case, a body with 200 only."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(status, named, body if status == 200 else b"")


SMALL = Resources(downloads=64)


def admitted(url: str, settings: Fetch) -> Admitted:
    """The address as it is asked for, which these settings must allow."""
    step = admit(url, settings)
    assert isinstance(step, Admitted), step
    return step
