"""Jobs one after another in this process: the oracle that every other place must equal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from crawler.job import Job, Progress, Tools
from workers.attempt import Outcome, attempt
from workers.stop import Stop


def run_here(jobs: Iterable[Job], tools: Tools, progress: Progress, stop: Stop) -> Iterator[Outcome]:
    """Attempt each job in turn; ends early, between two jobs, when asked to stop."""
    for job in jobs:
        if stop:
            return
        yield attempt(job, tools, progress)
