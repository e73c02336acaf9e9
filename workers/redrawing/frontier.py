"""`pairtrawl filters frontier`: which recipes of a grid nobody has to consider, for another is better in every way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import filters
from crawler.errors import InputError
from workers.redrawing.asking import Told, open_rows
from workers.redrawing.ballot import UNKNOWN, YES, Ballot, Signature, ballot_of, outcome
from workers.redrawing.costs import Price, cost_of, prices_at
from workers.redrawing.frozen import frozen_at
from workers.redrawing.grid import Combination
from workers.redrawing.judging import Known, known_of, shown, stratum
from workers.redrawing.telling import interval

ASSUMED = (
    "Judged rows are taken for a random sample of what a recipe keeps, each weighing what the truth or the labels say "
    "(all the same, where these say nothing).",
    "A recipe is on the frontier unless another keeps as many rows, of which as large a share matches, for as little "
    "time of a core for each, and is better in one of these. The intervals of neighbours overlap: small differences of "
    "precision may be chance.",
)


def frontier(
    grid: Sequence[Combination],
    places: Sequence[Path],
    *,
    truth: Path | None = None,
    labels: Path | None = None,
    any_model: bool = False,
    told: Told | None = None,
) -> dict[str, Any]:
    """What each recipe of a grid keeps, how good that is, what it costs, and which of them are on the frontier.

    All recipes take one pass over the tables.

    Args:
        grid: the recipes.
        places: folders of runs, parquet files, or folders of such files.
        truth: CSV or parquet: `match` (1 or 0) for each `content_id`, or for each `url` and `caption`.
        labels: the folder of labels, if there is no truth.
        any_model: scores are taken as they are, whoever made them.
        told: told how many rows are judged one by one.

    Raises:
        InputError: a table or what is known of its rows cannot be read, or nothing is known of any row.
        SettingsError: a recipe is not right.
        RunFolderError: a run does not say which recipe it is of.
    """
    frozen = frozen_at(places)
    ballot = ballot_of([one.recipe for one in grid], frozen, any_model=any_model)
    prices = prices_at(places)
    with open_rows(frozen, ballot, told=told) as rows:
        counts = {signature: number for _, signature, number in rows.counts("NULL")}
        known = known_of(rows, truth=truth, labels=labels)
    if known is None or not known.judged:
        raise InputError("a frontier needs judged rows: name a --truth, or the --labels of these rows")
    embedding = frozenset(
        place for place, one in enumerate(ballot.variants) if filters.judges_embeddings(one.choice.use)
    )
    recipes = [
        {"name": one.name, "settings": one.settings} | _figures(ballot, recipe, counts, known, prices, embedding)
        for recipe, one in enumerate(grid)
    ]
    best = set(on_frontier([_axes(one) for one in recipes]))
    return {
        "kind": "frontier",
        "rows": sum(counts.values()),
        "judged": known.judged,
        "recipes": [one | {"best": place in best} for place, one in enumerate(recipes)],
        "assumed": list(ASSUMED),
    }


def _figures(
    ballot: Ballot,
    recipe: int,
    counts: Mapping[Signature, int],
    known: Known,
    prices: Mapping[str, Price],
    embedding: frozenset[int],
) -> dict[str, Any]:
    said = {signature: outcome(ballot, recipe, signature) for signature in counts}
    kept = sum(number for signature, number in counts.items() if said[signature] == YES)
    sample = stratum(known.rows, kept, lambda signature: outcome(ballot, recipe, signature) == YES)
    cost = cost_of(ballot, recipe, counts, kept, prices, embedding)
    return {
        "kept": kept,
        "cannot_tell": sum(number for signature, number in counts.items() if said[signature] == UNKNOWN),
        "precision": shown(sample.share) if sample.judged else None,
        "cost": None if cost is None else asdict(cost),
    }


def _axes(one: Mapping[str, Any]) -> tuple[float, ...] | None:
    """What a recipe is judged by, more being better; None for one of which nothing was judged."""
    if one["precision"] is None:
        return None
    cost = one["cost"] and one["cost"]["cpu_seconds_a_kept_row"]
    return (one["precision"]["share"], one["kept"], -(cost or 0.0))


def on_frontier(points: Sequence[tuple[float, ...] | None]) -> Iterator[int]:
    """The places of the points that no other is better than: as good in everything, and better in something."""
    for place, point in enumerate(points):
        if point is not None and not any(other is not None and _is_better(other, point) for other in points):
            yield place


def _is_better(other: tuple[float, ...], point: tuple[float, ...]) -> bool:
    return other != point and all(one >= own for one, own in zip(other, point, strict=True))


def by_quality(recipes: Sequence[Mapping[str, Any]], *, best: bool) -> list[Mapping[str, Any]]:
    """The judged recipes that are on the frontier, or those that are not, by the share that matches."""
    judged = (one for one in recipes if one["precision"] is not None and one["best"] is best)
    return sorted(judged, key=lambda one: (-one["precision"]["share"], -one["kept"]))


def as_text(found: Mapping[str, Any]) -> Iterator[str]:
    """The frontier for people, line by line: by the share that matches."""
    recipes = found["recipes"]
    best = by_quality(recipes, best=True)
    yield f"{len(recipes):,} recipes, {found['rows']:,} rows, {found['judged']:,} of them judged; {len(best):,} best"
    yield f"{'match':>34}{'rows kept':>13}{'not told':>11}{'ms/kept row':>13}  settings"
    for one in best:
        cost = one["cost"] and one["cost"]["cpu_seconds_a_kept_row"]
        paid = f"{1000 * cost:.2f}" if cost is not None else "-"
        yield f"{interval(one['precision']):>34}{one['kept']:>13,}{one['cannot_tell']:>11,}{paid:>13}  {one['name']}"
    for sentence in found["assumed"]:
        yield f"  {sentence}"
