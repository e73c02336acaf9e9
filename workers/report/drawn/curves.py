"""Curves and clouds of points as inline SVG, such as the share kept against a threshold, or quality against cost."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from workers.report.drawn.axes import Bins, bins_of, short, step_of, ticks
from workers.report.drawn.histograms import Line, marks_svg
from workers.report.drawn.html import share, text

_WIDTH, _HEIGHT = 520, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 14, 44, 46
_GROUND = _HEIGHT - _BOTTOM
_ACROSS = _WIDTH - _LEFT - _RIGHT
#: curves are told apart by colour and by dashes
_DASHES = ("", "7 4", "2 3", "9 3 2 3")


@dataclass(frozen=True, slots=True)
class Curve:
    """Shares (0 to 1) over growing values, and the interval of each where it is known."""

    name: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a cloud; `kind` "best" is joined to the others of its kind by a line."""

    name: str
    x: float
    y: float
    kind: str = ""
    low: float | None = None  # interval of y
    high: float | None = None


def curve_svg(
    title: str,
    curves: Sequence[Curve],
    lines: Sequence[Line] = (),
    *,
    x_title: str = "threshold",
    y_title: str = "share kept",
) -> str:
    """Curves of shares, 0 to 100 % from the ground up; "" where no curve has two points.

    Args:
        title: what is shown, in a few words.
        curves: at most four, told apart by colour and dashes; each is named where there are several.
        lines: thresholds, with lines that read off what the first curve says at them.
        x_title: below.
        y_title: at the side.
    """
    drawable = [one for one in map(_sound, curves[: len(_DASHES)]) if one is not None]
    if not drawable:
        return ""
    low, high = min(one.xs[0] for one in drawable), max(one.xs[-1] for one in drawable)
    bins = bins_of((low, high))
    if bins is None:
        return ""
    marked = [one for one in lines if low <= one.at <= high]
    parts = [_frame(bins, x_title, y_title)]
    for number, one in enumerate(drawable):
        parts += [_band(one, bins, number), _path(one, bins, number)]
    parts += [_read_off(one, drawable[0], bins, number) for number, one in enumerate(marked[:8])]
    if len(drawable) > 1:
        parts += [_named(one.name, number) for number, one in enumerate(drawable)]
    told = [f"{short(one.at)}: {share(value_at(drawable[0], one.at), 1)}" for one in marked]
    described = f"{text(title)}: {text(y_title)} by {text(x_title)}, {short(low)} to {short(high)}"
    if told:
        described += f"; at {', at '.join(told)}"
    return (
        f'<svg class="plot curve" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{described}">'
        f"{''.join(parts)}</svg>"
    )


def value_at(curve: Curve, at: float) -> float:
    """What a curve says at a value, between its points by a straight line, beyond them the last that it says."""
    place = bisect_left(curve.xs, at)
    if place == 0:
        return curve.ys[0]
    if place == len(curve.xs):
        return curve.ys[-1]
    left, right = curve.xs[place - 1], curve.xs[place]
    inside = (at - left) / (right - left)
    return curve.ys[place - 1] + inside * (curve.ys[place] - curve.ys[place - 1])


def points_svg(title: str, points: Sequence[Point], *, x_title: str, y_title: str) -> str:
    """A cloud of points, those of kind "best" joined and named; "" without a point that is a number."""
    sound = [one for one in points if math.isfinite(one.x) and math.isfinite(one.y)]
    if not sound:
        return ""
    across = _around([one.x for one in sound])
    up = _around([value for one in sound for value in (one.y, one.low, one.high) if value is not None])
    if across is None or up is None:
        return ""
    parts = [_cloud_frame(across, up, x_title, y_title)]
    best = sorted((one for one in sound if one.kind == "best"), key=lambda one: (one.x, one.y))
    if len(best) > 1:
        joined = " ".join(f"{_across(across, one.x):.1f},{_up(up, one.y):.1f}" for one in best)
        parts.append(f'<polyline class="line first" points="{joined}"/>')
    parts += [_dot(one, across, up) for one in sound]
    described = f"{text(title)}: {len(sound):,} points, {text(y_title)} by {text(x_title)}; {len(best):,} of them best"
    return (
        f'<svg class="plot cloud" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{described}">'
        f"{''.join(parts)}</svg>"
    )


def _sound(curve: Curve) -> Curve | None:
    """The curve as far as its numbers are numbers that grow."""
    many = min(len(curve.xs), len(curve.ys))
    xs, ys = curve.xs[:many], curve.ys[:many]
    if bins_of(xs) is None or not all(map(math.isfinite, ys)):
        return None
    whole = len(curve.low) == len(curve.high) == many and all(map(math.isfinite, (*curve.low, *curve.high)))
    return Curve(curve.name, xs, ys, curve.low if whole else (), curve.high if whole else ())


def _across(bins: Bins, value: float) -> float:
    return _LEFT + bins.place(value) * _ACROSS


def _up(bins: Bins, value: float) -> float:
    return _GROUND - bins.place(value) * (_GROUND - _TOP)


_SHARES = Bins((0.0, 1.0))


def _frame(bins: Bins, x_title: str, y_title: str) -> str:
    drawn = [
        f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_up(_SHARES, mark):.1f}" '
        f'y2="{_up(_SHARES, mark):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{_up(_SHARES, mark) + 4:.1f}" text-anchor="end">{100 * mark:.0f} %</text>'
        for mark in (0, 0.25, 0.5, 0.75, 1)
    ]
    return "".join(drawn) + _marks_below(bins) + _titles(x_title, y_title)


def _cloud_frame(across: Bins, up: Bins, x_title: str, y_title: str) -> str:
    drawn = [
        f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_up(up, mark):.1f}" y2="{_up(up, mark):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{_up(up, mark) + 4:.1f}" text-anchor="end">{short(mark)}</text>'
        for mark in ticks(up.edges[0], up.edges[-1], 4)
    ]
    return "".join(drawn) + _marks_below(across) + _titles(x_title, y_title)


def _marks_below(bins: Bins) -> str:
    axis = f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_GROUND}" y2="{_GROUND}"/>'
    return axis + marks_svg(bins, _LEFT, _ACROSS, _GROUND + 17)


def _titles(x_title: str, y_title: str) -> str:
    return (
        f'<text class="title" x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 8}" text-anchor="end">{text(x_title)}</text>'
        f'<text class="title" x="4" y="12">{text(y_title)}</text>'
    )


def _path(curve: Curve, bins: Bins, number: int) -> str:
    points = " ".join(f"{_across(bins, x):.1f},{_up(_SHARES, y):.1f}" for x, y in zip(curve.xs, curve.ys, strict=True))
    dashes = f' stroke-dasharray="{_DASHES[number]}"' if _DASHES[number] else ""
    return f'<polyline class="line {_ORDER[number]}"{dashes} points="{points}"/>'


_ORDER = ("first", "second", "third", "fourth")


def _band(curve: Curve, bins: Bins, number: int) -> str:
    if not curve.low:
        return ""
    there = [f"{_across(bins, x):.1f},{_up(_SHARES, y):.1f}" for x, y in zip(curve.xs, curve.high, strict=True)]
    back = [f"{_across(bins, x):.1f},{_up(_SHARES, y):.1f}" for x, y in zip(curve.xs, curve.low, strict=True)]
    return f'<polygon class="interval {_ORDER[number]}" points="{" ".join(there + back[::-1])}"/>'


def _read_off(line: Line, curve: Curve, bins: Bins, number: int) -> str:
    """A threshold, up to the curve and over to the share that it keeps."""
    value = value_at(curve, line.at)
    x, y = _across(bins, line.at), _up(_SHARES, value)
    place = bins.place(line.at)
    anchor = "start" if place < 0.3 else "end" if place > 0.7 else "middle"
    top = 28 if number % 2 else 14
    return (
        f'<line class="threshold" stroke="#000" x1="{x:.1f}" x2="{x:.1f}" y1="{_GROUND}" y2="{top + 4}"/>'
        f'<line class="read" stroke="#000" x1="{_LEFT}" x2="{x:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<circle class="read" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
        f'<text class="label" x="{x:.1f}" y="{top}" text-anchor="{anchor}">{short(line.at)}: {share(value, 1)}</text>'
    )


def _named(name: str, number: int) -> str:
    """A line of the key, at the right above the curves."""
    y = _TOP + 12 + 16 * number
    dashes = f' stroke-dasharray="{_DASHES[number]}"' if _DASHES[number] else ""
    right = _WIDTH - _RIGHT
    return (
        f'<line class="line {_ORDER[number]}"{dashes} x1="{right - 28}" x2="{right}" y1="{y}" y2="{y}"/>'
        f'<text x="{right - 34}" y="{y + 4}" text-anchor="end">{text(name)}</text>'
    )


def _around(values: Sequence[float]) -> Bins | None:
    """An axis that holds all these values, with some room at its ends."""
    sound = [one for one in values if math.isfinite(one)]
    low, high = min(sound), max(sound)
    room = (high - low) * 0.06 or abs(high) * 0.1 or step_of(1, 5)
    return bins_of((low - room, high + room))


def _dot(point: Point, across: Bins, up: Bins) -> str:
    x, y = _across(across, point.x), _up(up, point.y)
    kind = "best" if point.kind == "best" else "other"
    reach = ""
    if point.low is not None and point.high is not None and math.isfinite(point.low) and math.isfinite(point.high):
        reach = (
            f'<line class="reach" stroke="#000" x1="{x:.1f}" x2="{x:.1f}" y1="{_up(up, point.low):.1f}" '
            f'y2="{_up(up, point.high):.1f}"/>'
        )
    named = f'<text class="label" x="{x + 7:.1f}" y="{y - 6:.1f}">{text(point.name)}</text>' if kind == "best" else ""
    told = f"{text(point.name)}: {short(point.x)}, {short(point.y)}"
    return f'<g><title>{told}</title>{reach}<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>{named}</g>'
