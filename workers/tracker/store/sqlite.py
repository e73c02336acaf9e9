"""The tracker's database in one file: one thread writes, and commits many moves with one flush of the disk.

A flush takes milliseconds, a move a fraction of one. So whatever waits goes into one transaction, each move in a
savepoint of its own, and everybody is answered after the one commit. Readers see the last commit, beside the writer.

Several processes of one machine may have the file open (server and checker); they write in turns.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from crawler.commit import atomic_path
from workers.failpoints import failpoint
from workers.tracker.store import Move, Result, StoreError
from workers.tracker.store.migrations import SQLITE, STEPS, Step, migrate, version_in
from workers.tracker.store.private import make_private
from workers.tracker.store.sqlite_files import SqliteTx, connected, is_busy, is_passing
from workers.tracker.store.turn import Turn
from workers.tracker.store.waiting import Asked, Waiting, answer

_AT_ONCE: Final = 512  # moves in a transaction: the first of them waits for the last
_WAITING: Final = 20_000  # moves in line: two seconds of work, on a slow disk
_READERS: Final = 4
_BUSY_SECONDS: Final = 10.0  # for a lock of another process: longer than its transaction of 512 moves takes


class SqliteStore:
    """A `Store` in the file at `path`, made if absent, readable by its owner alone.

    Raises:
        StoreError: it cannot be opened, for now.
        SchemaError: it is a newer program's, or no tracker's.
    """

    def __init__(
        self,
        path: Path,
        *,
        busy_seconds: float = _BUSY_SECONDS,
        waiting: int = _WAITING,
        steps: Sequence[Step] = STEPS,
    ) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._writer: sqlite3.Connection | None = None
        self._local = threading.local()
        self._reading: list[sqlite3.Connection] = []
        with ExitStack() as undo:
            make_private(path)
            self._turn = Turn(path.with_name(f"{path.name}-turn"), busy_seconds)
            undo.callback(self._turn.close)
            undo.callback(self._drop_writer)
            self._migrate(steps)
            undo.pop_all()
        self._waiting = Waiting(waiting)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="tracker-look")
        self._thread = threading.Thread(target=self._serve, name="tracker-write", daemon=True)
        self._thread.start()

    async def do(self, move: Move[Result], /) -> Result:
        """See `Store`."""
        done: Result = await self._waiting.ask(move)
        return done

    async def look(self, move: Move[Result], /) -> Result:
        """See `Store`."""
        return await self._in_reader(lambda: self._look(move))

    async def backup(self, path: Path, /) -> None:
        """See `Store`."""
        await self._in_reader(lambda: self._backup(path))

    async def close(self) -> None:
        """See `Store`."""
        await asyncio.to_thread(self._close)

    # --- in the writer's thread

    def _serve(self) -> None:
        while batch := self._waiting.take(_AT_ONCE):
            try:
                self._commit(batch)
            except Exception as error:  # noqa: BLE001 - callers wait for this thread: it goes on whatever happens
                self._undo(error)
                for asked in batch:
                    asked.result, asked.error = None, _cannot(error)
            answer(batch)

    def _commit(self, batch: list[Asked]) -> None:
        """Make the moves and let them last; one that raises alone leaves nothing.

        Raises:
            StoreError, sqlite3.Error: none of them has happened.
        """
        writer = self._begun()
        for asked in batch:
            _make(writer, asked)
        failpoint("store.moved")
        writer.execute("COMMIT")
        failpoint("store.committed")

    def _begun(self) -> sqlite3.Connection:
        """The writing connection, in a transaction."""
        with self._turn.held() as insist:
            if self._writer is None:
                self._writer = connected(self._path, writes=True, busy_seconds=self._busy_seconds)
            writer = self._writer
            insist(lambda: _begins(writer))
        return writer

    def _undo(self, error: Exception) -> None:
        """Nothing has happened. After an I/O error nobody knows what the connection believes: the next is a new one."""
        if self._writer is None:
            return
        if not is_passing(error):
            self._drop_writer()
        elif self._writer.in_transaction:
            try:
                self._writer.execute("ROLLBACK")
            except sqlite3.Error:
                self._drop_writer()

    def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(sqlite3.Error):
                writer.close()

    def _migrate(self, steps: Sequence[Step]) -> None:
        try:
            writer = self._begun()
            tx = SqliteTx(writer)
            named = tx.all("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            migrate(tx, version=version_in(tx, {row["name"] for row in named}), words=SQLITE, steps=steps)
            writer.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from error

    # --- in a reader's thread

    async def _in_reader(self, call: Callable[[], Result]) -> Result:
        try:
            waiting = asyncio.get_running_loop().run_in_executor(self._readers, call)
        except RuntimeError as error:  # says the pool after its shutdown
            raise StoreError("the database has been closed") from error
        return await waiting

    def _look(self, move: Move[Result]) -> Result:
        try:
            reader = self._reader()
            reader.execute("BEGIN")  # one snapshot for all its statements
            tx = SqliteTx(reader, writes=False)
            try:
                seen = move(tx)
                tx.end()
            finally:
                if reader.in_transaction:
                    reader.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from error
        return seen

    def _reader(self) -> sqlite3.Connection:
        reader: sqlite3.Connection | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = connected(self._path, writes=False, busy_seconds=self._busy_seconds)
            self._local.reader = reader
            self._reading.append(reader)
        return reader

    def _backup(self, path: Path) -> None:
        try:
            with atomic_path(path) as temporary:
                make_private(temporary)
                self._reader().execute("VACUUM INTO ?", (str(temporary),))
                failpoint("store.backup_written")
        except (sqlite3.Error, OSError, StoreError) as error:
            raise StoreError(f"{path}: no backup: {error}") from error

    def _close(self) -> None:
        self._waiting.close()
        self._thread.join()
        self._readers.shutdown()
        while self._reading:
            self._reading.pop().close()
        self._drop_writer()
        self._turn.close()


def _begins(writer: sqlite3.Connection) -> bool:
    """Begin a transaction that writes; False where another process is in one.

    Raises:
        sqlite3.Error: it cannot be begun.
    """
    try:
        writer.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if is_busy(error):
            return False
        raise
    return True


def _make(writer: sqlite3.Connection, asked: Asked) -> None:
    """Make one move, in the transaction under way; what it raises is its caller's, and leaves nothing.

    Raises:
        StoreError: the whole transaction is lost.
        sqlite3.Error: the same.
    """
    tx = SqliteTx(writer)
    writer.execute("SAVEPOINT move")
    try:
        asked.result = asked.move(tx)
        tx.end()
    except BaseException as error:  # handed to the caller, who alone knows what it means
        asked.error = error
        if not writer.in_transaction:  # SQLite itself has given it up: a full disk may do that
            raise _cannot(error) from error
        writer.execute("ROLLBACK TO move")
    writer.execute("RELEASE move")


def _cannot(error: BaseException) -> StoreError:
    """What callers are told: each a fresh one, for one that many raise would collect all their tracebacks."""
    told = StoreError(str(error)) if isinstance(error, StoreError) else StoreError(f"the tracker's database: {error}")
    told.__cause__ = error
    return told
