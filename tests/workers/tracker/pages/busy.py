"""A campaign in the middle of its life, on a real server in a thread of its own, so that a browser can look at it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from crawler.settings import Recipe
from crawler.sources import ArchiveKind, Source
from tests.workers.tracker.moves.world import TERMS, VERSION, World, a_job
from tests.workers.tracker.web.campaigns import SETTINGS, HandClock, running
from workers.protocol.messages import Machine, Register
from workers.tracker.founding import Founding, found
from workers.tracker.moves import accounts, jobs, leases, verdicts, workers
from workers.tracker.moves.records import Worker
from workers.tracker.store import Tx
from workers.tracker.trust import Said, Signal

EVIL = "<script>window.evil = 1</script>"
LONG = "a-machine-with-a-name-as-long-as-somebody-could-make-it-xxxx"
#: 2026-11-21, an hour's beginning
BEGUN = 1_795_197_600.0
_FOUND = [Signal("parse", Said.GOOD, 100, 0), Signal("score", Said.GOOD, 64, 1), Signal("web", Said.GOOD, 50, 3)]
_MADE_UP = [Signal("parse", Said.BAD, 100, 12, f"12 of 100 rows are not in the archive {EVIL}")]
Told = TypeVar("Told")


@dataclass(frozen=True, slots=True)
class Busy:
    """The server, and what is behind it."""

    root: str
    admin: str
    world: World
    clock: HandClock
    do: Callable[[Callable[[Tx], Told]], Told]
    #: worker by machine's name
    machines: dict[str, Worker]

    def count(self, kind: str, state: str) -> int:
        return self.do(jobs.counts).get(kind, {}).get(state, 0)

    def one_more(self) -> None:
        """A job is done and believed."""
        self.world.now = self.clock.now
        self.world.believed(self.machines["north wind"], "extract")


@contextmanager
def busy(path: Path) -> Iterator[Busy]:
    """Serve such a campaign while inside."""
    source = Source("https://archives.example.org/0.warc.gz", ArchiveKind.WARC)
    folder, admin = found(
        Founding(
            path=path, recipe=Recipe(name="boats"), sources=[source], title="Boats of the web",
            about="Pictures of boats with what people wrote beside them, for everybody.",
        )
    )  # fmt: skip
    folder.settings.write_text(SETTINGS)
    assert admin is not None
    clock, ready, stop = HandClock(BEGUN), threading.Event(), asyncio.Event()
    made: list[tuple[str, Callable[[Callable[[Tx], object]], object]]] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def whole() -> None:
        async with running(folder, admin, stage=None, clock=clock) as server:
            store, loop = server.tracker.store, asyncio.get_running_loop()
            loops.append(loop)
            made.append((server.root, lambda move: asyncio.run_coroutine_threadsafe(store.do(move), loop).result(60)))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(whole()))
    thread.start()
    try:
        assert ready.wait(60)
        root, do = made[0]
        world = World(do=do, now=BEGUN)  # type: ignore[arg-type]  # gives back what the move does
        machines = _fill(world, clock)
        yield Busy(root, admin, world, clock, do, machines)  # type: ignore[arg-type]  # the same
    finally:
        for loop in loops:
            loop.call_soon_threadsafe(stop.set)
        thread.join()


def _fill(world: World, clock: HandClock) -> dict[str, Worker]:
    """A day: jobs done in every hour, one cheat, one job that nobody can do, some under way."""
    names = {
        "Ada": ("north wind", "kitchen computer"), "Grace & friends": (LONG,), EVIL: (EVIL,), "Wim": ("trawler",),
        "Mallory": ("printer",),
    }  # fmt: skip
    machines = {machine: _machine(world, account, machine) for account, some in names.items() for machine in some}
    _poisoned(world, list(machines.values()))
    world.jobs(60, "extract")
    honest = [machines[name] for name in ("north wind", "kitchen computer", LONG, "trawler")]
    world.now = BEGUN
    for hour in range(22):
        for turn in range(1 + hour % 3):
            worker = honest[(hour + turn) % len(honest)]
            lease = world.take_one(worker, "extract")
            world.now += 600
            world.finish(worker, lease)
            world.conclude(world.result_of(lease), Said.GOOD, _FOUND, pairs=9_000 + 700 * ((hour * 7) % 5))
        world.now = BEGUN + 3600.0 * (hour + 1)
    for one in world.do(lambda tx: verdicts.to_promote(tx, world.now, 40)):
        world.do(lambda tx, one=one: verdicts.promoted(tx, world.now, one.result))  # type: ignore[misc]  # bound now
    world.jobs(24, "crawl", first=1)
    world.take_one(machines["trawler"], "extract")
    world.now += TERMS.lease_seconds + 1
    world.reap()
    lease = world.take_one(machines["printer"], "extract")
    world.finish(machines["printer"], lease)
    world.conclude(world.result_of(lease), Said.BAD, _MADE_UP)
    for done, name in enumerate(("kitchen computer", LONG, EVIL)):
        lease = world.take_one(machines[name], "crawl")
        world.do(
            lambda tx, lease=lease, name=name, done=done: leases.renew(  # type: ignore[misc]  # bound now
                tx, world.now, worker=machines[name], lease=lease.lease, stage=("fetch", "decode", EVIL[:40])[done],
                done=300 * done + 40, total=1_000, terms=TERMS,
            )
        )  # fmt: skip
    lease = world.take_one(machines["north wind"], "extract")
    world.finish(machines["north wind"], lease)
    world.now += 300
    clock.now = world.now
    return machines


def _machine(world: World, account: str, name: str) -> Worker:
    digest = f"{account} {name}"
    asked = Register(
        name=name, machine=Machine(cpus=4, memory_bytes=2**33, disk_bytes=2**36), version=VERSION,
        public_key=f"{len(digest):064x}", environment="e" * 64,
    )  # fmt: skip

    def join(tx: Tx) -> None:
        row = tx.one("SELECT id FROM accounts WHERE name = ?", account)
        owner = row["id"] if row else accounts.open_account(
            tx, world.now, name=account, token_digest=digest, network=""
        )  # fmt: skip
        workers.register(tx, world.now, account=owner, asked=asked, key_digest=digest, network="")

    world.do(join)
    worker = world.again(digest)
    world.do(lambda tx: workers.selftest_passed(tx, world.now, worker, VERSION, "e" * 64, ok=True))
    return world.again(digest)


def _poisoned(world: World, some: list[Worker]) -> None:
    """A crawl job that no worker can do."""
    world.do(lambda tx: jobs.import_jobs(tx, world.now, [a_job(0)]))
    while world.row("SELECT state FROM jobs WHERE kind = 'crawl'")["state"] != "poisoned":
        for worker in some:
            world.now += 86_400
            world.reap()
            for lease in world.take(worker):
                world.do(
                    lambda tx, lease=lease, worker=worker: leases.fail(  # type: ignore[misc]  # bound now
                        tx, world.now, worker=worker, lease=lease.lease, fault="bug",
                        detail=f"IndexError: row 17 {EVIL}",
                    )
                )  # fmt: skip
