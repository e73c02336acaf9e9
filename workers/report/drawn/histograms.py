"""Histograms as inline SVG. They hold numbers only, and say in words what they show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workers.report.drawn.axes import Bins, bins_of, powers, short, ticks
from workers.report.drawn.html import text

_WIDTH, _HEIGHT = 520, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 14, 44, 46
_GROUND = _HEIGHT - _BOTTOM
#: the counts of a histogram get a logarithmic axis where the largest is this many times the middle one
_SKEWED = 40


@dataclass(frozen=True, slots=True)
class Line:
    """A threshold on an axis: it keeps what lies "from" it on, or what lies "below" it."""

    at: float
    label: str
    keeps: str = "from"


@dataclass(frozen=True, slots=True)
class _Column:
    low: float
    high: float
    kept: int
    lost: int


def helps(counts: Sequence[int]) -> bool:
    """Whether counts differ so much that a logarithmic axis shows more of them."""
    some = sorted(one for one in counts if one > 0)
    return len(some) > 2 and some[-1] > _SKEWED * some[len(some) // 2]


def is_logarithmic(kept: Sequence[int], rejected: Sequence[int]) -> bool:
    """Whether `histogram_svg` draws these counts on a logarithmic axis when it is not told."""
    return helps([good + bad for good, bad in zip(kept, rejected, strict=False)])


def histogram_svg(
    title: str,
    edges: Sequence[float],
    kept: Sequence[int],
    rejected: Sequence[int],
    lines: Sequence[Line] = (),
    *,
    log: bool | None = None,
) -> str:
    """Columns of kept above rejected between the first and the last bin that hold anything; "" where none does.

    Args:
        title: what is counted, in a few words.
        edges: of the bins, growing; bin i lies between edges[i] and edges[i + 1]. Lists of different lengths are read
            as far as all of them go.
        kept: how many of each bin were kept.
        rejected: how many were not.
        lines: thresholds, drawn where they lie; the histogram reaches as far as they do.
        log: whether counts stand on a logarithmic axis; None where it shows more.
    """
    lines = [one for one in lines if math.isfinite(one.at)]
    many = min(len(edges) - 1, len(kept), len(rejected))
    bins = bins_of(edges[: many + 1]) if many > 0 else None
    if bins is None:
        return ""
    columns = [
        _Column(bins.edges[place], bins.edges[place + 1], max(0, kept[place]), max(0, rejected[place]))
        for place in range(many)
    ]
    columns = _inhabited(columns, lines)
    if not columns:
        return ""
    bins = Bins((*(one.low for one in columns), columns[-1].high))
    if log is None:
        log = is_logarithmic([one.kept for one in columns], [one.lost for one in columns])
    most = max(one.kept + one.lost for one in columns)
    scale = _Scale(most, log=log)
    drawn = "".join(_drawn(place, one, bins, scale) for place, one in enumerate(columns))
    described = f"{sum(one.kept for one in columns):,} kept and {sum(one.lost for one in columns):,} rejected"
    described += f", between {short(bins.edges[0])} and {short(bins.edges[-1])}"
    described += "".join(f"; line at {short(one.at)}: {one.label}" for one in lines)
    return (
        f'<svg class="plot histogram" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{text(title)}: {text(described)}">'
        f"{_beside(scale)}{_below(bins)}{drawn}{lines_svg(lines, bins)}"
        f'<text class="title" x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 8}" text-anchor="end">{text(title)}</text></svg>'
    )


def lines_svg(lines: Sequence[Line], bins: Bins) -> str:
    """Thresholds as lines through a plot, labelled above it; two rows of labels, for neighbours."""
    drawn = []
    for number, one in enumerate(sorted(lines, key=lambda line: line.at)[:8]):
        if not bins.edges[0] <= one.at <= bins.edges[-1]:
            continue
        place = bins.place(one.at)
        x = _LEFT + place * (_WIDTH - _LEFT - _RIGHT)
        anchor = "start" if place < 0.3 else "end" if place > 0.7 else "middle"
        y = 14 + 15 * (number % 2)
        drawn.append(
            f'<line class="threshold" stroke="#000" x1="{x:.1f}" x2="{x:.1f}" y1="{y + 4}" y2="{_GROUND}"/>'
            f'<text class="label" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{text(one.label)}</text>'
        )
    return "".join(drawn)


@dataclass(frozen=True, slots=True)
class _Scale:
    """How high a count stands, in units of the drawing above the ground."""

    most: int
    log: bool

    def height(self, count: float) -> float:
        room = _GROUND - _TOP
        if count <= 0:
            return 0.0
        if not self.log:
            return room * count / self.most
        # one row is drawn, too: a logarithmic axis begins at a half
        return room * math.log10(2 * count) / math.log10(2 * self.most)

    def marks(self) -> list[float]:
        if not self.log:
            return [one for one in ticks(0, self.most, 4) if one == int(one)]
        return powers(self.most)


def _inhabited(columns: list[_Column], lines: Sequence[Line]) -> list[_Column]:
    """The columns between the first and the last that hold anything, or that a line lies in."""
    held = [place for place, one in enumerate(columns) if one.kept + one.lost]
    if not held:
        return []
    lined = [
        place
        for place, one in enumerate(columns)
        if any(one.low <= line.at < one.high or line.at == one.high == columns[-1].high for line in lines)
    ]
    return columns[min(held + lined) : max(held + lined) + 1]


def _drawn(place: int, one: _Column, bins: Bins, scale: _Scale) -> str:
    step = (_WIDTH - _LEFT - _RIGHT) / bins.count
    gap = min(1.5, step * 0.12)
    x, width = _LEFT + place * step + gap / 2, step - gap
    whole, good = scale.height(one.kept + one.lost), scale.height(one.kept)
    told = f"{short(one.low)} to {short(one.high)}: {one.kept:,} kept, {one.lost:,} rejected"
    if scale.log:  # heights do not add up: the kept stand before the whole, and narrower
        shapes = _rect("lost", x, width, _GROUND - whole, whole)
        shapes += _rect("kept", x + width * 0.2, width * 0.6, _GROUND - good, good)
    else:
        bad = whole - good
        shapes = _rect("lost", x, width, _GROUND - bad, bad) + _rect("kept", x, width, _GROUND - whole, good)
    return f"<g><title>{told}</title>{shapes}</g>"


def _rect(name: str, x: float, width: float, y: float, height: float) -> str:
    if height <= 0:
        return ""
    return f'<rect class="{name}" x="{x:.1f}" width="{width:.1f}" y="{y:.1f}" height="{height:.1f}"/>'


def _beside(scale: _Scale) -> str:
    drawn = [f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_GROUND}" y2="{_GROUND}"/>']
    for mark in scale.marks():
        y = _GROUND - scale.height(mark)
        drawn.append(
            f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{short(mark)}</text>'
        )
    return "".join(drawn)


def _below(bins: Bins) -> str:
    return marks_svg(bins, _LEFT, _WIDTH - _LEFT - _RIGHT, _GROUND + 17)


def marks_svg(bins: Bins, left: float, across: float, y: float) -> str:
    """The numbers below an axis that is `across` wide; the last one ends where the axis does."""
    return "".join(
        f'<text x="{left + bins.place(mark) * across:.1f}" y="{y}" '
        f'text-anchor="{"end" if bins.place(mark) > 0.985 else "middle"}">{short(mark)}</text>'
        for mark in bins.marks()
    )
