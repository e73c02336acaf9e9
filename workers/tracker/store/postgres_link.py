"""One connection of one thread to PostgreSQL, whose commits can be asked after should it break."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from typing import Any, Final

import psycopg
from psycopg import errors

from workers.tracker.store import StoreError
from workers.tracker.store.postgres_connection import UnreachableError, connected
from workers.tracker.store.postgres_tx import PostgresTx, translated

_ASKING_SECONDS: Final = 10.0  # after a lost commit: a server that was restarted is back by then
_ASKING_PAUSE_SECONDS: Final = 0.2
#: said on each new connection that writes; waits for a transaction of the same name that is not over yet
_NAMED: Final = "INSERT INTO sessions (session, moves) VALUES ($1, 0) ON CONFLICT DO NOTHING"
_MARKED: Final = "SELECT moves FROM sessions WHERE session = $1 FOR UPDATE"  # waits, likewise

#: the server says that it goes away, or is not there yet
_GOING = (errors.AdminShutdown, errors.CrashShutdown, errors.CannotConnectNow)


class LostError(Exception):
    """The connection is gone, and the move was not committed."""


class Link:
    """One connection, opened when it is needed, of one thread. What it commits can be asked after, should it break.

    Each transaction that writes begins by setting its number in the link's own row. If the connection breaks during the
    commit, the row says afterwards whether it took place; and until the server has noticed the break, it is locked.
    """

    def __init__(self, address: str, *, writes: bool) -> None:
        self._address = address
        self._writes = writes
        self._name = secrets.token_hex(16)
        self._number = 0
        self._connection: psycopg.Connection[Any] | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._connection is not None

    def begin(self) -> PostgresTx:
        """A transaction.

        Raises:
            UnreachableError: the server cannot be reached.
            StoreError: it cannot, for now.
            LostError: it could be reached, and is gone.
        """
        connection = self._connected()
        self._number += 1
        try:
            connection.execute(self._begin(), prepare=False)
        except psycopg.Error as error:
            if not self._is_broken(error):
                self.undo()
                raise translated(error) from error
            raise LostError(str(error)) from error
        return PostgresTx(connection, writes=self._writes)

    def leave(self) -> None:
        """End a transaction that only read."""
        try:
            self._connected().execute("COMMIT", prepare=False)  # psycopg forgets what it has prepared at a ROLLBACK
        except (psycopg.Error, UnreachableError):
            self._drop()

    def commit(self) -> None:
        """Let the transaction last.

        Raises:
            StoreError: it does not; or nobody can say, which the text then says.
            LostError: it does not, for the connection has broken.
        """
        connection = self._connected()
        try:
            connection.execute("COMMIT", prepare=False)
        except psycopg.Error as error:
            if not self._is_broken(error):
                self.undo()
                raise StoreError(f"the tracker's database: {error}") from error
            if not self._happened():
                raise LostError(str(error)) from error

    def undo(self) -> None:
        """Leave the transaction without a trace.

        Raises:
            LostError: the connection is gone, which undoes it, too.
        """
        if self._connection is None:
            raise LostError("the connection was given up")
        try:
            self._connection.execute("ROLLBACK", prepare=False)
        except psycopg.Error as error:
            self._drop()
            raise LostError(str(error)) from error

    def close(self) -> None:
        """Remove the link's row and let go, when nothing is left to be asked after."""
        if self._connection is not None and self._writes:
            # a row that is left over is removed a day later
            with suppress(psycopg.Error):
                self._connection.execute("DELETE FROM sessions WHERE session = $1", (self._name,))
        self._drop()

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            self._connection = connected(self._address)
            if self._writes:
                try:
                    self._connection.execute(_NAMED, (self._name,))
                except psycopg.Error as error:
                    self._drop()
                    raise UnreachableError(f"the tracker's database: {error}") from error
        return self._connection

    def _begin(self) -> str:
        """Two statements in one message to the server. It takes no parameters: they are hex of our own, and an int."""
        if not self._writes:
            return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"  # one snapshot for all its statements
        return (
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"  # noqa: S608 - see above
            f" INSERT INTO sessions (session, moves) VALUES ('{self._name}', {self._number})"
            " ON CONFLICT (session) DO UPDATE SET moves = excluded.moves, at = now()"
        )

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _is_broken(self, error: psycopg.Error) -> bool:
        connection = self._connection
        if connection is not None and not isinstance(error, _GOING) and not connection.closed:
            return False
        self._drop()
        return True

    def _happened(self) -> bool:
        """Whether the commit that broke off took place. Waits until the server knows that it did break off.

        Raises:
            StoreError: the server does not come back in time, or does not notice.
        """
        until = time.monotonic() + _ASKING_SECONDS
        while True:
            try:
                row = self._connected().execute(_MARKED, (self._name,)).fetchone()
            except (psycopg.Error, UnreachableError) as error:
                self._drop()
                if time.monotonic() > until:
                    raise StoreError(
                        f"the database went away during a commit, which may have happened: {error}"
                    ) from error
                time.sleep(_ASKING_PAUSE_SECONDS)
            else:
                return row is not None and row[0] == self._number
