"""What each verb does: its steps, and the jobs of each step.

sources -> extract jobs -> plan -> fetch jobs -> score jobs
                                   (or crawl jobs, which are both)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from crawler.errors import RunFolderError
from crawler.job import Job, JobKind, finished
from crawler.plan import Planned
from crawler.raw import raw_path
from crawler.settings import Recipe
from crawler.sources import Source
from crawler.write import is_committed, read_stats
from workers.run_folder import RunFolder
from workers.slices import Slice, of_slice

Verb = Literal["extract", "plan", "fetch", "score", "crawl", "rebuild"]


class Step(NamedTuple):
    """One step of a verb, as people see it; without a kind it is the plan, which is no list of jobs."""

    title: str
    unit: str  # what a progress bar counts
    kind: JobKind | None


READ = Step("read archives", "archives", JobKind.EXTRACT)
PLAN = Step("plan", "rows", None)
_FETCH = Step("fetch", "pairs", JobKind.FETCH)
_SCORE = Step("score", "pairs", JobKind.SCORE)
_CRAWL = Step("fetch and filter", "pairs", JobKind.CRAWL)
#: the same, while the plan is made
REBUILD = Step("rebuild", "rows", JobKind.CRAWL)

#: how the name of a shard's marker ends
_STATS = "_stats.json"
#: a slice does the last one only
STEPS: Mapping[Verb, tuple[Step, ...]] = {
    "extract": (READ,),
    "plan": (READ, PLAN),
    "fetch": (READ, PLAN, _FETCH),
    "score": (_SCORE,),
    "crawl": (READ, PLAN, _CRAWL),
    "rebuild": (REBUILD,),
}


#: verbs that are for asking sites for images, and verbs that are for asking models
FETCHES = frozenset(verb for verb, steps in STEPS.items() if (kind := steps[-1].kind) and kind.asks_sites)
SCORES = frozenset(verb for verb, steps in STEPS.items() if (kind := steps[-1].kind) and kind.makes_shards)


def kinds_of(verb: Verb, *, sliced: bool) -> frozenset[JobKind]:
    """The kinds of jobs that a verb may run; a slice does those of its last step only.

    Who reads archives here will fetch here, so that lists which cannot be read are known of before days of reading.
    """
    if sliced:
        return frozenset(step.kind for step in STEPS[verb][-1:] if step.kind)
    fetched_later = {JobKind.FETCH} if verb in ("extract", "plan") else set()
    return frozenset({step.kind for step in STEPS[verb] if step.kind} | fetched_later)


def _nothing(_number: int) -> str:
    """No job has a base."""
    return ""


@dataclass(frozen=True, slots=True)
class Retry:
    """What a rebuild takes over from shards that are there."""

    #: outcomes of rows that are tried again (`crawler.outcome`)
    again: tuple[str, ...] = ()
    #: how often shards were gone over, this time included; 0 is the first pass
    round: int = 0
    #: the base of a job, by its number (`crawler.job.base`); asked just before the job is begun; "" for none
    bases: Callable[[int], str] = _nothing


NO_RETRY = Retry()


@dataclass(frozen=True, slots=True)
class Worklist:
    """The jobs of a run, or of a slice of it."""

    recipe: Recipe
    sources: Sequence[Source]
    folder: RunFolder
    slice: Slice | None = None
    retry: Retry = NO_RETRY

    def jobs(self, kind: JobKind) -> list[Job]:
        """All jobs of one kind, by number.

        Raises:
            RunFolderError: there is no plan, and these are jobs of a plan.
        """
        if kind is JobKind.EXTRACT:
            names, first = [one.address for one in self.sources], 0
        else:
            planned = self.planned()
            first = planned.first
            names = [str(number) for number in range(first, first + planned.jobs)]
        places = range(len(names)) if self.slice is None else of_slice(names, self.slice)
        return [self.job(kind, first + place) for place in places]

    def planned(self) -> Planned:
        """The plan.

        Raises:
            RunFolderError: there is none.
        """
        found = self.folder.plan.read()
        if found is None:
            raise RunFolderError(f"{self.folder.path}: has no plan; run `pairtrawl plan` with this --output first")
        return found

    def is_done(self, job: Job) -> bool:
        """Whether what the job makes is there. A raw shard that was scored may have been removed since."""
        if job.kind is JobKind.FETCH and is_committed(self.folder.shards, job.number, self.recipe.output):
            return True
        return finished(job, self.recipe) is not None

    def waits(self, job: Job) -> bool:
        """Whether the job has to wait for another machine: its raw shard is not there yet."""
        return job.kind is JobKind.SCORE and not raw_path(self.folder.raw, job.number).exists()

    def with_base(self, job: Job) -> Job:
        """The job, with what it takes over."""
        base = self.retry.bases(job.number)
        return msgspec.structs.replace(job, base=base) if base else job

    def job(self, kind: JobKind, number: int) -> Job:
        """One job. What it takes over is not looked for yet (`with_base`)."""
        folder = self.folder
        table, raw = str(folder.plan.job_table(number)), raw_path(folder.raw, number)
        match kind:
            case JobKind.EXTRACT:
                source = self.sources[number]
                return self._made(kind, number, source.address, folder.candidates, form=source.kind.value)
            case JobKind.FETCH:
                return self._made(kind, number, table, folder.raw)
            case JobKind.SCORE:
                return self._made(kind, number, str(raw), folder.shards)
            case JobKind.CRAWL:
                return self._made(kind, number, table, folder.shards)

    def _made(self, kind: JobKind, number: int, source: str, output: Path, *, form: str = "") -> Job:
        return Job(
            kind=kind, number=number, input=source, output=str(output), recipe=self.recipe.digest, form=form,
            again=self.retry.again, round=self.retry.round,
        )  # fmt: skip


def refuse_the_other_way(verb: Verb, folder: RunFolder, recipe: Recipe) -> None:
    """A folder is made either by fetching and scoring, or by crawling: a mixture would fetch images twice.

    Raises:
        RunFolderError: it was begun the other way.
    """
    raw = _first(folder.raw, ".parquet")
    if verb == "crawl" and raw:
        raise RunFolderError(f"{folder.raw}: holds raw shards, which `pairtrawl crawl` would fetch again; "
                             "go on with `pairtrawl fetch` and `pairtrawl score`")  # fmt: skip
    marker = _first(folder.shards, _STATS)
    if verb == "fetch" and marker and not raw:  # scored and dropped, or there were none
        stats = read_stats(folder.shards, int(marker.removesuffix(_STATS)), recipe.output)
        if stats["report"]["kind"] == JobKind.CRAWL:
            raise RunFolderError(f"{folder.shards}: was begun by `pairtrawl crawl`, which fetches and scores at once; "
                                 "go on with that")  # fmt: skip


def _first(folder: Path, ending: str) -> str:
    """The name of some committed file of a folder, or "". A million others are not looked at for it."""
    try:
        with os.scandir(folder) as entries:
            return next((one.name for one in entries if one.name.endswith(ending) and one.name[0].isdigit()), "")
    except FileNotFoundError:
        return ""
