"""How many rows have which signature, by language, by host and by score: all of it in one pass over the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from filters.redrawn import quoted
from workers.redrawing.asking import HOST, Rows
from workers.redrawing.ballot import Signature

_LANGUAGE, _AUTHORITY = "coalesce(caption_language, '')", "hash(authority)"

Counts = list[tuple[Any, Signature, int]]  # a value, a signature, rows


@dataclass(frozen=True, slots=True)
class Counted:
    """The answers of the one pass, as long as its block lasts.

    A host is known by a hash of 64 bits: millions of names would take the memory that a few hashes do not.
    """

    rows: Rows
    keys: tuple[str, ...]  # SQL of what was counted by

    def by_language(self) -> Counts:
        """By the caption's language; "" where it is not told."""
        return self._by(_LANGUAGE)

    def by(self, key: str) -> Counts:
        """By one of the further keys; rows where it is null are left out."""
        return [one for one in self._by(key) if one[0] is not None]

    def by_host_size(self) -> list[tuple[tuple[bool, int], Signature, int]]:
        """By whether a row's host has but one row in these tables, and the digits of how many; small first."""
        words = self.rows.words
        found = self.rows.ask(
            f"WITH sizes AS (SELECT host, sum(number)::BIGINT AS size FROM by_host GROUP BY host) "  # noqa: S608 - words of this package
            f"SELECT size = 1, length(size::VARCHAR), {words}, sum(number)::BIGINT "
            f"FROM by_host JOIN sizes USING (host) GROUP BY ALL ORDER BY 2, 1 DESC"
        )
        return [((row[0], row[1]), self.rows.unpacked(row[2:-1]), int(row[-1])) for row in found]

    def by_domain(self) -> Counts:
        """By the last label of a row's host."""
        query = f"SELECT domain, {self.rows.words}, sum(number)::BIGINT FROM by_host GROUP BY ALL"  # noqa: S608 - as above
        return self._unpacked(query)

    def _by(self, key: str) -> Counts:
        place = self.keys.index(key)
        return self._unpacked(
            f"SELECT k{place}, {self.rows.words}, number FROM counted WHERE kind = {_kind(place, len(self.keys))}"  # noqa: S608 - as above
        )

    def _unpacked(self, query: str) -> Counts:
        return [(row[0], self.rows.unpacked(row[1:-1]), int(row[-1])) for row in self.rows.ask(query)]


@contextmanager
def counted(rows: Rows, *further: str) -> Iterator[Counted]:
    """Count the rows by language, by host, and by `further` keys (SQL), with their signatures.

    Raises:
        InputError: a table cannot be read.
    """
    keys = (_LANGUAGE, _AUTHORITY, *further)
    names = ", ".join(f"k{place}" for place in range(len(keys)))
    told = ", ".join(f"{key} AS k{place}" for place, key in enumerate(keys))
    sets = ", ".join(f"(k{place}, {rows.words})" for place in range(len(keys)))
    rows.ask(
        f"CREATE OR REPLACE TEMP TABLE counted AS "  # noqa: S608 - words of this package
        f"SELECT grouping({names}) AS kind, {names}, {rows.words}, any_value(authority) AS authority, "
        f"count(*) AS number FROM (SELECT {told}, authority, {rows.words} FROM frozen_rows) "
        f"GROUP BY GROUPING SETS ({sets})"
    )
    rows.ask(
        f"CREATE OR REPLACE TEMP TABLE by_host AS "  # noqa: S608 - as above
        f"SELECT hash(host) AS host, split_part(host, '.', -1) AS domain, {rows.words}, number FROM ("
        f"SELECT {HOST} AS host, {rows.words}, number FROM counted "
        f"WHERE kind = {_kind(1, len(keys))} AND authority IS NOT NULL)"
    )
    try:
        yield Counted(rows, keys)
    finally:
        rows.ask("DROP TABLE by_host")
        rows.ask("DROP TABLE counted")


def ranges(rows: Rows, columns: tuple[str, ...]) -> Mapping[str, tuple[float, float]]:
    """The lowest and the highest number of each of these scores that has any.

    Raises:
        InputError: a table cannot be read.
    """
    if not columns:
        return {}
    ends = ", ".join(f"min({one}), max({one})" for one in map(_finite, columns))
    (found,) = rows.ask(f"SELECT {ends} FROM frozen_rows")  # noqa: S608 - words of this package
    pairs = zip(columns, found[::2], found[1::2], strict=True)
    return {column: (low, high) for column, low, high in pairs if low is not None}


def _finite(column: str) -> str:
    """SQL: a score, or null where it is no number."""
    return f"CASE WHEN isfinite({quoted(column)}) THEN {quoted(column)} END"


def _kind(place: int, keys: int) -> int:
    """What SQL's `grouping` says of rows that were counted by the key at this place: a bit for each other key."""
    return (1 << keys) - 1 - (1 << keys - 1 - place)
