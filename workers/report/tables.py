"""What the tables of a run's shards say as a whole: the border between reports and DuckDB, which streams them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

_TOP_HOSTS = 20
_TOP_SIGNALS = 40
_TOP_FILES = 20
#: fewer addresses than this are no news: pages of one site share their pictures
_REPEATED_ADDRESSES = 3
_BINS = 40


@dataclass(frozen=True, slots=True)
class ShardTables:
    """The parquet tables of a run's shards, asked with DuckDB."""

    tables: Sequence[Path]

    def _ask(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        names = [str(one) for one in self.tables]
        with duckdb.connect() as database:
            answer = database.sql(query, params={"tables": names, **parameters}).fetchall()
        return [tuple(row) for row in answer]

    def _has(self, *columns: str) -> bool:
        """Whether there are tables, with these columns: rebuilds may have fewer."""
        return bool(self.tables) and set(columns) <= set(pq.read_schema(self.tables[0]).names)

    def top_hosts(self) -> list[dict[str, Any]]:
        """Hosts with the most rows."""
        if not self._has("url", "status"):
            return []
        query = """
            SELECT regexp_extract(url, '^[a-z]+://([^/:?#]+)', 1) AS host, count(*) AS found,
                   count(*) FILTER (WHERE status = 'success') AS kept
            FROM read_parquet($tables) WHERE url IS NOT NULL
            GROUP BY host ORDER BY found DESC, host LIMIT $top
        """
        return [{"host": host, "found": found, "kept": kept} for host, found, kept in self._ask(query, top=_TOP_HOSTS)]

    def counts(self, column: str) -> dict[str, int]:
        """Kept rows by the values of a column of ours; rows that have none are not counted."""
        if not self._has(column):
            return {}
        query = f"""
            SELECT {column}, count(*) AS number FROM read_parquet($tables)
            WHERE status = 'success' AND {column} IS NOT NULL
            GROUP BY {column} ORDER BY number DESC, {column} LIMIT 50
        """  # noqa: S608 - `column` is a literal of this module
        return dict(self._ask(query))

    def opt_outs(self) -> list[dict[str, Any]]:
        """Signals heard of pages, answers and sites, honoured or not, and how many of their rows were kept."""
        if not self._has("page_opt_outs", "header_opt_outs"):
            return []
        query = """
            SELECT signal, count(*) AS found, count(*) FILTER (WHERE status = 'success') AS kept
            FROM (
                SELECT status, unnest(list_distinct(list_concat(
                    coalesce(page_opt_outs, []), coalesce(header_opt_outs, [])))) AS signal
                FROM read_parquet($tables)
            ) GROUP BY signal ORDER BY found DESC, signal LIMIT $top
        """
        return [
            {"signal": one, "found": found, "kept": kept} for one, found, kept in self._ask(query, top=_TOP_SIGNALS)
        ]

    def repeated_files(self) -> list[dict[str, Any]]:
        """Files that stand under the most addresses in the whole run: placeholders, logos, advertisements.

        A job leaves out those that repeat within it (`output.placeholder_addresses`); what repeats across jobs shows
        here, named by the hash that a removal list needs.
        """
        if not self._has("sha256", "caption"):
            return []
        query = """
            SELECT sha256, count(DISTINCT url) AS addresses, count(DISTINCT caption) AS captions,
                   count(*) FILTER (WHERE status = 'success') AS kept, min(url) AS example
            FROM read_parquet($tables) WHERE sha256 IS NOT NULL
            GROUP BY sha256 HAVING addresses >= $least AND captions >= $least
            ORDER BY addresses DESC, sha256 LIMIT $top
        """
        columns = ("sha256", "addresses", "captions", "kept", "example")
        rows = self._ask(query, least=_REPEATED_ADDRESSES, top=_TOP_FILES)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def scores(self) -> dict[str, Any]:
        """A histogram of each score, kept beside rejected."""
        if not self.tables:
            return {}
        schema = pq.read_schema(self.tables[0])
        names = [name for name in schema.names if f"{name}_model" in schema.names]
        return {name: self._histogram(name) for name in names}

    def _histogram(self, column: str) -> dict[str, Any]:
        quoted = '"' + column.replace('"', '""') + '"'
        query = f"""
            SELECT status = 'success',
                least({_BINS - 1}, greatest(0, floor(({quoted} + 1) / 2 * {_BINS})))::INT AS bin, count(*)
            FROM read_parquet($tables) WHERE {quoted} IS NOT NULL GROUP BY ALL
        """  # noqa: S608 - the column's name comes from a schema that we wrote, and is quoted
        kept, rejected = [0] * _BINS, [0] * _BINS
        for success, place, number in self._ask(query):
            (kept if success else rejected)[place] = number
        return {
            "edges": [round(-1 + 2 * place / _BINS, 6) for place in range(_BINS + 1)],
            "kept": kept,
            "rejected": rejected,
        }
