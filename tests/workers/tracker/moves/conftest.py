"""One world for each test, in memory and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.workers.tracker.moves.world import Told, World, in_memory
from tests.workers.tracker.postgres_server import PostgresServer
from workers.tracker.moves.figures import fsck
from workers.tracker.store import Tx


@contextmanager
def in_postgres(server: PostgresServer) -> Iterator[Callable[[Callable[[Tx], Told]], Told]]:
    """Moves in a transaction that never ends well: what was done is gone afterwards, without emptying any table."""
    from workers.tracker.store.postgres_connection import connected
    from workers.tracker.store.postgres_tx import PostgresTx

    connection = connected(server.address("with_tables"))
    try:
        connection.execute("BEGIN")
        for row in connection.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'").fetchall():
            connection.execute(f"ALTER SEQUENCE {row[0]} RESTART")  # the first job is 1, in every test

        def do(move: Callable[[Tx], Told]) -> Told:
            connection.execute("SAVEPOINT move")
            try:
                told = move(PostgresTx(connection, writes=True))
            except BaseException:
                connection.execute("ROLLBACK TO SAVEPOINT move")
                raise
            connection.execute("RELEASE SAVEPOINT move")
            return told

        yield do
    finally:
        connection.close()


@pytest.fixture
def world() -> Iterator[World]:
    with in_memory() as do:
        yield from sound(World(do))


@pytest.fixture(params=["memory", "postgres"])
def both(request: pytest.FixtureRequest) -> Iterator[World]:
    """Each test runs on both databases."""
    made = in_memory() if request.param == "memory" else in_postgres(request.getfixturevalue("postgres_server"))
    with made as do:
        yield from sound(World(do))


def sound(world: World) -> Iterator[World]:
    """Whatever a test has done, nothing is broken after it, unless it has broken something by hand."""
    yield world
    if not world.broken_by_hand:
        assert world.do(lambda tx: fsck(tx, world.now)) == []
