"""The border to SLURM: sbatch, squeue, scancel and scontrol, as lists of words; what they say, as our records.

No accounting database is asked (sacct): many sites have none, and a run folder knows what was done.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from crawler.errors import SettingsError
from workers.slurm_jobs.windows import parse_expression

#: a controller that is busy answers late; one that does not answer at all is said to be down
_SECONDS = 120
_ROW = "%F|%K|%T|%r"  # array's job id, index or expression, state, reason


class SchedulerError(SettingsError):
    """SLURM refused, or cannot be reached; the message is SLURM's own, with what was asked."""


@dataclass(frozen=True, slots=True)
class Queued:
    """One task that is waiting or running. A job without an array has index 0."""

    job: int
    index: int
    state: str  # PENDING, RUNNING, COMPLETING, REQUEUED ...
    reason: str

    @property
    def hopeless(self) -> bool:
        """Whether it waits for something that cannot happen any more."""
        return self.reason == "DependencyNeverSatisfied"

    @property
    def ending(self) -> bool:
        """Whether it has ended, or was told to, and its node is still being cleared: nothing can be asked of it."""
        return self.state == "COMPLETING"


def is_here() -> bool:
    """Whether this machine has SLURM's commands."""
    return shutil.which("squeue") is not None


def submit(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Hand in a script; returns its job id.

    Args:
        words: the command line, from "sbatch" on, with --parsable.
        environment: what is added to this process's own, which goes along as a whole (--export=ALL) but for variables
            of ours; values may hold commas and blanks this way, which they cannot on the command line.

    Raises:
        SchedulerError: SLURM did not take it.
    """
    said = _ask(words, environment).strip()
    found = re.match(r"\d+", said.splitlines()[-1] if said else "")
    if found is None:
        raise SchedulerError(f"sbatch answered {said!r} instead of a job id")
    return int(found[0])


def queued(jobs: Iterable[int]) -> list[Queued]:
    """What of these jobs still waits or runs. Those that have ended are not in it.

    Raises:
        SchedulerError: the controller does not answer.
    """
    asked = set(jobs)
    if not asked:
        return []
    # all of the user's, then picked: squeue --jobs fails as soon as it has forgotten one of them
    rows = _ask(["squeue", "--noheader", f"--user={os.getuid()}", f"--format={_ROW}"])
    return [one for one in parse_queue(rows) if one.job in asked]


def parse_queue(text: str) -> list[Queued]:
    """The rows of squeue --format="%F|%K|%T|%r"; waiting tasks of one array come as one row: "3-7%2".

    Raises:
        SchedulerError: a row is something else.
    """
    tasks = []
    for line in text.splitlines():
        job, _, rest = line.partition("|")
        written, _, rest = rest.partition("|")
        state, _, reason = rest.partition("|")
        try:
            indices = [0] if written in {"N/A", ""} else parse_expression(written)
            tasks += [Queued(int(job), index, state, reason) for index in indices]
        except ValueError as error:
            raise SchedulerError(f"squeue said {line!r}, which cannot be read") from error
    return tasks


def cancel(jobs: Sequence[int]) -> None:
    """End these jobs: those that run get TERM, those that wait are taken out.

    Raises:
        SchedulerError: SLURM refused.
    """
    if jobs:
        _ask(["scancel", *(str(job) for job in jobs)])


def max_array_size() -> int:
    """One more than the largest index that an array may have here.

    Raises:
        SchedulerError: the controller does not answer, or does not say.
    """
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", _ask(["scontrol", "show", "config"]), re.MULTILINE)
    if found is None:
        raise SchedulerError("`scontrol show config` says nothing of MaxArraySize; give it with --window")
    return int(found[1])


def _clean_environment() -> dict[str, str]:
    """This process's, without variables of ours: a job gets those of its order, and none that happened to be set."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PAIRTRAWL_")}


def _ask(words: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a list of words, no shell; each was checked in `sites`
            list(words),
            env=_clean_environment() | dict(environment or {}),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
    except FileNotFoundError as error:
        raise SchedulerError(
            f"{words[0]} is not here: run this on a login node of the cluster, or see `--dry-run`"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise SchedulerError(f"{words[0]} has not answered for {_SECONDS} s; the controller may be down") from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "").strip() or f"exit code {error.returncode}"
        raise SchedulerError(f"{' '.join(words[:4])} ...: {said}") from error
    return done.stdout
