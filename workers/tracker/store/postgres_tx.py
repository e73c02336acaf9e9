"""The border to psycopg: statements of a move, and psycopg's errors as ours."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import psycopg
from psycopg import errors

from workers.tracker.store import BadValueError, ConflictError, StatementError, StoreError
from workers.tracker.store.statements import Statements

#: the same move is worth another try, as it is
_COLLISIONS: Final = (errors.SerializationFailure, errors.DeadlockDetected)


class PostgresTx(Statements):
    """A `Tx` of PostgreSQL."""

    lock = " FOR UPDATE"
    skip_locked = " FOR UPDATE SKIP LOCKED"
    errors = (psycopg.Error,)

    def __init__(self, connection: psycopg.Connection[Any], *, writes: bool = True) -> None:
        super().__init__(connection)
        self._writes = writes

    def translated(self, error: Exception) -> Exception:
        """See `Statements`."""
        if not self._writes and isinstance(error, errors.ReadOnlySqlTransaction):
            return StatementError(f"a look must not write: {error}")
        return translated(error)

    @property
    def collided(self) -> bool:
        """Whether another transaction was in the way, so that this one should be made again."""
        return isinstance(self._failed, _COLLISIONS)

    @property
    def overtaken(self) -> bool:
        """Whether another transaction may have inserted the row first: made again, the move would see it."""
        return isinstance(self._failed, errors.UniqueViolation)

    @staticmethod
    def spelled(sql: str) -> str:
        """See `Statements`."""
        return numbered(sql)


@lru_cache(maxsize=2_048)
def numbered(sql: str) -> str:
    """A statement with $1, $2 ... instead of `?`.

    >>> numbered("a = ? AND b = ?")
    'a = $1 AND b = $2'
    """
    first, *rest = sql.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


def translated(error: Exception) -> Exception:
    """An error of psycopg as one of ours. Its text names server and statement, never a password."""
    match error:
        case errors.IntegrityError():
            return ConflictError(str(error))
        case psycopg.DataError():
            return BadValueError(str(error))
        case errors.ReadOnlySqlTransaction() | psycopg.OperationalError() | psycopg.InterfaceError():
            return StoreError(f"the tracker's database: {error}")
    return StatementError(str(error))


def tables_of(tx: PostgresTx) -> set[str]:
    """The names of the tables that there are, where this address makes tables."""
    rows = tx.all("SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema()")
    return {str(row["tablename"]) for row in rows}
