"""The server of the live page: one look at the folder for all who ask, and only while somebody asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from importlib.resources import files
from typing import Final

import msgspec
from aiohttp import web

from crawler.errors import MissingPackageError
from workers.live.metrics import CONTENT_TYPE, metrics_of
from workers.live.page import body_of, sections_of, title_of
from workers.live.seen import Seen
from workers.live.watching import RunWatch
from workers.local_pages.frame import PageFrame, bare_headers, text_answer
from workers.local_pages.serving import Route
from workers.report.drawn.frame import style
from workers.streams import Feed

#: between two looks, at least; and as a multiple of what a look took, so that watching costs 5 % of a core at most
_SECONDS: Final = 2.0
_TIMES: Final = 20.0
#: a browser that takes nothing for so long is let go
_WRITE_SECONDS: Final = 20.0
#: until a browser asks again for a stream that ended
_AGAIN_MILLISECONDS: Final = 3_000
#: everybody who asks comes from this machine
_HERE: Final = "here"


class Live:
    """Answers for one run."""

    def __init__(
        self, watch: RunWatch, *, seconds: float = _SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Look at the run every so many `seconds`, at most."""
        self._watch = watch
        self._seconds = seconds
        self._clock = clock
        self._turn = asyncio.Lock()
        self._seen: Seen | None = None
        self._good_until = float("-inf")
        self._stopping = False
        self._feed = Feed(self._message, seconds=seconds, stopping=lambda: self._stopping)
        self._style = style() + (files(__package__) / "live.css").read_text(encoding="utf-8")
        self._script = (files(__package__) / "live.js").read_text(encoding="utf-8")

    @property
    def routes(self) -> list[Route]:
        """Everything that it answers to."""
        return [
            Route("GET", "/", self._page),
            Route("GET", "/events", self._events),
            Route("GET", "/metrics", self._metrics),
            Route("GET", "/report", self._report),
            Route("GET", "/favicon.ico", self._no_icon),  # the report names none, and browsers ask
        ]

    async def close(self) -> None:
        """End all streams."""
        self._stopping = True
        await self._feed.close()

    async def seen(self) -> Seen:
        """The run, as it was a moment ago. Of many who ask one looks."""
        async with self._turn:
            began = self._clock()
            if self._seen is None or began >= self._good_until:
                self._seen = await asyncio.to_thread(self._watch.look)
                now = self._clock()
                self._good_until = now + max(self._seconds / 2, _TIMES * (now - began))
            return self._seen

    async def _page(self, _request: web.Request) -> web.StreamResponse:
        seen = await self.seen()
        return PageFrame(title_of(seen), body_of(seen), styles=(self._style,), scripts=(self._script,)).answer()

    async def _message(self) -> bytes:
        return b"data: " + msgspec.json.encode(sections_of(await self.seen())) + b"\n\n"

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """The page's sections for as long as somebody looks (text/event-stream)."""
        if not self._feed.has_room(_HERE):
            return text_answer("so many look already; load the page again to see new numbers", 503)
        response = web.StreamResponse(headers=bare_headers() | {"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            await response.write(b"retry: %d\n\n" % _AGAIN_MILLISECONDS)
            async with aclosing(self._feed.listen(_HERE)) as messages:
                async for message in messages:
                    async with asyncio.timeout(_WRITE_SECONDS):
                        await response.write(message)
        except (TimeoutError, ConnectionError):
            pass  # gone, or as good as gone
        return response

    async def _metrics(self, _request: web.Request) -> web.StreamResponse:
        try:
            told = metrics_of(await self.seen())
        except MissingPackageError as error:
            return text_answer(str(error), 501)
        return web.Response(body=told, headers=bare_headers() | {"Content-Type": CONTENT_TYPE})

    async def _no_icon(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(status=204, headers=bare_headers())

    async def _report(self, _request: web.Request) -> web.StreamResponse:
        """The report as it stands in the folder: its own policy is in it."""
        try:
            page = await asyncio.to_thread(self._watch.report.read_bytes)
        except OSError:
            return text_answer("there is no report yet", 404)
        kept = {name: value for name, value in bare_headers().items() if name != "Content-Security-Policy"}
        return web.Response(body=page, content_type="text/html", charset="utf-8", headers=kept)
