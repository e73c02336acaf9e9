"""The main job: archives in, a data set out. Steps, each resumable, each a list of jobs given to a place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from crawler.commit import remove
from crawler.job import Job, JobKind
from crawler.plan import Planned, plan
from crawler.seen.opening import look_up_earlier
from crawler.settings import Recipe
from crawler.sources import Source
from crawler.write import is_committed
from workers.assemble import etiquette_of
from workers.attempt import Outcome
from workers.blame import Blame
from workers.place import Here, Place, Run
from workers.progress import Display, ToldPhase
from workers.rebuild.planned_jobs import PlannedJobs
from workers.rebuild.planning import ListPlan
from workers.run_folder import RunFolder
from workers.slices import Slice
from workers.stages import NO_RETRY, READ, REBUILD, STEPS, Retry, Step, Verb, Worklist, refuse_the_other_way
from workers.stop import Stop
from workers.summary import Summary

__all__ = ["Crawl", "Here", "Place", "Run", "Summary"]


def _nobody_elses() -> bool:
    """Of a sitting that has the run for itself."""
    return True


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
    #: whether nobody else has taken the jobs over
    is_ours: Callable[[], bool] = _nobody_elses
    #: what a rebuild takes over
    retry: Retry = NO_RETRY

    def run(self, verb: Verb = "crawl") -> Summary:
        """Do what is not done yet, step by step; of a slice the last step only.

        Stops early when asked to, or when archives failed.

        Raises:
            RunFolderError: what the verb builds on is not there, or the folder was begun another way.
        """
        refuse_the_other_way(verb, self.folder, self.recipe)
        summary = Summary()
        for step in STEPS[verb] if self.slice is None else STEPS[verb][-1:]:
            if step is READ and self.recipe.rebuild is not None:  # its plan reads the lists
                continue
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
        return Worklist(self.recipe, self.sources, self.folder, self.slice, self.retry)

    def make_plan(self) -> Planned:
        """The plan of this run: made once, then read, for a resumed run must cut the same jobs."""
        planned = self.folder.plan.read()
        if planned is None and self.recipe.rebuild is not None:
            with self.display.phase("plan", None, "rows") as phase:
                planned = self.list_plan.whole()
                phase.advance(planned.rows)
        elif planned is None:
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
        elif step is REBUILD and self.slice is None:
            self._rebuild(step, step.kind, summary)
        elif step is READ and self.folder.plan.read() is not None:
            self._say_what_the_plan_lacks(summary)
        else:
            self._work(step, step.kind, summary)

    def _say_what_the_plan_lacks(self, summary: Summary) -> None:
        """The plan is made once: an archive that was left out of it is not read later, for nothing would come of it."""
        jobs = self.worklist.jobs(JobKind.EXTRACT)
        unread = [job for job in jobs if not self.worklist.is_done(job)]
        summary.jobs, summary.done = len(jobs), len(jobs) - len(unread)
        with self.display.phase(READ.title, 0, READ.unit, jobs=summary.jobs, jobs_done=summary.done):
            pass  # those who count are told
        self.display.say(f"{READ.title}: {summary.done} of {summary.jobs} jobs were done before")
        if unread:
            self.display.say(f"The plan was made without {len(unread)} archives, so they stay out of this run. "
                             "Crawl them into another --output, or start over with --fresh.")  # fmt: skip

    def _work(self, step: Step, kind: JobKind, summary: Summary) -> None:
        """All jobs of a step that are not done, as far as their input is there."""
        jobs = self.worklist.jobs(kind)
        left, ready = self._left(step, jobs, summary)
        rows = self._rows(ready) if step.unit == "pairs" else len(ready)
        shown = self.display.phase(
            step.title, rows, step.unit, jobs=summary.jobs, jobs_done=summary.done, rows_per_job=self._rows_per_job
        )
        with shown as phase:
            summary.stopped = bool(self.stop) and bool(ready)
            outcomes = self._outcomes(self._ours(ready, summary), kind, phase, summary)
            ended = 0
            for outcome in outcomes if ready and not summary.stopped else ():
                ended += 1
                if kind is JobKind.SCORE and outcome.report:
                    self._drop_raw(outcome.job)
        summary.stopped = summary.stopped or (bool(self.stop) and ended < len(ready))
        summary.waiting = len(left) - len(ready)

    def _rebuild(self, step: Step, kind: JobKind, summary: Summary) -> None:
        """Jobs one after another as the plan makes them, while the rest of the lists is not read yet."""
        planned = self.folder.plan.read()
        rows = planned.rows if planned else None
        with self.display.phase(step.title, rows, step.unit, rows_per_job=self.recipe.plan.rows_per_job) as phase:
            jobs = PlannedJobs(self.list_plan, self.worklist, summary, phase.planned)
            ended = sum(1 for _ in self._outcomes(jobs, kind, phase, summary))
            summary.stopped = bool(self.stop) and not (jobs.exhausted and ended == jobs.handed_out)
        if jobs.failure:
            self.display.say(jobs.failure)
        if summary.done > summary.finished:
            self.display.say(f"{summary.done - summary.finished:,} shards were made before")

    @property
    def list_plan(self) -> ListPlan:
        """The plan of a rebuild."""
        scratch, etiquette = self.folder.scratch, etiquette_of(self.recipe)
        return ListPlan(self.recipe, self.sources, self.folder.plan, scratch, etiquette, self.display.say)

    def _left(self, step: Step, jobs: list[Job], summary: Summary) -> tuple[list[Job], list[Job]]:
        """The jobs that are not done, and those of them that can be done now."""
        left = []
        for job in jobs:
            if not self.worklist.is_done(job):
                left.append(job)
            elif job.kind is JobKind.SCORE:
                self._drop_raw(job)  # a sitting was killed between the two
        summary.jobs, summary.done = len(jobs), len(jobs) - len(left)
        if summary.done:
            self.display.say(f"{step.title}: {summary.done} of {summary.jobs} jobs were done before")
        return left, [job for job in left if not self.worklist.waits(job)]

    def _drop_raw(self, job: Job) -> None:
        if self.drop_raw and is_committed(self.folder.shards, job.number, self.recipe.output):
            raw = Path(job.input)
            if raw.exists():
                remove(raw)

    @property
    def _rows_per_job(self) -> int:
        """The rows of a planned job, at most; 0 before there is a plan."""
        planned = self.folder.plan.read()
        return planned.rows_per_job if planned else 0

    def _rows(self, jobs: list[Job]) -> int:
        planned = self.worklist.planned()
        if self.recipe.rebuild is not None:
            return sum(map(self.list_plan.rows(), (job.number for job in jobs)))
        return sum(min(planned.rows_per_job, planned.rows - job.number * planned.rows_per_job) for job in jobs)

    def _outcomes(self, jobs: Iterable[Job], kind: JobKind, phase: ToldPhase, summary: Summary) -> Iterator[Outcome]:
        """How the jobs end; ends early when asked to stop, and when every further job would end like the last one."""
        with self.place.open(self.recipe, self.folder, kind) as run:
            for outcome in run(jobs, phase, self.stop):
                summary.note(outcome)
                phase.note(outcome)
                yield outcome
                if outcome.failure and outcome.blame is Blame.SET_UP:
                    return

    def _ours(self, jobs: list[Job], summary: Summary) -> Iterator[Job]:
        """The jobs, one by one, as long as nobody else has taken them over."""
        for job in jobs:
            if not self.is_ours():
                summary.taken_over = True
                self.stop.ask("another sitting took this slice over")
                return
            yield self.worklist.with_base(job)
