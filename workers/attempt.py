"""One attempt at one job: the only place that catches everything, so that one bad job does not end a whole run."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import msgspec

from crawler.errors import ProcessLostError
from crawler.job import Job, Progress, Tools, run_job
from crawler.report import Report
from workers.blame import Blame, blame_for


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended. Exactly one of `report` and `failure` says something."""

    job: Job
    report: Report | None = None
    failure: str = ""
    #: says something where `failure` does
    blame: Blame = Blame.NOBODY
    #: a process that the jobs of the run share was lost: the same job may do well a moment later
    lost: bool = False
    #: largest resident memory of the process that did it, in bytes
    peak_bytes: int = 0


def attempt(job: Job, tools: Tools, progress: Progress = lambda _rows: None) -> Outcome:
    """Run the job; whatever goes wrong comes back as a failure that names the job.

    `KeyboardInterrupt` and `SystemExit` pass through: they are not the job's failure.
    """
    try:
        report = run_job(job, tools, progress)
    except Exception as error:  # noqa: BLE001 - the worker loop: our own bug fails this job, loudly, and the others go on
        return failed(job, error)
    return Outcome(job=job, report=report, peak_bytes=peak_bytes())


def failed(job: Job, error: Exception) -> Outcome:
    """The outcome of a job that ended with this error: its text where somebody can mend it, all of it for a bug."""
    blame = blame_for(error)
    told = "".join(traceback.format_exception(error)) if blame is Blame.OURS else str(error)
    return Outcome(
        job=job,
        failure=f"{job.name}: {told}",
        blame=blame,
        lost=isinstance(error, ProcessLostError),
        peak_bytes=peak_bytes(),
    )


def peak_bytes() -> int:
    """The largest resident memory that this process has had so far, in bytes.

    From /proc where there is one: getrusage's number is inherited from the parent at fork, and says nothing of us.
    """
    status = Path("/proc/self/status")
    if status.exists():
        high_water = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(high_water.split()[1]) * 1024
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        import psutil  # noqa: PLC0415 - as above

        return int(psutil.Process().memory_info().peak_wset)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
