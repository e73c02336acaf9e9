"""What safety costs: our transport and our fetch stage beside bare aiohttp, on loopback.

    python benchmarks/fetching.py [--requests 4000] [--at-once 64] [--body 20000]

A server in a process of its own answers every request with the same body, with keep-alive and without. Requests per
second and CPU time of the client process per request; the best of three rounds, in which the clients take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from multiprocessing.connection import Connection

import aiohttp

from crawler.courtesy.desk import Turn
from crawler.fetch import Terms, Web, fetch
from crawler.records import Candidate, Caption, Fetched, ImageSource, TextSource
from crawler.rights.site_word import NoRules
from crawler.settings import Fetch, OptOuts, Resources
from crawler.wire.transport import open_transport

Once = Callable[[], Awaitable[int]]  # one request; the length of its body


class FreeTurns:
    """Everybody's turn, at once: what a desk costs is not measured here."""

    @asynccontextmanager
    async def turn(self, _host: str) -> AsyncIterator[Turn]:
        """As the protocol's."""
        yield Turn()

    def slow_to(self, _host: str, _seconds: float) -> None:
        """As the protocol's."""


class _Server(asyncio.Protocol):
    """Answers before it has looked: a request is whatever ends with an empty line."""

    def __init__(self, answer: bytes, *, keep: bool) -> None:
        self._answer = answer
        self._keep = keep

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._answer * data.count(b"\r\n\r\n"))
        if not self._keep:
            self._transport.close()


def _serve(ready: Connection, body_bytes: int) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        ports = []
        for keep in (True, False):
            head = f"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {body_bytes}\r\n"
            answer = (head + ("" if keep else "Connection: close\r\n") + "\r\n").encode() + bytes(body_bytes)
            make = partial(_Server, answer, keep=keep)
            server = await loop.create_server(make, "127.0.0.1", 0, backlog=4096)
            ports.append(server.sockets[0].getsockname()[1])
        ready.send(ports)
        await asyncio.Event().wait()

    asyncio.run(story())


def _settings(port: int, at_once: int) -> tuple[Fetch, Resources]:
    settings = Fetch(allow_networks=("127.0.0.1/32",), hosts={"images.test": f"127.0.0.1:{port}"})
    return settings, Resources(downloads=at_once)


@asynccontextmanager
async def _bare(port: int, at_once: int) -> AsyncIterator[Once]:
    connector = aiohttp.TCPConnector(limit=at_once)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def once() -> int:
            async with session.get(f"http://127.0.0.1:{port}/boat.png") as response:
                return len(await response.read())

        yield once


@asynccontextmanager
async def _transport(port: int, at_once: int) -> AsyncIterator[Once]:
    async with open_transport(*_settings(port, at_once), FreeTurns()) as get:

        async def once() -> int:
            async with get.turn("images.test"):
                return len((await get("http://images.test/boat.png")).body)

        yield once


@asynccontextmanager
async def _fetch(port: int, at_once: int) -> AsyncIterator[Once]:
    settings, resources = _settings(port, at_once)
    caption = Caption(TextSource.ALT, "a red boat on a lake")
    candidate = Candidate(
        "http://images.test/boat.png", ImageSource.IMG_SRC, caption, (), "http://pages.test/", "archive", 0, 0, "", "",
        (), "/boat.png", caption.text, "",
    )  # fmt: skip
    async with open_transport(settings, resources, FreeTurns()) as get:
        web, terms = Web(get, NoRules()), Terms(settings, OptOuts())

        async def once() -> int:
            outcome = await fetch(candidate, web, terms)
            assert isinstance(outcome, Fetched), outcome
            return len(outcome.body)

        yield once


async def _measure(once: Once, requests: int, at_once: int, body_bytes: int) -> tuple[float, float]:
    """Requests per second, and CPU milliseconds per request."""
    left = requests

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            assert await once() == body_bytes

    await asyncio.gather(*(once() for _ in range(at_once)))
    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(at_once)))
    return requests / (time.perf_counter() - started), (time.process_time() - cpu) / requests * 1000


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--body", type=int, default=20_000)
    options = parser.parse_args()
    ready, theirs = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, options.body), daemon=True)
    server.start()
    ports = ready.recv()
    clients = {"bare aiohttp": _bare, "our transport": _transport, "our fetch": _fetch}
    best: dict[tuple[str, str], tuple[float, float]] = {}

    async def once_through(client: str, port: int) -> tuple[float, float]:
        async with clients[client](port, options.at_once) as once:
            return await _measure(once, options.requests, options.at_once, options.body)

    for _ in range(3):
        for kind, port in zip(("keep-alive", "new connection"), ports, strict=True):
            for client in clients:
                measured = asyncio.run(once_through(client, port))
                best[kind, client] = min(best.get((kind, client), measured), measured, key=lambda pair: pair[1])
    server.terminate()
    print(f"{options.requests} requests, {options.at_once} at once, bodies of {options.body} bytes")
    print(f"{'':15} {'':15} {'requests/s':>10} {'CPU ms/request':>15} {'of bare':>8}")
    for (kind, client), (rate, cpu) in best.items():
        print(f"{kind:15} {client:15} {rate:10.0f} {cpu:15.3f} {cpu / best[kind, 'bare aiohttp'][1]:8.2f}")


if __name__ == "__main__":
    main()
