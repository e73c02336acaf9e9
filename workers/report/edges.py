"""Edges of bins that people like to read, wide enough for what is there: pure arithmetic.

All edges of this module grow strictly and are finite; the first is at most the lowest value, the last at least the
highest one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

#: factors within a power of ten, for what spans several of them: bytes, characters
DECIMAL = (1, 1.5, 2, 3, 5, 7)
#: factors within a power of two: sides of pictures
BINARY = (1, 1.5)
#: a rough scale for ratios: fine where most pictures are, coarse where hardly any is
RATIOS = (
    1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2, 2.25, 2.5, 2.75, 3, 3.5, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100,
    1_000, 100_000,
)  # fmt: skip
#: bins are not finer than this share of their values: floats have no room for more
_FINEST = 1e-9


def even_edges(low: float, high: float, about: int = 50) -> tuple[float, ...]:
    """Round numbers in equal steps of 1, 2, 2.5 or 5 times a power of ten: `about` bins, or up to twice as many.

    Raises:
        ValueError: `low` or `high` is not finite, or they stand the wrong way round.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"no bins can be drawn from {low} to {high}")
    largest = max(abs(low), abs(high))
    span = high / 2 - low / 2  # halves: the difference of two large numbers may be infinite
    if span <= max(largest * _FINEST, 1e-300):
        return _around(low, high)
    rough = 2 * (span / about)
    power = 10.0 ** math.floor(math.log10(rough))
    step = max(factor * power for factor in (1, 2, 2.5, 5) if factor == 1 or factor * power <= rough * 1.001)
    digits = 2 - math.floor(math.log10(step))
    # a hair's breadth of slack: 0.3 / 0.1 is less than 3
    first, last = math.floor(low / step + 1e-6), math.ceil(high / step - 1e-6)
    # 0.28 as a float of 32 bits is a hair above 0.28: a whole step more, for bins of another width would be miscounted
    first -= round(step * first, digits) > low
    last += round(step * last, digits) < high
    return _covering([round(step * place, digits) for place in range(first, last + 1)], low, high)


def ladder(low: float, high: float, factors: Sequence[float], base: int = 10) -> tuple[float, ...]:
    """`factors` times the powers of `base`, from the last one that is at most `low` to the first from `high` on.

    Values below 1 share the bin from 0 on, negative ones that and the one before it.

    Raises:
        ValueError: as `even_edges`.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"no bins can be drawn from {low} to {high}")
    rungs, power = [0.0], 1.0
    while rungs[-1] < high:
        rungs += [factor * power for factor in factors]  # beyond what floats can hold they are infinite, and left out
        power *= base
    return _covering(_cut(rungs, low, high), low, high)


def scale(low: float, high: float, marks: Sequence[float]) -> tuple[float, ...]:
    """The part of a scale that covers the values.

    Raises:
        ValueError: as `even_edges`.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"no bins can be drawn from {low} to {high}")
    return _covering(_cut(list(marks), low, high), low, high)


def _cut(marks: list[float], low: float, high: float) -> list[float]:
    first = max((place for place, mark in enumerate(marks) if mark <= low), default=0)
    last = next((place for place, mark in enumerate(marks) if mark >= high and place > first), len(marks) - 1)
    return marks[first : last + 1]


def _covering(edges: list[float], low: float, high: float) -> tuple[float, ...]:
    """The edges, with ends that reach as far as the values do, whatever rounding has done."""
    inner = [one for one in edges if math.isfinite(one)]
    if not inner or inner[0] > low:
        inner.insert(0, low)
    if inner[-1] < high:
        inner.append(high)
    grown = inner[:1] + [after for before, after in pairwise(inner) if after > before]
    return tuple(grown) if len(grown) > 1 else _around(low, high)


def _around(low: float, high: float) -> tuple[float, float]:
    """One bin, for values that are all the same, or nearly."""
    width = max(abs(low), abs(high), 1.0) * 0.01
    below, above = low - width / 2, high + width / 2
    if not (math.isfinite(below) and math.isfinite(above)):
        return (math.nextafter(low, -math.inf), high) if low > 0 else (low, math.nextafter(high, math.inf))
    return below, above
