"""The main job: archives in, a data set out. Four phases, each resumable, each a list of jobs given to a place.

sources -> extract jobs -> plan -> crawl jobs -> report
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from crawler.job import Job, JobKind, Progress, finished
from crawler.plan import Planned, plan
from crawler.seen import NothingSeen
from crawler.seen.opening import look_up_earlier, open_seen
from crawler.settings import Recipe
from crawler.sources import Source
from workers.assemble import assemble
from workers.attempt import Outcome
from workers.blame import Blame
from workers.local import run_here
from workers.progress import Display
from workers.run_folder import RunFolder
from workers.stop import Stop


class Run(Protocol):
    """Runs jobs somewhere and yields how each ended."""

    def __call__(self, jobs: Iterable[Job], progress: Progress, stop: Stop, /) -> Iterator[Outcome]:
        """Each job's outcome, in the order in which they end."""
        ...


class Place(Protocol):
    """Somewhere to run jobs: this process, or a Ray cluster."""

    @property
    def peaks(self) -> dict[str, int]:
        """Largest resident memory of processes that run no jobs themselves, by what they are, in bytes."""
        ...

    def open(self, recipe: Recipe, folder: RunFolder, kind: JobKind, /) -> AbstractContextManager[Run]:
        """Whatever it takes to run jobs of one kind; closed when they are done."""
        ...


@dataclass(frozen=True, slots=True)
class Here:
    """This process."""

    peaks: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def open(self, recipe: Recipe, folder: RunFolder, kind: JobKind) -> Iterator[Run]:
        """Tools are made once and used for every job."""
        with closing(open_seen(recipe, folder.path) if kind is JobKind.CRAWL else NothingSeen()) as seen:
            tools = assemble(recipe, folder.scratch, kind=kind, seen=seen)
            yield lambda jobs, progress, stop: run_here(jobs, tools, progress, stop)


@dataclass(slots=True)
class Summary:
    """How a run ended: what failed, what was left, and what it took."""

    failures: list[str] = field(default_factory=list)
    blames: set[Blame] = field(default_factory=set)
    #: asked to stop while there was work left
    stopped: bool = False
    peaks: dict[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether everything that was asked for is done."""
        return not self.failures and not self.stopped

    def note(self, outcome: Outcome) -> None:
        """Keep what an outcome says."""
        kind = f"{outcome.job.kind.value} worker"
        self.peaks[kind] = max(self.peaks.get(kind, 0), outcome.peak_bytes)
        if outcome.failure:
            self.failures.append(outcome.failure)
            self.blames.add(outcome.blame)


@dataclass(frozen=True, slots=True)
class Crawl:
    """One run of the main job in one folder."""

    recipe: Recipe
    sources: Sequence[Source]
    folder: RunFolder
    place: Place
    display: Display
    stop: Stop
    #: go on to the plan although some archives could not be read
    without_failed: bool = False

    def run(self, last_phase: Literal["extract", "plan", "crawl"] = "crawl") -> Summary:
        """Do what is not done yet, phase by phase. Stops early when asked to, or when archives failed."""
        summary = Summary()
        if self.folder.plan.read() is None:
            self._read_archives(summary)
        else:
            self._say_what_the_plan_lacks()
        unread = bool(summary.failures) and (not self.without_failed or Blame.SET_UP in summary.blames)
        if last_phase != "extract" and not unread and not summary.stopped:
            if self.stop:
                summary.stopped = True
            else:
                planned = self.make_plan()
                if last_phase == "crawl":
                    self._fetch_and_filter(planned, summary)
        summary.peaks.update(self.place.peaks)
        self.folder.tidy()
        return summary

    def extract_jobs(self) -> list[Job]:
        """One job per archive."""
        return [
            Job(
                kind=JobKind.EXTRACT,
                number=number,
                input=source.address,
                output=str(self.folder.candidates),
                recipe=self.recipe.digest,
                form=source.kind.value,
            )
            for number, source in enumerate(self.sources)
        ]

    def make_plan(self) -> Planned:
        """The plan of this run: made once, then read, for a resumed run must cut the same jobs."""
        planned = self.folder.plan.read()
        if planned is None:
            # a table without its marker is of a job that failed, or was killed, before it was sure of its counts
            tables = [
                one for one in sorted(self.folder.candidates.glob("*.parquet")) if one.with_suffix(".json").exists()
            ]
            with self.display.phase("plan", None, "rows") as phase:
                earlier = look_up_earlier(self.recipe, self.folder.path)
                planned = plan(tables, self.folder.plan, self.recipe.plan, seen=earlier)
                phase.advance(planned.rows)
        return planned

    def crawl_jobs(self, planned: Planned) -> list[Job]:
        """One job per planned table."""
        return [
            Job(
                kind=JobKind.CRAWL,
                number=number,
                input=str(self.folder.plan.job_table(number)),
                output=str(self.folder.shards),
                recipe=self.recipe.digest,
            )
            for number in range(planned.jobs)
        ]

    def _read_archives(self, summary: Summary) -> None:
        left = self._left("read archives", self.extract_jobs())
        with self.display.phase("read archives", len(left), "archives") as phase:
            for _ in self._outcomes(left, lambda _rows: None, summary):
                phase.advance(1)

    def _say_what_the_plan_lacks(self) -> None:
        """The plan is made once: an archive that was left out of it is not read later, for nothing would come of it."""
        jobs = self.extract_jobs()
        unread = [job for job in jobs if finished(job, self.recipe) is None]
        self.display.say(f"read archives: {len(jobs) - len(unread)} of {len(jobs)} jobs were done before")
        if unread:
            self.display.say(f"The plan was made without {len(unread)} archives, so they stay out of this run. "
                             "Crawl them into another --output, or start over with --fresh.")  # fmt: skip

    def _fetch_and_filter(self, planned: Planned, summary: Summary) -> None:
        left = self._left("fetch and filter", self.crawl_jobs(planned))
        rows = sum(min(planned.rows_per_job, planned.rows - job.number * planned.rows_per_job) for job in left)
        with self.display.phase("fetch and filter", rows, "pairs") as phase:
            for _ in self._outcomes(left, phase.advance, summary):
                pass

    def _left(self, title: str, jobs: list[Job]) -> list[Job]:
        left = [job for job in jobs if finished(job, self.recipe) is None]
        if len(left) < len(jobs):
            self.display.say(f"{title}: {len(jobs) - len(left)} of {len(jobs)} jobs were done before")
        return left

    def _outcomes(self, jobs: list[Job], progress: Progress, summary: Summary) -> Iterator[Outcome]:
        """How the jobs end; ends early when asked to stop, and when every further job would end like the last one."""
        summary.stopped = bool(self.stop) and bool(jobs)
        if not jobs or summary.stopped:
            return
        ended = 0
        with self.place.open(self.recipe, self.folder, jobs[0].kind) as run:
            for outcome in run(jobs, progress, self.stop):
                ended += 1
                summary.note(outcome)
                if outcome.failure:
                    self.display.say(outcome.failure)
                yield outcome
                if outcome.failure and outcome.blame is Blame.SET_UP:
                    return
        summary.stopped = bool(self.stop) and ended < len(jobs)
