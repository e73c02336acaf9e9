"""V6: is a result like those of others? Never a proof: the web is not the same everywhere, and neither are archives.

What is measured is held against the spread of the same measure among other workers' results of the same kind, so that
a mixed crawl forgives more than an even one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from workers.tracker.checking.looked import Looked, good, nothing, odd

NAME = "population"
Figures = Mapping[str, float]

#: fewer say nothing of what is usual
_LEAST_PEERS = 12
_LEAST_ROWS = 50
#: a population stability index below this is no shift, whatever the peers' spread (0.25 is the usual word for "large")
_PSI = 0.25
#: how far outside: of the median's absolute deviations (1.4826 of them are a standard deviation), and of the largest
_DEVIATIONS = 8.0
_LARGEST = 1.5
#: shares of rows, kinds of mix
_MIXES = ("reason_", "kept_language_", "language_", "similarity_bin_")
#: two jobs never have the same scores in the same order
_LEAST_SCORES = 20


@dataclass(frozen=True, slots=True)
class Peer:
    """Another result of the same kind and recipe."""

    job: int
    figures: Figures


def look_population(job: int, figures: Figures, peers: Sequence[Peer]) -> Looked:
    """Hold a result's figures against those of others. `job` is the tracker's number of it.

    ODD at the most.
    """
    if copied := [one.job for one in peers if one.job != job and _is_copy(figures, one.figures)]:
        return Looked((odd(NAME, f"the same scores as in job {copied[0]}", looked=len(peers), wrong=1),))
    others = [one for one in peers if one.job != job and one.figures.get("rows", 0) >= _LEAST_ROWS]
    if len(others) < _LEAST_PEERS or figures.get("rows", 0) < _LEAST_ROWS:
        return Looked((nothing(NAME, "too few to compare with"),))
    strange = [*_yield(figures, others), *_mixes(figures, others)]
    if strange:
        return Looked((odd(NAME, "; ".join(strange), looked=len(others), wrong=len(strange)),))
    return Looked((good(NAME, len(others)),))


def _is_copy(figures: Figures, others: Figures) -> bool:
    return figures.get("similarity_number", 0) >= _LEAST_SCORES and figures.get("similarity_mark", -1) == others.get(
        "similarity_mark", -2
    )


def _yield(figures: Figures, peers: Sequence[Peer]) -> list[str]:
    """What share of rows is kept, how large they are, and how fast all went: outliers by robust deviations."""
    strange = []
    for name in ("kept", "body_bytes"):
        own = figures.get(name, 0.0) / figures["rows"]
        usual = [one.figures.get(name, 0.0) / one.figures["rows"] for one in peers]
        if _is_outlier(own, usual):
            strange.append(f"{name} a row: {own:.3g}, where {median(usual):.3g} is usual")
    seconds = _pace(figures)
    usual = [_pace(one.figures) for one in peers]
    if seconds < median(usual) and _is_outlier(seconds, usual):  # slow machines are welcome
        strange.append(f"done in 1/{math.exp(median(usual) - seconds):.0f} of the time that is usual")
    return strange


def _pace(figures: Figures) -> float:
    """The logarithm of seconds a row: machines differ by factors."""
    return math.log(max(figures.get("seconds", 0.0), 1e-3) / figures["rows"])


def _is_outlier(own: float, usual: Sequence[float]) -> bool:
    middle = median(usual)
    spread = median(abs(one - middle) for one in usual)
    return abs(own - middle) > max(_DEVIATIONS * spread, _LARGEST * max(abs(one - middle) for one in usual), 0.02)


def _mixes(figures: Figures, peers: Sequence[Peer]) -> list[str]:
    """Distributions whose distance from all others' is larger than that of any of them."""
    strange = []
    for prefix in _MIXES:
        own = _mix(figures, prefix)
        theirs = [_mix(one.figures, prefix) for one in peers]
        pooled = _sum(theirs)
        if not own or not pooled:
            continue
        distance = stability_index(own, pooled)
        usual = [stability_index(one, pooled) for one in theirs if one]
        if distance > max(_PSI, _LARGEST * max(usual)):
            strange.append(f"{prefix.rstrip('_')}: index {distance:.2f}, at most {max(usual):.2f} is usual")
    return strange


def _mix(figures: Figures, prefix: str) -> dict[str, float]:
    return {name: value for name, value in figures.items() if name.startswith(prefix)}


def _sum(mixes: Sequence[Mapping[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for mix in mixes:
        for name, value in mix.items():
            total[name] = total.get(name, 0.0) + value
    return total


def stability_index(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """The population stability index of two counts by name: 0 for equal shares, above 0.25 a large shift.

    Half a row stands in for what one of them does not have: a rare name must not weigh for ever.
    """
    names = one.keys() | other.keys()
    total, other_total = sum(one.values()) + len(names) / 2, sum(other.values()) + len(names) / 2
    index = 0.0
    for name in names:
        share, other_share = (one.get(name, 0) + 0.5) / total, (other.get(name, 0) + 0.5) / other_total
        index += (share - other_share) * math.log(share / other_share)
    return index
