"""The rows of finished runs with the signature of each, as DuckDB counts them: the border to DuckDB, which streams."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from crawler.errors import InputError
from filters.redrawn import literal, quoted
from workers.redrawing.ballot import (
    ENDED,
    NO,
    UNKNOWN,
    Ballot,
    Signature,
    arrival_sql,
    asked_again,
    verdict_sql,
)
from workers.redrawing.frozen import Frozen
from workers.redrawing.spreads import score_columns

#: a word of a signature: 31 verdicts of two bits
_A_WORD = 31
#: rows that filters judge at once
_BATCH = 20_000
#: what is asked of rows beside their verdicts, and what it is where a table has no such column
_SHOWN = {
    "content_id": "VARCHAR", "url": "VARCHAR", "caption": "VARCHAR", "caption_language": "VARCHAR", "reason": "VARCHAR",
}  # fmt: skip

#: SQL: the host of an authority, without user name and port, which hardly any has
HOST = (
    "CASE WHEN contains(authority, ':') OR contains(authority, '@') "
    "THEN lower(regexp_extract(authority, '^(?:[^@]*@)?([^:?#@]*)', 1)) ELSE lower(authority) END"
)

#: told how many rows are judged one by one, and how many of them were judged just now
Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Rows:
    """The view `frozen_rows`: signature (`w0` ...), what `_SHOWN` names, `authority`, scores, `file` and `place`."""

    database: Any  # of duckdb, which is untyped
    ballot: Ballot
    scores: tuple[str, ...]  # the score columns that the tables have, by name

    @property
    def words(self) -> str:
        """The columns of the signature."""
        return ", ".join(f"w{word}" for word in range(_words(self.ballot)))

    def ask(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The answer to a query of this package.

        Raises:
            InputError: a table cannot be read.
        """
        try:
            return [tuple(row) for row in self.database.execute(query, parameters or None).fetchall()]
        except duckdb.Error as error:
            raise InputError(f"the tables cannot be read: {_first_line(error)}") from error

    def counts(self, by: str, where: str = "true") -> list[tuple[Any, Signature, int]]:
        """How many rows have which signature, by a SQL expression: its value, the signature, rows."""
        query = f"SELECT {by} AS by, {self.words}, count(*) FROM frozen_rows WHERE {where} GROUP BY ALL"  # noqa: S608 - words of this package
        return [(row[0], self.unpacked(row[1:-1]), int(row[-1])) for row in self.ask(query)]

    def unpacked(self, words: Sequence[int]) -> Signature:
        """A signature as its columns hold it."""
        return _unpacked(tuple(words), len(self.ballot.variants) + 1)

    def packed(self, signature: Signature) -> list[int]:
        """The values of its columns."""
        return [
            sum(verdict << 2 * place for place, verdict in enumerate(signature[start : start + _A_WORD]))
            for start in range(0, len(signature), _A_WORD)
        ]


@contextmanager
def open_rows(frozen: Sequence[Frozen], ballot: Ballot, *, told: Told | None = None) -> Iterator[Rows]:
    """The rows of finished runs, each with its signature.

    Verdicts that SQL cannot say are judged row by row first, where nothing else has decided the row for every recipe.

    Raises:
        InputError: a table cannot be read.
    """
    with duckdb.connect() as database:
        database.execute("SET preserve_insertion_order = false")
        try:
            columns = [_columns_of(database, one) for one in frozen]
            scores = list(dict.fromkeys(name for there in columns for name in score_columns(there)))
            database.execute(_view(frozen, ballot, columns, scores, judged=False))
            rows = Rows(database, ballot, tuple(scores))
            if _judge_row_by_row(rows, told):
                database.execute(_view(frozen, ballot, columns, scores, judged=True))
        except duckdb.Error as error:
            raise InputError(f"{frozen[0].tables[0]}: cannot be read as a table: {_first_line(error)}") from error
        yield rows


def _columns_of(database: Any, one: Frozen) -> dict[str, str]:  # noqa: ANN401 - of duckdb
    everything = database.read_parquet([str(table) for table in one.tables], union_by_name=True)
    return dict(zip(everything.columns, map(str, everything.types), strict=True))


def _view(
    frozen: Sequence[Frozen],
    ballot: Ballot,
    columns: Sequence[Mapping[str, str]],
    scores: Sequence[str],
    *,
    judged: bool,
) -> str:
    parts = [_selected(one, ballot, there, scores, judged=judged) for one, there in zip(frozen, columns, strict=True)]
    return f"CREATE OR REPLACE TEMP VIEW frozen_rows AS {' UNION ALL '.join(parts)}"


def _selected(one: Frozen, ballot: Ballot, there: Mapping[str, str], scores: Sequence[str], *, judged: bool) -> str:
    names = ", ".join(literal(str(table)) for table in one.tables)
    source = f"read_parquet([{names}], union_by_name = true, filename = 'file', file_row_number = true)"
    shown = [
        f"{quoted(name)}::{kind} AS {quoted(name)}" if name in there else f"NULL::{kind} AS {quoted(name)}"
        for name, kind in _SHOWN.items()
    ]
    shown += [
        f"{quoted(name)}::DOUBLE AS {quoted(name)}" if name in there else f"NULL::DOUBLE AS {quoted(name)}"
        for name in scores
    ]
    shown += [
        f"source.{quoted(name)} AS {quoted(f'read_{name}')}" if name in there else f"NULL AS {quoted(f'read_{name}')}"
        for name in _reads(ballot)
    ]
    authority = "split_part(url, '/', 3) AS authority" if "url" in there else "NULL::VARCHAR AS authority"
    verdicts = [
        f"coalesce({verdict_sql(variant, one, there, any_model=ballot.any_model)}::BIGINT, "
        + (f"judged.v{place}::BIGINT, " if judged and variant.redrawn.again else "")
        + f"{UNKNOWN})"
        for place, variant in enumerate(ballot.variants)
    ]
    arrival = arrival_sql(there)
    words = _packed(arrival, verdicts)
    joined = (
        " LEFT JOIN judged ON judged.file = source.file AND judged.place = source.file_row_number" if judged else ""
    )
    return (
        f"SELECT {', '.join(words)}, {', '.join(shown)}, {authority}, source.file AS file, "  # noqa: S608 - literals are escaped by filters.redrawn
        f"file_row_number AS place FROM {source} AS source{joined}"
    )


def _words(ballot: Ballot) -> int:
    return len(ballot.variants) // _A_WORD + 1


def _packed(arrival: str, verdicts: Sequence[str]) -> list[str]:
    """The columns of a signature: how far a row came, then its verdicts, two bits each; what ended has no verdicts."""
    parts = [f"{arrival}::BIGINT", *verdicts]
    words = []
    for word, start in enumerate(range(0, len(parts), _A_WORD)):
        own = parts[start : start + _A_WORD]
        ended = sum((UNKNOWN if start + place else ENDED) << 2 * place for place in range(len(own)))
        added = " + ".join(f"({part}) * {4**place}" for place, part in enumerate(own))
        words.append(f"CASE WHEN {arrival} = {ENDED} THEN {ended} ELSE {added} END AS w{word}")
    return words


@functools.lru_cache(maxsize=100_000)
def _unpacked(words: tuple[int, ...], length: int) -> Signature:
    return tuple((words[place // _A_WORD] >> 2 * (place % _A_WORD)) & 3 for place in range(length))


def _code(place: int) -> str:
    """SQL: the verdict of a variant, out of the signature."""
    at = place + 1
    return f"((w{at // _A_WORD} >> {2 * (at % _A_WORD)}) & 3)"


def _judge_row_by_row(rows: Rows, told: Told | None) -> bool:
    """Make the table `judged` of rows that only their filters can judge, if there are any."""
    ballot = rows.ballot
    wanted = {place: _undecided(ballot, place) for place in asked_again(ballot)}
    if not wanted:
        return False
    waiting = " OR ".join(wanted.values())
    ((total,),) = rows.ask(f"SELECT count(*) FROM frozen_rows WHERE {waiting}")  # noqa: S608 - words of this module
    if not total:
        return False
    reads = "".join(f", {quoted(f'read_{name}')}" for name in _reads(ballot))
    waits = ", ".join(f"{asked} AS wait{place}" for place, asked in wanted.items())
    found: list[pa.RecordBatch] = []
    query = f"SELECT file, place, {waits}{reads} FROM frozen_rows WHERE {waiting}"  # noqa: S608 - as above
    for batch in rows.database.sql(query).to_arrow_reader(_BATCH):
        found.append(_judged(ballot, batch, list(wanted)))
        if told is not None:
            told(total, batch.num_rows)
    rows.database.register("judged_rows", pa.Table.from_batches(found))
    rows.database.execute("CREATE TEMP TABLE judged AS SELECT * FROM judged_rows")
    rows.database.unregister("judged_rows")
    return True


def _reads(ballot: Ballot) -> list[str]:
    """The columns that filters read who judge row by row."""
    return sorted({name for place in asked_again(ballot) for name in ballot.variants[place].redrawn.again_reads})


def _undecided(ballot: Ballot, place: int) -> str:
    """SQL: whether a recipe that has this filter waits for its word on a row, and nothing else says no."""
    waiting = []
    for chosen in ballot.recipes:
        if place in chosen:
            no = " OR ".join(f"{_code(other)} = {NO}" for other in chosen)
            waiting.append(f"NOT ({no})")
    return f"({_code(place)} = {UNKNOWN} AND (w0 & 3) <> {ENDED} AND ({' OR '.join(waiting) or 'false'}))"


def _judged(ballot: Ballot, batch: pa.RecordBatch, places: Sequence[int]) -> pa.RecordBatch:
    listed = batch.to_pylist()
    told = [{name.removeprefix("read_"): value for name, value in row.items()} for row in listed]
    columns: dict[str, Any] = {"file": batch["file"], "place": batch["place"]}
    for place in places:
        again = ballot.variants[place].redrawn.again
        assert again is not None
        waiting = [number for number, row in enumerate(listed) if row[f"wait{place}"]]
        verdicts: list[int | None] = [None] * len(listed)
        for number, verdict in zip(waiting, again([told[number] for number in waiting]), strict=True):
            verdicts[number] = None if verdict is None else int(verdict)
        columns[f"v{place}"] = pa.array(verdicts, pa.int8())
    return pa.RecordBatch.from_pydict(columns)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
