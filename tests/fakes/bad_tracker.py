"""A tracker that lies, on loopback: each path has a script of answers, the last of which is given for ever."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec
from aiohttp import web

from workers.protocol.messages import Refusal

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class BadTracker:
    """`root` is its address; `asked` every request: method, path and headers."""

    script: Mapping[str, Sequence[Behaviour]]
    root: str = ""
    asked: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        before = sum(path == request.path for _, path, _ in self.asked)
        self.asked.append((request.method, request.path, request.headers.copy()))
        steps = self.script.get(request.path)
        if not steps:
            return web.Response(status=404, text="nothing here")
        return await steps[min(before, len(steps) - 1)](request)


def says(message: msgspec.Struct | bytes, status: int = 200, **headers: str) -> Behaviour:
    """A message, or whatever calls itself JSON. Header names are written with _ for -."""
    body = message if isinstance(message, bytes) else msgspec.json.encode(message)
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def behave(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, content_type="application/json", headers=named)

    return behave


def refuses(status: int, code: str, **headers: str) -> Behaviour:
    return says(Refusal(code=code, message="no"), status, **headers)


def shows_a_page(status: int = 200) -> Behaviour:
    """What a hotel's portal shows."""

    async def behave(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text="<html>Log in</html>", content_type="text/html")

    return behave


def redirects(to: str, status: int = 302) -> Behaviour:
    async def behave(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": to})

    return behave


def never_ends() -> Behaviour:
    """JSON without an end."""

    async def behave(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        await answer.write(b'{"document": "')
        while True:
            await answer.write(b"x" * 65_536)

    return behave


def hangs_up(after: bytes = b"") -> Behaviour:
    """Promises a thousand bytes more than it sends; or nothing at all."""

    async def behave(request: web.Request) -> web.StreamResponse:
        assert request.transport
        if after:
            answer = web.StreamResponse(headers={"Content-Length": str(len(after) + 1_000)})
            await answer.prepare(request)
            await answer.write(after)
        request.transport.close()
        return web.Response()

    return behave


def sends(body: bytes, status: int = 200, **headers: str) -> Behaviour:
    """A file."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def behave(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers=named)

    return behave


@contextmanager
def bad_tracker(script: Mapping[str, Sequence[Behaviour]]) -> Iterator[BadTracker]:
    """Serve it in a thread until the block is left."""
    tracker = BadTracker(script)
    started, ended = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", tracker.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        tracker.root = f"http://127.0.0.1:{runner.addresses[0][1]}"
        loops.append(asyncio.get_running_loop())
        started.set()
        await ended.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert started.wait(60)
        yield tracker
    finally:
        loops[0].call_soon_threadsafe(ended.set)
        thread.join()
