"""What was answered is there after a kill, wherever it came; what was not is there whole, or not at all."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
from collections import defaultdict
from pathlib import Path

import pytest

from tests.workers.tracker.store.children import child
from tests.workers.tracker.store.contract_store import put, value_of
from tests.workers.tracker.store.moving_child import pair
from workers.failpoints import FAILPOINTS
from workers.tracker.store import Store, open_store
from workers.tracker.store.sqlite import SqliteStore

AT_A_COMMIT = ["store.moved", "store.committed"]


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a fresh database that no store has open."""
    return str(tmp_path / "tracker.db") if request.param == "sqlite" else str(request.getfixturevalue("postgres"))


def pairs_in(store: Store) -> dict[int, set[str]]:
    rows = asyncio.run(store.look(lambda tx: tx.all("SELECT key FROM meta WHERE key LIKE '% _'")))
    found = defaultdict(set)
    for row in rows:
        number, half = str(row["key"]).split()
        found[int(number)].add(half)
    return found


@pytest.mark.parametrize("failpoint", [f"{name}:3" for name in AT_A_COMMIT])
def test_acknowledged_moves_outlive_a_kill_at_a_failpoint(failpoint: str, address: str) -> None:  # invariant 2
    with child(address, "moving", failpoint=failpoint) as process:
        assert process.stdout is not None
        acknowledged = {int(line) for line in process.stdout}
    assert process.returncode == -signal.SIGKILL
    _check_against(address, acknowledged)


def test_acknowledged_moves_outlive_a_kill_right_after_the_answer(address: str) -> None:  # invariant 2
    with child(address, "moving") as process:
        assert process.stdout is not None
        acknowledged = {int(process.stdout.readline()) for _ in range(30)}
        process.kill()
        acknowledged |= {int(line) for line in process.stdout}
    _check_against(address, acknowledged)


def _check_against(address: str, acknowledged: set[int]) -> None:
    store = open_store(address)
    found = pairs_in(store)
    assert acknowledged <= set(found)
    assert all(halves == {"a", "b"} for halves in found.values())
    asyncio.run(store.do(pair(1_000_001)))
    asyncio.run(store.close())


def test_a_kill_while_tables_are_made_leaves_a_database_to_begin_with(address: str) -> None:
    with child(address, "moving", failpoint="store.migrated") as process:
        assert process.stdout is not None
        assert process.stdout.read() == ""
    assert process.returncode == -signal.SIGKILL
    _check_against(address, set())


def test_a_kill_before_a_backup_is_whole_leaves_the_one_before(address: str, tmp_path: Path) -> None:
    path = tmp_path / "backup"
    path.write_text("the one before")
    with child(address, "backing_up", path, failpoint="store.backup_written") as process:
        pass
    assert process.returncode == -signal.SIGKILL
    assert path.read_text() == "the one before"


def test_every_failpoint_of_the_store_is_tried_here() -> None:
    tried = {*AT_A_COMMIT, "store.migrated", "store.backup_written"}
    assert {name for name in FAILPOINTS if name.startswith("store.")} == tried


def test_an_acknowledged_move_is_in_the_log_as_it_was_then(tmp_path: Path) -> None:  # invariant 2
    """The log is cut at each size that it had at an answer, and around it: the power may go at any moment after."""
    log = tmp_path / "tracker.db-wal"
    store = SqliteStore(tmp_path / "tracker.db")

    async def main() -> list[int]:
        sizes = []
        for number in range(12):
            await asyncio.gather(*(store.do(put(f"{number} {one}", "x" * 700)) for one in range(1 + number % 3)))
            sizes.append(log.stat().st_size)
        return sizes

    sizes = asyncio.run(main())
    assert len(set(sizes)) == 12
    for cut, lasts in [(size + more, number) for number, size in enumerate(sizes) for more in (-1, 0, 100)]:
        found = _numbers_after_a_cut(tmp_path, cut)
        expected = lasts if cut == sizes[lasts] or cut > sizes[lasts] else lasts - 1
        assert found == [number for number in range(expected + 1) for _ in range(1 + number % 3)]
    asyncio.run(store.close())


def _numbers_after_a_cut(folder: Path, size: int) -> list[int]:
    copy = folder / "cut.db"
    copy.with_name("cut.db-shm").unlink(missing_ok=True)
    shutil.copyfile(folder / "tracker.db", copy)
    with copy.with_name("cut.db-wal").open("wb") as file:
        file.write((folder / "tracker.db-wal").read_bytes()[:size])
    connection = sqlite3.connect(copy)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT key FROM meta WHERE key <> 'schema_version'").fetchall()
    finally:
        connection.close()
    return sorted(int(key.split()[0]) for (key,) in rows)


def test_a_store_that_is_not_closed_is_found_as_it_was(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "tracker.db")
    asyncio.run(first.do(put("a", "1")))
    second = SqliteStore(tmp_path / "tracker.db")
    assert asyncio.run(second.look(value_of("a"))) == "1"
    for store in (first, second):
        asyncio.run(store.close())
