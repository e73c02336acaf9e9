"""From what was measured up to ten million rows to what ten billion would take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.costing.growth import Point
from benchmarks.supercomputer.assumptions import Assumptions

#: the largest sizes that were measured: below them a stage's start hides what a row costs
_LARGEST = 2
SIZES = (10**8, 10**9, 10**10)


@dataclass(frozen=True, slots=True)
class Power:
    """A figure that grows with a power of the rows: `last` at `rows` rows."""

    rows: float
    last: float
    exponent: float

    def at(self, rows: float) -> float:
        """At so many rows."""
        return self.last * math.pow(rows / self.rows, self.exponent)


def power(sizes: Sequence[float], values: Sequence[float], least_exponent: float = 0.0) -> Power:
    """The least squares of logarithms, through the largest point: further on that one counts.

    Raises:
        ValueError: there are not two points.
    """
    if len(sizes) < 2 or len(sizes) != len(values):
        raise ValueError(f"{len(sizes)} sizes and {len(values)} values: two of each are needed")
    x, y = [math.log(one) for one in sizes], [math.log(one) for one in values]
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True)) / sum(
        (a - middle_x) ** 2 for a in x
    )
    return Power(sizes[-1], values[-1], max(slope, least_exponent))


@dataclass(frozen=True, slots=True)
class Growth:
    """What a stage takes, by rows."""

    stage: str
    cpu: Power  # seconds
    wall: Power  # seconds
    peak_bytes: Power
    disk_bytes: Power


def growth(points: Sequence[Point], stage: str) -> Growth | None:
    """The fit of one stage; None where fewer than two sizes were measured.

    A stage that has to look at each row cannot grow slower than the rows do, whatever the points say.
    """
    of = sorted((one for one in points if one.stage == stage), key=lambda one: one.rows)[-_LARGEST:]
    if len(of) < _LARGEST:
        return None
    rows = [float(one.rows) for one in of]
    return Growth(
        stage, power(rows, [one.cpu for one in of], 1.0), power(rows, [one.wall for one in of], 1.0),
        power(rows, [float(one.peak_bytes) for one in of]), power(rows, [float(one.disk_bytes) for one in of]),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Break:
    """Something that ends at a number of rows."""

    what: str
    rows: float  # planned rows, or candidates where the plan is meant
    why: str


@dataclass(frozen=True, slots=True)
class RowBytes:
    """What a row leaves on disk, in bytes on average."""

    spill: float  # a candidate, beside the plan
    raw: float  # a planned row, in a raw shard
    shard: float  # a planned row, in a shard


def breaks(found: Sequence[Growth], of_row: RowBytes, rows_per_job: int, assumed: Assumptions) -> list[Break]:
    """What ends first, in order, when a run is one run on one parallel file system and nothing is divided."""
    plan = next((one for one in found if one.stage == "plan"), None)
    report = next((one for one in found if one.stage == "report"), None)
    ends = [
        Break("files of plan and shards", assumed.quota_files * rows_per_job / 4,
              f"4 files for {rows_per_job:,} rows, {assumed.quota_files:,.0f} files ({assumed.quota_files.source})"),  # type: ignore[attr-defined]  # an `Assumed`
        Break("disk for raw shards", assumed.quota_bytes / of_row.raw,
              f"{of_row.raw / 1e3:,.1f} kB a planned row, {assumed.quota_bytes / 1e12:.0f} TB, where all is fetched before any is scored"),
        Break("disk for shards", assumed.quota_bytes / of_row.shard,
              f"{of_row.shard / 1e3:,.1f} kB a planned row, {assumed.quota_bytes / 1e12:.0f} TB"),
        Break("disk beside the plan", assumed.quota_bytes / of_row.spill, f"{of_row.spill:.0f} bytes a candidate"),
    ]  # fmt: skip
    if plan:
        ends.append(_within("time of the plan", plan.cpu, assumed.walltime_hours * 3600 * assumed.plan_cores,
                            f"{assumed.walltime_hours:.0f} h of walltime, {assumed.plan_cores:.0f} threads"))  # fmt: skip
    if report:
        ends.append(
            _within("time of the report", report.cpu, assumed.walltime_hours * 3600, "one process within a walltime")
        )
    return sorted(ends, key=lambda one: one.rows)


def _within(what: str, seconds: Power, limit: float, why: str) -> Break:
    return Break(what, seconds.rows * (limit / seconds.last) ** (1 / seconds.exponent), why)
