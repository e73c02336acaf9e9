"""Both databases of the tracker, the real ones, for every test below this folder."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.tracker.postgres_server import PostgresServer, install, programs
from workers.tracker.store import Store
from workers.tracker.store.sqlite import SqliteStore

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for all tests of a session. Where none can be had they are skipped, or fail if that is asked for."""
    required = os.environ.get("PAIRTRAWL_REQUIRE_POSTGRES") == "1"
    if programs() is None:
        install()
    found = programs()
    if found is None:
        if required:
            pytest.fail("PAIRTRAWL_REQUIRE_POSTGRES=1, and there is no PostgreSQL and no way to install it")
        pytest.skip("no PostgreSQL on this machine: apt-get install postgresql")
    with PostgresServer(found, {}) as server:
        server.do("CREATE DATABASE with_tables")
        _close(_opened(server.address("with_tables")))  # so that not every test makes them
        yield server


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a fresh, empty database."""
    name = f"test_{next(_numbers)}"
    postgres_server.do(f"CREATE DATABASE {name}")
    yield postgres_server.address(name)
    postgres_server.do(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_store(postgres_server: PostgresServer) -> Iterator[Store]:
    """A store in PostgreSQL, whose tables are empty."""
    store = _opened(postgres_server.address("with_tables"))
    yield store
    _close(store)
    postgres_server.empty("with_tables")


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[SqliteStore]:
    """A store in a fresh file, tracker.db in the test's folder."""
    store = SqliteStore(tmp_path / "tracker.db")
    yield store
    _close(store)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    """A fresh store, one after the other of both kinds. A test uses it in `asyncio.run`, and need not close it."""
    made: Store = request.getfixturevalue(f"{request.param}_store")
    return made


def _opened(address: str) -> Store:
    from workers.tracker.store.postgres import PostgresStore

    return PostgresStore(address, writers=4)


def _close(store: Store) -> None:
    asyncio.run(store.close())
