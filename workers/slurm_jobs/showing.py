"""What would be submitted, as text: the very calls of sbatch, and the very words that the batch scripts would run."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from crawler.errors import SettingsError
from workers.slurm_jobs import scheduler
from workers.slurm_jobs.ledger import Ordered
from workers.slurm_jobs.scripts import Call, calls_for, partition_of, render
from workers.slurm_jobs.sites import Site, Stage, read_site

#: SLURM's own default, for a look at what would be submitted from where there is no SLURM
_MAX_ARRAY = 1001
_SECONDS = 60


def rendered(run: Path, ordered: Ordered, only: Mapping[Stage, Sequence[int]] | None = None) -> str:
    """The calls of sbatch that `submit` would make, as commands of a shell.

    Raises:
        SettingsError: the order does not fit the site.
    """
    return render(_calls(run, ordered, read_site(ordered.site, ordered.settings), only))


def rendered_tasks(run: Path, ordered: Ordered) -> str:
    """What the first task of each stage would run: its srun, and below it what that starts on every node.

    The batch scripts themselves say so, told not to do it; so it cannot differ from what they do.

    Raises:
        SettingsError: the order does not fit the site, or a script refuses it.
    """
    calls = _calls(run, ordered, read_site(ordered.site, ordered.settings))
    first = {call.stage: call for call in reversed(calls)}
    shown = [f"# {stage}, slice {call.window.slices[0]}\n{_said_by_script(call)}" for stage, call in first.items()]
    return "".join(reversed(shown))


def _calls(run: Path, ordered: Ordered, site: Site, only: Mapping[Stage, Sequence[int]] | None = None) -> list[Call]:
    known = ordered.window or not site.has_arrays or not scheduler.is_here()
    return calls_for(run, ordered, site, _MAX_ARRAY if known else scheduler.max_array_size(), only)


def _said_by_script(call: Call) -> str:
    place = {"SLURM_JOB_ID": "JOBID", "SLURM_ARRAY_TASK_ID": str(call.window.indices[0])}
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PAIRTRAWL_SHOW": "yes", **call.environment, **place}
    environment |= _granted(call.options)
    done = subprocess.run(  # noqa: S603 - our own script, by its path
        ["bash", str(call.script)],  # noqa: S607 - bash is where it is
        env=environment,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise SettingsError(f"{call.script.name} refuses: {done.stderr.strip()}")
    return done.stdout


def _granted(options: Sequence[str]) -> dict[str, str]:
    """What SLURM would tell a job of the resources that these options ask for."""
    said = {
        "SLURM_JOB_NUM_NODES": _last(options, r"--nodes=(\d+)", "1"),
        "SLURM_CPUS_PER_TASK": _last(options, r"--cpus-per-task=(\d+)", "2"),  # as slurm/*.sbatch ask
        "SLURM_GPUS_ON_NODE": _last(options, r"--(?:gres=gpu|gpus-per-node)\D*(?::\w+:)?[:=](\d+)", "0"),
    }
    partition = partition_of(options)
    return said | ({"SLURM_JOB_PARTITION": partition} if partition else {})


def _last(options: Sequence[str], pattern: str, default: str) -> str:
    found = [match[1] for one in options if (match := re.fullmatch(pattern, one))]
    return found[-1] if found else default
