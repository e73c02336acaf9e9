"""The border to sqlite3: connections as the tracker wants them, and its errors as ours."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from workers.tracker.store import ConflictError, StatementError, StoreError
from workers.tracker.store.statements import Statements

#: those that say that the database cannot now, or not here; all others are a mistake in a statement
_CANNOT: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
    }
)
_PASSING: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL})
_STATEMENTS_KEPT: Final = 512  # prepared, of a connection
_CACHE_KIB: Final = 64 * 1024  # of pages: the indexes of millions of jobs are walked at random
_CHECKPOINT_PAGES: Final = 4_000  # 16 MB of log before it is carried into the file: fewer, larger flushes than at 1,000
_LOG_BYTES: Final = 64 * 2**20  # the log is cut to this after an import has made it long


class SqliteTx(Statements):
    """A `Tx` of SQLite. There is one writer, so nothing can be overtaken and nothing need be locked."""

    errors = (sqlite3.Error,)

    def __init__(self, connection: sqlite3.Connection, *, writes: bool = True) -> None:
        super().__init__(connection)
        self._writes = writes

    def translated(self, error: Exception) -> Exception:
        """See `Statements`."""
        if not self._writes and _code(error) == sqlite3.SQLITE_READONLY:
            return StatementError(f"a look must not write: {error}")
        return translated(error)

    @staticmethod
    def spelled(sql: str) -> str:
        """See `Statements`."""
        return sql


def translated(error: Exception) -> Exception:
    """An error of sqlite3 as one of ours."""
    code = _code(error)
    if code == sqlite3.SQLITE_CONSTRAINT:
        return ConflictError(str(error))
    if code in _CANNOT:
        return StoreError(f"the tracker's database: {error}")
    return StatementError(str(error))


def is_busy(error: Exception) -> bool:
    """Whether another process is writing."""
    return _code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def is_passing(error: BaseException | None) -> bool:
    """Whether the connection is as good as before after such an error: a full disk, or others hold the database."""
    while isinstance(error, StoreError) and error.__cause__ is not None:
        error = error.__cause__
    return isinstance(error, StoreError) or _code(error) in _PASSING


def _code(error: BaseException | None) -> int:
    """The primary code; 0 for an error that Python's module found before SQLite did."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def connected(path: Path, *, writes: bool, busy_seconds: float) -> sqlite3.Connection:
    """A connection, for the thread that uses it; transactions are begun and ended by hand.

    Raises:
        StoreError: the file cannot be opened, or is no database.
    """
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode={'rwc' if writes else 'ro'}",
            uri=True,
            timeout=busy_seconds,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_STATEMENTS_KEPT,
        )
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error
    try:
        if writes:
            _set_up(connection)
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        if writes:  # from here on the store asks again by itself: SQLite would sleep a tenth of a second between tries
            connection.execute("PRAGMA busy_timeout = 0")
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(f"{path}: {error}") from error
    return connection


def _set_up(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    # the commit is on the disk before it is answered: NORMAL is no faster with group commit (tracker.md, 8)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
