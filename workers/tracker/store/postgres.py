"""The tracker's database on a PostgreSQL server, for several processes: each move is a transaction of its own.

Threads make the moves, each on its own connection; the server commits those of all connections and processes with few
flushes. Connect to the server itself: a pooler that hands out connections by transaction loses prepared statements.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from crawler.errors import MissingPackageError
from workers.failpoints import failpoint
from workers.tracker.store import ConflictError, Move, Result, StatementError, StoreError
from workers.tracker.store.dumping import dump
from workers.tracker.store.migrations import POSTGRES, STEPS, SchemaError, Step, migrate, version_in
from workers.tracker.store.waiting import Waiting, answer

try:
    from workers.tracker.store.postgres_connection import UnreachableError, connected, in_environment
    from workers.tracker.store.postgres_link import Link, LostError
    from workers.tracker.store.postgres_tx import PostgresTx, tables_of
except ImportError as error:
    raise MissingPackageError("a tracker on PostgreSQL needs psycopg: pip install 'pairtrawl[postgres]'") from error

_WRITERS: Final = 8  # connections: more of them meet in locks rather than do more
_READERS: Final = 4
_WAITING: Final = 20_000  # moves in line
_COLLISIONS: Final = 20  # tries; each waits longer than the last, so twenty mean that something else is wrong
_OVERTAKEN: Final = 3  # tries of a move whose row another inserted first: the second sees it
_LOST: Final = 3  # tries of a move whose connection broke
_DOWN_SECONDS: Final = 0.5  # a server that cannot be reached is not asked again for so long, but refused at once
_MIGRATING: Final = 0x70616972  # the number of the lock under which tables are made: "pair"


class PostgresStore:
    """A `Store` on the server at `address` (postgresql://...).

    Raises:
        StoreError: it cannot be reached, for now.
        SchemaError: the database is a newer program's, no tracker's, or its user may not make tables.
        MissingPackageError: psycopg is not installed.
    """

    def __init__(
        self, address: str, *, writers: int = _WRITERS, waiting: int = _WAITING, steps: Sequence[Step] = STEPS
    ) -> None:
        self._address = address
        self._down_until = 0.0
        _make_tables(address, steps)
        self._writing, self._looking = Waiting(waiting), Waiting(waiting)
        self._threads = [self._thread(self._writing, writes=True) for _ in range(writers)]
        self._threads += [self._thread(self._looking, writes=False) for _ in range(_READERS)]

    async def do(self, move: Move[Result], /) -> Result:
        """See `Store`."""
        done: Result = await self._writing.ask(move)
        return done

    async def look(self, move: Move[Result], /) -> Result:
        """See `Store`."""
        seen: Result = await self._looking.ask(move)
        return seen

    async def backup(self, path: Path, /) -> None:
        """See `Store`. Written by pg_dump, for pg_restore."""
        await asyncio.to_thread(dump, in_environment(self._address), path)

    async def close(self) -> None:
        """See `Store`."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writing.close()
        self._looking.close()
        for thread in self._threads:
            thread.join()

    # --- in the threads

    def _thread(self, waiting: Waiting, *, writes: bool) -> threading.Thread:
        name = f"tracker-{'write' if writes else 'look'}"
        thread = threading.Thread(target=self._serve, args=(waiting, writes), name=name, daemon=True)
        thread.start()
        return thread

    def _serve(self, waiting: Waiting, writes: bool) -> None:
        link = Link(self._address, writes=writes)
        while all_asked := waiting.take(1):
            for asked in all_asked:
                try:
                    asked.result = self._made(link, asked.move, writes=writes)
                except BaseException as error:  # noqa: BLE001 - handed to the caller, who alone knows what it means
                    asked.error = error
            answer(all_asked)
        link.close()

    def _made(self, link: Link, move: Callable[[Any], Any], *, writes: bool) -> Any:  # noqa: ANN401 - what the move gives
        """Make a move until it is made, or until it is plain that it will not be."""
        tries = 0
        while True:
            tries += 1
            try:
                return self._once(link, move, writes=writes)
            except _AgainError as again:
                if tries >= again.tries:
                    raise again.told from again
                time.sleep(random.uniform(0, min(0.1, 0.001 * 2**tries)))  # noqa: S311 - so that two do not meet again

    def _once(self, link: Link, move: Callable[[Any], Any], *, writes: bool) -> Any:  # noqa: ANN401 - what the move gives
        tx = self._begun(link)
        try:
            result = move(tx)
            tx.end()
        except BaseException as error:
            _undone(link, tx, error)
            raise
        if not writes:
            link.leave()
            return result
        failpoint("store.moved")
        try:
            link.commit()
        except LostError as error:
            raise _AgainError(_LOST, StoreError(f"the tracker's database: {error}")) from error
        failpoint("store.committed")
        return result

    def _begun(self, link: Link) -> PostgresTx:
        if not link.is_open and time.monotonic() < self._down_until:
            raise StoreError("the tracker's database could not be reached a moment ago")
        try:
            return link.begin()
        except UnreachableError:
            self._down_until = time.monotonic() + _DOWN_SECONDS
            raise
        except LostError as error:
            raise _AgainError(_LOST, StoreError(f"the tracker's database: {error}")) from error


class _AgainError(Exception):
    """The move is to be made again: so many times in all, after which `told` is raised."""

    def __init__(self, tries: int, told: BaseException) -> None:
        super().__init__(str(told))
        self.tries = tries
        self.told = told


def _undone(link: Link, tx: PostgresTx, error: BaseException) -> None:
    """Undo a move that raised; returns if what it raised is the answer.

    Raises:
        _AgainError: it is not; others were in the way.
    """
    try:
        link.undo()
    except LostError:
        if tx.failed:
            raise _AgainError(_LOST, error) from error
        return
    if tx.collided:
        raise _AgainError(_COLLISIONS, StoreError(f"the tracker's database: {error}")) from error
    if tx.overtaken and isinstance(error, ConflictError):
        raise _AgainError(_OVERTAKEN, error) from error


def _make_tables(address: str, steps: Sequence[Step]) -> None:
    connection = connected(address)
    try:
        _check_texts(connection.info.parameter_status("server_encoding"))
        tx = PostgresTx(connection)
        tx.run("BEGIN")
        tx.all("SELECT pg_advisory_xact_lock(?)", _MIGRATING)  # of several processes that start, one makes them
        migrate(tx, version=version_in(tx, tables_of(tx)), words=POSTGRES, steps=steps)
        tx.run("DELETE FROM sessions WHERE at < now() - INTERVAL '1 day'")
        tx.run("COMMIT")
    except StatementError as error:
        raise SchemaError(f"the tracker's tables cannot be made in this database: {error}") from error
    finally:
        connection.close()


def _check_texts(encoding: str | None) -> None:
    if encoding != "UTF8":
        raise SchemaError(f"the database keeps texts as {encoding}: make one with ENCODING 'UTF8' TEMPLATE template0")
