"""Rows of finished shards that have a score, and what is known of their pairs: a border to DuckDB, which streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from crawler.errors import InputError
from workers.redrawing.truth import open_truth
from workers.run_folder import RunFolder

_NUMBERS = ("DOUBLE", "FLOAT", "TINYINT", "SMALLINT", "INTEGER", "BIGINT")
#: what a truth may name a pair by
_KEYS = ("content_id", "url", "caption")


def tables_of(places: Sequence[Path]) -> list[Path]:
    """The tables that paths name: a run's committed shards, all parquet files of another folder, or a file.

    Raises:
        InputError: a path names none.
    """
    found: list[Path] = []
    for place in places:
        shards = RunFolder.at(place).shards
        if shards.is_dir():
            there = [one for one in shards.glob("*.parquet") if one.with_name(f"{one.stem}_stats.json").exists()]
        elif place.is_dir():
            there = list(place.glob("*.parquet"))
        else:
            there = [place] if place.is_file() else []
        if not there:
            raise InputError(f"{place}: is no run with finished shards, nor a parquet file or a folder of such files")
        found += sorted(there)
    return found


@contextmanager
def open_scores(tables: Sequence[Path], score: str) -> Iterator[ScoreRows]:
    """The rows of `tables` with a value in the column `score`; tables may differ in their columns.

    Raises:
        InputError: here or inside: a table cannot be read, or none has such a column of numbers.
    """
    try:
        with duckdb.connect() as database:
            everything = database.read_parquet([str(one) for one in tables], union_by_name=True)
            kinds = dict(zip(everything.columns, map(str, everything.types), strict=True))
            if not kinds.get(score, "").startswith(_NUMBERS):
                there = ", ".join(name for name in kinds if f"{name}_model" in kinds) or "none"
                raise InputError(f"{_named(tables)}: no score column {score!r}; the score columns are: {there}")
            model = f'"{score}_model"' if f"{score}_model" in kinds else "NULL"
            keys = [name if name in kinds else f"NULL AS {name}" for name in _KEYS]
            column = '"' + score.replace('"', '""') + '"'
            everything.project(f"{column}::DOUBLE AS score, {model} AS model, {', '.join(keys)}").filter(
                "isfinite(score)"
            ).create_view("scored")
            yield ScoreRows(database)
    except duckdb.Error as error:
        raise InputError(f"{_named(tables)}: cannot be read as a table: {_first_line(error)}") from error


@dataclass(frozen=True, slots=True)
class ScoreRows:
    """Rows with a score, in the view `scored`; after `join` those with a truth, in the table `judged`."""

    database: Any  # of duckdb, which is untyped

    def extent(self) -> tuple[int, float, float]:
        """The number of rows, and the lowest and the highest score; (0, 0.0, 0.0) without rows."""
        ((number, lowest, highest),) = self._ask("SELECT count(*), min(score), max(score) FROM scored")
        return (number, lowest, highest) if number else (0, 0.0, 0.0)

    def models(self) -> tuple[str, ...]:
        """What made the scores, the first twenty by letter."""
        asked = "SELECT DISTINCT model FROM scored WHERE model IS NOT NULL ORDER BY model LIMIT 20"
        return tuple(str(model) for (model,) in self._ask(asked))

    def from_on(self, thresholds: Sequence[float]) -> list[int]:
        """For each threshold the number of rows whose score is at least that, in one pass."""
        return self._counts("scored", thresholds, "true")

    def judged_from_on(self, thresholds: Sequence[float], *, matching: bool) -> list[int]:
        """The same of judged rows that match, or that do not."""
        return self._counts("judged", thresholds, "match" if matching else "NOT match")

    def join(self, truth: Path) -> int:
        """Judge rows by `truth`; the number of pairs that it names.

        Raises:
            InputError: it cannot be read, lacks columns, or says of a pair neither yes nor no, or both.
        """
        keys, pairs = open_truth(self.database, truth)
        on = " AND ".join(f"scored.{key} = truth.{key}" for key in keys)
        self.database.execute(
            f"CREATE TEMP TABLE judged AS SELECT score, yes AS match FROM scored JOIN truth ON {on}"  # noqa: S608 - names of this module
        )
        return pairs

    def judged(self) -> tuple[int, int]:
        """The number of rows with a truth, and of those that match."""
        ((rows, matching),) = self._ask("SELECT count(*), count(*) FILTER (WHERE match) FROM judged")
        return rows, matching

    def auc(self) -> float | None:
        """The chance that a matching row has a higher score than one that does not match; equal scores count half.

        None where there are no rows of one kind. Counted exactly over distinct scores (Mann and Whitney).
        """
        ((auc,),) = self._ask(
            "SELECT sum(yes * (coalesce(lower_no, 0) + no / 2)) / nullif(sum(yes) * sum(no), 0) FROM ("
            "  SELECT yes, no, sum(no) OVER (ORDER BY score ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
            "  AS lower_no FROM (SELECT score, (count(*) FILTER (WHERE match))::DOUBLE AS yes,"
            "        (count(*) FILTER (WHERE NOT match))::DOUBLE AS no FROM judged GROUP BY score))"
        )
        return None if auc is None else float(auc)

    def _counts(self, rows: str, thresholds: Sequence[float], which: str) -> list[int]:
        names = [f"t{place}" for place in range(len(thresholds))]
        columns = ", ".join(f"count(*) FILTER (WHERE score >= ${name} AND {which})" for name in names)
        asked = f"SELECT {columns} FROM {rows}"  # noqa: S608 - words of this module
        (counts,) = self._ask(asked, **dict(zip(names, thresholds, strict=True)))
        return [int(one) for one in counts]

    def _ask(self, query: str, **parameters: float) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.database.execute(query, parameters or None).fetchall()]


def _named(tables: Sequence[Path]) -> str:
    return str(tables[0]) if len(tables) == 1 else f"{tables[0]} and {len(tables) - 1} more"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
