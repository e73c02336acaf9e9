"""Where the tracker keeps everything: one interface, SQLite (one process) or PostgreSQL (several) behind it.

A move is a plain function of a transaction: `workers.tracker.moves`. All of it happens, and lasts, or nothing: `do`
returns after the commit has reached the disk. The two databases run the same SQL, in the small common part of both.

What a move may rely on, and must keep to, in both:

- It may be run again from the beginning, with a new transaction: after a deadlock, a lost connection, or another move
  that came first. So it changes nothing but the database, and draws random numbers and keys outside or anew.
- Others may be at work beside it (PostgreSQL, READ COMMITTED: each statement sees what is committed when it begins).
  What is decided on what was read needs the row locked: `SELECT ... FROM jobs WHERE id = ?{tx.lock}`; what takes
  whatever is free: `... LIMIT 1{tx.skip_locked}`. Or the condition stands in the change itself, and its count is
  looked at: `UPDATE ... WHERE id = ? AND state = 'active'`. SQLite has one writer: there both locks are "".
- "Look whether it is there, else insert" is right only with a UNIQUE constraint behind it. Where both outcomes are
  ordinary, say `INSERT ... ON CONFLICT DO NOTHING` and look at `run`'s count: it waits for the other, and a SELECT
  after it sees the other's row. Plain INSERT is right too: who loses such a race is run again, and then sees the row.
- After a statement has failed, nothing more is to be had from the transaction: ConflictError is for the caller of `do`,
  never caught inside a move. Both databases hold a move to that.
- Rows that several moves lock are locked in one order (job, lease, result, worker, account): or they meet in deadlocks,
  which end well, but late.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")

#: a row by column name. Values are int, float, str or None: times are seconds (float), digests hex, the rest JSON text
Row = Mapping[str, Any]


class Tx(Protocol):
    """One transaction, for the one move that was given it. Parameters are written `?` in both databases.

    Values are str, int, float, bool (kept as 0 and 1) or None. No literal in the SQL contains a `?`. Sums and averages
    come as int where they are whole, else as float; comparisons as 0 and 1. What the two understand differently is left
    alone: `? IS NULL` (PostgreSQL cannot know of what type), LIKE (SQLite's is blind to case), scalar max and min,
    sums of comparisons (COUNT(*) FILTER (WHERE ...) is for both), columns of a SELECT that two tables name alike.

    Raises, from every method:
        StoreError: the database cannot, for now.
        ConflictError: a constraint of the tables says no.
        BadValueError: no database takes this value.
        StatementError: the SQL is wrong, or a look wants to write.
    """

    @property
    def lock(self) -> str:
        """What a SELECT ends with that must not be overtaken: "" or " FOR UPDATE"."""
        ...

    @property
    def skip_locked(self) -> str:
        """The same for one that takes whatever is free: "" or " FOR UPDATE SKIP LOCKED"."""
        ...

    def all(self, sql: str, *values: object) -> list[Row]:
        """All rows of a SELECT, or of a statement with RETURNING."""
        ...

    def one(self, sql: str, *values: object) -> Row | None:
        """The first row, or None."""
        ...

    def run(self, sql: str, *values: object) -> int:
        """Change rows; returns how many."""
        ...

    def many(self, sql: str, rows: list[tuple[object, ...]]) -> None:
        """The same statement for many rows: for imports."""
        ...


Move = Callable[[Tx], Result]


class StoreError(Exception):
    """The database cannot do it now: it is full, locked by a stranger, or gone. Nothing of the move has happened.

    The one exception says so in its text: where PostgreSQL goes away during a commit and does not come back, the move
    may have happened. Idempotency keys are for that.
    """


class StoreBusyError(StoreError):
    """More moves wait already than are let in; trying again after a moment helps."""


class ConflictError(Exception):
    """A row cannot be as the move wants it: another has its unique value, or what it refers to is not there."""


class BadValueError(ValueError):
    """A value that a database does not take: text with NUL or half a surrogate, a number beyond 64 bits, NaN."""


class StatementError(Exception):
    """A move's SQL is wrong, or it went on after a statement had failed: our bug."""


class Store(Protocol):
    """A database."""

    async def do(self, move: Move[Result], /) -> Result:
        """Run a move; returns when it lasts.

        What the move raises comes out here, and nothing of it has happened. Whoever is cancelled while waiting does not
        know: the move is done all the same.

        Raises:
            StoreError: the database cannot, for now.
        """
        ...

    async def look(self, move: Move[Result], /) -> Result:
        """Run a move that only reads: beside the others, without waiting for them, on what lasts, as of one moment.

        Raises:
            StoreError: the database cannot, for now.
        """
        ...

    async def backup(self, path: Path, /) -> None:
        """Write a whole copy, as of one moment, while work goes on (SQLite: VACUUM INTO; PostgreSQL: pg_dump).

        What was at `path` is replaced when the copy is whole and flushed, or else stays.

        Raises:
            StoreError: the copy cannot be made; there is nothing of it.
        """
        ...

    async def close(self) -> None:
        """End what is under way, then let go. Moves after that raise StoreError."""
        ...


def is_server(address: str | Path) -> bool:
    """Whether an address is that of a PostgreSQL server, and not of a file."""
    return str(address).startswith(("postgresql://", "postgres://"))


def open_store(address: str | Path) -> Store:
    """The database at an address: `postgresql://...`, or the path of a SQLite file, which is made if absent.

    Its tables are made, or brought to this program's version.

    Raises:
        StoreError: it cannot be opened, for now.
        SchemaError: it is a newer program's, or not a tracker's; the message says what to do.
        MissingPackageError: PostgreSQL is asked for, and its client library is not installed.
    """
    if is_server(address):
        from workers.tracker.store.postgres import PostgresStore  # noqa: PLC0415 - psycopg is optional, and heavy

        return PostgresStore(str(address))
    from workers.tracker.store.sqlite import SqliteStore  # noqa: PLC0415 - imports this module

    return SqliteStore(Path(address))
