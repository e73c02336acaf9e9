"""The table of `pairtrawl slurm status`, for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from workers.slurm_jobs.progress import StageProgress

_COUNTS = ("slices", "done", "running", "waiting", "failed", "idle")


def show_table(lines: Sequence[StageProgress], run: Path, console: Console) -> None:
    """A line for each stage, and what to do about slices that nobody works on."""
    table = Table(title=None, box=None, pad_edge=False)
    table.add_column("stage")
    for heading in (*_COUNTS, "jobs", "rows/s"):
        table.add_column(heading, justify="right")
    table.add_column("oldest heartbeat")
    for one in lines:
        counts = (one.slices, one.done, one.running, one.waiting, one.failed, one.idle)
        jobs = f"{one.jobs_done:,} of {one.jobs:,}" if one.jobs is not None else "not planned"
        rate = f"{one.rows_a_second:,.1f}" if one.rows_a_second is not None else ""
        table.add_row(one.stage, *(f"{number:,}" for number in counts), jobs, rate, one.oldest_heartbeat or "")
    if not lines:
        console.print(f"{run}: nothing was submitted, and no slice has begun", markup=False)
        return
    console.print(table)
    if any(one.failed or one.idle for one in lines):
        console.print(f"What is failed or idle runs again with: pairtrawl slurm retry {run}", markup=False)
