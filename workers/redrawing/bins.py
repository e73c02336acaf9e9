"""Which bin of a histogram a score lies in, as SQL."""

from __future__ import annotations

from collections.abc import Sequence

from filters.redrawn import literal, quoted


def bin_of(column: str, edges: Sequence[float], *, top: bool = False) -> str:
    """SQL: the place of a score's bin, of evenly spaced ones.

    A score within a billionth of a step of an edge counts as one that lies on it. What lies on the upper edge of the
    last bin is in that bin, or with `top` in one of its own.
    """
    step = (edges[-1] - edges[0]) / (len(edges) - 1)
    place = f"floor(({quoted(column)} - {literal(float(edges[0]))}) / {literal(step)} + 1e-9)::INTEGER"
    return f"greatest(0, least({len(edges) - (1 if top else 2)}, {place}))"
