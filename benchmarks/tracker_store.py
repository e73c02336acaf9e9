"""Moves per second of the tracker's two stores: 64 and 500 callers at a time, each waiting until its move lasts.

    python benchmarks/tracker_store.py FOLDER [postgresql://...]

A move is what a lease costs: take the next job, mark it, insert the lease. FOLDER is on the disk to be measured: both
flush it. Without an address a PostgreSQL server is started there, with its ordinary settings (fsync on).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.workers.tracker.postgres_server import PostgresServer, programs
from workers.tracker.store import Store, Tx, open_store

SECONDS = 6.0
JOBS = 200_000
CALLERS = (1, 64, 500)


def fill(tx: Tx) -> None:
    """One worker, and jobs in plenty."""
    tx.run("INSERT INTO accounts (name, token_digest, opened_at) VALUES ('a', 'a', 0)")
    tx.run(
        "INSERT INTO workers (account, key_digest, public_key, version, environment, machine_json, state,"
        " registered_at, seen_at) VALUES (1, '', '', '', '', '', 'active', 0, 0)"
    )
    tx.many(
        "INSERT INTO jobs (kind, number, content_id, state, shuffle) VALUES ('crawl', ?, ?, 'ready', ?)",
        [(number, f"{number:064x}", number * 7_919 % JOBS) for number in range(JOBS)],
    )


def lease(tx: Tx, lease_id: str) -> None:
    """Three statements: take, mark, note."""
    take = (
        "SELECT id, fence FROM jobs WHERE kind = ? AND state = 'ready' AND shuffle >= ? ORDER BY kind, shuffle LIMIT 1"
    )
    job = tx.one(
        take + tx.skip_locked,
        "crawl",
        int(lease_id[:4], 16) % (JOBS // 2),
    )
    assert job is not None
    tx.run("UPDATE jobs SET state = 'leased', fence = fence + 1 WHERE id = ? AND state = 'ready'", job["id"])
    tx.run(
        "INSERT INTO leases (id, job, worker, account, fence, state, version, granted_at, expires_at, hard_at, seen_at)"
        " VALUES (?, ?, 1, 1, ?, 'active', '1', ?, ?, ?, ?)",
        lease_id,
        job["id"],
        job["fence"] + 1,
        0.0,
        1800.0,
        21_600.0,
        0.0,
    )


async def measure(store: Store, callers: int) -> str:
    """So many callers, one move after the other each."""
    waits: list[float] = []
    until = time.monotonic() + SECONDS

    async def caller() -> None:
        while time.monotonic() < until:
            lease_id, before = os.urandom(16).hex(), time.monotonic()
            await store.do(partial(lease, lease_id=lease_id))
            waits.append(time.monotonic() - before)

    began = time.monotonic()
    await asyncio.gather(*(caller() for _ in range(callers)))
    rate = len(waits) / (time.monotonic() - began)
    waits.sort()
    half, most = (waits[int(len(waits) * share)] * 1000 for share in (0.5, 0.99))
    return f"{callers:4d} callers: {rate:8.0f} moves/s   p50 {half:7.1f} ms   p99 {most:7.1f} ms"


async def measured(name: str, address: str) -> None:
    """One database, with all numbers of callers."""
    store = open_store(address)
    began = time.monotonic()
    await store.do(fill)
    print(f"{name}: {JOBS} jobs imported in {time.monotonic() - began:.1f} s")
    for callers in CALLERS:
        print(f"{name}: {await measure(store, callers)}")
    await store.close()


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A PostgreSQL with ordinary settings, whose data lie in the folder."""
    found = programs()
    if found is None:
        sys.exit("no PostgreSQL on this machine")
    tempfile.tempdir = str(folder)
    settings = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on", "shared_buffers": "512MB"}
    with PostgresServer(found, settings) as running:
        running.do("CREATE DATABASE measured")
        yield running.address("measured")


def flushes(folder: Path) -> None:
    """What one flush costs here."""
    path = folder / "flushes"
    with path.open("wb", buffering=0) as file:
        began = time.monotonic()
        for _ in range(200):
            file.write(b"x" * 8192)
            os.fdatasync(file.fileno())
    path.unlink()
    print(
        f"a flush of 8 KiB: {(time.monotonic() - began) * 5:.2f} ms; load {os.getloadavg()[0]:.1f}; sqlite {sqlite3.sqlite_version}"
    )


def main() -> None:
    """Measure both."""
    folder = Path(tempfile.mkdtemp(dir=sys.argv[1]))
    folder.chmod(0o755)
    try:
        flushes(folder)
        asyncio.run(measured("SQLite FULL", str(folder / "tracker.db")))
        if len(sys.argv) > 2:
            asyncio.run(measured("PostgreSQL", sys.argv[2]))
        else:
            with server(folder) as address:
                asyncio.run(measured("PostgreSQL", address))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
