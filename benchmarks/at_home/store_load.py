"""How many jobs a tracker's database hands out and takes back in a second, durably; import, restart, size.

    python benchmarks/at_home/store_load.py [--jobs 300000] [--callers 64] [--pairs 20000] [--database postgresql://...]

A pair is what a job costs the database: lease, reservation of an upload, its completion, result. Each is a transaction
that is on the disk before it is answered (SQLite: synchronous=FULL, group commit).
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from workers.protocol.messages import Artefact, Machine, Manifest, Register  # noqa: E402 - the repository's own folder comes first
from workers.tracker.importing import BATCH, in_order  # noqa: E402 - as above
from workers.tracker.moves import accounts, jobs, leases, results, uploads  # noqa: E402 - as above
from workers.tracker.moves import workers as workers_moves  # noqa: E402 - as above
from workers.tracker.moves.records import NewJob, Terms, Worker  # noqa: E402 - as above
from workers.tracker.store import Store, Tx, open_store  # noqa: E402 - as above
from workers.tracker.trust.policy import Policy  # noqa: E402 - as above

VERSION = "0.1.0"
_FILE = Artefact(name="00000.parquet", bytes=5, sha256="c" * 64)
_TERMS = Terms()
_POLICY = Policy()


def key_of(number: int) -> str:
    """The key of a simulated worker."""
    return f"key-of-a-worker-{number:08d}"


def digest(text: str) -> str:
    """What a tracker keeps of a token."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured; seconds."""

    pairs: int
    seconds: float
    latencies: list[float]  # of single transactions

    @property
    def per_second(self) -> float:
        """Pairs."""
        return self.pairs / self.seconds

    def within(self, share: float) -> float:
        """Seconds within which that share of the transactions lasted."""
        found = sorted(self.latencies)
        return found[min(int(len(found) * share), len(found) - 1)]


async def import_numbers(store: Store, count: int, kind: str = "crawl", prefix: str = "plan/") -> float:
    """So many jobs, in batches, as `pairtrawl tracker import` does; returns seconds."""
    began = time.perf_counter()

    def job(number: int) -> NewJob:
        name = f"{prefix}{number:05d}"
        return NewJob(kind=kind, number=number, content_id=jobs.content_id(kind, number, name, "r" * 32), input=name)

    ordered, _count = in_order(count, job)
    while batch := list(islice(ordered, BATCH)):
        await store.do(partial(jobs.import_jobs, now=time.time(), specs=batch))
    return time.perf_counter() - began


async def enlist(store: Store, count: int) -> list[Worker]:
    """So many workers, each of an account of its own, that are trusted already; `key_of` tells their keys."""

    def one(tx: Tx, number: int) -> None:
        now = time.time()
        account = accounts.open_account(
            tx, now, name=f"account {number}", token_digest=digest(f"token-{number}"), network=f"n{number}"
        )
        asked = Register(name="", machine=Machine(cpus=2, memory_bytes=1, disk_bytes=1), version=VERSION,
                         public_key="0" * 64, environment="e" * 64)  # fmt: skip
        worker = workers_moves.register(
            tx, now, account=account, asked=asked, key_digest=digest(key_of(number)), network=f"n{number}"
        )
        tx.run("UPDATE workers SET selftest_ok = 1, quota = 64 WHERE id = ?", worker)
        for kind in ("crawl", "extract"):
            tx.run("INSERT INTO trust (account, worker, version, kind, good, bad, state, checked_at) VALUES (?, ?, ?, ?, 500, 1, 'trusted', ?)",
                   account, worker, VERSION, kind, now)  # fmt: skip

    def some(tx: Tx, first: int) -> None:
        for number in range(first, min(first + 1000, count)):
            one(tx, number)

    for first in range(0, count, 1000):
        await store.do(lambda tx, first=first: some(tx, first))  # type: ignore[misc]  # a default argument
    found = [
        await store.look(lambda tx, number=number: workers_moves.worker_of(tx, time.time(), digest(key_of(number))))
        for number in range(count)
    ]  # type: ignore[misc]  # a default argument
    return [worker for worker in found if worker]


def manifest_of(lease: str, job: int, fence: int, number: int) -> Manifest:
    """What a worker would say."""
    return Manifest(lease=lease, job=job, fence=fence, kind="crawl", number=number, recipe="r" * 32, version=VERSION,
                    environment="e" * 64, artefacts=[_FILE], counts={"found": 10, "kept": 7}, seconds=1.0)  # fmt: skip


class Timed:
    """A store that notes how long each move takes until it lasts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.seconds: list[float] = []

    async def do(self, move: Callable[[Tx], Any]) -> Any:  # noqa: ANN401 - whatever the move tells
        """One move."""
        began = time.perf_counter()
        told = await self._store.do(move)
        self.seconds.append(time.perf_counter() - began)
        return told


async def one_job(store: Timed, worker: Worker, upload: str) -> None:
    """A job from lease to result, as the database sees it."""
    (mine,) = await store.do(lambda tx: leases.take(
        tx, time.time(), worker=worker, kinds=["crawl"], most=1, version=VERSION, terms=_TERMS, policy=_POLICY))  # fmt: skip
    await store.do(lambda tx: uploads.reserve(
        tx, time.time(), worker=worker, lease=mine.lease, file=_FILE, target="disk", upload_id=upload))  # fmt: skip
    await store.do(lambda tx: uploads.stored(tx, time.time(), upload, _FILE.sha256))
    manifest = manifest_of(mine.lease, mine.told_job, mine.fence, mine.number)
    sha256 = hashlib.sha256(msgspec.json.encode(manifest)).hexdigest()
    await store.do(lambda tx: results.submit(
        tx, time.time(), worker=worker, lease=mine.lease, manifest=manifest, manifest_sha256=sha256, signature="0" * 128))  # fmt: skip


async def pairs(store: Store, workers: list[Worker], count: int) -> Rates:
    """Each worker does one job after the other, until so many are done by all together."""
    left = iter(range(count))
    timed = Timed(store)

    async def work(worker: Worker) -> None:
        for number in left:
            await one_job(timed, worker, f"u-{worker.id}-{number}")

    began = time.perf_counter()
    await asyncio.gather(*map(work, workers))
    return Rates(count, time.perf_counter() - began, timed.seconds)


def size_of(address: str) -> int:
    """Bytes of a database that is a file; 0 of others."""
    return Path(address).stat().st_size if Path(address).exists() else 0


@dataclass(frozen=True, slots=True)
class Measured:
    """A database under load."""

    import_seconds: float
    bytes: int  # of the file after the import; 0 of a server's
    rates: Rates
    cpu_ms: float  # of this process, a transaction
    open_seconds: float  # until the jobs of a closed database are counted


async def measure(address: str, asked: argparse.Namespace) -> Measured:
    """Everything, printed as it comes. `asked` has jobs, callers and pairs."""
    store = open_store(address)
    import_seconds = await import_numbers(store, asked.jobs)
    size = size_of(address)
    print(f"import of {asked.jobs:,} jobs: {import_seconds:.1f} s, {size / 1e6:.0f} MB", flush=True)
    workers = await enlist(store, asked.callers)
    cpu = time.process_time()
    rates = await pairs(store, workers, asked.pairs)
    cpu_ms = 1000 * (time.process_time() - cpu) / rates.pairs / 4
    print(f"{rates.pairs:,} jobs by {asked.callers} callers: {rates.per_second:,.0f} jobs/s, {4 * rates.per_second:,.0f} transactions/s, "
          f"{cpu_ms:.3f} ms CPU each; p50 {1000 * rates.within(0.5):.0f} ms, p99 {1000 * rates.within(0.99):.0f} ms; "
          f"load {os.getloadavg()[0]:.1f}", flush=True)  # fmt: skip
    await store.close()
    began = time.perf_counter()
    store = open_store(address)
    counts = await store.look(jobs.counts)
    opened = time.perf_counter() - began
    print(f"open and count: {opened:.2f} s, {counts}", flush=True)
    await store.close()
    return Measured(import_seconds, size, rates, cpu_ms, opened)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=300_000)
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--database", default="")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(words.database or str(Path(folder) / "tracker.db"), words))
