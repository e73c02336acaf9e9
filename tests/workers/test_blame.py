"""Whose a failure is decides what is said, whether other jobs go on, and the exit code."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.console import Console

from crawler.errors import ArchiveUnavailableError, InputError, MissingPackageError, SettingsError
from crawler.job import Job, JobKind, Progress
from crawler.report import AccountingError, Report
from crawler.settings import Recipe
from crawler.sources import ArchiveKind, Source
from workers.attempt import Outcome, failed
from workers.blame import Blame, blame_for
from workers.crawl import Crawl, Run, Summary
from workers.progress import Display
from workers.run_folder import RunFolder
from workers.session import exit_code
from workers.stop import Stop

SOURCES = [Source(f"/archives/{number}.warc.gz", ArchiveKind.WARC) for number in range(3)]


@dataclass
class Failing:
    """A place where jobs end with these errors, one after the other; None is a good end."""

    errors: list[Exception | None]
    peaks: dict[str, int] = field(default_factory=dict)
    stop_after: int = 99

    @contextmanager
    def open(self, _recipe: Recipe, _folder: RunFolder, _kind: JobKind) -> Iterator[Run]:
        yield self.run

    def run(self, jobs: Iterable[Job], _progress: Progress, stop: Stop) -> Iterator[Outcome]:
        for number, (job, error) in enumerate(zip(jobs, self.errors, strict=False), 1):
            stop.asked = number >= self.stop_after
            done = Report(job=job.name, kind="extract", recipe="", stages=())
            yield failed(job, error) if error else Outcome(job=job, report=done)
            if stop:
                return


def extracted(folder: Path, place: Failing) -> tuple[Summary, str]:
    """How the first phase ends there, and what was said."""
    said = io.StringIO()
    display = Display(Console(file=said, width=200))
    run = RunFolder(folder / "run")
    run.open(Recipe(), SOURCES, "test")
    return Crawl(Recipe(), SOURCES, run, place, display, Stop()).run("extract"), said.getvalue()


@pytest.mark.parametrize(
    ("error", "blame"),
    [
        (ArchiveUnavailableError("busy"), Blame.NOBODY),
        (InputError("no archive"), Blame.INPUT),
        (SettingsError("no model"), Blame.SET_UP),
        (MissingPackageError("no torch"), Blame.SET_UP),
        (OSError(errno.ENOSPC, "No space left on device"), Blame.SET_UP),
        (OSError(errno.EBADF, "Bad file descriptor"), Blame.OURS),
        (AccountingError("3 found, 2 kept"), Blame.OURS),
    ],
)
def test_who_can_mend_what(error: Exception, blame: Blame) -> None:
    assert blame_for(error) is blame


def test_after_a_full_disk_no_further_job_is_begun(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    summary, said = extracted(tmp_path, Failing([full, full, full]))
    assert len(summary.failures) == 1
    assert "No space left" in said
    assert "Traceback" not in said
    assert exit_code(summary) == 2


def test_a_bug_in_one_job_is_shown_whole_and_the_others_go_on(tmp_path: Path) -> None:
    summary, said = extracted(tmp_path, Failing([None, ZeroDivisionError("[/ours]"), None]))
    assert len(summary.failures) == 1
    assert said.count("ZeroDivisionError: [/ours]") == 1
    assert "3 of 3 archives" in said
    assert exit_code(summary) == 70


def test_a_busy_server_leaves_work_and_a_wrong_input_is_the_users(tmp_path: Path) -> None:
    busy, wrong = ArchiveUnavailableError("busy"), InputError("no archive")
    assert exit_code(extracted(tmp_path, Failing([busy, None, None]))[0]) == 75
    assert exit_code(extracted(tmp_path, Failing([busy, wrong, None]))[0]) == 2
    assert exit_code(extracted(tmp_path, Failing([None, None, None]))[0]) == 0


def test_asked_to_stop_during_the_last_job_nothing_is_left(tmp_path: Path) -> None:
    assert not extracted(tmp_path, Failing([None, None, None], stop_after=3))[0].stopped
    assert extracted(tmp_path, Failing([None, None, None], stop_after=2))[0].stopped


def test_archives_that_the_plan_was_made_without_are_not_read_later(tmp_path: Path) -> None:
    extracted(tmp_path, Failing([]))
    plan = RunFolder(tmp_path / "run").plan.path
    plan.mkdir()
    (plan / "plan.json").write_text('{"candidates": 0, "rejected": {}, "rows": 0, "rows_per_job": 1, "jobs": 0}')
    summary, said = extracted(tmp_path, Failing([ZeroDivisionError()]))
    assert summary.complete
    assert "without 3 archives" in said
