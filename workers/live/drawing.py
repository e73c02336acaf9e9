"""The drawings of the live page as inline SVG: numbers only, said in words, too."""

from __future__ import annotations

import time

from workers.live.seen import Curve
from workers.report.drawn.html import text
from workers.telling.lines import rate_of

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 720, 170, 8, 20, 24
#: marks of the time, at most
_MARKS = 6
#: a drawing of fewer bins would be a few thick columns
_FEWEST = 20


def filled(done: int, total: int | None, rest: str = "rest") -> str:
    """A bar of how much is done; `rest` is the class of what is not. Decoration: the numbers stand beside it."""
    width = min(100.0, 100 * done / total) if total else 0.0
    return (
        '<svg class="filled" aria-hidden="true" width="100%" height="12">'
        f'<rect class="{rest}" width="100%" height="100%"/>'
        f'<rect class="kept" width="{width:.2f}%" height="100%"/></svg>'
    )


def speeds(curve: Curve) -> str:
    """Columns of what was done in each bin, a second; the last one is not over. "" where nothing was done."""
    most = max(curve.done, default=0)
    if most <= 0:
        return ""
    bins = [0] * max(0, _FEWEST - len(curve.done)) + list(curve.done)
    began = curve.began - curve.seconds * (len(bins) - len(curve.done))
    step = (_WIDTH - 2 * _LEFT) / len(bins)
    ground = _HEIGHT - _BOTTOM
    columns = []
    for place, done in enumerate(bins):
        tall = (ground - _TOP) * done / most
        name = "kept" if place < len(bins) - 1 else "kept present"
        left, wide = _LEFT + (place + 0.1) * step, 0.8 * step
        where = f'x="{left:.1f}" width="{wide:.1f}" y="{ground - tall:.1f}" height="{tall:.1f}"'
        told = f"{_clock(began + place * curve.seconds)}: {rate_of(done / curve.seconds)} a second"
        columns.append(f'<rect class="{name}" {where}><title>{told}</title></rect>' if done else "")
    every = max(1, len(bins) // _MARKS)
    marks = "".join(
        f'<text x="{_LEFT + (place + 0.5) * step:.1f}" y="{_HEIGHT - 6}" text-anchor="middle">'
        f"{_clock(began + place * curve.seconds)}</text>"
        for place in range(every // 2, len(bins) - every // 4, every)
    )
    best = f"{rate_of(most / curve.seconds)} {text(curve.unit)} a second"
    told = f"Speed over the last {len(bins) * curve.seconds // 60} minutes: at most {best}"
    return (
        f'<svg class="histogram" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{told}">'
        f'<line x1="{_LEFT}" x2="{_WIDTH - _LEFT}" y1="{ground}" y2="{ground}"/>'
        f'<line x1="{_LEFT}" x2="{_WIDTH - _LEFT}" y1="{_TOP}" y2="{_TOP}" stroke-dasharray="2 4"/>'
        f'<text x="{_WIDTH - _LEFT}" y="{_TOP - 6}" text-anchor="end">{best}</text>{"".join(columns)}{marks}</svg>'
    )


def _clock(moment: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(moment))
