"""What both databases promise, as functions of a store: any new one calls them all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from workers.tracker.store import BadValueError, ConflictError, Row, StatementError, Store, StoreError, Tx


class RefusalError(Exception):
    """Some move's own."""


def put(key: str, value: str) -> Callable[[Tx], int]:
    return lambda tx: tx.run("INSERT INTO meta (key, value) VALUES (?, ?)", key, value)


def value_of(key: str) -> Callable[[Tx], str | None]:
    def look(tx: Tx) -> str | None:
        row = tx.one("SELECT value FROM meta WHERE key = ?", key)
        return None if row is None else str(row["value"])

    return look


def check_what_is_done_is_seen(store: Store) -> None:
    async def main() -> None:
        assert await store.do(put("a", "1")) == 1
        assert await store.look(value_of("a")) == "1"
        assert await store.do(value_of("a")) == "1"
        assert await store.look(value_of("b")) is None

    asyncio.run(main())


def check_a_move_that_raises_leaves_nothing_and_its_exception_comes_out(store: Store) -> None:
    def move(tx: Tx) -> None:
        tx.run("INSERT INTO meta (key, value) VALUES ('half', '')")
        raise RefusalError

    async def main() -> None:
        others = [store.do(put(str(number), "")) for number in range(20)]
        outcomes = await asyncio.gather(*others[:10], store.do(move), *others[10:], return_exceptions=True)
        assert [type(one) for one in outcomes if one != 1] == [RefusalError]
        assert await store.look(value_of("half")) is None
        assert await store.look(lambda tx: tx.one("SELECT count(*) AS n FROM meta WHERE value = ''")) == {"n": 20}

    asyncio.run(main())


def check_after_a_failed_statement_nothing_more_is_to_be_had(store: Store) -> None:
    def stubborn(tx: Tx) -> None:
        tx.run("INSERT INTO meta (key, value) VALUES ('x', '')")
        with pytest.raises(ConflictError):
            tx.run("INSERT INTO meta (key, value) VALUES ('x', '')")

    def more(tx: Tx) -> None:
        with pytest.raises(ConflictError):
            tx.run("INSERT INTO meta (key, value) VALUES ('y', NULL)")
        tx.run("INSERT INTO meta (key, value) VALUES ('y', '')")

    async def main() -> None:
        for move in (stubborn, more):
            with pytest.raises(StatementError, match="went on"):
                await store.do(move)
        assert await store.look(value_of("x")) is None
        assert await store.look(value_of("y")) is None

    asyncio.run(main())


def check_constraints_are_conflicts_also_between_tables(store: Store) -> None:
    orphan = "INSERT INTO leases (id, job, worker, account, fence, state, version, granted_at, expires_at, hard_at, seen_at) VALUES ('l', 1, 1, 1, 1, 'active', '', 0, 0, 0, 0)"

    async def main() -> None:
        await store.do(put("a", ""))
        with pytest.raises(ConflictError):
            await store.do(put("a", ""))
        with pytest.raises(ConflictError):
            await store.do(lambda tx: tx.run(orphan))
        assert await store.do(lambda tx: tx.run("INSERT INTO meta VALUES ('a', '') ON CONFLICT DO NOTHING")) == 0

    asyncio.run(main())


def all_of(sql: str, *values: object) -> Callable[[Tx], list[Row]]:
    return lambda tx: tx.all(sql, *values)


def check_wrong_sql_is_our_bug_and_not_the_databases(store: Store) -> None:
    async def main() -> None:
        for sql in ("SELECT nothing FROM meta", "SELEC", "SELECT key FROM meta WHERE key = ?", "DELETE FROM meta"):
            for way in (store.do, store.look) if sql != "DELETE FROM meta" else (store.do,):
                with pytest.raises(StatementError):
                    await way(all_of(sql))

    asyncio.run(main())


def check_who_has_his_rows_thrown_away_is_told_and_keeps_nothing(store: Store) -> None:
    def deaf(tx: Tx) -> None:
        with pytest.raises(StatementError, match="no rows"):
            tx.all("INSERT INTO meta (key, value) VALUES ('a', '')")

    async def main() -> None:
        with pytest.raises(StatementError, match="went on"):
            await store.do(deaf)
        assert await store.look(value_of("a")) is None

    asyncio.run(main())


def check_a_look_cannot_write(store: Store) -> None:
    async def main() -> None:
        with pytest.raises(StatementError, match="must not write"):
            await store.look(put("a", ""))
        assert await store.look(value_of("a")) is None

    asyncio.run(main())


def check_a_look_sees_one_moment(store: Store) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        await store.do(put("a", "old"))

        def look(tx: Tx) -> tuple[str | None, str | None]:
            before = value_of("a")(tx)
            changed = store.do(lambda tx: tx.run("UPDATE meta SET value = 'new' WHERE key = 'a'"))
            asyncio.run_coroutine_threadsafe(changed, loop).result()
            return before, value_of("a")(tx)

        assert await store.look(look) == ("old", "old")
        assert await store.look(value_of("a")) == "new"

    asyncio.run(main())


VALUES = ["", "x" * 100_000, "'; DROP TABLE meta; --", "%s %% $1 :a", "\u202e\u0000"[:1], "🦀", "\r\n\x01", "1.5"]


def check_texts_come_back_as_they_were(store: Store) -> None:
    async def main() -> None:
        for number, text in enumerate(VALUES):
            await store.do(put(f"{number}{text[:100]}", text))
            assert await store.look(value_of(f"{number}{text[:100]}")) == text

    asyncio.run(main())


def check_values_that_one_database_would_not_take_are_taken_by_none(store: Store) -> None:
    insert = "INSERT INTO events (at, what, {column}) VALUES (0, '', ?) RETURNING id"
    bad: dict[str, list[object]] = {"detail": ["a\0b", "\ud800"], "worker": [2**63, -(2**63) - 1, float("nan")]}

    async def main() -> None:
        for column, values in bad.items():
            for value in values:
                with pytest.raises(BadValueError):
                    await store.do(all_of(insert.format(column=column), value))
        assert await store.look(all_of("SELECT id FROM events")) == []

    asyncio.run(main())


def check_values_have_the_same_types(store: Store) -> None:
    insert = "INSERT INTO events (at, what, worker, job) VALUES (?, ?, ?, ?) RETURNING id"

    def move(tx: Tx) -> None:
        first = tx.one(insert, 3, "a", True, 2**62)
        second = tx.one(insert, 1.25, "b", None, 7)
        assert first is not None
        assert second is not None
        assert second["id"] > first["id"]

    async def main() -> None:
        await store.do(move)
        rows = await store.look(lambda tx: tx.all("SELECT at, what, worker, job FROM events ORDER BY id"))
        assert rows == [
            {"at": 3.0, "what": "a", "worker": 1, "job": 2**62},
            {"at": 1.25, "what": "b", "worker": None, "job": 7},
        ]
        assert [type(value) for value in rows[0].values()] == [float, str, int, int]
        sums = await store.look(
            lambda tx: tx.one(
                "SELECT sum(job) AS total, avg(at) AS mean, count(*) = 2 AS two, max(what) AS last, coalesce(sum(worker), ?) AS some FROM events WHERE at < ?",
                0,
                10,
            )
        )
        assert sums == {"total": 2**62 + 7, "mean": 2.125, "two": 1, "last": "b", "some": 1}
        assert sums is not None
        assert [type(value) for value in sums.values()] == [int, float, int, str, int]

    asyncio.run(main())


def check_counts_of_changed_rows(store: Store) -> None:
    def move(tx: Tx) -> list[int]:
        tx.many("INSERT INTO meta (key, value) VALUES (?, ?)", [(str(number), "old") for number in range(10)])
        tx.many("INSERT INTO meta (key, value) VALUES (?, ?)", [])
        return [
            tx.run("UPDATE meta SET value = 'new' WHERE value = ? AND key < ?", "old", "3"),
            tx.run("UPDATE meta SET value = 'new' WHERE key = ?", "none"),
            len(tx.all("DELETE FROM meta WHERE value = ? RETURNING key", "new")),
            len(tx.all(f"SELECT key FROM meta WHERE value = ? LIMIT ?{tx.skip_locked}", "old", 5)),
        ]

    async def main() -> None:
        assert await store.do(move) == [3, 0, 3, 5]

    asyncio.run(main())


def check_of_many_who_read_and_write_none_is_overtaken(store: Store) -> None:
    """A counter that each reads, locked, and then sets."""

    def add(tx: Tx) -> None:
        row = tx.one(f"SELECT value FROM meta WHERE key = 'n'{tx.lock}")
        assert row is not None
        tx.run("UPDATE meta SET value = ? WHERE key = 'n'", str(int(row["value"]) + 1))

    async def main() -> None:
        await store.do(put("n", "0"))
        await asyncio.gather(*(store.do(add) for _ in range(200)))
        assert await store.look(value_of("n")) == "200"

    asyncio.run(main())


def check_of_many_who_look_and_then_insert_one_does(store: Store) -> None:
    def mine(tx: Tx) -> bool:
        if tx.one("SELECT key FROM meta WHERE key = 'only'") is not None:
            return False
        tx.run("INSERT INTO meta (key, value) VALUES ('only', '')")
        return True

    async def main() -> None:
        assert sum(await asyncio.gather(*(store.do(mine) for _ in range(50)))) == 1

    asyncio.run(main())


def check_of_many_who_take_what_is_free_nobody_gets_the_same(store: Store) -> None:
    def take(tx: Tx) -> str:
        row = tx.one(f"SELECT key FROM meta WHERE value = 'free' ORDER BY key LIMIT 1{tx.skip_locked}")
        assert row is not None
        assert tx.run("UPDATE meta SET value = 'taken' WHERE key = ? AND value = 'free'", row["key"]) == 1
        return str(row["key"])

    async def main() -> None:
        await store.do(
            lambda tx: tx.many("INSERT INTO meta (key, value) VALUES (?, 'free')", [(str(n),) for n in range(100)])
        )
        taken = await asyncio.gather(*(store.do(take) for _ in range(100)))
        assert len(set(taken)) == 100

    asyncio.run(main())


def check_moves_that_lock_crosswise_all_end_well(store: Store) -> None:
    def crossing(first: str, second: str) -> Callable[[Tx], None]:
        def move(tx: Tx) -> None:
            for key in (first, second):
                tx.run("UPDATE meta SET value = value || 'x' WHERE key = ?", key)

        return move

    async def main() -> None:
        await store.do(put("a", ""))
        await store.do(put("b", ""))
        await asyncio.gather(*(store.do(crossing(*pair)) for pair in [("a", "b"), ("b", "a")] * 5))
        assert await store.look(value_of("a")) == await store.look(value_of("b")) == "x" * 10

    asyncio.run(main())


def check_who_is_cancelled_harms_nobody(store: Store) -> None:
    async def main() -> None:
        waiting = [asyncio.create_task(store.do(put(str(number), ""))) for number in range(60)]
        await asyncio.sleep(0)  # all are in line
        for task in waiting[::2]:
            task.cancel()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert outcomes[1::2] == [1] * 30
        # whoever is cancelled while waiting does not know, but the move is done all the same
        await store.do(put("last", ""))
        assert await store.look(lambda tx: tx.one("SELECT count(*) AS n FROM meta WHERE value = ''")) == {"n": 61}

    asyncio.run(main())


def check_a_closed_store_says_so(store: Store) -> None:
    async def main() -> None:
        last = [asyncio.create_task(store.do(put(str(number), ""))) for number in range(10)]
        await asyncio.sleep(0)  # all are in line
        await store.close()
        assert await asyncio.gather(*last) == [1] * 10
        for way in (store.do, store.look):
            with pytest.raises(StoreError, match="closed"):
                await way(value_of("a"))
        await store.close()

    asyncio.run(main())


CHECKS = [check for name, check in sorted(globals().items()) if name.startswith("check_")]
