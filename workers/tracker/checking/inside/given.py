"""What a job was given, row by row, and which of its rows answers which: nothing invented, swapped or left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from crawler.raw import RawHead, read_head, read_rows
from crawler.records import Fault, Rejected
from crawler.rows import rejected_row
from crawler.tables import count_rows, read_candidates
from workers.tracker.checking.inside.wrong import WrongError, insist
from workers.tracker.checking.orders import Look

_OF_THE_END = ("status", "error_message", "reason")


@dataclass(frozen=True, slots=True)
class Given:
    """One row of the input."""

    index: int
    row: Mapping[str, Any]  # what must be said of it, whatever became of it
    image: bytes  # of a raw shard; else b""
    extension: str


class Input(NamedTuple):
    """The input of one job."""

    rows: int
    head: RawHead | None  # of a score job's


def input_of(look: Look) -> Input:
    """How many rows there are. The tracker handed the file out itself.

    Raises:
        PairtrawlError: it cannot be read any more.
    """
    path = Path(look.input)
    if look.kind == "score":
        head = read_head(path)
        return Input(head.rows, head)
    return Input(count_rows(path), None)


def given_rows(look: Look) -> Iterator[Given]:
    """The rows of the job's input, in order.

    Raises:
        PairtrawlError: as `input_of`.
    """
    path = Path(look.input)
    if look.kind == "score":
        for index, pictured in read_rows(path):
            yield Given(index, pictured.row, pictured.image, pictured.extension)
        return
    index = 0
    for group in read_candidates(path):
        for candidate in group:
            row = rejected_row(Rejected(candidate, "x"))
            yield Given(index, {name: row[name] for name in row if name not in _OF_THE_END}, b"", "")
            index += 1


def paired(
    given: Iterator[Given], rows: Iterator[dict[str, Any]], column: str, name_of: Callable[[int], object]
) -> Iterator[tuple[Given, dict[str, Any]]]:
    """Each row of a table with what it answers: `row[column]` is `name_of(index)`, ascending. Gaps are stepped over.

    Raises:
        WrongError: a row answers nothing, comes twice, or out of order.
    """
    for row in rows:
        for one in given:
            if name_of(one.index) == row[column]:
                yield one, row
                break
        else:
            raise WrongError(f"the row {row[column]!r} is none of the job's, comes twice, or out of order")


def differs(row: Mapping[str, Any], given: Mapping[str, Any], *, but_for: frozenset[str] = frozenset()) -> str:
    """The first column in which a row does not say what was given, or ""."""
    for name, value in given.items():
        if name not in but_for and row[name] != value:
            return name
    return ""


def check_foretold(look: Look, index: int, reason: str | None, where: str) -> None:
    """Whether a row that ends by the plan alone ends so, and no other does.

    Raises:
        WrongError: it is not so.
    """
    wanted = look.foretold.get(index)
    by_the_plan = reason in look.judges.candidates or reason == Fault.PAGE_OPTED_OUT
    insist(reason == wanted if wanted or by_the_plan else True, f"{where}: {reason!r}, where the plan says {wanted!r}")
