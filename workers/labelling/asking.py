"""The page that asks, over HTTP: what it is told, and what it may say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

import msgspec
from aiohttp import web

from workers.labelling.judgement import Word
from workers.labelling.pictured import Pictured
from workers.labelling.sitting import AnsweredError, Sitting
from workers.local_pages.frame import PageFrame, json_answer, picture_answer
from workers.local_pages.serving import Route

#: nobody looks at one pair for longer: he has gone away
_MOST_SECONDS = 3600.0


class _Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the page says of a pair."""

    place: int
    verdict: Word
    seconds: float


def _own(name: str) -> str:
    return files(__package__).joinpath("page", name).read_text(encoding="utf-8")


_PAGE: Final = PageFrame("pairtrawl label", _own("label.html"), (_own("label.css"),), (_own("label.js"),))


@dataclass(frozen=True, slots=True)
class Asking:
    """A sitting and its pictures, as routes of a local server."""

    sitting: Sitting
    pictures: Mapping[str, Pictured] = field(repr=False)

    def routes(self) -> list[Route]:
        """Every address of the page."""
        return [
            Route("GET", "/", self._page),
            Route("GET", "/state", self._state),
            Route("GET", "/picture/{place:[0-9]{1,9}}/{how:clear|blurred}", self._picture),
            Route("GET", "/host/{place:[0-9]{1,9}}", self._host),
            Route("POST", "/judge", self._judge),
            Route("POST", "/undo", self._undo),
        ]

    def state(self) -> dict[str, Any]:
        """What the page shows: how far it is, and the pair that is asked about, without host, score and verdict."""
        progress = self.sitting.progress
        told: dict[str, Any] = {
            "labeller": self.sitting.labeller, "done": progress.done, "of": progress.of,
            "undo": self.sitting.can_undo, "pair": None, "next": None,
        }  # fmt: skip
        if progress.at is not None:
            pictured = self._at(progress.at)
            told["pair"] = {
                "place": progress.at, "caption": pictured.caption, "language": pictured.language,
                "blurred": pictured.is_unsafe, "width": pictured.width, "height": pictured.height,
            }  # fmt: skip
            following = progress.at + 1
            if following < len(self.sitting.order) and not self._at(following).is_unsafe:
                told["next"] = following  # fetched ahead, so that nobody waits for it
        return told

    def _at(self, place: int) -> Pictured:
        return self.pictures[self.sitting.order[place]]

    async def _page(self, _request: web.Request) -> web.StreamResponse:
        return _PAGE.answer()

    async def _state(self, _request: web.Request) -> web.StreamResponse:
        return json_answer(self.state())

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        place = int(request.match_info["place"])
        if place >= len(self.sitting.order):
            raise web.HTTPNotFound
        found = self._at(place)
        return picture_answer(found.blurred if request.match_info["how"] == "blurred" else found.jpeg)

    async def _host(self, request: web.Request) -> web.StreamResponse:
        place = int(request.match_info["place"])
        if place >= len(self.sitting.order):
            raise web.HTTPNotFound
        return json_answer({"host": self._at(place).host})

    async def _judge(self, request: web.Request) -> web.StreamResponse:
        try:
            said = msgspec.json.decode(await request.read(), type=_Said)
        except msgspec.DecodeError:
            return json_answer({"error": "This is no judgement."}, 400)
        if said.verdict is Word.UNDONE or not 0 <= said.place < len(self.sitting.order):
            return json_answer({"error": "This is no judgement."}, 400)
        try:
            # on the disk before the page is told, and one after the other: so not in a thread
            self.sitting.judge(said.place, said.verdict, min(max(said.seconds, 0.0), _MOST_SECONDS))
        except AnsweredError:
            return json_answer({"error": "This pair was judged already, maybe in another window."} | self.state(), 409)
        except OSError as error:
            return json_answer({"error": f"Not saved: {error.strerror or 'the disk does not take it'}."}, 507)
        return json_answer(self.state())

    async def _undo(self, _request: web.Request) -> web.StreamResponse:
        try:
            self.sitting.undo()
        except OSError as error:
            return json_answer({"error": f"Not undone: {error.strerror or 'the disk does not take it'}."}, 507)
        return json_answer(self.state())
