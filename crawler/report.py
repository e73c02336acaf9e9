"""What a job says of itself when it is done: counts that add up, stage by stage.

The counts depend on input and recipe alone, so that the same job gives the same counts in every place; what depends on
the day (seconds, bytes a second) is kept apart in `seconds`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

#: the folder of the filters that a stage asks
_FOLDERS = {
    "candidates": "candidates",
    "filter candidates": "candidates",
    "filter bodies": "bodies",
    "filter pictures": "pictures",
}


class AccountingError(AssertionError):
    """Records went missing or were counted twice: a bug of ours, never the web's fault."""


class StageCount(msgspec.Struct, frozen=True):
    """One stage of the way: `found == kept + sum(rejected.values())`."""

    stage: str
    found: int
    kept: int
    rejected: dict[str, int]


class Spent(msgspec.Struct, frozen=True):
    """What a stage, or one filter of it, has cost: a measurement, never part of what two runs must have in common.

    Seconds are those of the threads at work, added up: with several decoders more than the clock on the wall.
    """

    stage: str  # as in `StageCount`; "encode", "prepare" and "write" besides
    what: str  # "pictures.min_side", "engine:NAME", or "" for the stage itself
    records: int  # that it was shown
    seconds: float  # on the wall, waiting included
    cpu_seconds: float  # of processors, those of a decoder's process or a scoring actor included


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The report of one job; its commit marker holds it."""

    job: str
    kind: str
    recipe: str  # digest
    stages: tuple[StageCount, ...]
    #: why the input was cut short ("" for a whole one), such as the end of a truncated archive
    incomplete: str = ""
    bytes_read: int = 0  # of archives
    bytes_received: int = 0  # of image bodies
    bytes_written: int = 0
    names_looked_up: int = 0
    names_asked: int = 0  # of them, of a name server; the others were known
    seconds: float = 0.0
    #: by stage and what, in the order of the way; () in reports of versions before it was measured
    spent: tuple[Spent, ...] = ()


def chain(found: int, steps: Sequence[tuple[str, Mapping[str, int]]], *, kept: int) -> tuple[StageCount, ...]:
    """Stages in a row, each finding what the one before kept; `kept` is counted independently at the end.

    Raises:
        AccountingError: the rejections do not explain the difference between `found` and `kept`.
    """
    stages = []
    inside = found
    for stage, rejected in steps:
        left = inside - sum(rejected.values())
        stages.append(StageCount(stage, inside, left, dict(sorted(rejected.items()))))
        inside = left
    if inside != kept:
        raise AccountingError(
            f"{found} found, {found - inside} rejected, but {kept} kept, in {[one for one, _ in steps]}"
        )
    return tuple(stages)


def merge(stages: Iterable[StageCount]) -> tuple[StageCount, ...]:
    """The sum of the stages of many jobs, in the order in which they are first seen. Merged counts still add up."""
    found: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    rejected: dict[str, Counter[str]] = {}
    for one in stages:
        found[one.stage] += one.found
        kept[one.stage] += one.kept
        rejected.setdefault(one.stage, Counter()).update(one.rejected)
    return tuple(
        StageCount(stage, found[stage], kept[stage], dict(sorted(reasons.items())))
        for stage, reasons in rejected.items()
    )


def add_up(spent: Iterable[Spent]) -> tuple[Spent, ...]:
    """The sum of what many jobs have spent, by stage and what, in the order in which these are first seen."""
    sums: dict[tuple[str, str], Spent] = {}
    for one in spent:
        key = (one.stage, one.what)
        known = sums.get(key)
        sums[key] = (
            one
            if known is None
            else Spent(
                *key,
                known.records + one.records,
                round(known.seconds + one.seconds, 6),
                round(known.cpu_seconds + one.cpu_seconds, 6),
            )
        )
    return tuple(sums.values())


def use_of(stage: str, name: str) -> str:
    """A filter's name as recipes have it, "pictures.min_side", of its name in reports and the stage that asks it."""
    return f"{_FOLDERS[stage]}.{name}"


def check(stages: Iterable[StageCount]) -> None:
    """Whether every stage adds up.

    Raises:
        AccountingError: one does not.
    """
    for one in stages:
        if one.found != one.kept + sum(one.rejected.values()):
            raise AccountingError(f"stage {one.stage}: {one.found} found, {one.kept} kept, {one.rejected}")
