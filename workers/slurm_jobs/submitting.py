"""Handing a run in: what is refused beforehand, then one call of sbatch after another, each noted in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from crawler.commit import write_first
from crawler.errors import RunFolderError, SettingsError
from workers.run_folder import RunFolder
from workers.slices import read_slices
from workers.slurm_jobs import scheduler
from workers.slurm_jobs.ledger import Entry, Ledger, Ordered, alone, read_ledger, write_ledger
from workers.slurm_jobs.progress import VERBS, missing
from workers.slurm_jobs.scripts import Call, calls_for, options_of, partition_of, slices_of, stages_of
from workers.slurm_jobs.sites import Site, Stage, read_site

_ADVICE = "Fetch on a machine whose nodes have internet, bring RUN/raw here, and submit `--stages score,report`."


def site_of(ordered: Ordered) -> Site:
    """The site of an order, with the variables that its caller had set.

    Raises:
        SettingsError: there is no such site, or its file is wrong.
    """
    return read_site(ordered.site, ordered.settings)


def what_is_known(run: Path) -> tuple[Ledger | None, list[scheduler.Queued]]:
    """What was submitted for a run, and what of it waits or runs now; nothing of the latter where SLURM is not.

    Raises:
        RunFolderError: the folder holds no run, or its ledger cannot be read.
        SchedulerError: SLURM is here and does not answer.
    """
    if not run.is_dir():
        raise RunFolderError(f"{run}: is no folder")
    ledger = read_ledger(run)
    return ledger, scheduler.queued(ledger.jobs) if ledger and scheduler.is_here() else []


def what_is_missing(run: Path) -> tuple[Ordered, dict[Stage, list[int]]]:
    """What to submit again: the last order with the stages that have something left, and of each its slices.

    Raises:
        RunFolderError: nothing was ever submitted for this run, or one of its files cannot be read.
    """
    ledger = read_ledger(run)
    if ledger is None:
        raise RunFolderError(
            f"{run}: nothing was submitted for it by `pairtrawl slurm submit`, so there is nothing to retry"
        )
    left = missing(run, ledger)
    return msgspec.structs.replace(ledger.ordered, stages=[stage.value for stage in left]), left


def cancel(run: Path) -> list[int]:
    """End the jobs of a run's ledger that still wait or run; returns their ids.

    Raises:
        RunFolderError: the ledger cannot be read.
        SchedulerError: SLURM refused, or cannot be reached.
    """
    ledger = read_ledger(run)
    jobs = sorted({one.job for one in scheduler.queued(ledger.jobs) if not one.ending}) if ledger else []
    scheduler.cancel(jobs)
    return jobs


def refuse_without_internet(ordered: Ordered, site: Site) -> None:
    """Look whether every stage that asks the web would run where it can.

    Raises:
        SettingsError: one would not; the message says what to do.
    """
    for stage in stages_of(ordered.stages):
        first = Stage.PLAN if ordered.is_rebuild else Stage.EXTRACT
        remote = [one for one in ordered.inputs if _is_remote(one)] if stage is first else []
        if not stage.asks_the_web and not remote:
            continue
        partition = partition_of([*site.options_for(stage), *options_of(ordered.options, stage)])
        if site.reaches_the_web(partition):
            continue
        where = f"partition {partition}" if partition else "the default partition"
        online = site.settings.get("PAIRTRAWL_INTERNET_PARTITIONS", "").split()
        instead = f"Take a partition that has it: --sbatch {stage}:--partition={online[0]}. " if online else ""
        why = f"{remote[0]} lies elsewhere, and " if remote else ""
        advice = "Bring the archives to the file system of the nodes first." if remote else _ADVICE
        raise SettingsError(
            f"{stage} is not submitted: {why}nodes of {where} at {site.name} have no internet. {instead}"
            f"{site.settings.get('PAIRTRAWL_INTERNET_ADVICE') or advice}"
        )


def refuse_second(run: Path, ledger: Ledger | None) -> None:
    """Look whether nothing of an earlier submission still waits or runs.

    Raises:
        RunFolderError: something does.
        SchedulerError: SLURM cannot be asked.
    """
    still = scheduler.queued(ledger.jobs) if ledger else []
    if not still:
        return
    jobs = ", ".join(str(job) for job in sorted({one.job for one in still})[:8])
    raise RunFolderError(
        f"{run}: {len(still)} tasks of jobs {jobs} still wait or run; see `pairtrawl slurm status {run}`, or end them "
        f"with `pairtrawl slurm cancel {run}`"
    )


def refuse_other_slices(run: Path, ordered: Ordered) -> None:
    """Look whether the run is divided as it was before, for each task would refuse it.

    Raises:
        RunFolderError: it is divided otherwise, or what says so cannot be read.
    """
    for stage in stages_of(ordered.stages):
        pin = RunFolder.at(run).slice_pin(VERBS[stage]) if stage in VERBS else None
        found = read_slices(pin) if pin else None
        asked = slices_of(ordered, stage)
        if found is not None and found.slices != asked:
            raise RunFolderError(
                f"{pin}: this run's {stage} is divided into {found.slices} slices, not {asked}; go on with "
                f"{found.slices}, or, to divide what is left anew, remove this file"
            )


def submit(run: Path, ordered: Ordered, site: Site, only: Mapping[Stage, Sequence[int]] | None = None) -> list[Entry]:
    """Hand in what is ordered, or of it those slices only. Returns what SLURM took.

    If SLURM refuses one call, those before it stay submitted, and the ledger has them.

    Raises:
        SettingsError: the order does not fit the site, or SLURM refused.
        RunFolderError: jobs of this run still wait or run, or it is divided into another number of slices.
    """
    refuse_without_internet(ordered, site)
    run.mkdir(parents=True, exist_ok=True)
    with alone(run):
        before = read_ledger(run)
        refuse_second(run, before)
        refuse_other_slices(run, ordered)
        calls = calls_for(run, ordered, site, scheduler.max_array_size() if site.has_arrays else 1, only)
        # without the folder SLURM ends a job at once and says nothing; some file systems delete folders that are empty
        (run / "logs").mkdir(exist_ok=True)
        write_first(run / "logs/README", b"What the tasks of this run have printed: STAGE-JOB_TASK.log\n")
        return _hand_in(run, calls, ordered, before)


def _hand_in(run: Path, calls: Sequence[Call], ordered: Ordered, before: Ledger | None) -> list[Entry]:
    taken: list[Entry] = []
    old = before.entries if before else []
    for call in calls:
        job = scheduler.submit(call.words(lambda place: taken[place].job), call.environment)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        taken.append(
            Entry(
                stage=call.stage.value,
                job=job,
                offset=call.window.offset,
                indices=call.indices,
                link=call.link,
                submitted=now,
            )
        )
        write_ledger(run, Ledger(ordered=ordered, entries=[*old, *taken]))
    return taken


def _is_remote(address: str) -> bool:
    """Whether an input is read over the network: an address, or a crawl of Common Crawl by its name."""
    return "://" in address or address.startswith("CC-MAIN-")
