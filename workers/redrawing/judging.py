"""How good recipes are, by the rows of a truth or of labels: shares that match, with intervals, and paired tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.intervals import Counted, Share, combined, mcnemar, paired_difference, stratified
from workers.redrawing.asking import Rows
from workers.redrawing.ballot import Ballot, Signature
from workers.redrawing.cells import KEPT_BY, Cell, cell_of
from workers.redrawing.truth import open_labels, open_truth

ASSUMED = (
    "Judged rows are taken for a random sample of each cell, whatever share of the cell was judged; each cell counts "
    "with all of its rows, so that cells may have been sampled at different rates.",
    "Within a cell judged rows weigh what the truth or the labels say (all the same, where these say nothing).",
    "McNemar's test and the paired difference take all judged rows for one random sample, and are left out where the "
    "rows weigh differently.",
    "Intervals are of 95 % and do not shrink where nearly all rows were judged: they are of more rows of this kind.",
)


@dataclass(frozen=True, slots=True)
class JudgedRows:
    """Judged rows of one signature and one answer."""

    signature: Signature
    matches: bool
    weight: float
    squares: float  # of the weights
    rows: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the rows."""

    pairs: int  # that the truth or the labels name
    rows: tuple[JudgedRows, ...]

    @property
    def judged(self) -> int:
        """Rows of these pairs."""
        return sum(one.rows for one in self.rows)

    @property
    def weigh_the_same(self) -> bool:
        """Whether every judged row stands for as many."""
        mean = {round(one.weight / one.rows, 9) for one in self.rows}
        return len(mean) == 1 and all(
            abs(one.squares * one.rows - one.weight**2) < 1e-6 * one.weight**2 for one in self.rows
        )


def known_of(rows: Rows, *, truth: Path | None = None, labels: Path | None = None) -> Known | None:
    """Judged rows by signature; None where there is neither a truth nor a folder of labels.

    Raises:
        InputError: what is known cannot be read.
    """
    if truth is not None:
        keys, pairs = open_truth(rows.database, truth)
    elif labels is not None:
        keys, pairs = open_labels(rows.database, labels)
    else:
        return None
    on = " AND ".join(f"frozen_rows.{key} = truth.{key}" for key in keys)
    found = rows.ask(
        f"SELECT yes, sum(weight), sum(weight * weight), count(*), {rows.words} "  # noqa: S608 - words of this package
        f"FROM frozen_rows JOIN truth ON {on} GROUP BY yes, {rows.words}"
    )
    return Known(
        pairs,
        tuple(
            JudgedRows(rows.unpacked(row[4:]), bool(row[0]), float(row[1]), float(row[2]), int(row[3])) for row in found
        ),
    )


def stratum(known: Iterable[JudgedRows], number: int, here: Callable[[Signature], bool]) -> Counted:
    """The judged rows of some signatures, as a sample of `number` rows."""
    inside = [one for one in known if here(one.signature)]
    return Counted.weighted(
        number,
        sum(one.weight for one in inside if one.matches),
        (sum(one.weight for one in inside), sum(one.squares for one in inside)),
        sum(one.rows for one in inside),
    )


def judged_comparison(ballot: Ballot, known: Known, cells: dict[Cell, int]) -> dict[str, Any]:
    """What judged rows say of the first two recipes of a ballot, as JSON has it."""
    strata: dict[Cell, Counted] = {
        cell: stratum(known.rows, number, lambda signature, cell=cell: cell_of(ballot, signature) == cell)  # type: ignore[misc] # the default binds the cell
        for cell, number in ((cell, cells.get(cell, 0)) for cell in Cell)
        if number and cell is not Cell.ENDED
    }
    a, b = (stratified([strata[cell] for cell in kept if cell in strata]) for kept in KEPT_BY)
    return {
        "pairs": known.pairs,
        "rows": known.judged,
        "cells": {cell.value: shown(one.share) if one.judged else None for cell, one in strata.items()},
        "a": shown(a),
        "b": shown(b),
        "difference": shown(_difference(strata)),
        "paired": _paired(ballot, known) if known.weigh_the_same else None,
        "assumed": list(ASSUMED),
    }


def _difference(strata: dict[Cell, Counted]) -> Share | None:
    """How much larger the share that matches is of what B keeps than of what A keeps; the cells are independent."""
    total = [sum(strata[cell].weight for cell in kept if cell in strata) for kept in KEPT_BY]
    if not all(total) or not any(strata[cell].judged for kept in KEPT_BY for cell in kept if cell in strata):
        return None
    factors: dict[Cell, float] = defaultdict(float)
    for sign, kept, rows in zip((-1, 1), KEPT_BY, total, strict=True):
        for cell in kept:
            if cell in strata:
                factors[cell] += sign * strata[cell].weight / rows
    return combined([(factor, strata[cell].share) for cell, factor in factors.items() if strata[cell].weight])


def _paired(ballot: Ballot, known: Known) -> dict[str, Any]:
    """How often each recipe is right of the judged rows that both tell: it keeps what matches, and nothing else."""
    right: dict[tuple[bool, bool], int] = defaultdict(int)
    for one in known.rows:
        cell = cell_of(ballot, one.signature)
        if cell not in (Cell.ENDED, Cell.CANNOT_TELL):
            keeps = (cell in KEPT_BY[0], cell in KEPT_BY[1])
            right[keeps[0] == one.matches, keeps[1] == one.matches] += one.rows
    both, first, second, neither = (right[key] for key in ((True, True), (True, False), (False, True), (False, False)))
    return {
        "both_right": both,
        "only_a_right": first,
        "only_b_right": second,
        "none_right": neither,
        "difference": shown(paired_difference(both, first, second, neither)),
        "p": mcnemar(first, second),
    }


def shown(share: Share | None) -> dict[str, Any] | None:
    """An estimate as JSON has it."""
    return None if share is None else share._asdict()
