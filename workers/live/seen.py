"""What is seen of a run at one moment: values, for a page and for metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from crawler.report import StageCount
from workers.slice_status import SliceStatus
from workers.telling.events import Figures


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs of one step: `total` is None where it is not known yet."""

    kind: str  # "extract", "fetch", "crawl"
    title: str
    unit: str
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class AtWork:
    """Who is at work: a sitting, as its timeline tells."""

    verb: str
    place: str
    host: str
    slice: str  # "" for a sitting that has the run for itself
    figures: Figures | None  # of the phase that it is in
    heard: datetime | None  # when it last said anything
    exit_code: int | None  # None: it has not ended, or was killed
    stopped: str  # why it was asked to stop


@dataclass(frozen=True, slots=True)
class Curve:
    """How much was done in each bin of so many seconds, the last one ending now or a moment ago."""

    phase: str
    unit: str
    seconds: int
    began: float  # of the first bin, in seconds since 1970
    done: Sequence[int]

    @property
    def recent(self) -> float:
        """Units a second over the last two minutes, but for the bin that is not over."""
        bins = max(1, 120 // self.seconds)
        last = self.done[-bins - 1 : -1]
        return sum(last) / (len(last) * self.seconds) if last else 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A run at one moment."""

    at: datetime
    folder: str  # its name
    name: str  # of the recipe; "" before there is a run
    jobs: Sequence[Jobs]
    stages: Sequence[StageCount]  # of jobs that are committed, the plan included
    #: rows of the plan; None before there is one
    rows: int | None
    rows_done: int
    kept: int
    sittings: Sequence[AtWork]
    slices: Mapping[str, Sequence[SliceStatus]]  # by verb
    curve: Curve | None
    left_seconds: float | None
    failures: Sequence[str]
    failed: int
    said: Sequence[str]
    has_report: bool

    @property
    def reasons(self) -> dict[str, int]:
        """All rejections by reason, the most frequent first."""
        counted: dict[str, int] = {}
        for stage in self.stages:
            for reason, count in stage.rejected.items():
                counted[reason] = counted.get(reason, 0) + count
        return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))

    @property
    def is_at_work(self) -> bool:
        """Whether a sitting has begun and not said that it ended; it may have been killed."""
        return any(one.exit_code is None for one in self.sittings)
