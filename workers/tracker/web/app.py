"""The application: the table of routes, each behind the dispatch, and the headers that every answer has."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from workers.tracker.web.dispatch import handler
from workers.tracker.web.routes import Route
from workers.tracker.web.table import table
from workers.tracker.web.tracker import Tracker

#: of answers that do not bring their own: JSON is shown by nobody, and loads nothing
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def make_app(tracker: Tracker) -> web.Application:
    """The tracker as an application of aiohttp."""
    app = web.Application()
    add_routes(app, table(tracker), tracker)
    app.on_response_prepare.append(_add_headers)
    return app


def add_routes(app: web.Application, routes: Sequence[Route], tracker: Tracker) -> None:
    """Put routes behind the dispatch. HEAD is what its route says, and never a GET without its body by accident."""
    for route in routes:
        app.router.add_route(route.method, route.path, handler(route, tracker))


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Add what an answer lacks; which program answers in which version is nobody's business."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "pairtrawl"
