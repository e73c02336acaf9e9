"""What only the server has: several processes, connections that break, and its own program for backups."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.workers.tracker.postgres_server import PostgresServer
from tests.workers.tracker.store.children import child
from tests.workers.tracker.store.contract_store import put, value_of
from tests.workers.tracker.store.relay import Relay
from workers.tracker.store import Store, StoreError, Tx
from workers.tracker.store.migrations import SchemaError
from workers.tracker.store.postgres import PostgresStore
from workers.tracker.store.postgres_connection import connected, in_environment
from workers.tracker.store.postgres_tx import numbered


def add(tx: Tx) -> str:
    row = tx.one(f"SELECT value FROM meta WHERE key = 'n'{tx.lock}")
    assert row is not None
    after = str(int(row["value"]) + 1)
    tx.run("UPDATE meta SET value = ? WHERE key = 'n'", after)
    return after


def test_two_processes_count_together(postgres: str) -> None:
    store = PostgresStore(postgres)

    async def main(process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        await asyncio.to_thread(process.stdout.readline)  # it is ready
        await asyncio.gather(*(store.do(add) for _ in range(100)))
        await asyncio.to_thread(process.wait)
        assert await store.look(value_of("n")) == "200"
        await store.close()

    asyncio.run(store.do(put("n", "0")))
    with child(postgres, "adding", 100) as process:
        asyncio.run(main(process))


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_server_that_was_restarted_is_found_again(how: str, postgres_server: PostgresServer, postgres: str) -> None:
    store = PostgresStore(postgres, writers=2)

    async def main() -> None:
        await asyncio.gather(*(store.do(put(str(number), "")) for number in range(10)))
        await store.look(value_of("1"))
        await asyncio.to_thread(postgres_server.stop, how)
        for way in (store.do, store.look):
            with pytest.raises(StoreError, match="reached"):
                await way(value_of("1"))
        await asyncio.to_thread(postgres_server.start)
        while True:
            try:
                assert await store.do(value_of("1")) == ""
            except StoreError:  # it is not asked again for half a second
                continue
            break
        assert await store.look(lambda tx: tx.one("SELECT count(*) AS n FROM meta WHERE value = ''")) == {"n": 10}
        await store.close()

    asyncio.run(main())


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_move_whose_connection_breaks_at_the_commit_happens_once(when: str, postgres: str) -> None:
    parts = urlsplit(postgres)
    assert parts.port is not None

    async def main(relay: Relay) -> None:
        store = PostgresStore(
            parts._replace(netloc=parts.netloc.replace(str(parts.port), str(relay.port))).geturl(), writers=1
        )
        await store.do(put("n", "0"))
        for times in range(1, 4):
            relay.cut = when
            assert await store.do(add) == str(times)
            assert relay.cuts == times
        assert await store.look(value_of("n")) == "3"
        await store.close()

    with Relay(parts.port) as relay:
        asyncio.run(main(relay))


def test_a_full_server_refuses_cleanly_and_work_resumes(postgres_store: Store) -> None:  # invariant 12
    full = "DO $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$"

    async def main() -> None:
        with pytest.raises(StoreError, match="no space left"):
            await postgres_store.do(lambda tx: (put("a", "")(tx), tx.run(full)))
        assert await postgres_store.do(put("a", "")) == 1

    asyncio.run(main())


def test_what_can_collide_for_ever_ends_as_a_refusal(postgres_store: Store) -> None:
    always = "DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = 'serialization_failure'; END $$"

    async def main() -> None:
        with pytest.raises(StoreError, match="again"):
            await postgres_store.do(lambda tx: tx.run(always))

    asyncio.run(main())


def test_of_two_who_saw_nothing_and_insert_the_second_looks_again(postgres_store: Store) -> None:
    both_saw_nothing = threading.Barrier(2)
    looks: list[bool] = []

    def mine(tx: Tx) -> bool:
        there = tx.one("SELECT key FROM meta WHERE key = 'only'") is not None
        looks.append(there)
        if there:
            return False
        both_saw_nothing.wait()
        return tx.run("INSERT INTO meta (key, value) VALUES ('only', '')") == 1

    async def main() -> None:
        assert sorted(await asyncio.gather(postgres_store.do(mine), postgres_store.do(mine))) == [False, True]
        assert looks == [False, False, True]

    asyncio.run(main())


def test_answers_wait_for_the_disk_whatever_the_server_is_set_to(postgres: str) -> None:
    database = urlsplit(postgres).path[1:]
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {database} SET synchronous_commit = off".encode())
    with connected(postgres) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


def test_several_that_start_at_once_make_the_tables_once(postgres: str) -> None:
    async def main() -> None:
        stores = await asyncio.gather(*(asyncio.to_thread(PostgresStore, postgres, writers=1) for _ in range(4)))
        assert await stores[0].look(lambda tx: tx.one("SELECT count(*) AS n FROM meta")) == {"n": 1}
        for store in stores:
            await store.close()

    asyncio.run(main())


def test_a_closed_store_leaves_no_row_of_its_connections(postgres: str) -> None:
    store = PostgresStore(postgres, writers=2)

    async def main() -> None:
        await asyncio.gather(*(store.do(put(str(number), "")) for number in range(10)))
        await store.close()

    asyncio.run(main())
    with psycopg.connect(postgres) as connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


def test_a_user_who_may_not_make_tables_is_told(postgres_server: PostgresServer, postgres: str) -> None:
    parts = urlsplit(postgres)
    postgres_server.do("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    try:
        with pytest.raises(SchemaError, match="permission denied"):
            PostgresStore(parts._replace(netloc=f"guest:guest@{parts.hostname}:{parts.port}").geturl())
    finally:
        postgres_server.do("DROP ROLE guest")


def test_a_database_that_cannot_keep_every_text_is_refused(postgres_server: PostgresServer) -> None:
    postgres_server.do("CREATE DATABASE old ENCODING 'LATIN1' TEMPLATE template0")
    try:
        with pytest.raises(SchemaError, match=r"LATIN1.*ENCODING 'UTF8'"):
            PostgresStore(postgres_server.address("old"))
    finally:
        postgres_server.do("DROP DATABASE old WITH (FORCE)")


def test_a_server_that_is_not_there_is_named_without_the_password(postgres: str) -> None:
    parts = urlsplit(postgres)
    assert parts.password
    for address in (
        postgres.replace(parts.path, "/nowhere"),
        f"postgresql://a:{parts.password}x@127.0.0.1:{parts.port}/b",
    ):
        with pytest.raises(StoreError, match="cannot be reached") as told:
            PostgresStore(address)
        assert parts.password not in str(told.value)


def test_a_backup_is_restored_by_postgres_and_its_password_is_on_no_command_line(
    postgres: str, postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = tmp_path / "programs" / "pg_dump"
    spy.parent.mkdir()
    spy.write_text(f'#!/bin/sh\necho "$0 $@" >{tmp_path}/command\nexec {postgres_server.programs}/pg_dump "$@"\n')
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", str(spy.parent), prepend=os.pathsep)
    store = PostgresStore(postgres, writers=1)

    async def main() -> None:
        await store.do(put("a", "1"))
        await store.backup(tmp_path / "copy")
        await store.close()

    asyncio.run(main())
    assert str(urlsplit(postgres).password) not in (tmp_path / "command").read_text()
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    environment = os.environ | in_environment(postgres)
    restore = [str(postgres_server.programs / "pg_restore"), "--exit-on-error", "--dbname", environment["PGDATABASE"]]
    subprocess.run([*restore, str(tmp_path / "copy")], env=environment, check=True)
    again = PostgresStore(postgres, writers=1)
    assert asyncio.run(again.look(value_of("a"))) == "1"
    asyncio.run(again.close())


def test_a_backup_that_fails_says_why_and_leaves_nothing(
    postgres: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    store = PostgresStore(postgres, writers=1)
    postgres_server.do(f"ALTER DATABASE {urlsplit(postgres).path[1:]} ALLOW_CONNECTIONS false")
    with pytest.raises(StoreError, match="no backup: pg_dump: error"):
        asyncio.run(store.backup(tmp_path / "copy"))
    assert list(tmp_path.iterdir()) == []
    asyncio.run(store.close())


def test_statements_are_numbered_for_the_server() -> None:
    assert numbered("SELECT 1") == "SELECT 1"
    assert numbered("a = ? AND b IN (?, ?)") == "a = $1 AND b IN ($2, $3)"


def test_the_command_line_does_not_load_the_servers_library() -> None:
    code = "import sys, workers.tracker.store, workers.tracker.clock; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
