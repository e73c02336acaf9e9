"""The jobs of a rebuild that are not done, one by one, each as soon as the plan has made it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from crawler.errors import PairtrawlError
from crawler.job import Job, JobKind
from workers.blame import blame_for
from workers.rebuild.planning import ListPlan
from workers.stages import Worklist
from workers.summary import Summary


class PlannedJobs:
    """To be gone through once. What is known of the run meanwhile is noted in `summary`.

    `tell` is told how many jobs there are, and how many of them are done, as far as the plan is made.

    A list that cannot be read is a failure and ends the jobs: those of the lists after it would be misnumbered.
    """

    def __init__(self, plan: ListPlan, worklist: Worklist, summary: Summary, tell: Callable[[int, int], None]) -> None:
        self._plan = plan
        self._worklist = worklist
        self._summary = summary
        self._tell = tell
        #: jobs that were given out
        self.handed_out = 0
        #: whether there will be no more
        self.exhausted = False
        #: what ended them too early, or ""
        self.failure = ""

    def __iter__(self) -> Iterator[Job]:
        try:
            for number in self._plan.jobs():
                job = self._worklist.job(JobKind.CRAWL, number)
                self._summary.jobs += 1
                if self._worklist.is_done(job):
                    self._summary.done += 1
                    continue
                self._tell(self._summary.jobs, self._summary.done)
                self.handed_out += 1
                yield self._worklist.with_base(job)
        except (PairtrawlError, OSError) as error:
            self.failure = str(error)
            self._summary.failures.append(self.failure)
            self._summary.blames.add(blame_for(error))
        self.exhausted = True
