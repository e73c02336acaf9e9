"""`pairtrawl filters ab`: two recipes on the same frozen candidates, as numbers that JSON can hold.

The tables are read twice: a few columns for where the scores lie, and all that the recipes ask for to count
(`workers.redrawing.counting`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import filters
from crawler.settings import Recipe
from filters.lines import lines_of
from filters.redrawn import quoted
from workers.redrawing.asking import Told, open_rows
from workers.redrawing.ballot import YES, Ballot, Signature, ballot_of, outcome
from workers.redrawing.bins import bin_of
from workers.redrawing.cells import KEPT_BY, Cell, in_cells, unknown_by, written
from workers.redrawing.costs import Price, cost_of, prices_at
from workers.redrawing.counting import Counted, counted, ranges
from workers.redrawing.frozen import frozen_at, in_order
from workers.redrawing.judging import judged_comparison, known_of
from workers.redrawing.sheets import sheets_of_cells
from workers.report.drawn.contact import Sheet
from workers.report.edges import even_edges
from workers.report.hosts import class_of

#: languages and top-level domains that are named; all others are "others"
_MOST_NAMED = 20
_BINS = 40
#: RFC 1035
_LONGEST_LABEL = 63
_OTHERS = "others"

ASSUMED = (
    "What the web answered, what was a duplicate and what a job as a whole turned down is the same under both recipes.",
    "A filter that the run itself had is taken by its word; the files that it named are taken for what they were.",
)


def compare(
    a: Recipe,
    b: Recipe,
    places: Sequence[Path],
    *,
    truth: Path | None = None,
    labels: Path | None = None,
    sheets: int = 0,
    any_model: bool = False,
    told: Told | None = None,
) -> tuple[dict[str, Any], list[Sheet]]:
    """What two recipes make of the rows of finished runs, and contact sheets of where they disagree.

    Args:
        a: one recipe.
        b: the other one.
        places: folders of runs, parquet files, or folders of such files.
        truth: CSV or parquet: `match` (1 or 0) for each `content_id`, or for each `url` and `caption`.
        labels: the folder of labels, if there is no truth.
        sheets: pairs on a contact sheet; 0 for none.
        any_model: scores are taken as they are, whoever made them.
        told: told how many rows are judged one by one.

    Raises:
        InputError: a table or what is known of its rows cannot be read.
        SettingsError: a recipe is not right.
        RunFolderError: a run does not say which recipe it is of.
    """
    frozen = frozen_at(places)
    ballot = ballot_of([a, b], frozen, any_model=any_model)
    prices = prices_at(places)
    with open_rows(frozen, ballot, told=told) as rows:
        drawn = _drawn(rows.scores, (a, b))
        edges = {column: even_edges(*ends, _BINS) for column, ends in ranges(rows, tuple(drawn)).items()}
        bins = {column: _bin_of(column, one) for column, one in edges.items()}
        with counted(rows, *bins.values()) as found_by:
            by_language = found_by.by_language()
            by_host = _by_host(found_by, ballot)
            spreads = _scores(found_by, ballot, drawn, edges, bins)
        counts: Counter[Signature] = Counter()
        for _, signature, number in by_language:
            counts[signature] += number
        cells = sum(in_cells(ballot, by_language).values(), Counter())
        known = known_of(rows, truth=truth, labels=labels)
        found = {
            "kind": "comparison",
            "tables": sum(len(one.tables) for one in frozen),
            "rows": sum(counts.values()),
            "cells": written(cells),
            "a": _side(ballot, 0, a, counts, cells, prices),
            "b": _side(ballot, 1, b, counts, cells, prices),
            "by_language": _named(in_cells(ballot, by_language)),
            **by_host,
            "scores": spreads,
            "prices": [asdict(one) for one in prices.values()],
            "judged": None if known is None else judged_comparison(ballot, known, dict(cells)),
            "assumed": list(ASSUMED),
        }
        score = next(iter(found["scores"]), "")
        cells_shown = (Cell.ONLY_A, Cell.ONLY_B)
        pictures = sheets_of_cells(rows, ballot, counts, cells_shown, sheets, score) if sheets else []
    return found, pictures


def _side(
    ballot: Ballot,
    recipe: int,
    asked: Recipe,
    counts: Mapping[Signature, int],
    cells: Mapping[Cell, int],
    prices: Mapping[str, Price],
) -> dict[str, Any]:
    kept = sum(number for signature, number in counts.items() if outcome(ballot, recipe, signature) == YES)
    embedding = frozenset(
        place for place, one in enumerate(ballot.variants) if filters.judges_embeddings(one.choice.use)
    )
    cost = cost_of(ballot, recipe, counts, kept, prices, embedding)
    unknown = unknown_by(ballot, recipe, counts)
    return {
        "name": asked.name,
        "filters": [{"use": one.use, "settings": one.settings} for one in in_order(asked)],
        "kept": kept,
        "kept_alone": cells.get(KEPT_BY[recipe][1], 0),
        "cannot_tell": sum(unknown.values()),
        "cannot_tell_by": unknown,
        "cost": None if cost is None else asdict(cost),
    }


def _named(found: Mapping[str, Counter[Cell]]) -> list[dict[str, Any]]:
    """The values with the most rows that did not end by a fault, and all others together."""

    def compared(cells: Counter[Cell]) -> int:
        return sum(number for cell, number in cells.items() if cell is not Cell.ENDED)

    ordered = sorted(found.items(), key=lambda item: (-compared(item[1]), item[0]))
    named = [{"value": value, **written(cells)} for value, cells in ordered[:_MOST_NAMED] if compared(cells)]
    others = sum((cells for _, cells in ordered[_MOST_NAMED:]), Counter())
    return [*named, {"value": _OTHERS, **written(others)}] if compared(others) else named


def _by_host(found_by: Counted, ballot: Ballot) -> dict[str, Any]:
    """By the size class of a row's host (rows of that host in these tables) and by top-level domain."""
    sizes = found_by.by_host_size()
    classes = in_cells(
        ballot, ((class_of(digits, single=single), signature, rows) for (single, digits), signature, rows in sizes)
    )
    domains = in_cells(ballot, ((_domain(label), signature, rows) for label, signature, rows in found_by.by_domain()))
    return {
        "by_host_size": [{"value": value, **written(cells)} for value, cells in classes.items()],
        "by_domain": _named(domains),
    }


def _domain(label: str) -> str:
    """A top-level domain; "" of an address of numbers, and of what no name server would know."""
    return label if len(label) <= _LONGEST_LABEL and not label.isdigit() else ""


def _drawn(scores: Sequence[str], recipes: tuple[Recipe, Recipe]) -> dict[str, list[list[dict[str, Any]]]]:
    """The lines that each recipe draws in a score, of those in which one of them does."""
    lines = [[line for one in recipe.filters for line in lines_of(one.use, one.settings)] for recipe in recipes]
    found = {column: [[line._asdict() for line in own if line.column == column] for own in lines] for column in scores}
    return {column: drawn for column, drawn in found.items() if any(drawn)}


def _bin_of(column: str, edges: Sequence[float]) -> str:
    return f"CASE WHEN isfinite({quoted(column)}) THEN {bin_of(column, edges)} END"


def _scores(
    found_by: Counted,
    ballot: Ballot,
    drawn: Mapping[str, list[list[dict[str, Any]]]],
    edges: Mapping[str, Sequence[float]],
    bins: Mapping[str, str],
) -> dict[str, Any]:
    """How the scores that the recipes draw lines in are spread over the cells."""
    found = {}
    for column, own in edges.items():
        in_bins = in_cells(ballot, found_by.by(bins[column]))
        found[column] = {
            "edges": list(own),
            "cells": {
                cell.value: [in_bins.get(place, Counter())[cell] for place in range(len(own) - 1)] for cell in Cell
            },
            "lines": {"a": drawn[column][0], "b": drawn[column][1]},
        }
    return found
