"""Tables are made and brought up to date, in both databases: whole or not at all."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
import pytest

from workers.tracker.store import StatementError, Store, Tx
from workers.tracker.store.migrations import POSTGRES, SQLITE, STEPS, SchemaError, Step, statements
from workers.tracker.store.postgres import PostgresStore
from workers.tracker.store.sqlite import SqliteStore

#: a database of an old version, as an old program left it
OLD = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE boats (id {serial}, name TEXT NOT NULL);
INSERT INTO meta VALUES ('schema_version', '1');
INSERT INTO boats (name) VALUES ('Titanic');
"""


def _first(tx: Tx, words: dict[str, str]) -> None:
    for statement in statements(
        OLD.replace("INSERT INTO boats", "-- INSERT INTO boats").partition("INSERT INTO meta")[0], words
    ):
        tx.run(statement)
    tx.run("CREATE TABLE sessions (session TEXT PRIMARY KEY, moves BIGINT NOT NULL, at TIMESTAMP)")


def _second(tx: Tx, words: dict[str, str]) -> None:
    tx.run(f"ALTER TABLE boats ADD COLUMN length {words['real']} NOT NULL DEFAULT 0")
    tx.run("CREATE INDEX boats_by_length ON boats (length)")


def _third(tx: Tx, words: dict[str, str]) -> None:
    tx.run("UPDATE boats SET length = ? WHERE name = ?", 269.1, "Titanic")


def _broken(tx: Tx, words: dict[str, str]) -> None:
    tx.run("CREATE TABLE half (id TEXT)")
    tx.run("UPDATE ships SET length = 0")


Opener = Callable[[Sequence[Step]], Store]


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens one database, which a program of version 1 has left."""
    if request.param == "sqlite":
        with sqlite3.connect(tmp_path / "tracker.db") as connection:
            connection.executescript(";".join(statements(OLD, SQLITE)))
        connection.close()
        return lambda steps: SqliteStore(tmp_path / "tracker.db", steps=steps)
    address: str = request.getfixturevalue("postgres")
    with psycopg.connect(address) as server:
        server.execute(
            ";".join(
                [
                    *statements(OLD, POSTGRES),
                    "CREATE TABLE sessions (session TEXT PRIMARY KEY, moves BIGINT NOT NULL, at TIMESTAMP)",
                ]
            ).encode()
        )
    return lambda steps: PostgresStore(address, writers=1, steps=steps)


def look(store: Store, sql: str) -> object:
    async def main() -> object:
        try:
            return await store.look(lambda tx: tx.all(sql))
        finally:
            await store.close()

    return asyncio.run(main())


def test_a_database_of_an_old_version_is_brought_up_to_date_with_what_is_in_it(opened: Opener) -> None:
    assert look(opened([_first, _second, _third]), "SELECT * FROM boats") == [
        {"id": 1, "name": "Titanic", "length": 269.1}
    ]
    assert look(opened([_first, _second, _third]), "SELECT value FROM meta") == [
        {"value": "3"}
    ]  # no step is made twice


def test_a_step_that_fails_leaves_the_old_version_whole(opened: Opener) -> None:
    with pytest.raises((StatementError, SchemaError), match="ships"):
        opened([_first, _second, _broken])
    assert look(opened([_first]), "SELECT * FROM boats") == [{"id": 1, "name": "Titanic"}]
    with pytest.raises(StatementError):
        look(opened([_first]), "SELECT * FROM half")


def test_a_newer_programs_database_is_refused_and_left_alone(opened: Opener) -> None:
    asyncio.run(opened([_first, _second]).close())
    with pytest.raises(SchemaError, match=r"version 2, and this pairtrawl knows 1.*Install that again"):
        opened([_first])
    assert look(opened([_first, _second]), "SELECT value FROM meta") == [{"value": "2"}]


def test_a_database_of_something_else_is_refused(opened: Opener) -> None:
    store = opened([_first])
    asyncio.run(store.do(lambda tx: tx.run("DELETE FROM meta")))
    asyncio.run(store.close())
    with pytest.raises(SchemaError, match=r"boats.*no tracker's"):
        opened([_first])


def test_a_fresh_database_is_of_the_newest_version(store: Store) -> None:
    found = asyncio.run(store.look(lambda tx: tx.one("SELECT value FROM meta WHERE key = 'schema_version'")))
    assert found == {"value": str(len(STEPS))}


def test_both_databases_have_the_same_tables_and_columns(sqlite_store: Store, postgres_store: Store) -> None:
    in_file = asyncio.run(
        sqlite_store.look(
            lambda tx: tx.all(
                "SELECT m.name AS t, c.name AS c FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
            )
        )
    )
    on_server = asyncio.run(
        postgres_store.look(
            lambda tx: tx.all(
                "SELECT table_name AS t, column_name AS c FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'sessions'"
            )
        )
    )
    assert {tuple(row.values()) for row in in_file} == {tuple(row.values()) for row in on_server}
    assert ("jobs", "content_id") in {tuple(row.values()) for row in in_file}


def test_comments_are_no_statements() -> None:
    text = "-- one; two\nCREATE TABLE a (id {serial}); -- three\n\nDROP TABLE a;\n"
    assert statements(text, {"serial": "INTEGER"}) == ["CREATE TABLE a (id INTEGER)", "DROP TABLE a"]
