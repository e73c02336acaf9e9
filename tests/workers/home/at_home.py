"""A volunteer put together from small parts: its tracker in memory, its crew without processes, its time virtual."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from crawler.commit import write_atomically
from crawler.job import Job
from crawler.settings import Plan, Recipe
from tests.fakes.home_tracker import HomeTracker
from tests.workers.home.a_crew import report_of
from workers.blame import Blame
from workers.exit_codes import ExitCode
from workers.home.backoff import Backoffs
from workers.home.client import TrackerClient
from workers.home.crew import Told
from workers.home.errands import Ended
from workers.home.folder import HomeFolder
from workers.home.machine import Capacity
from workers.home.outfit import Outfit, Signer
from workers.home.patience import Patience
from workers.home.stopping import Stopping
from workers.home.volunteer import Volunteer
from workers.protocol.campaign import Campaign, public_key_of

PRIVATE = bytes(range(32))
RECIPE = Recipe(name="a test", plan=Plan(rows_per_job=10))
CAMPAIGN = Campaign(
    name="a-test", recipe=RECIPE, recipe_digest=RECIPE.digest, kinds=("extract", "fetch"),
    archives=("https://archives.test/",), heartbeat_seconds=60,
)  # fmt: skip


class Listener:
    """A voice that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def say(self, event: str, text: str, **details: str | float) -> None:
        self.said.append((event, text))

    def under_way(self, job: str, step: str, done: int, total: int) -> None:
        """Not kept."""

    def over(self, job: str) -> None:
        """Not kept."""

    def close(self) -> None:
        """Nothing."""

    def events(self) -> list[str]:
        return [event for event, _ in self.said]


@dataclass(slots=True)
class SleepyCrew:
    """Does every job in so many seconds, a tenth of its rows at a time; begins anew what was broken off."""

    seconds: Callable[[int], float] = lambda _number: 600.0
    fails: Callable[[int], Ended | None] = lambda _number: None
    begun: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    broken_off: list[int] = field(default_factory=list)

    async def do(self, job: Job, told: Told) -> Ended:
        self.begun.append(job.number)
        try:
            for tenth in range(10):
                told(tenth, 10)
                await asyncio.sleep(self.seconds(job.number) / 10)
        except asyncio.CancelledError:
            self.broken_off.append(job.number)
            raise
        failed = self.fails(job.number)
        if failed is not None:
            return failed
        write_atomically(Path(job.output) / f"{job.number:05d}.parquet", b"raw shard %d" % job.number)
        self.done.append(job.number)
        return Ended(report=report_of(job))

    async def close(self) -> None:
        """Nothing to end."""


def failing(blame: Blame) -> Callable[[int], Ended | None]:
    return lambda number: Ended(failure=f"fetch-{number:05d}: it broke", blame=blame)


@dataclass(slots=True)
class Home:
    """One volunteer's parts; `work` puts them together, and may be called again, as after a kill."""

    path: Path
    tracker: HomeTracker
    crew: SleepyCrew = field(default_factory=SleepyCrew)
    voice: Listener = field(default_factory=Listener)
    at_once: int = 1
    kinds: tuple[str, ...] = ("extract", "fetch")
    retests: int = 0
    stopping: Stopping | None = None

    async def work(self, *, jobs: int | None = None, stop_after: float | None = None) -> ExitCode:
        folder = HomeFolder(self.path)
        with folder.held():
            self.stopping = Stopping()
            if stop_after is not None:
                asyncio.get_running_loop().call_later(stop_after, self.stopping.ask)
            outfit = Outfit(
                campaign=CAMPAIGN, recipe=RECIPE, folder=folder, client=TrackerClient(self.tracker.ask, "k" * 43),
                transfers=self.tracker, doer=self.crew, signer=Signer(PRIVATE.hex(), "1.0", "e" * 64),
                capacity=Capacity(self.kinds, self.at_once, self.at_once, (0,), 1, 2**33, 10**12),
                patience=Patience(self.voice, self.stopping, Backoffs(lambda: 0.9)), retest=self._retest,
            )  # fmt: skip
            return await Volunteer(outfit, jobs_left=jobs).run()

    async def _retest(self) -> None:
        self.retests += 1

    def kept(self) -> list[str]:
        return [leased.lease for one in HomeFolder(self.path).kept() if (leased := one.lease())]


PUBLIC = public_key_of(PRIVATE)
