"""The drawings of the report page as inline SVG. They hold numbers only, and say in words what they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workers.report.drawn.html import number_of, text

#: colours for readers without the style sheet; with it, its classes win
_KEPT, _LOST = "#1f7a5c", "#c9c3b4"
#: characters shown of a name; report.json has all of them
_LONGEST_NAME = 120


def found_and_kept(listed: Sequence[Mapping[str, Any]], column: str) -> list[str]:
    """Rows of a table: a name, how many rows were found with it, a bar, and how many of them were kept."""
    most = max((number_of(one, "found") for one in listed), default=0)
    rows = []
    for one in listed:
        found, kept = number_of(one, "found"), number_of(one, "kept")
        rows.append(
            f'<tr><th scope="row"><code><bdi>{text(str(one.get(column, ""))[:_LONGEST_NAME])}</bdi></code></th>'
            f'<td class="count">{found:,}</td><td class="wide">{bar(kept, max(0, found - kept), most)}</td>'
            f'<td class="count">{kept:,}</td></tr>'
        )
    return rows


def bar(kept: int, lost: int, full: int) -> str:
    """A bar of two parts, `full` being the whole width; all begin at the left, so that their lengths can be compared.

    Decoration: the numbers stand beside it.
    """
    if full <= 0:
        return ""
    left, right = 100 * kept / full, 100 * lost / full
    return (
        '<svg class="bar" aria-hidden="true" width="100%" height="12">'
        f'<rect class="kept" fill="{_KEPT}" width="{left:.2f}%" height="100%"/>'
        f'<rect class="lost" fill="{_LOST}" x="{left:.2f}%" width="{right:.2f}%" height="100%"/></svg>'
    )


def length(value: float, full: float, kind: str) -> str:
    """A bar of one part in the colour of `kind`, `full` being the whole width. Decoration, as above."""
    if full <= 0:
        return ""
    return (
        '<svg class="bar" aria-hidden="true" width="100%" height="12">'
        f'<rect class="band {kind}" width="{100 * value / full:.2f}%" height="100%"/></svg>'
    )


def key(name: str) -> str:
    """The little square that explains a colour; `name` is "kept" or "lost"."""
    fill = _KEPT if name == "kept" else _LOST
    return (
        '<svg class="key" aria-hidden="true" width="12" height="12">'
        f'<rect class="{name}" fill="{fill}" width="100%" height="100%" rx="2"/></svg>'
    )
