"""What only the file has: group commit, turns of processes, a disk that is full or fails."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from tests.workers.tracker.store.children import child
from tests.workers.tracker.store.contract_store import put, value_of
from tests.workers.tracker.store.moving_child import pair
from workers.tracker.store import StoreBusyError, StoreError, Tx
from workers.tracker.store.sqlite import SqliteStore
from workers.tracker.store.turn import Turn


class Gate:
    """A move that stays in its transaction until it is let out."""

    def __init__(self) -> None:
        self.inside, self.out = threading.Event(), threading.Event()

    def __call__(self, tx: Tx) -> None:
        self.inside.set()
        self.out.wait()


async def shut(store: SqliteStore, gate: Gate) -> asyncio.Task[None]:
    """The gate in the store: the next moves wait behind it."""
    task = asyncio.create_task(store.do(gate))
    await asyncio.to_thread(gate.inside.wait)
    return task


def test_moves_that_wait_share_one_commit(sqlite_store: SqliteStore) -> None:
    said: list[str] = []
    gate = Gate()

    async def main() -> None:
        held = await shut(sqlite_store, gate)
        waiting = [asyncio.create_task(sqlite_store.do(put(str(number), ""))) for number in range(300)]
        await asyncio.sleep(0)  # all are in line
        assert sqlite_store._writer is not None
        sqlite_store._writer.set_trace_callback(said.append)
        gate.out.set()
        await asyncio.gather(held, *waiting)

    asyncio.run(main())
    assert said.count("COMMIT") == 2


def test_a_full_line_refuses_at_once_and_takes_again_later(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "tracker.db", waiting=2)
    gate = Gate()

    async def main() -> None:
        held = await shut(store, gate)
        waiting = [asyncio.create_task(store.do(put(str(number), ""))) for number in range(2)]
        await asyncio.sleep(0)  # both are in line
        with pytest.raises(StoreBusyError, match="2 moves wait"):
            await store.do(put("more", ""))
        gate.out.set()
        await asyncio.gather(held, *waiting)
        await store.do(put("more", ""))
        await store.close()

    asyncio.run(main())


def test_readers_do_not_wait_for_the_writer_nor_for_each_other(sqlite_store: SqliteStore) -> None:
    gate = Gate()
    meeting = threading.Barrier(4)

    def meet(tx: Tx) -> str | None:
        meeting.wait()
        return value_of("a")(tx)

    async def main() -> None:
        await sqlite_store.do(put("a", "1"))
        held = await shut(sqlite_store, gate)
        assert await asyncio.gather(*(sqlite_store.look(meet) for _ in range(4))) == ["1"] * 4
        gate.out.set()
        await held

    asyncio.run(main())


def test_callers_whose_loop_has_ended_harm_nobody(sqlite_store: SqliteStore) -> None:
    gate = Gate()

    async def gone() -> None:
        await shut(sqlite_store, gate)

    asyncio.run(gone())
    gate.out.set()
    assert asyncio.run(sqlite_store.do(put("a", "1"))) == 1


def test_an_exception_that_futures_do_not_take_comes_out_as_another(sqlite_store: SqliteStore) -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="StopIteration"):
            await sqlite_store.do(lambda _: next(iter([])))

    asyncio.run(main())


def test_a_full_disk_refuses_cleanly_and_work_resumes_when_there_is_room(
    sqlite_store: SqliteStore,
) -> None:  # invariant 12
    async def main() -> None:
        await sqlite_store.do(put("before", ""))
        size = await sqlite_store.do(lambda tx: tx.one("PRAGMA page_count"))
        assert size is not None
        await sqlite_store.do(lambda tx: tx.one(f"PRAGMA max_page_count = {size['page_count'] + 2}"))
        moves = [sqlite_store.do(put(str(number), "x" * 1_000)) for number in range(50)]
        outcomes = await asyncio.gather(*moves, return_exceptions=True)
        refused = [one for one in outcomes if isinstance(one, StoreError)]
        assert refused
        assert "full" in str(refused[0])
        assert len(refused) + outcomes.count(1) == 50
        kept = await sqlite_store.look(
            lambda tx: tx.all("SELECT key FROM meta WHERE value <> '' AND key <> 'schema_version'")
        )
        assert {row["key"] for row in kept} == {str(number) for number, one in enumerate(outcomes) if one == 1}
        await sqlite_store.do(lambda tx: tx.one("PRAGMA max_page_count = 100000"))
        await asyncio.gather(*(sqlite_store.do(put(f"after {number}", "x" * 1_000)) for number in range(50)))
        assert await sqlite_store.look(value_of("after 49")) == "x" * 1_000

    asyncio.run(main())


def test_a_disk_that_fails_refuses_cleanly_and_work_resumes(tmp_path: Path) -> None:  # invariant 12
    with child(tmp_path / "tracker.db", "on_a_failing_disk") as process:
        assert process.stdout is not None
        assert process.stdout.read() == "resumed\n"
    assert process.returncode == 0


def test_a_stranger_in_the_file_is_waited_for_and_then_named(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "tracker.db", busy_seconds=0.02)
    stranger = sqlite3.connect(tmp_path / "tracker.db", isolation_level=None)

    async def main() -> None:
        stranger.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process"):
            await store.do(put("a", "1"))
        stranger.execute("COMMIT")
        assert await store.do(put("a", "2")) == 1
        await store.close()

    asyncio.run(main())
    stranger.close()


def test_a_process_that_waits_comes_before_one_that_has_just_written(tmp_path: Path) -> None:
    """Who waits for the database has the turn meanwhile, and nobody else begins."""
    store = SqliteStore(tmp_path / "tracker.db", busy_seconds=0.02)
    other = Turn(tmp_path / "tracker.db-turn", 0.02)

    async def main() -> None:
        with other.held(), pytest.raises(StoreError, match="another process"):
            await store.do(put("a", "1"))
        assert await store.do(put("a", "2")) == 1
        await store.close()

    asyncio.run(main())
    other.close()


def test_two_processes_count_together(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "tracker.db")
    asyncio.run(store.do(put("n", "0")))
    asyncio.run(store.close())
    processes = [child(tmp_path / "tracker.db", "adding", 100) for _ in range(2)]
    for process in processes:
        process.communicate()
    store = SqliteStore(tmp_path / "tracker.db")
    assert asyncio.run(store.look(value_of("n"))) == "200"
    asyncio.run(store.close())


def test_a_commit_is_flushed_before_it_is_answered(sqlite_store: SqliteStore) -> None:  # invariant 2
    async def main() -> None:
        for name, value in {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1}.items():
            assert await sqlite_store.do(lambda tx, name=name: tx.one(f"PRAGMA {name}")) == {name: value}  # type: ignore[misc]  # a lambda has no types

    asyncio.run(main())


def test_files_are_for_the_trackers_user_alone(sqlite_store: SqliteStore, tmp_path: Path) -> None:
    async def main() -> None:
        await sqlite_store.do(put("a", "1"))
        await sqlite_store.look(value_of("a"))
        await sqlite_store.backup(tmp_path / "copy.db")

    asyncio.run(main())
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(
        ["tracker.db", "tracker.db-wal", "tracker.db-shm", "tracker.db-turn", "copy.db"], 0o600
    )


def test_a_backup_is_of_one_moment_and_opens_like_the_original(sqlite_store: SqliteStore, tmp_path: Path) -> None:
    async def main() -> None:
        pairs = [sqlite_store.do(pair(number)) for number in range(200)]
        await asyncio.gather(*pairs[:100])
        await asyncio.gather(*pairs[100:], sqlite_store.backup(tmp_path / "copy.db"))
        copy = SqliteStore(tmp_path / "copy.db")
        found = await copy.look(
            lambda tx: tx.one("SELECT sum(key LIKE '% a') AS a, sum(key LIKE '% b') AS b FROM meta")
        )
        assert found is not None
        assert found["a"] == found["b"] >= 100
        await copy.close()
        with pytest.raises(StoreError, match="no backup"):
            await sqlite_store.backup(tmp_path / "nowhere" / "copy.db")

    asyncio.run(main())


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tracker.db"
    path.write_text("Dear diary, " * 1_000)
    with pytest.raises(StoreError, match=r"tracker\.db"):
        SqliteStore(path)
    with pytest.raises(StoreError, match="nowhere"):
        SqliteStore(tmp_path / "nowhere" / "tracker.db")
