"""Speeds over time as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from workers.report.drawn.axes import short, ticks
from workers.report.drawn.drawing import key
from workers.report.drawn.html import amount_of, numbers_of, seconds, table_of, tables_of, text

_PAUSES = 5
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 1080, 210, 64, 12, 24, 30


def timeline(report: Mapping[str, Any]) -> str:
    """Rows and megabytes a second, by the time at which they were fetched; "" where that is not known."""
    table = table_of(report, "timeline")
    bucket = amount_of(table, "seconds")
    began = _moment(table.get("began"))
    rows, kept, received = (numbers_of(table, field) for field in ("rows", "kept", "bytes"))
    if bucket <= 0 or not rows:
        return ""
    lost = [max(0.0, one - good) for one, good in zip(rows, kept or [0.0] * len(rows), strict=False)]
    told = f"Rows a second, by the time at which they were fetched: {key('kept')} kept, {key('lost')} rejected."
    if began is not None:
        told += f" It began on {began:%Y-%m-%d} at {began:%H:%M:%S} UTC."
    drawn = _columns("rows a second", [kept or rows, lost if kept else []], bucket, began)
    first = f'<figure class="plain wide-chart">{drawn}<figcaption>{told}</figcaption></figure>'
    second = _columns("megabytes a second", [[one / 1e6 for one in received]], bucket, began, name="time")
    if second:
        second = (
            f'<figure class="plain wide-chart">{second}'
            "<figcaption>Megabytes a second, of images as received.</figcaption></figure>"
        )
    return f"<h3>Over time</h3>{first if drawn else ''}{second}{_pauses(table)}"


def _pauses(table: Mapping[str, Any]) -> str:
    """When nobody was at work, as a list."""
    listed = tables_of(table, "pauses")
    if not listed:
        return ""
    longest = sorted(listed, key=lambda one: -amount_of(one, "seconds"))[:_PAUSES]
    items = "".join(
        f"<li>{seconds(amount_of(one, 'seconds'))} from {text(str(one.get('began', ''))[:19].replace('T', ' '))} on; "
        f"the sitting before: {text(one.get('why', ''))}</li>"
        for one in longest
    )
    whole = sum(amount_of(one, "seconds") for one in listed)
    told = f"Nobody was at work {len(listed):,} {'time' if len(listed) == 1 else 'times'}, {seconds(whole)} together"
    return f"<p>{told}{'; the longest:' if len(listed) > _PAUSES else ':'}</p><ul>{items}</ul>"


def _columns(
    title: str, layers: list[list[float]], bucket: float, began: datetime | None, *, name: str = "kept"
) -> str:
    """Columns by time, the layers on top of each other; "" where there is nothing."""
    many = max(map(len, layers), default=0)
    heights = [sum(max(0.0, one[place]) for one in layers if place < len(one)) / bucket for place in range(many)]
    most = max(heights, default=0.0)
    if not (most > 0 and math.isfinite(most)):
        return ""
    ground, step = _HEIGHT - _BOTTOM, (_WIDTH - _LEFT - _RIGHT) / many
    parts = []
    for place in range(many):
        y, shapes = float(ground), ""
        for layer, kind in zip(layers, (name, "lost"), strict=False):
            value = max(0.0, layer[place]) / bucket if place < len(layer) else 0.0
            tall = (ground - _TOP) * value / most
            y -= tall
            if tall > 0:
                shapes += (
                    f'<rect class="{kind}" x="{_LEFT + place * step:.1f}" width="{max(0.5, step * 0.94):.1f}" '
                    f'y="{y:.1f}" height="{tall:.1f}"/>'
                )
        if shapes:
            parts.append(f"<g><title>{_when(began, place * bucket)}: {short(heights[place])}</title>{shapes}</g>")
    marks = "".join(
        f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{short(mark)}</text>'
        for mark in ticks(0, most, 4)
        for y in (ground - (ground - _TOP) * mark / most,)
    )
    every = max(1, math.ceil(many / 6))
    below = "".join(
        f'<text x="{_LEFT + place * step:.1f}" y="{_HEIGHT - 10}">{_when(began, place * bucket)}</text>'
        for place in range(0, many, every)
        if place * step < _WIDTH - _LEFT - 90
    )
    described = (
        f"{title}: at most {short(most)}, on average {short(sum(heights) / many)}, over {seconds(many * bucket)}"
    )
    return (
        f'<svg class="plot timeline" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{text(described)}">'
        f'<text class="title" x="4" y="13">{text(title)}</text>{marks}{"".join(parts)}{below}</svg>'
    )


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _when(began: datetime | None, after: float) -> str:
    """A time of day, with the day where it is another than the first."""
    if began is None:
        return f"+{seconds(after)}"
    try:
        at = began + timedelta(seconds=after)
    except OverflowError:
        return f"+{seconds(after)}"
    return at.strftime("%H:%M:%S" if after < 86_400 else "%d %b %H:%M")
