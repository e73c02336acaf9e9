"""The life of a local server: open, say the address, serve until Ctrl-C, end at once."""

from __future__ import annotations

import asyncio
import getpass
import os
import platform
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from aiohttp import web
from aiohttp.typedefs import Middleware

from crawler.errors import SettingsError
from workers.local_pages.frame import PageFrame, bare_headers
from workers.local_pages.gate import Gate

HOST = "127.0.0.1"
#: where the token is handed over
_DOOR = "/open/{token}"
#: bytes of a request's body: answers of a person are short
_BODY_BYTES = 64 * 1024
#: a page that watches holds its connection for good: whoever ends the server does not wait for it
_LEAVING_SECONDS = 0.5

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One address of a server, and what answers there."""

    method: Literal["GET", "POST"]
    path: str  # as aiohttp writes it: "/picture/{number}"
    answer: Answer
    #: whether it needs no token: for what holds no more than figures, such as metrics. `Host` is looked at all the same
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class LocalPages:
    """A server that listens."""

    port: int
    gate: Gate

    @property
    def root(self) -> str:
        """The address without the token."""
        return f"http://{HOST}:{self.port}"

    @property
    def address(self) -> str:
        """What a person opens: whoever has it is let in."""
        return f"{self.root}{_DOOR.format(token=self.gate.token)}"


@asynccontextmanager
async def local_pages(routes: Sequence[Route], *, port: int = 0, gate: Gate | None = None) -> AsyncIterator[LocalPages]:
    """Serve `routes` on 127.0.0.1 while inside; what is under way afterwards is given up.

    Args:
        routes: "/" is where a person arrives.
        port: 0 leaves it to the system.
        gate: whose token lets in; None for a new one.

    Raises:
        SettingsError: the port cannot be had.
    """
    gate = gate or Gate.new()
    runner = web.AppRunner(_app(routes, gate), access_log=None, handle_signals=False, shutdown_timeout=_LEAVING_SECONDS)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, port)
        try:
            await site.start()
        except (OSError, OverflowError) as error:
            raise SettingsError(f"--port {port}: cannot listen there ({error}); leave it out for a free one") from error
        yield LocalPages(int(runner.addresses[0][1]), gate)
    finally:
        await runner.cleanup()


async def serve_local(
    routes: Sequence[Route],
    *,
    port: int = 0,
    say: Callable[[str], None] = print,
    stop: asyncio.Event | None = None,
    gate: Gate | None = None,
) -> None:
    """Serve until Ctrl-C or SIGTERM, or until `stop` is set; `say` is told where, line by line.

    `gate`: whose token lets in; None for a new one.

    Raises:
        SettingsError: the port cannot be had.
    """
    stop = stop or asyncio.Event()
    running = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        running.add_signal_handler(number, stop.set)
    try:
        async with local_pages(routes, port=port, gate=gate) as pages:
            for line in lines_to_tell(pages, is_remote=is_remote()):
                say(line)
            await stop.wait()
    finally:
        for number in numbers:
            running.remove_signal_handler(number)


def lines_to_tell(pages: LocalPages, *, is_remote: bool) -> Iterator[str]:
    """How to open the page, in lines for a terminal."""
    yield f"Open {pages.address}"
    if is_remote:
        there = f"{getpass.getuser()}@{platform.node()}"
        yield f"From your own machine, first: ssh -N -L {pages.port}:{HOST}:{pages.port} {there}"
    yield "Ctrl-C ends it. Nobody else can open it without that address."


def is_remote() -> bool:
    """Whether the terminal is at the other end of an SSH connection."""
    return bool(os.environ.get("SSH_CONNECTION"))


def _app(routes: Sequence[Route], gate: Gate) -> web.Application:
    app = web.Application(
        middlewares=[_guard(gate, {_DOOR, *(one.path for one in routes if one.is_open)})], client_max_size=_BODY_BYTES
    )
    app.router.add_get(_DOOR, _door(gate))
    for route in routes:
        app.router.add_route(route.method, route.path, route.answer)
    return app


def _guard(gate: Gate, without_token: Collection[str]) -> Middleware:
    @web.middleware
    async def guard(request: web.Request, handler: Answer) -> web.StreamResponse:
        resource = request.match_info.route.resource
        is_open = resource is not None and resource.canonical in without_token
        refused = gate.refusal(request.method, request.headers, request.cookies, is_open=is_open)
        if refused is not None:
            return _message(refused.status, refused.why)
        try:
            return await handler(request)
        except web.HTTPException as error:  # of aiohttp itself: no such address, too large a body
            return _message(error.status, error.reason)

    return guard


def _door(gate: Gate) -> Answer:
    """Takes the token, and gives a cookie for it: in an address it would stay in the browser's history."""

    async def door(request: web.Request) -> web.StreamResponse:
        if not gate.opens(request.match_info["token"]):
            return _message(401, "This key is of another sitting: open the address that the terminal shows now.")
        answer = web.Response(status=303, headers={**bare_headers(), "Location": "/"})
        answer.set_cookie(gate.cookie, gate.token, httponly=True, samesite="Strict", path="/")
        return answer

    return door


def _message(status: int, why: str) -> web.Response:
    return PageFrame("pairtrawl", f"<main><h1>{status}</h1><p>{why}</p></main>").answer(status)
