"""How far a run is, and what is missing: from the markers of jobs, and from what the slices say of themselves.

Nothing of the run has to be running for this, and no database is asked; squeue, where it is, adds what waits and runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from crawler.errors import SettingsError
from crawler.job.markers import ExtractFiles
from crawler.raw import raw_path
from crawler.write import shard_paths
from workers.run_folder import Pinned, RunFolder
from workers.slice_status import SliceStatus, read_statuses
from workers.slices import Slice, deal, parse_slice
from workers.slurm_jobs.ledger import Ledger
from workers.slurm_jobs.scheduler import Queued
from workers.slurm_jobs.scripts import slices_of
from workers.slurm_jobs.sites import Stage

#: the verb that a stage runs, under which its slices speak
VERBS: Mapping[Stage, str] = {
    Stage.EXTRACT: "extract",
    Stage.FETCH: "fetch",
    Stage.SCORE: "score",
    Stage.HYBRID: "crawl",
    Stage.REBUILD: "crawl",
}


class StageProgress(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table. `done + running + waiting + failed + idle == slices`."""

    stage: str
    slices: int
    done: int = 0  # all their jobs are
    running: int = 0
    waiting: int = 0  # in SLURM's queue
    failed: int = 0  # neither done nor in the queue, and their last sitting ended badly
    idle: int = 0  # neither done nor in the queue: never begun, drained, or killed
    jobs: int | None = None  # None: not known before there is a plan
    jobs_done: int = 0
    rows_a_second: float | None = None  # of the slices that run now, in their present sittings
    oldest_heartbeat: str | None = None  # of the slices that run now; UTC, ISO 8601


def slices_left(run: Path, stage: Stage, slices: int) -> list[int]:
    """The slices of a stage of which a job is not done, by the markers of the jobs; all of them before there is a plan.

    Only the names in a folder are read, once, for a marker comes last and a run may have a million of them; whether
    what it marks is still whole, the slice itself looks when it runs.

    Raises:
        RunFolderError: a file of the run cannot be read.
    """
    return _left_of(run, stage, slices, _jobs(run, stage, slices))


def what_is_left(run: Path, stage: str, part: str | None) -> str:
    """What of a stage, or of one slice of it, is not done, in a sentence; "" where everything is.

    Args:
        run: the run folder.
        stage: its name.
        part: "3/16", or None for the whole stage, whatever its slices.

    Raises:
        SettingsError: there is no such stage or slice.
        RunFolderError: a file of the run cannot be read.
    """
    if stage not in VERBS:
        raise SettingsError(f"--stage {stage}: there are {', '.join(VERBS)}")
    wanted = parse_slice(part) if part is not None else Slice(0, 1)
    jobs = _jobs(run, Stage(stage), wanted.of)
    if jobs is None:
        return f"{run}: what {stage} has to do is not known yet"
    mine = [is_done for owner, is_done in jobs if owner == wanted.number]
    left = mine.count(False)
    return f"{run}: {left} of {len(mine)} jobs of {stage} are not done" if left else ""


def missing(run: Path, ledger: Ledger) -> dict[Stage, list[int]]:
    """By stage, the slices that are not done, of the stages that were ever submitted for this run.

    The report is missing as soon as anything is.

    Raises:
        RunFolderError: a file of the run cannot be read.
    """
    stages = {Stage(entry.stage) for entry in ledger.entries}
    left = {stage: slices_left(run, stage, slices_of(ledger.ordered, stage)) for stage in Stage if stage in stages}
    # once there is a plan an archive that was left out of it is not read later, for nothing would come of it
    if not left.get(Stage.PLAN, [0]):
        left.pop(Stage.EXTRACT, None)
    if Stage.REPORT in left and any(left.values()):
        left[Stage.REPORT] = [0]
    return {stage: slices for stage, slices in left.items() if slices}


def progress(run: Path, ledger: Ledger | None, queue: Sequence[Queued]) -> list[StageProgress]:
    """The table: a line for each stage that was submitted, or of which a slice has spoken.

    Args:
        run: the run folder.
        ledger: what was submitted; None where slices were submitted by hand.
        queue: what of it waits or runs now.

    Raises:
        RunFolderError: a file of the run cannot be read.
    """
    submitted = {Stage(entry.stage) for entry in ledger.entries} if ledger else set()
    folder = RunFolder.at(run)
    lines = []
    for stage in Stage:
        verb = _verb(stage, folder) if stage in VERBS else ""
        said = read_statuses(folder.slices, verb) if verb else {}
        # hybrid and a list's crawl are one verb: what was not submitted is shown under the first name
        is_second = stage is Stage.REBUILD and verb == VERBS[Stage.HYBRID]
        spoken = bool(said) and not is_second and (stage is Stage.REBUILD or Stage.REBUILD not in submitted)
        if stage in submitted or spoken:
            lines.append(_line(run, stage, ledger, said, queue))
    return lines


def _verb(stage: Stage, folder: RunFolder) -> str:
    """The verb that a stage runs; a list is rebuilt by a crawl, unless the recipe describes a rebuild."""
    if stage is not Stage.REBUILD:
        return VERBS[stage]
    pinned = folder.pinned()
    return "rebuild" if pinned is not None and pinned.recipe.rebuild is not None else VERBS[stage]


def _line(
    run: Path, stage: Stage, ledger: Ledger | None, said: Mapping[int, SliceStatus], queue: Sequence[Queued]
) -> StageProgress:
    slices = next((one.slices for one in said.values()), slices_of(ledger.ordered, stage) if ledger else 1)
    jobs = _jobs(run, stage, slices)
    left = set(_left_of(run, stage, slices, jobs))
    waiting, running = _in_queue(stage, ledger, queue)
    # without the queue, a sitting that speaks of itself as running is believed; its heartbeat tells how fresh that is
    running |= {part for part, one in said.items() if one.state == "running" and not ledger}
    counts: Counter[str] = Counter()
    for part in range(slices):
        counts[_state(part, part in left, running, waiting, said.get(part))] += 1
    now = [one for part, one in said.items() if part in running]
    return StageProgress(
        stage=stage.value,
        slices=slices,
        done=counts["done"],
        running=counts["running"],
        waiting=counts["waiting"],
        failed=counts["failed"],
        idle=counts["idle"],
        jobs=None if jobs is None and stage.sliced else len(jobs or [0]),
        jobs_done=sum(is_done for _, is_done in jobs) if jobs is not None else int(not stage.sliced and not left),
        rows_a_second=_rate(now),
        oldest_heartbeat=min((one.updated for one in now), default=None),
    )


def _state(part: int, left: bool, running: set[int], waiting: set[int], said: SliceStatus | None) -> str:
    if part in running:
        return "running"
    if not left:
        return "done"
    if part in waiting:
        return "waiting"
    return "failed" if said is not None and said.state == "failed" else "idle"


def _in_queue(stage: Stage, ledger: Ledger | None, queue: Iterable[Queued]) -> tuple[set[int], set[int]]:
    offsets = {entry.job: entry.offset for entry in ledger.entries if entry.stage == stage} if ledger else {}
    waiting, running = set[int](), set[int]()
    for task in queue:
        if task.job in offsets:
            (running if task.state in {"RUNNING", "COMPLETING"} else waiting).add(offsets[task.job] + task.index)
    return waiting - running, running


def _rate(running: Sequence[SliceStatus]) -> float | None:
    """Rows a second of the slices that run now, all together, since each began its present sitting."""
    rates = []
    for one in running:
        seconds = (datetime.fromisoformat(one.updated) - datetime.fromisoformat(one.started)).total_seconds()
        if seconds > 0:
            rates.append(one.rows / seconds)
    return sum(rates) if rates else None


def _left_of(run: Path, stage: Stage, slices: int, jobs: Sequence[tuple[int, bool]] | None) -> list[int]:
    """The slices that are not done, once it is known of each job."""
    if stage is Stage.PLAN:
        return [] if RunFolder.at(run).plan.read() else [0]
    if stage is Stage.REPORT:
        return [] if RunFolder.at(run).report.exists() else [0]
    return list(range(slices)) if jobs is None else sorted({part for part, is_done in jobs if not is_done})


def _jobs(run: Path, stage: Stage, slices: int) -> list[tuple[int, bool]] | None:
    """Of each job its slice, and whether it is done; None where the jobs are not known yet."""
    folder = RunFolder.at(run)
    pinned = folder.pinned()
    if pinned is None or stage not in VERBS:
        return None
    if stage is Stage.EXTRACT:
        numbers = range(len(pinned.sources))
        names = [address for address, _ in pinned.sources]
    else:
        planned = folder.plan.read()
        if planned is None:
            return None
        numbers = range(planned.first, planned.first + planned.jobs)
        names = [str(number) for number in numbers]
    done = _done(folder, stage, pinned, numbers)
    return [(part, is_done) for part, is_done in zip(deal(names, slices), done, strict=True)]


def _done(folder: RunFolder, stage: Stage, pinned: Pinned, numbers: Sequence[int]) -> list[bool]:
    if stage is Stage.EXTRACT:
        there = _names(folder.candidates)
        return [ExtractFiles(folder.candidates, number).marker.name in there for number in numbers]
    shards = _names(folder.shards)
    scored = [shard_paths(folder.shards, number, pinned.recipe.output).stats.name in shards for number in numbers]
    if stage is Stage.FETCH:  # a raw shard that was scored may have been removed
        there = _names(folder.raw)
        return [raw_path(folder.raw, number).name in there or scored[number] for number in numbers]
    return scored


def _names(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()} if folder.is_dir() else set()
