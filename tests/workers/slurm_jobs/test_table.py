"""The table of `status`."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from rich.console import Console

from workers.slurm_jobs.progress import StageProgress
from workers.slurm_jobs.table import show_table


def shown(*lines: StageProgress) -> str:
    text = StringIO()
    show_table(lines, Path("/run"), Console(file=text, width=150))
    return text.getvalue()


def test_a_stage_is_a_line() -> None:
    said = shown(
        StageProgress(stage="fetch", slices=1200, done=1199, running=1, jobs=5000, jobs_done=4990, rows_a_second=1.25)
    )
    assert said.splitlines()[1].split() == [
        "fetch",
        "1,200",
        "1,199",
        "1",
        "0",
        "0",
        "0",
        "4,990",
        "of",
        "5,000",
        "1.2",
    ]
    assert "retry" not in said


def test_what_nobody_works_on_is_pointed_out() -> None:
    assert "pairtrawl slurm retry /run" in shown(StageProgress(stage="score", slices=2, done=1, failed=1))
    assert "not planned" in shown(StageProgress(stage="score", slices=2, waiting=2))


def test_a_run_of_which_nothing_was_submitted_says_so() -> None:
    assert shown() == "/run: nothing was submitted, and no slice has begun\n"
