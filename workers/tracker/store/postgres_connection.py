"""The border to psycopg: connections as the tracker wants them, and values as `Tx` has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg.adapt import Dumper, Loader
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumper

from workers.tracker.store import StoreError

_CONNECT_SECONDS: Final = 5
_LOCK_SECONDS: Final = 10  # for a lock of another transaction: moves take milliseconds
_IDLE_SECONDS: Final = 60  # in a transaction: of a process that hangs, whose locks would hold up all others
_SETTINGS: Final = (
    f"SET lock_timeout = '{_LOCK_SECONDS}s'; SET idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s';"
    # an answered move lasts, whatever the server's settings; stricter ones than "on" stay
    " SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)


class UnreachableError(StoreError):
    """No connection is to be had."""


def connected(address: str) -> psycopg.Connection[Any]:
    """A connection whose transactions are begun and ended by hand, and whose values are those of `Tx`.

    Raises:
        UnreachableError: it cannot be had, for now.
    """
    try:
        connection: psycopg.Connection[Any] = psycopg.connect(
            address,
            autocommit=True,
            cursor_factory=psycopg.RawCursor,
            prepare_threshold=1,
            connect_timeout=_CONNECT_SECONDS,
            application_name="pairtrawl tracker",
        )
    except psycopg.Error as error:
        raise UnreachableError(f"the tracker's database cannot be reached: {error}") from error
    try:
        connection.execute(_SETTINGS, prepare=False)
    except psycopg.Error as error:
        connection.close()
        raise UnreachableError(f"the tracker's database cannot be reached: {error}") from error
    for kind, dumper in ((int, Int8Dumper), (bool, _BoolDumper), (str, StrDumper)):
        connection.adapters.register_dumper(kind, dumper)
    connection.adapters.register_loader("numeric", _NumberLoader)
    connection.adapters.register_loader("bool", _BoolLoader)
    return connection


class _BoolDumper(Dumper):
    """As SQLite keeps it: a number."""

    oid = Int8Dumper.oid

    def dump(self, obj: object) -> bytes:
        return b"1" if obj else b"0"


class _BoolLoader(Loader):
    """The outcome of a comparison, as SQLite gives it."""

    def load(self, data: Any) -> int:  # noqa: ANN401 - some buffer of psycopg's
        return int(bytes(data) == b"t")


class _NumberLoader(Loader):
    """A sum of BIGINTs, as SQLite gives it."""

    def load(self, data: Any) -> int | float:  # noqa: ANN401 - some buffer of psycopg's
        text = bytes(data).decode("ascii")
        return int(text) if text.lstrip("-").isdigit() else float(text)


def in_environment(address: str) -> dict[str, str]:
    """An address as the environment variables that PostgreSQL's own programs read: nothing of it on a command line.

    Raises:
        StoreError: the address cannot be read.
    """
    try:
        options: Sequence[Any] = psycopg.pq.Conninfo.parse(address.encode())
    except psycopg.Error as error:
        raise StoreError(f"the database's address cannot be read: {error}") from error
    return {one.envvar.decode(): one.val.decode() for one in options if one.envvar is not None and one.val is not None}
