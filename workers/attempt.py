"""One attempt at one job: the only place that catches everything, so that one bad job does not end a whole run."""

from __future__ import annotations

import resource
import sys
import traceback

import msgspec

from crawler.errors import ArchiveUnavailableError, PairtrawlError
from crawler.job import Job, Progress, Tools, run_job
from crawler.report import Report


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended. Exactly one of `report` and `failure` says something."""

    job: Job
    report: Report | None = None
    failure: str = ""
    #: trying again later may help: a server was down, an actor died
    may_pass: bool = False
    #: largest resident memory of the process that did it, in bytes
    peak_bytes: int = 0


def attempt(job: Job, tools: Tools, progress: Progress = lambda _rows: None) -> Outcome:
    """Run the job; whatever goes wrong comes back as a failure that names the job.

    `KeyboardInterrupt` and `SystemExit` pass through: they are not the job's failure.
    """
    try:
        report = run_job(job, tools, progress)
    except ArchiveUnavailableError as error:
        return Outcome(job=job, failure=f"{job.name}: {error}", may_pass=True, peak_bytes=peak_bytes())
    except PairtrawlError as error:
        return Outcome(job=job, failure=f"{job.name}: {error}", peak_bytes=peak_bytes())
    except Exception:  # noqa: BLE001 - the worker loop: our own bug fails this job, loudly, and the others go on
        return Outcome(job=job, failure=f"{job.name}: {traceback.format_exc()}", peak_bytes=peak_bytes())
    return Outcome(job=job, report=report, peak_bytes=peak_bytes())


def peak_bytes() -> int:
    """The largest resident memory that this process has had so far (getrusage; kilobytes on Linux, bytes on macOS)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
