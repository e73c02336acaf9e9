"""A crew without processes: makes files of which everybody knows what they must hold, and fails where it is told to."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from crawler.commit import write_atomically
from crawler.job import Job
from crawler.report import Report, chain
from workers.blame import Blame
from workers.home.crew import Told
from workers.home.errands import Ended
from workers.home.known_answers import KNOWN

#: a file is sent in blocks of 1 MiB: half of this one is half of an upload
FILE_BYTES = 1_500_000
#: the job of this number has an input that nobody can read
BROKEN = 1


def content(number: int, name: str, size: int = FILE_BYTES) -> bytes:
    """What a file of a job holds."""
    seed = hashlib.sha256(f"{number} {name}".encode()).digest()
    return (seed * (size // 32 + 1))[:size]


def files_of(number: int) -> dict[str, bytes]:
    """What a job leaves behind."""
    return {
        f"{number:05d}.tar": content(number, "tar"),
        f"{number:05d}_stats.json": content(number, "stats", 500),
    }


def report_of(job: Job) -> Report:
    return Report(
        job=job.name, kind=job.kind.value, recipe=job.recipe, stages=chain(10, [("fetch", {"timeout": 4})], kept=6)
    )


class InProcessCrew:
    """In the place of `workers.home.crew.Crew`."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.done: list[int] = []

    async def do(self, job: Job, told: Told) -> Ended:
        told(0, 2)
        if job.number == BROKEN:
            return Ended(failure=f"{job.name}: no table", blame=Blame.INPUT)
        for name, body in files_of(job.number).items():
            write_atomically(Path(job.output) / name, body)
            told(1, 2)
        self.done.append(job.number)
        return Ended(report=report_of(job), engines={"tiny": "tiny@sha256:0 float32"})

    async def test(self, *, models: bool) -> dict[str, str]:
        return dict(KNOWN)

    async def close(self) -> None:
        """Nothing to end."""
