"""Events and reports for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from crawler.job import Job, JobKind
from crawler.report import Report, Spent, StageCount
from workers.telling.events import (
    Event,
    Failure,
    JobEnded,
    Passed,
    PhaseBegan,
    PhaseEnded,
    PhaseProgress,
    RunBegan,
    RunEnded,
    Said,
)

JOB = Job(kind=JobKind.FETCH, number=7, input="", output="", recipe="")
START = datetime(2026, 11, 22, 17, 30, tzinfo=UTC)


class Clock:
    """Time that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 1_795_219_200.0

    def __call__(self) -> float:
        return self.now


def a_report(*, kept: int = 40, kind: str = "fetch", number: int = 7, incomplete: str = "", **rejected: int) -> Report:
    """A job of one stage."""
    stage = StageCount("fetch", kept + sum(rejected.values()), kept, rejected)
    return Report(
        job=f"{kind}-{number:05d}", kind=kind, recipe="", stages=(stage,), incomplete=incomplete,
        spent=(Spent("fetch", "", kept, 2.0, 1.0),),
    )  # fmt: skip


def at(seconds: float) -> datetime:
    """So many seconds after a story began."""
    return START + timedelta(seconds=seconds)


def progress(seconds: float, done: int, *, ended: bool = False, **fields: Any) -> PhaseProgress | PhaseEnded:
    """How far a phase is, which began with the story."""
    usual: dict[str, Any] = {
        "phase": "fetch and filter", "unit": "pairs", "total": 1_000, "rows": done, "kept": done // 2, "jobs": 10,
        "jobs_done": done // 100, "failed": 0, "rate": 5.0, "left_seconds": 60.0,
        "stages": (Passed("fetch", done, done // 2),), "reasons": {"http_gone": done - done // 2}, "spent": {"fetch": 1.0},
        "under_way": {}, "under_way_rows": 0,
    }  # fmt: skip
    kind = PhaseEnded if ended else PhaseProgress
    return kind(at=at(seconds), seconds=seconds, done=done, **usual | fields)


def began(**fields: Any) -> RunBegan:
    usual: dict[str, Any] = {
        "name": "small", "verb": "crawl", "place": "local", "inputs": 2, "version": "0.1.0", "host": "here", "process": 1,
    }  # fmt: skip
    return RunBegan(at=at(0), **usual | fields)


def a_story() -> list[Event]:
    """One event of each kind, and then some."""
    return [
        began(),
        Said(at=at(0), text="small: 2 archives into there/"),
        PhaseBegan(at=at(1), phase="fetch and filter", unit="pairs", total=1_000, jobs=10),
        progress(10, 100),
        JobEnded(
            at=at(11), phase="fetch and filter", job="fetch-00007", rows=50, kept=40, reasons={"http_gone": 10},
            report=a_report(kept=40, http_gone=10),
        ),
        Failure(at=at(12), text="crawl-00003: no", job="crawl-00003", blame="input"),
        progress(20, 200, ended=True),
        RunEnded(at=at(21), exit_code=0, seconds=21.0, jobs=10, jobs_done=2),
    ]  # fmt: skip
