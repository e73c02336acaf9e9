"""The border to SLURM: what squeue and sbatch say, and what becomes of their errors. The commands are small scripts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workers.slurm_jobs import scheduler
from workers.slurm_jobs.scheduler import Queued, SchedulerError, parse_queue


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for commands that stand in for SLURM's."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def a_command(folder: Path, name: str, *lines: str) -> None:
    (folder / name).write_text("\n".join(["#!/bin/sh", *lines, ""]))
    (folder / name).chmod(0o755)


def test_rows_of_the_queue_become_tasks() -> None:
    rows = "17|0|RUNNING|None\n17|3-4,7%2|PENDING|Dependency\n18|N/A|PENDING|DependencyNeverSatisfied\n"
    assert parse_queue(rows) == [
        Queued(17, 0, "RUNNING", "None"),
        Queued(17, 3, "PENDING", "Dependency"),
        Queued(17, 4, "PENDING", "Dependency"),
        Queued(17, 7, "PENDING", "Dependency"),
        Queued(18, 0, "PENDING", "DependencyNeverSatisfied"),
    ]


def test_a_row_that_cannot_be_read_is_shown() -> None:
    with pytest.raises(SchedulerError, match="slurm_load_jobs"):
        parse_queue("slurm_load_jobs error\n")


def test_only_the_jobs_that_were_asked_for_are_returned(commands: Path) -> None:
    a_command(commands, "squeue", "echo '17|0|RUNNING|None'", "echo '99|0|RUNNING|None'")
    assert [one.job for one in scheduler.queued([17, 18])] == [17]


def test_jobs_get_the_variables_of_their_order_and_no_others_of_ours(
    commands: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRTRAWL_RECIPE", "/left/over.toml")
    a_command(commands, "sbatch", f'env >{commands}/seen; echo "Submitting for you" >&2; echo "4711;cluster"')
    assert scheduler.submit(["sbatch", "--parsable", "x"], {"PAIRTRAWL_RUN": "/my, run"}) == 4711
    seen = (commands / "seen").read_text()
    assert "PAIRTRAWL_RUN=/my, run\n" in seen
    assert "PAIRTRAWL_RECIPE" not in seen


def test_slurms_own_words_are_passed_on(commands: Path) -> None:
    a_command(commands, "sbatch", "echo 'sbatch: error: invalid account' >&2", "exit 1")
    with pytest.raises(SchedulerError, match="invalid account"):
        scheduler.submit(["sbatch", "--parsable", "x"], {})


def test_a_machine_without_slurm_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not scheduler.is_here()
    with pytest.raises(SchedulerError, match="login node"):
        scheduler.max_array_size()


def test_max_array_size_is_read_from_the_configuration(commands: Path) -> None:
    a_command(commands, "scontrol", "echo 'MaxArraySize            = 4001'", "echo 'MaxJobCount             = 10000'")
    assert scheduler.max_array_size() == 4001


def test_nothing_is_cancelled_where_there_is_nothing(commands: Path) -> None:
    a_command(commands, "scancel", f"touch {commands}/called")
    scheduler.cancel([])
    assert not (commands / "called").exists()
