"""Where jobs run, as the driver of a run sees it; and the simplest such place, which is this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from crawler.job import Job, JobKind, Progress
from crawler.seen import NothingSeen
from crawler.seen.opening import open_seen
from crawler.settings import Recipe
from workers.assemble import assemble
from workers.attempt import Outcome
from workers.local import run_here
from workers.run_folder import RunFolder
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
