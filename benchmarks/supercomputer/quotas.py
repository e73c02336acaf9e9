"""Files and bytes of a big run, stage by stage, against a group's quota; and how to cut the run so that it fits."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.supercomputer.assumptions import Assumptions, Measured
from benchmarks.supercomputer.stages import HOUR, Nodes, Volume, plan_hours, rows_per_second

#: shards of one job: .tar, .parquet, _stats.json
SHARD_FILES = 3
#: a candidate table and its marker
CANDIDATE_FILES = 2
#: what one start of an island leaves: its log, and in the rendezvous address, token, done, and the two folders
FILES_A_START = 6
#: run.json, run.lock, slices.json, plan.json, report.json, report.html and the folders
FILES_A_RUN = 16
#: a plan's table is the candidates' rows once more
_MOST_ROWS_PER_JOB = 1_000_000
_ROWS_STEPS = (10_000, 20_000, 50_000, 100_000, 200_000, 500_000, _MOST_ROWS_PER_JOB)
#: a shard's tar should fill some blocks of a parallel file system, which are 8 to 16 MB (hpc.md)
_TAR_BYTES = 100e6
#: what is lost with a job, and what a drain waits for
_JOB_SECONDS = 3600.0
#: room that a plan of ours leaves in a quota: others of the group have files, too
_OF_QUOTA = 0.8


@dataclass(frozen=True, slots=True)
class Cut:
    """How a run is cut. The whole is `parts` runs one after the other, each dealt into `slices`."""

    rows_per_job: int
    slices: int  # of each stage of each part
    parts: int = 1
    #: the run folder of a finished part leaves the file system, for an archive or another site
    shards_leave: bool = False
    #: raw shards are dropped when they are scored, and lie there for the slices in between only
    fetch_then_score: bool = True


@dataclass(frozen=True, slots=True)
class Heap:
    """Files and bytes of one kind, the most that lie there at the same time."""

    what: str
    files: float
    bytes: float


def jobs_of(has: Volume, cut: Cut) -> int:
    """Jobs of the whole run: each part ends with one that is not full."""
    return cut.parts * math.ceil(has.rows / cut.parts / cut.rows_per_job)


def heaps(has: Volume, cut: Cut, nodes: Nodes, measured: Measured) -> list[Heap]:
    """What lies there at the worst moment: the last part is being fetched and scored, and all else has been done.

    Candidates, plans and raw shards are of one part at a time; all else of all parts, unless finished ones leave.
    """
    of_part = 1 / cut.parts
    jobs = jobs_of(has, cut)
    # fetched and not scored yet: each island has one slice that it fetches and one that it scores
    raw_share = min(1.0, 2 * nodes.islands / cut.slices) if cut.fetch_then_score else 0.0
    parts_here = 1 if cut.shards_leave else cut.parts
    shards_share = parts_here * of_part
    shard_bytes = has.pairs * measured.shard_bytes_per_pair + (has.rows - has.pairs) * measured.shard_bytes_per_rejected
    row_bytes = measured.candidate_bytes_per_row
    archives = has.archives or has.rows / _MOST_ROWS_PER_JOB  # a list is read in files of a million rows
    stages = 3 if cut.fetch_then_score else 2
    return [
        Heap("candidates", CANDIDATE_FILES * archives * of_part, has.candidates * row_bytes * of_part),
        Heap("plan", jobs * of_part + 1, has.rows * row_bytes * of_part),
        Heap("raw shards in flight", jobs * of_part * raw_share,
             has.pictures * measured.raw_bytes_per_picture * of_part * raw_share),
        Heap("shards", SHARD_FILES * jobs * shards_share, shard_bytes * shards_share),
        Heap("slices: status", stages * cut.slices * parts_here, stages * cut.slices * parts_here * 400),
        Heap("logs and rendezvous", FILES_A_START * stages * cut.slices * parts_here,
             stages * cut.slices * parts_here * 200e3),
        Heap("run folders", FILES_A_RUN * parts_here, 2e6 * parts_here),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fit:
    """A cut, and how it stands to a quota."""

    cut: Cut
    files: float
    bytes: float
    job_seconds: float  # of one actor, where only CPU counts
    margin_seconds: float  # what --signal must leave before the walltime ends, so that jobs in flight can end
    slice_hours: float  # fetching one slice on one island
    plan_hours: float  # of one part, by one process that cannot be resumed
    fits: bool
    remarks: tuple[str, ...]


def judge(has: Volume, cut: Cut, nodes: Nodes, assumed: Assumptions, measured: Measured) -> Fit:
    """How this cut stands to the quota and the walltime; it fits where it leaves a fifth of both."""
    lying = heaps(has, cut, nodes, measured)
    files, size = sum(one.files for one in lying), sum(one.bytes for one in lying)
    island = Nodes(1, nodes.nodes_an_island)
    of_island = rows_per_second(island, assumed, measured, has)
    actors = assumed.workers_a_node * nodes.nodes_an_island
    job_seconds = cut.rows_per_job / (of_island / actors)
    jobs_a_slice = max(1.0, jobs_of(has, cut) / cut.parts / cut.slices)
    slice_hours = jobs_a_slice * cut.rows_per_job / of_island / HOUR
    planning = plan_hours(has, assumed, measured) / cut.parts
    remarks = []
    if files > assumed.quota_files * _OF_QUOTA:
        remarks.append(f"files: {files:,.0f} of {assumed.quota_files:,.0f}")
    if size > assumed.quota_bytes * _OF_QUOTA:
        remarks.append(f"bytes: {size / 1e12:,.1f} of {assumed.quota_bytes / 1e12:,.0f} TB")
    if planning > assumed.walltime_hours * _OF_QUOTA:
        remarks.append(f"the plan of a part takes {planning:,.0f} h of a walltime of {assumed.walltime_hours:.0f}")
    idle = jobs_a_slice < 2 * actors
    if idle:
        remarks.append(f"a slice has {jobs_a_slice:.0f} jobs for {actors:.0f} actors: some idle at its end")
    return Fit(cut, files, size, job_seconds, 60 + 1.5 * job_seconds, slice_hours, planning,
               fits=len(remarks) == int(idle), remarks=tuple(remarks))  # fmt: skip


def recommend(has: Volume, nodes: Nodes, assumed: Assumptions, measured: Measured) -> Fit:
    """The cut with the fewest parts, then the smallest jobs, that fits the quota and whose plans fit a walltime.

    A fifth of both is left free. Small jobs are dear in files and cheap to lose: the smallest whose shard fills some blocks of the file system, and
    none longer than an hour. A slice is what an island fetches in half a walltime at the most, or less where raw shards
    would need more than a third of the quota. Where nothing fits, shards leave with their part; where that does not
    help, the nearest.
    """
    steps = _steps(has, nodes, assumed, measured)
    cuts = [
        _cut(has, rows_per_job, parts, nodes, assumed, measured, leave=leave)
        for leave in (False, True)
        for parts in _PARTS
        for rows_per_job in steps
    ]
    for cut in cuts:
        fit = judge(has, cut, nodes, assumed, measured)
        if fit.fits:
            return fit
    return judge(has, cuts[-1], nodes, assumed, measured)


def _steps(has: Volume, nodes: Nodes, assumed: Assumptions, measured: Measured) -> list[int]:
    """Sizes of jobs worth trying, in rows."""
    actor = rows_per_second(Nodes(1, nodes.nodes_an_island), assumed, measured, has) / (
        assumed.workers_a_node * nodes.nodes_an_island
    )
    short = [rows for rows in _ROWS_STEPS if rows / actor <= _JOB_SECONDS] or [_ROWS_STEPS[0]]
    large = [rows for rows in short if rows * has.kept_of_rows * measured.shard_bytes_per_pair >= _TAR_BYTES]
    return large or short[-1:]


_PARTS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 160, 200, 256, 400, 512, 800, 1_000)


def _cut(
    has: Volume, rows_per_job: int, parts: int, nodes: Nodes, assumed: Assumptions, measured: Measured, *, leave: bool
) -> Cut:
    """As many slices as it takes to end in half a walltime, twice as many as there are islands, and no empty ones."""
    island = rows_per_second(Nodes(1, nodes.nodes_an_island), assumed, measured, has)
    jobs = math.ceil(has.rows / parts / rows_per_job)
    for_walltime = math.ceil(has.rows / parts / island / (assumed.walltime_hours * HOUR / 2))
    for_raw = math.ceil(
        2
        * nodes.islands
        * has.pictures
        / parts
        * measured.raw_bytes_per_picture
        / (assumed.quota_bytes * _OF_QUOTA / 3)
    )
    slices = min(jobs, max(for_walltime, for_raw, 2 * nodes.islands if jobs > 2 * nodes.islands else nodes.islands))
    return Cut(rows_per_job, max(1, slices), parts, shards_leave=leave)
