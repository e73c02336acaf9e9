"""What checks have found of a worker, in sentences for whoever runs it: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workers.tracker.moves.figure_records import Checked
from workers.tracker.pages.words import CHECKS, COMPARED, number


@dataclass(frozen=True, slots=True)
class Found:
    """One line of the table."""

    name: str
    words: str
    wrong: int
    looked: int


def checks_of(checked: Sequence[Checked]) -> list[Found]:
    """A line for each check that looked at something: "12 of 3,000 rows compared with the archive differed"."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for one in checked:
        told = CHECKS.get(one.name, COMPARED)
        wrong, looked = sums.get(told, (0, 0))
        sums[told] = wrong + one.wrong, looked + one.looked
    order = [*CHECKS.values(), COMPARED]
    return [
        Found(name, _sentence(what, *sums[name, what]), *sums[name, what])
        for name, what in order
        if (name, what) in sums and sums[name, what][1] > 0
    ]


def _sentence(what: str, wrong: int, looked: int) -> str:
    if wrong == 0:
        return f"none of {number(looked)} {what}"
    return f"{number(wrong)} of {number(looked)} {what}"
