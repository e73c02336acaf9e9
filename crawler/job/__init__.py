"""The core: one job in, files and a report out. `run_job` is all that the places where jobs run need to know.

A job is small enough to send as JSON, and running it twice, or in two places at once, does no harm: everything is
written under a temporary name and the marker comes last.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec

from crawler.archives import Etiquette
from crawler.fetch import Web
from crawler.job.judging import CandidateFilter, EmbeddingFilter, FetchedFilter, PictureFilter
from crawler.job.screening import Screening
from crawler.report import Report
from crawler.seen import NothingSeen, Seen
from crawler.settings import Recipe
from crawler.showing import Showing


class JobKind(StrEnum):
    """What a job does: docs/architecture.md, "Three kinds of job"."""

    EXTRACT = "extract"
    FETCH = "fetch"  # where there is internet: images to a raw shard, judged by everything but models
    SCORE = "score"  # where there are GPUs: a raw shard to a shard
    CRAWL = "crawl"  # fetch and score in one process

    @property
    def asks_sites(self) -> bool:
        """Whether it needs the network, for images, and manners with it."""
        return self in {JobKind.FETCH, JobKind.CRAWL}

    @property
    def makes_shards(self) -> bool:
        """Whether it asks models, and commits shards, so that it must know what others hold."""
        return self in {JobKind.SCORE, JobKind.CRAWL}


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work.

    `input` is an archive or a list (address) for extract, a candidate table for crawl and fetch, a raw shard for score.
    `output` is the folder that takes the files; `number` names them there. `recipe` is the digest of the recipe that
    the job belongs to.
    """

    kind: JobKind
    number: int
    input: str
    output: str
    recipe: str
    #: for extract: "warc", "wat" or "list"
    form: str = ""
    #: for crawl: the table of a shard, or of adopted samples, whose rows are taken over; "" where there is none
    #: (`crawler.job.base`)
    base: str = ""
    #: outcomes (`crawler.outcome`) of the base's rows that are tried again
    again: tuple[str, ...] = ()
    #: how often the shard was begun with a base before this job, and with it: what was committed in an earlier round
    #: has to be done again
    round: int = 0

    @property
    def name(self) -> str:
        """For messages and logs: kind and number."""
        return f"{self.kind}-{self.number:05d}"


class Progress(Protocol):
    """Told about rows that are done, in any order, from any thread."""

    def __call__(self, rows: int, /) -> None:
        """`rows` more are done."""
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What jobs work with: made once per process by `workers.assemble`, from the recipe."""

    recipe: Recipe
    #: a downloaded archive lies here while it is read
    scratch: Path
    etiquette: Etiquette
    candidate_filters: tuple[tuple[str, CandidateFilter], ...]
    body_filters: tuple[tuple[str, FetchedFilter], ...]
    picture_filters: tuple[tuple[str, PictureFilter], ...]
    #: those of the pictures that judge by embeddings: after all others, whatever the recipe's order
    embedding_filters: tuple[tuple[str, EmbeddingFilter], ...]
    #: opens the network; made anew for each job, inside its event loop
    open_web: Callable[[], AbstractAsyncContextManager[Web]]
    #: which of the filters withhold what they reject, and how much each may reject
    screening: Screening = field(default_factory=Screening)
    #: what the data set and earlier runs hold already: asked before a shard is committed
    seen: Seen = field(default_factory=NothingSeen)
    #: what may be shown of rows in thumbnails
    showing: Showing = field(default_factory=Showing)


def run_job(job: Job, tools: Tools, progress: Progress = lambda _rows: None) -> Report:
    """Do one job to its end and commit what it made.

    Raises:
        PairtrawlError: the user's to mend; nothing is committed.
        Exception: our own bug; nothing is committed.
    """
    tools.scratch.mkdir(parents=True, exist_ok=True)  # there are file systems that remove empty folders
    match job.kind:
        case JobKind.EXTRACT:
            from crawler.job.extracting import extract_archive  # noqa: PLC0415 - pyarrow and PIL are not needed to name a job

            return extract_archive(job, tools, progress)
        case JobKind.FETCH:
            from crawler.job.fetching import fetch_table  # noqa: PLC0415 - pyarrow and PIL are not needed to name a job

            return fetch_table(job, tools, progress)
        case JobKind.SCORE:
            from crawler.job.rescoring import score_raw  # noqa: PLC0415 - pyarrow and PIL are not needed to name a job

            return score_raw(job, tools, progress)
        case JobKind.CRAWL:
            from crawler.job.crawling import crawl_table  # noqa: PLC0415 - pyarrow and PIL are not needed to name a job

            return crawl_table(job, tools, progress)


def finished(job: Job, tools_recipe: Recipe) -> Report | None:
    """The report of a job that is committed already; None where it still has to run."""
    from crawler.job import markers  # noqa: PLC0415 - pyarrow is not needed to name a job

    match job.kind:
        case JobKind.EXTRACT:
            return markers.read_extract_report(job)
        case JobKind.FETCH:
            return markers.read_fetch_report(job)
        case JobKind.CRAWL | JobKind.SCORE:
            return markers.read_crawl_report(job, tools_recipe)
