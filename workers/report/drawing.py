"""The drawings of the report page as inline SVG. They hold numbers only, and say in words what they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from workers.report.html import number_of, text

#: colours for readers without the style sheet; with it, its classes win
_KEPT, _LOST = "#1f7a5c", "#c9c3b4"
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 720, 220, 44, 10, 30


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
    """A bar of two parts, `full` being the whole width. Decoration: the numbers stand beside it."""
    if full <= 0:
        return ""
    left, right = 100 * kept / full, 100 * lost / full
    return (
        '<svg class="bar" aria-hidden="true" width="100%" height="12">'
        f'<rect class="kept" fill="{_KEPT}" width="{left:.2f}%" height="100%"/>'
        f'<rect class="lost" fill="{_LOST}" x="{left:.2f}%" width="{right:.2f}%" height="100%"/></svg>'
    )


def key(name: str) -> str:
    """The little square that explains a colour; `name` is "kept" or "lost"."""
    fill = _KEPT if name == "kept" else _LOST
    return (
        '<svg class="key" aria-hidden="true" width="12" height="12">'
        f'<rect class="{name}" fill="{fill}" width="100%" height="100%" rx="2"/></svg>'
    )


def histogram(title: str, edges: Sequence[float], kept: Sequence[int], rejected: Sequence[int]) -> str:
    """Columns of kept above rejected between the first and the last bin that hold anything; "" where none does.

    Bin i lies between edges[i] and edges[i + 1]. Lists of different lengths are read as far as all of them go.
    """
    bins = [(low, high, good, bad) for (low, high), good, bad in zip(pairwise(edges), kept, rejected, strict=False)]
    while bins and not bins[-1][2] + bins[-1][3]:
        bins.pop()
    while bins and not bins[0][2] + bins[0][3]:
        bins.pop(0)
    if not bins:
        return ""
    most = max(good + bad for _, _, good, bad in bins)
    columns = "".join(_column(place, one, len(bins), most) for place, one in enumerate(bins))
    described = f"{sum(one[2] for one in bins):,} kept and {sum(one[3] for one in bins):,} rejected"
    described += f", between {bins[0][0]:g} and {bins[-1][1]:g}"
    name = text(title)
    return (
        f'<svg class="histogram" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{name}: {described}">'
        f"{_axis(bins, most)}{columns}</svg>"
    )


def _column(place: int, one: tuple[float, float, int, int], bins: int, most: int) -> str:
    low, high, good, bad = one
    step = (_WIDTH - _LEFT) / bins
    x, width = _LEFT + place * step + step * 0.06, step * 0.88
    ground = _HEIGHT - _BOTTOM
    tall, taller = ((ground - _TOP) * number / most for number in (bad, bad + good))
    place_of = f'x="{x:.1f}" width="{width:.1f}"'
    return (
        f"<g><title>{low:g} to {high:g}: {good:,} kept, {bad:,} rejected</title>"
        f'<rect class="lost" fill="{_LOST}" {place_of} y="{ground - tall:.1f}" height="{tall:.1f}"/>'
        f'<rect class="kept" fill="{_KEPT}" {place_of} y="{ground - taller:.1f}" height="{taller - tall:.1f}"/></g>'
    )


def _axis(bins: Sequence[tuple[float, float, int, int]], most: int) -> str:
    ground, step = _HEIGHT - _BOTTOM, (_WIDTH - _LEFT) / len(bins)
    every = max(1, len(bins) // 8)
    edges = [*(one[0] for one in bins), bins[-1][1]]
    places = ((min(_LEFT + place * step, _WIDTH - 12), edges[place]) for place in range(0, len(edges), every))
    below = "".join(f'<text x="{x:.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{edge:g}</text>' for x, edge in places)
    beside = "".join(
        f'<line stroke="#999" x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{number:,}</text>'
        for number, y in ((0, ground), (most, _TOP))
    )
    return beside + below
