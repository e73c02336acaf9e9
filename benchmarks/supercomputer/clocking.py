"""How long the real command takes for its jobs, start-up aside: by the markers that it leaves, and its processes' CPU.

Start-up (imports, models, Ray itself, the first job's warm caches) ends where the first jobs end. The clock runs from
the end of the A-th job, where A actors are at work, to the end of the last: all later jobs with all that is between them.
CPU time is that of the command and of everything that it started, read from /proc four times a second.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
_LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Clocked:
    """One run of the command."""

    jobs: int  # on the clock
    seconds: float  # for them
    cpu_seconds: float  # for them, all processes
    total_seconds: float  # the whole command, with start and end
    total_cpu_seconds: float

    @property
    def seconds_per_job(self) -> float:
        """Wall time from one end to the next."""
        return self.seconds / self.jobs

    @property
    def cpu_seconds_per_job(self) -> float:
        """CPU time of all processes, a job."""
        return self.cpu_seconds / self.jobs


def clocked(words: Sequence[str], markers: Path, pattern: str, actors: int = 1, **environment: str) -> Clocked:
    """Run `pairtrawl WORDS` and clock the jobs whose markers match `pattern` in the folder `markers`.

    Raises:
        AssertionError: the command failed, or did too few jobs for a figure.
    """
    command = [sys.executable, "-c", "from workers.cli import main; main()", *words]
    began, wall = time.time(), time.monotonic()
    with tempfile.TemporaryFile("w+") as told:  # a pipe would fill up while nobody reads it
        with subprocess.Popen(command, cwd=ROOT, stdout=told, stderr=told, env=os.environ | environment) as process:
            samples = _watch(process)
        total = time.monotonic() - wall
        told.seek(0)
        said = told.read()
    if process.returncode:
        raise AssertionError(f"pairtrawl {words[0]}: {process.returncode}: {said[-1500:]}")
    jobs, first, last = steady(markers, pattern, actors, began)
    return Clocked(
        jobs=jobs,
        seconds=last - first,
        cpu_seconds=_at(samples, last) - _at(samples, first),
        total_seconds=total,
        total_cpu_seconds=samples[-1][1],
    )


def steady(markers: Path, pattern: str, actors: int, began: float = 0.0) -> tuple[int, float, float]:
    """Jobs on the clock, and when it started and stopped (seconds since 1970), by the markers since `began`.

    Raises:
        AssertionError: there are too few jobs for a figure.
    """
    ends = sorted(one.stat().st_mtime for one in markers.glob(pattern))
    ends = [end for end in ends if end >= began]
    if len(ends) <= actors:
        raise AssertionError(f"{markers}: {len(ends)} jobs are too few for {actors} actors")
    return len(ends) - actors, ends[actors - 1], ends[-1]


def _watch(process: subprocess.Popen[bytes]) -> list[tuple[float, float]]:
    """(time, CPU seconds so far) of the process and all its descendants, until it ends."""
    spent: dict[tuple[int, float], float] = {}
    samples = [(time.time(), 0.0)]
    while process.poll() is None:
        for one in _family(process.pid):
            try:
                times = one.cpu_times()
                spent[one.pid, one.create_time()] = times.user + times.system
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue  # ended while we looked: what it had at the last look counts
        samples.append((time.time(), sum(spent.values())))
        time.sleep(_LOOK_SECONDS)
    return samples


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _at(samples: Sequence[tuple[float, float]], moment: float) -> float:
    """CPU seconds at a moment, between two looks by proportion."""
    after = bisect_left(samples, (moment, 0.0))
    if after == 0:
        return samples[0][1]
    if after == len(samples):
        return samples[-1][1]
    (early, low), (late, high) = samples[after - 1], samples[after]
    return low + (high - low) * (moment - early) / max(late - early, 1e-9)
