"""Where numbers stand on an axis, and which of them are written beside it: pure arithmetic of the drawings."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

#: bins whose widths differ by less than this share of the widest count as equally wide
_UNEVEN = 0.02


def step_of(span: float, about: int) -> float:
    """The round number (1, 2 or 5 times a power of ten) that divides `span` into `about` parts, or somewhat fewer."""
    if not (span > 0 and math.isfinite(span)):
        return 1.0
    rough = span / max(1, about)
    power = 10.0 ** math.floor(math.log10(rough))
    return next((power * one for one in (1, 2, 5, 10) if power * one >= rough * (1 - 1e-9)), power * 10) or 1.0


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers between `low` and `high`, some `about` of them; `low` alone where there is nothing between."""
    step = step_of(high - low, about)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    if not 0 <= last - first <= 4 * about:  # a span that floats cannot divide
        return [low]
    return [float(f"{place * step:.12g}") + 0.0 for place in range(first, last + 1)]


def powers(most: float) -> list[float]:
    """The powers of ten from one up to `most`, at most six of them, for an axis of counts that is logarithmic."""
    top = max(0, math.floor(math.log10(most))) if most >= 1 else 0
    every = max(1, math.ceil((top + 1) / 6))
    return [10.0**power for power in range(0, top + 1, every)]


def short(number: float) -> str:
    """A number for an axis, in as few characters as it needs: 0.28, 1,500, 20k, 3M."""
    size = abs(number)
    for least, step, letter in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if size >= least:
            return f"{number / step:,.3g}{letter}" if size < 1e15 else f"{number:.3g}"
    return f"{number:,.0f}" if size >= 1_000 else f"{number:.4g}"


@dataclass(frozen=True, slots=True)
class Bins:
    """Edges of bins, and where a value stands among them: bin i is as wide on paper as any other.

    `edges` grow strictly, and are two or more.
    """

    edges: tuple[float, ...]

    @property
    def count(self) -> int:
        """How many bins there are."""
        return len(self.edges) - 1

    def place(self, value: float) -> float:
        """Where a value stands: 0 at the first edge, 1 at the last; beyond them, at them."""
        if not value > self.edges[0]:
            return 0.0
        if value >= self.edges[-1]:
            return 1.0
        left = bisect_right(self.edges, value) - 1
        inside = (value - self.edges[left]) / (self.edges[left + 1] - self.edges[left])
        return (left + inside) / self.count

    def marks(self, about: int = 5) -> list[float]:
        """The values to write below: round ones where all bins are equally wide, else edges."""
        widths = [high - low for low, high in pairwise(self.edges)]
        if max(widths) - min(widths) <= _UNEVEN * max(widths):
            return ticks(self.edges[0], self.edges[-1], about)
        every = max(1, math.ceil(len(self.edges) / (about + 2)))
        return list(self.edges[::every])


def bins_of(edges: Sequence[float]) -> Bins | None:
    """Bins with these edges; None where they do not grow, are fewer than two, or are no numbers."""
    whole = tuple(float(one) for one in edges)
    grows = all(low < high for low, high in pairwise(whole))
    if len(whole) < 2 or not grows or not all(map(math.isfinite, whole)) or not math.isfinite(whole[-1] - whole[0]):
        return None
    return Bins(whole)
