"""A real tracker in a thread of its own, and volunteers that may be killed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.workers.home.a_crew import content
from tests.workers.tracker.web.campaigns import a_campaign, running
from workers.tracker.folder import CampaignFolder
from workers.tracker.store import Row, Tx
from workers.tracker.web.tracker import Tracker

ROOT = Path(__file__).parents[3]
INPUT_BYTES = 700_000
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Served:
    """A tracker that is being served."""

    folder: CampaignFolder
    url: str
    tracker: Tracker
    loop: asyncio.AbstractEventLoop

    def look(self, move: Callable[[Tx], Result]) -> Result:
        """Ask its database."""
        return asyncio.run_coroutine_threadsafe(self.tracker.store.look(move), self.loop).result(60)

    def rows(self, sql: str) -> list[Row]:
        return self.look(lambda tx: tx.all(sql))

    def leased_jobs(self) -> int:
        """How many jobs anybody was ever lent."""
        return int(self.rows("SELECT count(DISTINCT job) AS n FROM leases")[0]["n"])


@contextmanager
def served(path: Path, *, jobs: int = 3, **terms: Any) -> Iterator[Served]:
    """A campaign with jobs whose inputs are large enough to be broken off in the middle."""
    folder, admin = a_campaign(path, jobs=jobs, kinds=("fetch", "score"), **terms)
    for number in range(jobs):
        folder.run.plan.job_table(number).write_bytes(content(number, "table", INPUT_BYTES))
    ready: list[Served] = []
    started, ended = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with running(folder, admin, stage="fetch") as server:
            ready.append(Served(folder, server.root, server.tracker, asyncio.get_running_loop()))
            started.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert started.wait(120)
        yield ready[0]
    finally:
        ready[0].loop.call_soon_threadsafe(ended.set)
        thread.join()


@dataclass(frozen=True, slots=True)
class Volunteers:
    """Starts volunteers, one after another."""

    process: subprocess.Popen[str]

    def work(self, url: str, folder: Path, *, jobs: int, failpoint: str = "") -> int:
        """One volunteer, to its end; returns its exit code, or minus the signal that ended it."""
        assert self.process.stdin
        assert self.process.stdout
        asked = {"url": url, "folder": str(folder), "jobs": jobs, "failpoint": failpoint}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextmanager
def volunteers() -> Iterator[Volunteers]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.workers.home.zygote"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdin
        yield Volunteers(process)
        process.stdin.close()
        process.wait()
