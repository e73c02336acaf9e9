"""Jobs from a run folder into the tracker: millions, in batches, and as often as wanted, for each counts once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Literal

import numpy as np

from crawler.errors import RunFolderError, SettingsError
from workers.protocol.campaign import Campaign
from workers.run_folder import Pinned
from workers.tracker.checking.canaries import CanaryMaker, planted_input
from workers.tracker.clock import Clock
from workers.tracker.folder import CampaignFolder
from workers.tracker.moves.jobs import content_id, import_jobs
from workers.tracker.moves.records import NewJob
from workers.tracker.settings import read_settings
from workers.tracker.store import Store

Stage = Literal["extract", "fetch", "crawl"]

#: in one transaction: a few tenths of a second, in which a server that is at work can write nothing
BATCH = 20_000


async def import_stage(
    folder: CampaignFolder, store: Store, clock: Clock, stage: Stage, say: Callable[[int, int, int], None]
) -> int:
    """Import all jobs of a stage; returns how many were new. Stopped and begun again it goes on where it was.

    Args:
        folder: the campaign.
        store: its database; a server may be at work on it.
        clock: the tracker's.
        stage: extract jobs come from the run's archives, fetch and crawl jobs from its plan.
        say: told after each batch: jobs read, jobs in all, jobs that were new.

    Raises:
        SettingsError: the campaign does not have such jobs.
        RunFolderError: there is no plan yet.
    """
    campaign = folder.campaign()
    if stage not in campaign.kinds:
        raise SettingsError(f"{folder.path}: this campaign has no {stage} jobs, but {', '.join(campaign.kinds)}")
    jobs, total = jobs_of(folder, campaign, stage)
    read = new = 0
    while batch := await asyncio.to_thread(lambda: list(islice(jobs, BATCH))):
        now = clock()
        new += await store.do(partial(import_jobs, now=now, specs=batch))
        read += len(batch)
        say(read, total, new)
    return new


def jobs_of(folder: CampaignFolder, campaign: Campaign, stage: Stage) -> tuple[Iterator[NewJob], int]:
    """The jobs of a stage, in order, and how many there are. Nothing is read of any input, but to plant canaries.

    Raises:
        RunFolderError: there is no run, or no plan yet.
    """
    pinned = folder.run.pinned()
    if pinned is None:
        raise RunFolderError(f"{folder.path}: holds no run; make a campaign of it with `pairtrawl tracker init`")
    digest = campaign.recipe_digest
    if stage == "extract":
        return _of_archives(pinned, digest), len(pinned.sources)
    settings = read_settings(folder.settings)
    canaries = CanaryMaker(bytes.fromhex(folder.read_secrets().canary_key), settings.canaries)
    planned = folder.run.plan.read()
    if planned is None:
        raise RunFolderError(
            f"{folder.path}: has no plan; when its extract jobs are done, run `pairtrawl plan -o {folder.path}`"
        )
    plan = folder.run.plan.path.relative_to(folder.path).as_posix()
    if canaries.plants:
        names = (_planted(folder, canaries, stage, number, planned.jobs) for number in range(planned.jobs))
    else:  # as `PlanFolder.job_table` calls them: millions of paths would take minutes to make
        return in_order(planned.jobs, lambda number: _job(stage, number, f"{plan}/{number:05d}.parquet", digest))
    return (_job(stage, number, name, digest) for number, name in enumerate(names)), planned.jobs


def _planted(folder: CampaignFolder, canaries: CanaryMaker, stage: Stage, number: int, jobs: int) -> str:
    """The name of a job's table with canaries among its rows; the plan's own where it takes none."""
    planted = planted_input(folder.path, canaries, stage, number, jobs)
    return planted or folder.run.plan.job_table(number).relative_to(folder.path).as_posix()


def _of_archives(pinned: Pinned, digest: str) -> Iterator[NewJob]:
    def job(number: int) -> NewJob:
        address, form = pinned.sources[number]
        return _job("extract", number, address, digest, form)

    return in_order(len(pinned.sources), job)[0]


def in_order(count: int, job: Callable[[int], NewJob]) -> tuple[Iterator[NewJob], int]:
    """So many jobs by their content ids, and how many they are: 4 bytes each are held, not the jobs."""
    if count <= BATCH:  # one transaction, whatever the order
        return (job(number) for number in range(count)), count
    leading = np.fromiter((int(job(number).content_id[:8], 16) for number in range(count)), np.uint32, count)
    return (job(int(number)) for number in np.argsort(leading)), count


def _job(kind: str, number: int, source: str, digest: str, form: str = "") -> NewJob:
    return NewJob(
        kind=kind, number=number, content_id=content_id(kind, number, source, digest), input=source, form=form
    )
