"""Statements of a move, spoken to either database in the words that Python's two libraries for them share."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from workers.tracker.store import BadValueError, Row, StatementError


class Statements(ABC):
    """A `Tx` over one cursor-making connection; its subclass is the border to one foreign library.

    After a statement has failed it takes no other: PostgreSQL would not, and what is tested on one is true of both.
    """

    lock: str = ""
    skip_locked: str = ""
    #: every error of the foreign library
    errors: tuple[type[Exception], ...] = ()

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - of either library
        self._connection = connection
        self._failed: Exception | None = None

    @abstractmethod
    def translated(self, error: Exception) -> Exception:
        """An error of the foreign library as one of ours."""

    @staticmethod
    @abstractmethod
    def spelled(sql: str) -> str:
        """A statement with `?` as this database spells it."""

    def all(self, sql: str, *values: object) -> list[Row]:
        """See `Tx`."""
        with self._asking(), closing(self._connection.cursor()) as cursor:
            cursor.execute(self.spelled(sql), checked(values))
            names = _names(cursor, sql)
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def one(self, sql: str, *values: object) -> Row | None:
        """See `Tx`."""
        with self._asking(), closing(self._connection.cursor()) as cursor:
            cursor.execute(self.spelled(sql), checked(values))
            names = _names(cursor, sql)
            row = cursor.fetchone()
            return None if row is None else dict(zip(names, row, strict=True))

    def run(self, sql: str, *values: object) -> int:
        """See `Tx`."""
        with self._asking(), closing(self._connection.cursor()) as cursor:
            cursor.execute(self.spelled(sql), checked(values))
            return int(cursor.rowcount)

    def many(self, sql: str, rows: list[tuple[object, ...]]) -> None:
        """See `Tx`."""
        with self._asking(), closing(self._connection.cursor()) as cursor:
            cursor.executemany(self.spelled(sql), [checked(row) for row in rows])

    @property
    def failed(self) -> bool:
        """Whether a statement has failed."""
        return self._failed is not None

    def end(self) -> None:
        """Called when the move has returned.

        Raises:
            StatementError: it hid a failed statement and meant to be committed.
        """
        if self._failed is not None:
            raise StatementError("a move caught the error of a statement and went on") from self._failed

    @contextmanager
    def _asking(self) -> Iterator[None]:
        self.end()
        try:
            yield
        except self.errors as error:
            self._failed = error
            raise self.translated(error) from error
        except StatementError as error:
            self._failed = error
            raise
        except (BadValueError, UnicodeEncodeError, OverflowError) as error:
            self._failed = error
            raise BadValueError(f"a database cannot keep this value: {error}") from error


def checked(values: Sequence[object]) -> Sequence[object]:
    """The values, none of which the two databases would take differently.

    Raises:
        BadValueError: PostgreSQL refuses NUL, which SQLite keeps; SQLite keeps NaN as NULL.
    """
    for value in values:
        if type(value) is str:
            if "\0" in value:
                raise BadValueError("text with a NUL")
        elif type(value) is float and math.isnan(value):
            raise BadValueError("not a number")
    return values


def _names(cursor: Any, sql: str) -> list[str]:  # noqa: ANN401 - of either library
    if cursor.description is None:
        raise StatementError(f"no rows come of this: {sql}")
    return [column[0] for column in cursor.description]
