"""The bundled offline web: every host of the demo on one loopback port, told apart by the Host header.

Pictures come from `data/web.zip`. On hosts named `demo-*` the first part of a path names a behaviour, so that an
address says by itself what its server will do: `/status/404/x.png`, `/slow/6/x.png`, `/short/x.jpg`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import zipfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files

from aiohttp import web

from crawler.errors import SettingsError

ROBOTS = "User-agent: *\nAllow: /\n"
#: hosts whose robots.txt says something else, or (None) cannot be had
_ROBOTS_OF = {"demo-private.test": "User-agent: *\nDisallow: /\n", "demo-unknown.test": None}
#: hosts with a reservation by TDMRep, and what it says
_RESERVED = {"demo-reserved.test": '[{"location": "/", "tdm-reservation": 1}]'}

_TYPES = {
    "gif": "image/gif",
    "jpg": "image/jpeg",
    "png": "image/png",
    "svg": "image/svg+xml",
    "webp": "image/webp",
}
_PAGE = "<!DOCTYPE html><html><head><title>Sorry</title></head><body>There is no picture here.</body></html>"
_SLOW_SECONDS_AT_MOST = 10.0
_ENDLESS_CHUNKS = 256
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """One request that the bundled web answered, or did not on purpose (`status` 0)."""

    host: str  # lower case, without port
    path: str  # percent-decoded, without query
    status: int


@dataclass(frozen=True, slots=True)
class DemoWeb:
    """A running bundled web."""

    address: str  # "127.0.0.1:PORT"
    requests: list[Request] = field(default_factory=list)  # in the order of answering; grows while the web runs


@contextmanager
def demo_web(port: int = 0) -> Iterator[DemoWeb]:
    """Serve the bundled web on 127.0.0.1 in a thread of its own until the block is left; port 0 is any free port.

    Raises:
        SettingsError: the port is taken or not allowed.
    """
    started: concurrent.futures.Future[tuple[DemoWeb, Callable[[], None]]] = concurrent.futures.Future()
    thread = threading.Thread(target=_run, args=(port, started), name="demo-web", daemon=True)
    thread.start()
    try:
        served, stop = started.result()
    except OSError as error:
        thread.join()
        raise SettingsError(f"the bundled web cannot listen on 127.0.0.1:{port}: {error}") from error
    try:
        yield served
    finally:
        stop()
        thread.join()


def _run(port: int, started: concurrent.futures.Future[tuple[DemoWeb, Callable[[], None]]]) -> None:
    try:
        asyncio.run(_serve(port, started))
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)


async def _serve(port: int, started: concurrent.futures.Future[tuple[DemoWeb, Callable[[], None]]]) -> None:
    requests: list[Request] = []
    site = _Site(_bodies(), requests)
    application = web.Application()
    application.router.add_route("GET", "/{path:.*}", site.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        tcp = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
        await tcp.start()
        bound_port = runner.addresses[0][1]
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        started.set_result((DemoWeb(f"127.0.0.1:{bound_port}", requests), lambda: _stop(loop, stop)))
        await stop.wait()
    finally:
        await runner.cleanup()


def _stop(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    loop.call_soon_threadsafe(stop.set)


def _bodies() -> dict[str, bytes]:
    """Every file of the bundled web in memory (about 2 MB): "host/path" to bytes."""
    with (files("workers.demo") / "data/web.zip").open("rb") as file, zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


class _Site:
    """All hosts: what is in the zip, and what misbehaves by its path."""

    def __init__(self, bodies: dict[str, bytes], requests: list[Request]) -> None:
        self._bodies = bodies
        self._requests = requests
        self._behaviours: dict[str, Callable[[web.Request, str], Awaitable[web.StreamResponse]]] = {
            "status": self._status,
            "said": self._said,
            "to": self._to,
            "loop": self._loop,
            "html": self._html,
            "slow": self._slow,
            "short": self._short,
            "empty": self._empty,
            "garbled": self._garbled,
            "endless": self._endless,
            "babble": self._babble,
            "hangup": self._hangup,
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        host, path = request.host.partition(":")[0].lower(), request.path
        behaviour, _, rest = path[1:].partition("/")
        if path == "/robots.txt":
            response: web.StreamResponse = _robots(host)
        elif path == "/.well-known/tdmrep.json" and host in _RESERVED:
            response = web.Response(text=_RESERVED[host], content_type="application/json")
        elif host.startswith("demo-") and behaviour in self._behaviours:
            # noted before it happens: a client that has given up must not hide that it asked
            self._requests.append(Request(host, path, _planned_status(behaviour, rest)))
            return await self._behaviours[behaviour](request, rest)
        else:
            response = self._file(f"{host}{path}")
        self._requests.append(Request(host, path, response.status))
        return response

    def _file(self, name: str, headers: dict[str, str] | None = None) -> web.Response:
        body = self._bodies.get(name)
        if body is None:
            return web.Response(status=404, text=_PAGE, content_type="text/html")
        return web.Response(body=body, content_type=_TYPES.get(name.rpartition(".")[2], "text/html"), headers=headers)

    async def _status(self, _request: web.Request, rest: str) -> web.StreamResponse:
        status = _planned_status("status", rest)
        headers = {"Retry-After": "3600"} if status in (429, 503) else None
        return web.Response(status=status, text=_PAGE, content_type="text/html", headers=headers)

    async def _said(self, request: web.Request, rest: str) -> web.StreamResponse:
        """A picture with a word of its own in X-Robots-Tag."""
        word, _, name = rest.partition("/")
        return self._file(f"{request.host.partition(':')[0].lower()}/{name}", {"X-Robots-Tag": word})

    async def _to(self, _request: web.Request, rest: str) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": f"http://{rest}"})

    async def _loop(self, request: web.Request, _rest: str) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": request.path})

    async def _html(self, _request: web.Request, _rest: str) -> web.StreamResponse:
        """The soft 404 of many real servers: all is well, says the status, but this is a page."""
        return web.Response(text=_PAGE, content_type="text/html")

    async def _slow(self, request: web.Request, rest: str) -> web.StreamResponse:
        seconds, _, name = rest.partition("/")
        wished = int(seconds) if seconds.isdecimal() else 0
        await asyncio.sleep(min(wished, _SLOW_SECONDS_AT_MOST))
        return self._file(f"{request.host.partition(':')[0].lower()}/{name}")

    async def _short(self, request: web.Request, _rest: str) -> web.StreamResponse:
        """Promises 4,000 bytes, sends 1,000, hangs up."""
        response = web.StreamResponse(headers={"Content-Length": "4000", "Content-Type": "image/jpeg"})
        await response.prepare(request)
        await response.write(b"\xff\xd8\xff\xe0" + bytes(996))
        _hang_up(request)
        return response

    async def _empty(self, _request: web.Request, _rest: str) -> web.StreamResponse:
        return web.Response(body=b"", content_type="image/png")

    async def _garbled(self, _request: web.Request, _rest: str) -> web.StreamResponse:
        headers = {"Content-Encoding": "gzip", "Content-Type": "image/png"}
        return web.Response(body=b"this was never gzip " * 20, headers=headers)

    async def _endless(self, request: web.Request, _rest: str) -> web.StreamResponse:
        """Sixteen MiB without a length: a client that keeps reading has no limit."""
        response = web.StreamResponse(headers={"Content-Type": "image/png"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            for _ in range(_ENDLESS_CHUNKS):
                await response.write(bytes(_CHUNK_BYTES))
        except ConnectionError:  # the client did the right thing
            _hang_up(request)
        return response

    async def _babble(self, request: web.Request, _rest: str) -> web.StreamResponse:
        """A mail server's greeting where HTTP is expected."""
        if request.transport is not None:
            request.transport.write(b"220 mail.test ready for letters\r\n\r\n")
        _hang_up(request)
        return web.Response()

    async def _hangup(self, request: web.Request, _rest: str) -> web.StreamResponse:
        _hang_up(request)
        return web.Response()


def _robots(host: str) -> web.Response:
    text = _ROBOTS_OF.get(host, ROBOTS)
    return web.Response(status=500, text=_PAGE, content_type="text/html") if text is None else web.Response(text=text)


def _planned_status(behaviour: str, rest: str) -> int:
    if behaviour == "status":
        code = rest.partition("/")[0]
        return int(code) if code.isdecimal() and 200 <= int(code) <= 599 else 404
    return {"to": 302, "loop": 302, "babble": 0, "hangup": 0}.get(behaviour, 200)


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()
