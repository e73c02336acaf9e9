"""A server of archives on loopback, real down to its sockets, that misbehaves on demand.

with archive_server({"/a.warc.gz": [status(503), resets_after(10, BODY), whole(BODY)]}) as server:
    ...   # the first GET of a.warc.gz gets 503, the second a reset, all others the file
    assert [asked.path for asked in server.asked] == [...]
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import web

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came in."""

    path: str
    headers: Mapping[str, str]  # names in lower case
    at: float  # of the monotonic clock


@dataclass(slots=True)
class ArchiveServer:
    """What a test holds in its hand."""

    behaviours: Mapping[str, Sequence[Behaviour]]
    root: str = ""  # "http://127.0.0.1:PORT"
    asked: list[Asked] = field(default_factory=list)

    def url(self, path: str) -> str:
        return self.root + path

    async def answer(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.path, headers, time.monotonic()))
        steps = self.behaviours.get(request.path)
        if not steps:
            return web.Response(status=404, text="no such file")
        so_far = sum(one.path == request.path for one in self.asked)
        return await steps[min(so_far, len(steps)) - 1](request)


def whole(body: bytes, **headers: str) -> Behaviour:
    """The file, as it should be. Header names are written with _ for -."""

    async def behave(_request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, headers={"Content-Type": "application/octet-stream"} | named)

    return behave


def status(code: int, body: str = "", **headers: str) -> Behaviour:
    """A status and nothing of the file."""

    async def behave(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=code, text=body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return behave


def slow_down() -> Behaviour:
    """What S3 says to everybody when somebody asks too much."""
    return status(503, "<?xml version='1.0'?><Error><Code>SlowDown</Code></Error>", Content_Type="application/xml")


def chunked(body: bytes, size: int = 1000) -> Behaviour:
    """The file in chunks, its length never told."""

    async def behave(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for start in range(0, len(body), size):
            await response.write(body[start : start + size])
        await response.write_eof()
        return response

    return behave


def resets_after(count: int, body: bytes) -> Behaviour:
    """The length of the whole file, its first bytes, then a TCP reset."""
    return _breaks_off(_promise(body) + body[:count], reset=True)


def cut_after(count: int, body: bytes) -> Behaviour:
    """The length of the whole file, its first bytes, then an orderly end of the connection."""
    return _breaks_off(_promise(body) + body[:count], reset=False)


def chunks_cut_after(count: int, body: bytes) -> Behaviour:
    """A chunked body whose last chunk never comes."""
    chunk = b"%x\r\n%b\r\n" % (count, body[:count])
    return _breaks_off(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk, reset=False)


def closes_at_the_end(body: bytes) -> Behaviour:
    """The file as HTTP/1.0 sent it: no length, its end is the end of the connection."""
    return _breaks_off(b"HTTP/1.0 200 OK\r\n\r\n" + body, reset=False)


def talks_nonsense() -> Behaviour:
    """Bytes that are no HTTP."""
    return _breaks_off(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", reset=False)


def hangs_up() -> Behaviour:
    """An end of the connection instead of an answer."""
    return _breaks_off(b"", reset=False)


def stalls_after(count: int, body: bytes) -> Behaviour:
    """The first bytes, and then silence on an open connection."""

    async def behave(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[:count])
        await asyncio.Event().wait()
        raise AssertionError

    return behave


def never_answers() -> Behaviour:
    """Takes the request and says nothing at all."""

    async def behave(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    return behave


def _promise(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)


def _breaks_off(raw: bytes, *, reset: bool) -> Behaviour:
    async def behave(request: web.Request) -> web.StreamResponse:
        transport = request.transport
        assert isinstance(transport, asyncio.Transport)
        transport.write(raw)
        if reset:
            # let the bytes leave first: a reset throws away what still waits to be sent
            await asyncio.sleep(0.02)
            linger = struct.pack("ii", 1, 0)  # on, 0 seconds: closing sends RST
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
        else:
            transport.close()
        return web.Response()  # goes nowhere

    return behave


@contextmanager
def archive_server(
    behaviours: Mapping[str, Sequence[Behaviour]], *, tls: ssl.SSLContext | None = None
) -> Iterator[ArchiveServer]:
    """Serve `behaviours`: for each path, what happens at the first, second, ... GET; the last one stays."""
    server = ArchiveServer(behaviours)
    started, loop = threading.Event(), asyncio.new_event_loop()
    done = asyncio.Event()

    async def serve() -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", server.answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.01, handler_cancellation=True)
        await runner.setup()
        listening = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(runner, listening, ssl_context=tls).start()
        server.root = f"{'https' if tls else 'http'}://127.0.0.1:{listening.getsockname()[1]}"
        started.set()
        await done.wait()
        await runner.cleanup()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="archive server")
    thread.start()
    assert started.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
