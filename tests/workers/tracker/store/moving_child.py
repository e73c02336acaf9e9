"""A process that makes moves in a store, and says so after each: python -m ... ADDRESS WHAT [ARGUMENT]."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

from workers.tracker.store import Store, StoreError, Tx, open_store


def pair(number: int) -> Callable[[Tx], None]:
    """Two rows: a move that half happened shows."""

    def move(tx: Tx) -> None:
        tx.run("INSERT INTO meta (key, value) VALUES (?, 'first')", f"{number} a")
        tx.run("INSERT INTO meta (key, value) VALUES (?, 'second')", f"{number} b")

    return move


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


async def moving(store: Store) -> None:
    """Pairs without end, four at a time."""

    async def caller(first: int) -> None:
        for number in range(first, 1_000_000, 4):
            await store.do(pair(number))
            say(str(number))

    await asyncio.gather(*(caller(first) for first in range(4)))


async def adding(store: Store, times: int) -> None:
    """A counter that others count on, too."""

    def add(tx: Tx) -> None:
        row = tx.one(f"SELECT value FROM meta WHERE key = 'n'{tx.lock}")
        assert row is not None
        tx.run("UPDATE meta SET value = ? WHERE key = 'n'", str(int(row["value"]) + 1))

    say("ready")
    await asyncio.gather(*(store.do(add) for _ in range(times)))


async def backing_up(store: Store, path: str) -> None:
    await store.do(pair(0))
    await store.backup(Path(path))


async def on_a_failing_disk(store: Store, log: str) -> None:
    """A limit on files instead of a broken disk: what SQLite writes beyond fails, and is no full disk to it."""
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    await store.do(pair(0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_size(log) + 100_000, most))
    refused = 0
    for number in range(1, 100):
        try:
            await store.do(pair(number))
        except StoreError:
            refused += 1
    assert 0 < refused < 99, refused
    rows = await store.look(lambda tx: tx.one("SELECT count(*) AS n FROM meta WHERE key LIKE '% _'"))
    assert rows == {"n": 2 * (100 - refused)}, rows
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    await store.do(pair(1_000))
    say("resumed")


def _size(path: str) -> int:
    return Path(path).stat().st_size


async def main() -> None:
    address, what, *arguments = sys.argv[1:]
    store = open_store(address)
    match what:
        case "moving":
            await moving(store)
        case "adding":
            await adding(store, int(arguments[0]))
        case "backing_up":
            await backing_up(store, arguments[0])
        case "on_a_failing_disk":
            await on_a_failing_disk(store, f"{address}-wal")
    await store.close()


if __name__ == "__main__":
    asyncio.run(main())
