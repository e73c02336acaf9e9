"""How scores and sizes are spread over kept and rejected rows: two passes, the first for the ends of the bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from filters.redrawn import quoted
from workers.report.edges import BINARY, DECIMAL, RATIOS, even_edges, ladder, scale
from workers.report.rows import Rows

#: bins of a score, about; their edges are the thresholds of its yield curve
_BINS = 50


@dataclass(frozen=True, slots=True)
class _Spread:
    key: str  # of the report
    name: str
    measured: str  # SQL: a DOUBLE, or null


@dataclass(frozen=True, slots=True)
class _Counted:
    edges: tuple[float, ...]
    kept: list[int]
    rejected: list[int]
    at_the_end: int  # rows that lie on the last edge: they are counted in the bin before it


def spreads_of(rows: Rows) -> dict[str, Any]:
    """`scores` and `sizes`; of each only what some row has a finite value of.

    A bin holds the values from its lower edge on and below its upper one; the last one that, too. A score has a curve
    beside: for each edge, taken as a threshold, the rows that have this score and lie from there on.
    """
    wanted = [*_scores(rows), *_sizes(rows)]
    if not wanted:
        return {}
    ends = ", ".join(
        f"min({one.measured}) FILTER (WHERE isfinite({one.measured})), "
        f"max({one.measured}) FILTER (WHERE isfinite({one.measured}))"
        for one in wanted
    )
    found = rows.one(f"SELECT {ends} FROM rows")  # noqa: S608 - names are quoted
    spans = [
        (one, _edges(one, low, high))
        for one, low, high in zip(wanted, found[::2], found[1::2], strict=True)
        if low is not None
    ]
    told: dict[str, Any] = {"scores": {}, "sizes": {}}
    for one, counted in zip([one for one, _ in spans], _count(rows, spans), strict=True):
        spread = {"edges": list(counted.edges), "kept": counted.kept, "rejected": counted.rejected}
        if one.key == "scores":
            spread["curve"] = _curve(counted)
        told[one.key][one.name] = spread
    return told


def _scores(rows: Rows) -> list[_Spread]:
    return [_Spread("scores", name, quoted(name)) for name in rows.scores]


def _sizes(rows: Rows) -> list[_Spread]:
    """Sides are those of the file as received, where the tables have them: a filter judged these."""
    wanted = []
    for sides in (("original_width", "original_height"), ("width", "height")):
        if rows.has(*sides):
            short, long = (f"{side}({sides[0]}, {sides[1]})::DOUBLE" for side in ("least", "greatest"))
            both = f"{sides[0]} > 0 AND {sides[1]} > 0"  # `least` passes over null
            wanted.append(_Spread("sizes", "shorter side", f"CASE WHEN {both} THEN {short} END"))
            wanted.append(_Spread("sizes", "aspect ratio", f"CASE WHEN {both} THEN {long} / {short} END"))
            break
    if rows.has("body_bytes"):
        wanted.append(_Spread("sizes", "bytes", "body_bytes::DOUBLE"))
    if rows.has("caption"):
        wanted.append(_Spread("sizes", "caption characters", "length(caption)::DOUBLE"))
    return wanted


def _edges(one: _Spread, low: float, high: float) -> tuple[float, ...]:
    if one.name == "aspect ratio" and one.key == "sizes":
        return scale(low, high, RATIOS)
    if one.key == "sizes":
        return ladder(low, high, *((BINARY, 2) if one.name == "shorter side" else (DECIMAL, 10)))
    return even_edges(low, high, _BINS)


def _count(rows: Rows, spans: Sequence[tuple[_Spread, tuple[float, ...]]]) -> list[_Counted]:
    """The bins of everything in one pass.

    DuckDB's bins hold what is above their lower edge and up to the upper one. Ours are to hold the lower one, for a
    threshold keeps what lies on it: so the numbers are counted with their signs turned.
    """
    if not spans:
        return []
    asked, bounds = [], {}
    for place, (one, edges) in enumerate(spans):
        turned = f"CASE WHEN isfinite({one.measured}) THEN -({one.measured}) END"
        bounds[f"e{place}"] = [-edge for edge in reversed(edges)]
        asked += [f"histogram({turned}, $e{place}::DOUBLE[]) FILTER (WHERE {which})" for which in ("kept", "NOT kept")]
    counted = rows.one(f"SELECT {', '.join(asked)} FROM rows", **bounds)  # noqa: S608 - names are quoted
    return [
        _placed(edges, counted[2 * place] or {}, counted[2 * place + 1] or {}) for place, (_, edges) in enumerate(spans)
    ]


def _placed(edges: tuple[float, ...], *sides: dict[float, int]) -> _Counted:
    bins: list[list[int]] = []
    ends = 0
    for side in sides:
        counts = [int(side.get(-edge, 0)) for edge in edges]
        end = counts.pop()
        counts[-1] += end
        ends += end
        bins.append(counts)
    return _Counted(edges, bins[0], bins[1], ends)


def _curve(counted: _Counted) -> dict[str, Any]:
    both = [good + bad for good, bad in zip(counted.kept, counted.rejected, strict=True)]
    scored = sum(both)
    below = [0, *accumulate(both)]
    from_on = [scored - one for one in below]
    from_on[-1] = counted.at_the_end
    return {"thresholds": list(counted.edges), "kept": from_on, "scored": scored}
