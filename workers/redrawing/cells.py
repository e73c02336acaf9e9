"""Two recipes row by row: kept by both, by one alone, by neither, or not to be told; counted from signatures, pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

from workers.redrawing.ballot import ENDED, UNKNOWN, YES, Ballot, Signature, not_told_by, outcome

Key = TypeVar("Key", bound=Hashable)


class Cell(StrEnum):
    """What two recipes make of a row."""

    BOTH = "both"
    ONLY_A = "only_a"
    ONLY_B = "only_b"
    NEITHER = "neither"
    #: the columns do not tell what at least one of them says
    CANNOT_TELL = "cannot_tell"
    #: a fault: no recipe changes what the web answered, or what was found out of the job as a whole
    ENDED = "ended"


#: where the recipes A and B keep what was judged
KEPT_BY = ((Cell.BOTH, Cell.ONLY_A), (Cell.BOTH, Cell.ONLY_B))


def cell_of(ballot: Ballot, signature: Signature) -> Cell:
    """Where rows of that signature lie for the first two recipes of a ballot."""
    if signature[0] == ENDED:
        return Cell.ENDED
    one, other = outcome(ballot, 0, signature), outcome(ballot, 1, signature)
    if UNKNOWN in (one, other):
        return Cell.CANNOT_TELL
    if one == other:
        return Cell.BOTH if one == YES else Cell.NEITHER
    return Cell.ONLY_A if one == YES else Cell.ONLY_B


def in_cells(ballot: Ballot, counts: Iterable[tuple[Key, Signature, int]]) -> dict[Key, Counter[Cell]]:
    """Rows by a key, and by cell."""
    known: dict[Signature, Cell] = {}
    found: dict[Key, Counter[Cell]] = {}
    for key, signature, number in counts:
        cell = known.get(signature)
        if cell is None:
            cell = known[signature] = cell_of(ballot, signature)
        found.setdefault(key, Counter())[cell] += number
    return found


def written(counts: Mapping[Cell, int]) -> dict[str, int]:
    """Counts of all cells by name, as JSON has them."""
    return {cell.value: counts.get(cell, 0) for cell in Cell}


def unknown_by(ballot: Ballot, recipe: int, counts: Mapping[Signature, int]) -> dict[str, int]:
    """Rows of which it cannot be told what a recipe says, by the filter that no column tells; the largest first.

    The name is "" for rows that were never fetched, because the run turned them down earlier than the recipe does.
    """
    found: Counter[str] = Counter()
    for signature, number in counts.items():
        if signature[0] != ENDED and outcome(ballot, recipe, signature) == UNKNOWN:
            found[not_told_by(ballot, recipe, signature)] += number
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
