"""The pages of the tracker, made on the server: for volunteers and for operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workers.tracker.web.routes import Route
    from workers.tracker.web.tracker import Tracker


def routes(tracker: Tracker) -> list[Route]:
    """All addresses of the pages, the operators' included."""
    from workers.tracker.pages import serving  # noqa: PLC0415 - brings jinja2, which only a server needs

    return serving.routes(tracker)
