"""The Sankey diagram as inline SVG: bands as wide as their counts, from images to kept pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workers.report.drawn.flow import Loss, Step, few
from workers.report.drawn.html import share, text
from workers.report.drawn.reason_kinds import KINDS

_PITCH, _WIDEST_PITCH = 178, 330  # from one node to the next
_WIDTH = 1080  # at least
_PAGES = 110  # from the pages to their images
_LEFT, _TOP = 8, 46
_NODE = 9  # width of a node
_TALL = 300  # height of the largest node
_LAST = 120  # room for the name of the last node
_REACH = 46  # of a band that leaves, from its node to its end
_ROW = 31  # least distance of two ends, for two lines of words
#: bands that would be thinner are drawn this thin, in units of the drawing
_HAIR = 0.8
_LONGEST = 19  # characters of a reason beside its band


@dataclass(frozen=True, slots=True)
class Drawn:
    """The drawing, and the count below which a band is a hair: thinner than it may be drawn."""

    svg: str
    hair: float


def sankey(steps: Sequence[Step], pages: int = 0) -> Drawn | None:
    """The diagram of these steps; None where there is nothing that flows.

    Args:
        steps: the way.
        pages: how many pages the images of the first step stand on; they have a scale of their own. 0: none are drawn.
    """
    largest = max((one.height for one in steps), default=0)
    if largest <= 0:
        return None
    scale = _TALL / largest
    pitch = max(_PITCH, min(_WIDEST_PITCH, (_WIDTH - _PAGES - _LAST) / len(steps)))
    parts, lowest, left = [], float(_TALL), _LEFT
    if pages > 0:
        parts.append(_pages(steps[0], pages, scale))
        left += _PAGES
    for place, step in enumerate(steps):
        drawn, reached = _step(step, left + place * pitch, scale, pitch)
        parts.append(drawn)
        lowest = max(lowest, reached)
    end = left + len(steps) * pitch
    last = steps[-1]
    parts.append(_node(end, last.kept * scale, "kept" if last.after == "kept" else "node", last.after, last.kept))
    width, height = max(_WIDTH, end + _LAST), _TOP + lowest + 26
    lost = sum(one.count for step in steps for one in step.losses)
    told = f"From {steps[0].enters:,} {steps[0].before} to {last.kept:,} {last.after}: {lost:,} rejected on the way"
    svg = (
        f'<svg class="sankey" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{text(told)}. '
        f'The table of reasons has every number.">{"".join(parts)}</svg>'
    )
    return Drawn(svg, _HAIR / scale)


def _step(step: Step, x: float, scale: float, pitch: float) -> tuple[str, float]:
    """One node, what goes on from it, and what leaves it; and how far down that reaches."""
    parts = [_band(x + _NODE, x + pitch, 0, 0, step.kept * scale, "kept", f"{step.kept:,} {step.after}")]
    top = step.kept * scale
    leaving = few(step.losses, step.height)
    if step.waiting:
        leaving.append(Loss("not yet", step.waiting, "waiting"))
    end, row = max(top, 0.0) + 14, 0.0
    for one in leaving:
        thick = one.count * scale
        end = max(end, row - thick / 2)
        told = f"{one.count:,} {one.reason}, {share(one.count, step.height)} of {step.height:,} {step.before}"
        parts.append(_band(x + _NODE, x + _NODE + _REACH, top, end, thick, one.kind, told))
        parts.append(_label(x + _NODE + _REACH, end + thick / 2, one, step.height))
        top += thick
        row = end + thick / 2 + _ROW
        end += thick + 8
    parts.append(_node(x, step.height * scale, "node", step.before, step.height))
    return "".join(parts), max(end, row - _ROW / 2)


def _pages(step: Step, pages: int, scale: float) -> str:
    """What images come from: as high as they are together, for it is another unit."""
    tall = step.height * scale
    told = f"{pages:,} pages hold {step.height:,} images"
    return (
        f'<path class="band hold" d="M{_LEFT + _NODE} {_TOP}H{_LEFT + _PAGES}v{tall:.2f}H{_LEFT + _NODE}Z">'
        f"<title>{told}</title></path>"
        f'<text class="loss" x="{_LEFT + _NODE + (_PAGES - _NODE) / 2:.1f}" y="{_TOP + tall / 2:.1f}" '
        f'text-anchor="middle">{step.height / pages:,.1f} a page</text>{_node(_LEFT, tall, "node", "pages", pages)}'
    )


def _band(left: float, right: float, start: float, end: float, thick: float, kind: str, told: str) -> str:
    """A band from one height to another; one that is thinner than a hair is drawn as one, about its own middle."""
    if thick <= 0:
        return ""
    if thick < _HAIR:
        start, end, thick = start + thick / 2 - _HAIR / 2, end + thick / 2 - _HAIR / 2, _HAIR
    middle = (left + right) / 2
    upper, lower = _TOP + start, _TOP + end
    path = (
        f"M{left:.1f} {upper:.2f}C{middle:.1f} {upper:.2f} {middle:.1f} {lower:.2f} {right:.1f} {lower:.2f}"
        f"V{lower + thick:.2f}C{middle:.1f} {lower + thick:.2f} {middle:.1f} {upper + thick:.2f} "
        f"{left:.1f} {upper + thick:.2f}Z"
    )
    return f'<path class="band {kind}" d="{path}"><title>{text(told)}</title></path>'


def _label(x: float, y: float, loss: Loss, height: int) -> str:
    name = loss.reason if len(loss.reason) <= _LONGEST else loss.reason[: _LONGEST - 1] + "\u2026"
    return (
        f'<text class="loss" x="{x + 5:.1f}" y="{_TOP + y:.1f}">{text(name)}'
        f'<tspan class="number" x="{x + 5:.1f}" dy="13">{loss.count:,} \u00b7 {share(loss.count, height)}</tspan>'
        "</text>"
    )


def _node(x: float, tall: float, kind: str, name: str, count: int) -> str:
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{_TOP}" width="{_NODE}" height="{max(tall, _HAIR):.2f}"/>'
        f'<text class="at" x="{x:.1f}" y="{_TOP - 24}">{text(name)}</text>'
        f'<text class="total" x="{x:.1f}" y="{_TOP - 8}">{count:,}</text>'
    )


def kinds_key(steps: Sequence[Step]) -> str:
    """The key to the colours, as a list; only of what is there."""
    there = {one.kind for step in steps for one in step.losses} | {"waiting" for step in steps if step.waiting}
    items = "".join(
        f'<li><svg class="key" aria-hidden="true" width="12" height="12"><rect class="band {kind}" width="100%" '
        f'height="100%" rx="2"/></svg> {text(told)}</li>'
        for kind, told in {"kept": "kept, or on its way", **KINDS}.items()
        if kind in there or kind == "kept"
    )
    return f'<ul class="keys">{items}</ul>'
