"""A report out of the statistics that are stored with a version: coarser than one of its tables, and at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from workers.dataset.describing.bins import EDGES, SCORE_STEP
from workers.dataset.describing.statistics import Bin, Statistics, Value

_TOP_HOSTS = 20
#: column -> key of the report: kept rows by value
_KINDS = {
    "language": "languages", "caption_language": "caption_languages", "caption_source": "text_sources",
    "licence": "licences", "format": "formats",
}  # fmt: skip
#: column -> name among the sizes
_SIZES = {
    "original_width": "width as received", "original_height": "height as received", "aspect_ratio": "aspect ratio",
    "body_bytes": "bytes", "caption_characters": "caption characters",
}  # fmt: skip


def told_by_statistics(statistics: Statistics) -> dict[str, Any]:
    """What `workers.report.tables.told_by` says, as far as statistics know it. Pure.

    Hosts are registrable domains with a hundred rows or more, in round numbers; rare values are summed up as "other".
    """
    values = statistics.values
    told: dict[str, Any] = {"totals": {"rows": statistics.rows, "kept": statistics.kept}}
    told |= {key: _kept(values[column]) for column, key in _KINDS.items() if column in values}
    told["reasons"] = {one.value: one.found for one in values.get("reason", [])}
    told["outcomes"] = {one.value: one.found for one in values.get("outcome", [])}
    told["scores"] = {
        name: _score(name, bins, values) for name, bins in statistics.numbers.items() if name not in EDGES
    }
    told["sizes"] = {
        title: _spread(EDGES[name], statistics.numbers[name])
        for name, title in _SIZES.items()
        if name in statistics.numbers
    }
    told["top_hosts"] = [_counted("host", one) for one in statistics.sites[:_TOP_HOSTS]]
    told["opt_outs"] = [
        _counted("signal", one) for column in ("page_opt_outs", "header_opt_outs") for one in values.get(column, [])
    ]
    return {key: value for key, value in told.items() if value}


def _kept(counted: Sequence[Value]) -> dict[str, int]:
    return {one.value: one.kept for one in counted if one.kept}


def _counted(name: str, one: Value) -> dict[str, Any]:
    return {name: one.value, "found": one.found, "kept": one.kept}


def _score(name: str, bins: Sequence[Bin], values: Mapping[str, Sequence[Value]]) -> dict[str, Any]:
    places = [round(one.lower / SCORE_STEP) for one in bins]
    edges = [place * SCORE_STEP for place in range(min(places), max(places) + 2)]
    told = _spread(edges, bins)
    both = [good + bad for good, bad in zip(told["kept"], told["rejected"], strict=True)]
    scored = sum(both)
    curve = {"thresholds": told["edges"], "kept": [scored - one for one in (0, *accumulate(both))], "scored": scored}
    models = [one.value for one in values.get(f"{name}_model", [])]
    return told | {"curve": curve, "models": models}


def _spread(edges: Sequence[float], bins: Sequence[Bin]) -> dict[str, Any]:
    """Bins without holes. The last one has no end; it is drawn twice as far as where it begins."""
    lowers = list(edges)
    if bins and bins[-1].upper is None:
        lowers.append(2 * lowers[-1])
    kept, rejected = [0] * (len(lowers) - 1), [0] * (len(lowers) - 1)
    for one in bins:
        place = _nearest(lowers[:-1], one.lower)
        kept[place] += one.kept
        rejected[place] += one.found - one.kept
    return {"edges": [round(one, 6) for one in lowers], "kept": kept, "rejected": rejected}


def _nearest(lowers: Sequence[float], lower: float) -> int:
    """Which bin begins there; floats that went through JSON are compared with what they come of."""
    return min(range(len(lowers)), key=lambda place: math.fabs(lowers[place] - lower))
