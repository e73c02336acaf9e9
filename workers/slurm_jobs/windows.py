"""Slices as SLURM's arrays see them: windows below MaxArraySize, and the short way to write a set of indices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from crawler.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Window:
    """Slices that one array runs: slice = offset + index of the array task."""

    offset: int
    indices: tuple[int, ...]  # ascending, none twice, never empty

    @property
    def slices(self) -> list[int]:
        """The slices themselves, ascending."""
        return [self.offset + index for index in self.indices]


def windows(slices: Iterable[int], size: int) -> list[Window]:
    """Put slices into arrays whose indices are all below `size`.

    A slice has the same window and index whatever the others are, so arrays of two stages correspond task by task.

    Raises:
        SettingsError: `size` is below 1.
    """
    if size < 1:
        raise SettingsError(f"windows of {size} tasks hold nothing; MaxArraySize must be at least 1")
    blocks = groupby(sorted(set(slices)), key=lambda one: one // size)
    return [Window(block * size, tuple(one % size for one in members)) for block, members in blocks]


def expression(indices: Sequence[int], at_once: int | None = None) -> str:
    """What follows `--array=`: "0-3,7,9-10", and "%2" where not more than two tasks may run at once."""
    runs = ",".join(f"{first}-{last}" if last > first else str(first) for first, last in _runs(indices))
    return f"{runs}%{at_once}" if at_once is not None else runs


def parse_expression(text: str) -> list[int]:
    """The indices of an array expression as SLURM writes it: ranges, steps ("0-8:2") and a throttle ("%4").

    Raises:
        ValueError: it is none.
    """
    indices: set[int] = set()
    for part in text.strip("[]").partition("%")[0].split(","):
        bounds, _, step = part.partition(":")
        first, dash, last = bounds.partition("-")
        indices.update(range(int(first), int(last if dash else first) + 1, int(step or 1)))
    return sorted(indices)


def shares(total: int, parts: int) -> list[int]:
    """Divide what may run at once among windows that run side by side: their sum is `total`, each has at least 1.

    Raises:
        SettingsError: there are more windows than tasks that may run at once.
    """
    if total < parts:
        raise SettingsError(
            f"--at-once {total} is less than the {parts} arrays that the slices need; allow at least {parts}"
        )
    return [total // parts + (one < total % parts) for one in range(parts)]


def _runs(indices: Sequence[int]) -> Iterator[tuple[int, int]]:
    ascending = sorted(set(indices))
    for _, members in groupby(enumerate(ascending), key=lambda one: one[1] - one[0]):
        run = [value for _, value in members]
        yield run[0], run[-1]
