"""The drawings of the tracker's pages as inline SVG. They hold numbers only, and say in words what they show."""

from __future__ import annotations

import time
from collections.abc import Sequence

from markupsafe import Markup

from workers.report.drawn.html import text
from workers.tracker.moves.figure_records import Rate
from workers.tracker.pages.words import number

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 720, 180, 8, 18, 24


def stacked(parts: Sequence[tuple[str, int]]) -> Markup:
    """A bar of as many parts as there are shares; each class has its own colour and its own pattern of lines.

    Decoration: the numbers stand beside it. "" where there is nothing.
    """
    whole = sum(many for _, many in parts)
    if whole <= 0:
        return Markup("")
    drawn, left = [], 0.0
    for name, many in parts:
        width = 100 * many / whole
        if many:
            place = f'x="{left:.3f}%" width="{width:.3f}%" height="100%"'
            drawn.append(f'<rect class="share {name}" {place}/>')
            if name in {"checking", "leased", "aside"}:
                drawn.append(f'<rect fill="url(#lines-{name})" {place}/>')
        left += width
    return _drawing(f'<svg class="stack" aria-hidden="true" width="100%" height="16">{"".join(drawn)}</svg>')


def progress(done: int, total: int) -> Markup:
    """The campaign's bar. Its width is set again by the page's script, by the id."""
    width = min(100.0, 100 * done / total) if total > 0 else 0.0
    return _drawing(
        '<svg class="progress" aria-hidden="true" width="100%" height="20">'
        '<rect class="lost" width="100%" height="100%"/>'
        f'<rect class="kept" id="progress-bar" width="{width:.3f}%" height="100%"/></svg>'
    )


def speed(rates: Sequence[Rate], now: float) -> Markup:
    """Columns of verified pairs by hour, the present one hatched because it is not over. "" where there was nothing."""
    most = max((one.pairs for one in rates), default=0)
    if most <= 0:
        return Markup("")
    step = (_WIDTH - 2 * _LEFT) / len(rates)
    columns = "".join(_column(place, one, step, most, now) for place, one in enumerate(rates))
    every = max(1, len(rates) // 6)
    marks = "".join(
        f'<text x="{_LEFT + (place + 0.5) * step:.1f}" y="{_HEIGHT - 6}" text-anchor="middle">'
        f"{time.strftime('%H:%M', time.gmtime(one.at))}</text>"
        for place, one in enumerate(rates)
        if place % every == every // 2
    )
    ground = _HEIGHT - _BOTTOM
    sums = f"{number(sum(max(0, one.pairs) for one in rates))} pairs in {len(rates)} hours"
    told = text(f"Verified pairs by hour, UTC: {sums}, at most {number(most)} in one hour")
    return _drawing(
        f'<svg class="histogram" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{told}">'
        f'<line x1="{_LEFT}" x2="{_WIDTH - _LEFT}" y1="{ground}" y2="{ground}"/>'
        f'<line x1="{_LEFT}" x2="{_WIDTH - _LEFT}" y1="{_TOP}" y2="{_TOP}" stroke-dasharray="2 4"/>'
        f'<text x="{_WIDTH - _LEFT}" y="{_TOP - 5}" text-anchor="end">{number(most)} pairs an hour</text>'
        f"{columns}{marks}</svg>"
    )


def _column(place: int, one: Rate, step: float, most: int, now: float) -> str:
    ground = _HEIGHT - _BOTTOM
    tall = (ground - _TOP) * max(0, one.pairs) / most
    x, width = _LEFT + place * step + step * 0.1, step * 0.8
    where = f'x="{x:.1f}" width="{width:.1f}" y="{ground - tall:.1f}" height="{tall:.1f}"'
    over = one.at + one.seconds <= now
    lines = "" if over else f'<rect fill="url(#lines-leased)" {where}/>'
    told = f"{time.strftime('%H:%M', time.gmtime(one.at))} UTC: {number(one.pairs)} pairs, {number(one.jobs)} jobs"
    return f'<g><title>{told}{"" if over else ", so far"}</title><rect class="kept" {where}/>{lines}</g>'


def _drawing(svg: str) -> Markup:
    return Markup(svg)  # noqa: S704 - made of numbers and of names of ours
