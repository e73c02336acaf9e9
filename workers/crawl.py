"""The main job: archives in, a data set out. Steps, each resumable, each a list of jobs given to a place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from crawler.commit import remove
from crawler.job import Job, JobKind, Progress
from crawler.plan import Planned, plan
from crawler.seen import NothingSeen
from crawler.seen.opening import look_up_earlier, open_seen
from crawler.settings import Recipe
from crawler.sources import Source
from crawler.write import is_committed
from workers.assemble import assemble
from workers.attempt import Outcome
from workers.blame import Blame
from workers.local import run_here
from workers.progress import Display
from workers.run_folder import RunFolder
from workers.slice_status import Unwatched, Watch
from workers.slices import Slice
from workers.stages import READ, STEPS, Step, Verb, Worklist, refuse_the_other_way
from workers.staging.weights import staging
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
        holds = open_seen(recipe, folder.path, own=folder.own) if kind.makes_shards else NothingSeen()
        with closing(holds) as seen:
            swap = staging(folder.elsewhere) if folder.elsewhere and kind.makes_shards else None
            tools = assemble(recipe, folder.scratch, kind=kind, swap=swap, seen=seen)
            yield lambda jobs, progress, stop: run_here(jobs, tools, progress, stop)


@dataclass(slots=True)
class Summary:
    """How a sitting ended: what was done, what failed, what was left, and what it took."""

    failures: list[str] = field(default_factory=list)
    blames: set[Blame] = field(default_factory=set)
    #: jobs that this sitting did
    finished: int = 0
    #: jobs of the last step that are done, in this sitting or before, and how many there are
    done: int = 0
    jobs: int = 0
    #: jobs whose input another machine has to make first
    waiting: int = 0
    #: asked to stop while there was work left
    stopped: bool = False
    #: of another sitting, which goes on in this one's place
    taken_over: bool = False
    peaks: dict[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether everything that was asked for is done."""
        return not self.failures and not self.stopped and not self.waiting

    def note(self, outcome: Outcome) -> None:
        """Keep what an outcome says."""
        kind = f"{outcome.job.kind.value} worker"
        self.peaks[kind] = max(self.peaks.get(kind, 0), outcome.peak_bytes)
        if outcome.failure:
            self.failures.append(outcome.failure)
            self.blames.add(outcome.blame)
        else:
            self.finished += 1
            self.done += 1


@dataclass(frozen=True, slots=True)
class Crawl:
    """One sitting at a run, or at a slice of it."""

    recipe: Recipe
    sources: Sequence[Source]
    folder: RunFolder
    place: Place
    display: Display
    stop: Stop
    #: go on to the plan although some archives could not be read
    without_failed: bool = False
    #: remove a raw shard as soon as its shard is committed
    drop_raw: bool = False
    slice: Slice | None = None
    watch: Watch = field(default_factory=Unwatched)

    def run(self, verb: Verb = "crawl") -> Summary:
        """Do what is not done yet, step by step; of a slice the last step only.

        Stops early when asked to, or when archives failed.

        Raises:
            RunFolderError: what the verb builds on is not there, or the folder was begun another way.
        """
        refuse_the_other_way(verb, self.folder, self.recipe)
        summary = Summary()
        for step in STEPS[verb] if self.slice is None else STEPS[verb][-1:]:
            if summary.stopped or (summary.failures and (not self.without_failed or Blame.SET_UP in summary.blames)):
                break
            self._do(step, summary)
        summary.peaks.update(self.place.peaks)
        if self.slice is None:  # leftovers may be of other slices, which are at work
            self.folder.tidy()
        return summary

    @property
    def worklist(self) -> Worklist:
        """Where the jobs come from."""
        return Worklist(self.recipe, self.sources, self.folder, self.slice)

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
                resources = self.recipe.resources
                planned = plan(
                    tables, self.folder.plan, self.recipe.plan, seen=earlier,
                    memory_bytes=resources.plan_memory_bytes, threads=resources.plan_threads,
                )  # fmt: skip
                phase.advance(planned.rows)
        return planned

    def _do(self, step: Step, summary: Summary) -> None:
        if step.kind is None:
            if self.stop:
                summary.stopped = True
            else:
                self.make_plan()
        elif step is READ and self.folder.plan.read() is not None:
            self._say_what_the_plan_lacks(summary)
        else:
            self._work(step, step.kind, summary)

    def _say_what_the_plan_lacks(self, summary: Summary) -> None:
        """The plan is made once: an archive that was left out of it is not read later, for nothing would come of it."""
        jobs = self.worklist.jobs(JobKind.EXTRACT)
        unread = [job for job in jobs if not self.worklist.is_done(job)]
        summary.jobs, summary.done = len(jobs), len(jobs) - len(unread)
        self.watch.begin(summary.jobs, summary.done)
        self.display.say(f"{READ.title}: {summary.done} of {summary.jobs} jobs were done before")
        if unread:
            self.display.say(f"The plan was made without {len(unread)} archives, so they stay out of this run. "
                             "Crawl them into another --output, or start over with --fresh.")  # fmt: skip

    def _work(self, step: Step, kind: JobKind, summary: Summary) -> None:
        """All jobs of a step that are not done, as far as their input is there."""
        jobs = self.worklist.jobs(kind)
        left, ready = self._left(step, jobs, summary)
        rows = self._rows(ready) if step.unit == "pairs" else len(ready)
        with self.display.phase(step.title, rows, step.unit) as phase:

            def progress(count: int, /) -> None:
                self.watch.rows(count)
                if step.unit == "pairs":
                    phase.advance(count)

            for outcome in self._outcomes(ready, progress, summary):
                if step.unit != "pairs":
                    phase.advance(1)
                if kind is JobKind.SCORE and outcome.report:
                    self._drop_raw(outcome.job)
        summary.waiting = len(left) - len(ready)

    def _left(self, step: Step, jobs: list[Job], summary: Summary) -> tuple[list[Job], list[Job]]:
        """The jobs that are not done, and those of them that can be done now."""
        left = []
        for job in jobs:
            if not self.worklist.is_done(job):
                left.append(job)
            elif job.kind is JobKind.SCORE:
                self._drop_raw(job)  # a sitting was killed between the two
        summary.jobs, summary.done = len(jobs), len(jobs) - len(left)
        self.watch.begin(summary.jobs, summary.done)
        if summary.done:
            self.display.say(f"{step.title}: {summary.done} of {summary.jobs} jobs were done before")
        return left, [job for job in left if not self.worklist.waits(job)]

    def _drop_raw(self, job: Job) -> None:
        if self.drop_raw and is_committed(self.folder.shards, job.number, self.recipe.output):
            raw = Path(job.input)
            if raw.exists():
                remove(raw)

    def _rows(self, jobs: list[Job]) -> int:
        planned = self.worklist.planned()
        return sum(min(planned.rows_per_job, planned.rows - job.number * planned.rows_per_job) for job in jobs)

    def _outcomes(self, jobs: list[Job], progress: Progress, summary: Summary) -> Iterator[Outcome]:
        """How the jobs end; ends early when asked to stop, and when every further job would end like the last one."""
        summary.stopped = bool(self.stop) and bool(jobs)
        if not jobs or summary.stopped:
            return
        ended = 0
        with self.place.open(self.recipe, self.folder, jobs[0].kind) as run:
            for outcome in run(self._ours(jobs, summary), progress, self.stop):
                ended += 1
                summary.note(outcome)
                self.watch.note(outcome)
                if outcome.failure:
                    self.display.say(outcome.failure)
                yield outcome
                if outcome.failure and outcome.blame is Blame.SET_UP:
                    return
        summary.stopped = bool(self.stop) and ended < len(jobs)

    def _ours(self, jobs: list[Job], summary: Summary) -> Iterator[Job]:
        """The jobs, one by one, as long as nobody else has taken them over."""
        for job in jobs:
            if not self.watch.is_ours():
                summary.taken_over = True
                self.stop.ask("another sitting took this slice over")
                return
            yield job
