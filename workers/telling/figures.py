"""The figures of one phase while it goes: what is done, what became of it, how fast, and how long it will take."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol, TypeVar

from crawler.job import JobKind
from crawler.report import Report, Spent
from workers.telling.events import Passed, PhaseEnded, PhaseProgress, moment

#: what a rate is taken over, in seconds
_WINDOW = 60.0
#: seconds between two points of the window
_STEP = 1.0
_REASONS = 10
#: the share of a phase that must be done before its end is foretold, unless it goes on for a minute
_ENOUGH = 0.01
#: the one unit that is a job each
_ARCHIVES = "archives"

#: stages that show how far rows have come: bodies are judged when they are there
_REACHED: Final = {"filter bodies": "fetched", "decode": "decoded"}
#: how a model is called among what a stage spends its time on
_ENGINE: Final = "engine:"


class Spending(Protocol):
    """What a job spends while it goes (`crawler.job.costs.Costs`)."""

    def spent(self) -> tuple[Spent, ...]:
        """So far."""
        ...


Told = TypeVar("Told", PhaseProgress, PhaseEnded)


class PhaseFigures:
    """Counts of one phase. Not safe for threads: who feeds it takes care of that. Times are those of one clock."""

    def __init__(
        self, phase: str, unit: str, total: int | None, began: float, *,
        jobs: int = 0, jobs_done: int = 0, rows_per_job: int = 0,
    ) -> None:  # fmt: skip
        self.phase, self.unit, self.total = phase, unit, total
        self.jobs, self.jobs_done = jobs, jobs_done
        self.failed = 0
        self._rows_per_job = rows_per_job
        self._costs: Spending | None = None  # of the job under way here
        self._counts_rows = unit != _ARCHIVES
        self._extra = 0  # units that no job told of
        self._began = began
        self._points: deque[tuple[float, int]] = deque([(began, 0)])
        self._ended = _Books()  # of jobs that ended, as they say
        self._under_way = 0  # rows that ended of jobs that did not yet

    @property
    def rows(self) -> int:
        """Rows that ended: of jobs that are done, and of what is under way."""
        return self._ended.rows + self._under_way

    @property
    def done(self) -> int:
        """Units that are done."""
        jobs = self.rows if self._counts_rows else self._ended.jobs + self.failed
        return self._extra + jobs

    def advance(self, count: int) -> None:
        """So many units more are done, of which no job tells."""
        self._extra += count

    def note(self, now: float) -> None:
        """Take a point of the curve that rates are taken from."""
        if now - self._points[-1][0] >= _STEP:
            self._points.append((now, self.done))
            while len(self._points) > 2 and now - self._points[1][0] >= _WINDOW:
                self._points.popleft()

    def ended(self, rows: int) -> None:
        """So many rows of a job that is under way have ended."""
        self._under_way += rows

    def watch(self, costs: Spending) -> None:
        """A job is under way here, and this is what it spends."""
        self._costs = costs

    def job_ended(self, report: Report | None) -> None:
        """A job has ended; without a report it failed."""
        self._under_way = 0  # what tells of rows under way does one job after another
        self._costs = None
        if report is None:
            self.failed += 1
        else:
            self.jobs_done += 1
            self._ended.add(report)

    def rate(self, now: float) -> float:
        """Units a second over the last minute; where nothing came in it, since the beginning."""
        for then, done in (self._points[0], (self._began, 0)):
            if now > then and self.done > done:
                return (self.done - done) / (now - then)
        return 0.0

    def told(self, kind: type[Told], now: float) -> Told:
        """The figures as an event."""
        rate = self.rate(now)
        left = max(0.0, self.total - self.done) / rate if self.total and rate and self._can_tell(now) else None
        return kind(
            at=moment(), phase=self.phase, unit=self.unit, done=self.done, total=self.total, rows=self.rows,
            kept=self._ended.kept, jobs=self.jobs, jobs_done=self.jobs_done,
            failed=self.failed, seconds=round(now - self._began, 3), rate=round(rate, 3),
            left_seconds=None if left is None else round(left, 1), stages=self._stages(),
            reasons=self._ended.most_frequent(), spent=self._ended.seconds(),
            **self._seen_under_way(),
        )  # fmt: skip

    def _seen_under_way(self) -> dict[str, Any]:
        reached = reached_of(self._costs.spent()) if self._costs else {}
        left = self._rows_per_job if self.total is None else max(0, self.total - self._extra - self._ended.rows)
        return {"under_way": reached, "under_way_rows": min(self._rows_per_job, left) if self._costs else 0}

    def _can_tell(self, now: float) -> bool:
        """Whether what was done so far says anything about what is left."""
        assert self.total is not None
        return now - self._began >= _WINDOW or self.done >= self.total * _ENOUGH

    def _stages(self) -> tuple[Passed, ...]:
        """How far rows came, of jobs that ended."""
        ended = self._ended
        return tuple(Passed(stage, found, ended.passed[stage]) for stage, found in ended.found.items())


def reached_of(spent: Iterable[Spent]) -> dict[str, int]:
    """How many rows of a job have come how far, by what it has spent so far."""
    reached: dict[str, int] = {}
    for one in spent:
        name = "scored" if one.what.startswith(_ENGINE) and one.stage == "filter pictures" else _REACHED.get(one.stage)
        if name:
            reached[name] = max(reached.get(name, 0), one.records)
    if "decoded" in reached:
        reached["fetched"] = max(reached.get("fetched", 0), reached["decoded"])
    return {name: reached[name] for name in ("fetched", "decoded", "scored") if name in reached}


def rows_of(report: Report) -> int:
    """The rows of a job: its candidates where it reads an archive, and what it was given where it does not."""
    if not report.stages:
        return 0
    return report.stages[-1].found if report.kind == JobKind.EXTRACT else report.stages[0].found


class _Books:
    """What jobs say that ended."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.kept = self.rows = self.jobs = 0
        self._seconds: dict[str, float] = {}

    def add(self, report: Report) -> None:
        for one in report.stages:
            self.found[one.stage] += one.found
            self.passed[one.stage] += one.kept
            self.reasons.update(one.rejected)
        self.jobs += 1
        self.rows += rows_of(report)
        self.kept += report.stages[-1].kept if report.stages else 0
        for spent in report.spent:
            self._seconds[spent.stage] = self._seconds.get(spent.stage, 0.0) + spent.seconds

    def most_frequent(self) -> Mapping[str, int]:
        """The same ones in whichever order jobs end."""
        return dict(sorted(self.reasons.items(), key=lambda item: (-item[1], item[0]))[:_REASONS])

    def seconds(self) -> Mapping[str, float]:
        largest = sorted(self._seconds.items(), key=lambda item: -item[1])
        return {stage: round(seconds, 1) for stage, seconds in largest}
