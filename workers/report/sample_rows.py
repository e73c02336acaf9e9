"""Which pairs stand on contact sheets: chosen by hash, so that the same run always shows the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from crawler.errors import InputError
from crawler.statuses import SUCCESS
from crawler.thumbnails import BORDERLINE, KEPT, rank_of, thumbnails_path

#: shards whose thumbnails are read for one page; they are some 5 kB each
_MOST_FILES = 32
#: shards whose own pictures are read for one page: of each, the headers of a tar, or a folder
MOST_SHARDS = 8
_IDS = ("content_id", "key", "url")

One = TypeVar("One")


class Chosen(NamedTuple):
    """A pair that is to be shown."""

    use: str  # the filter, "pictures.min_side"; "" for the whole run
    band: str
    table: Path
    id_column: str  # that names the row in the table
    row_id: str
    score: float | None
    jpeg: bytes = b""  # its thumbnail; without, its picture is in the shard
    blurred: bool = False


@dataclass(frozen=True, slots=True)
class Shards:
    """Shards of one folder, by their tables."""

    tables: Sequence[Path]

    @classmethod
    def of_run(cls, folder: Path) -> Self:
        """Those of a run that are committed and have a table."""
        names = sorted(path.name.removesuffix("_stats.json") for path in folder.glob("*_stats.json"))
        return cls([table for name in names if (table := folder / f"{name}.parquet").exists()])


def thumbnails_of_tables(tables: Sequence[Path]) -> list[tuple[Path, Path]]:
    """The tables whose shards have thumbnails, and the files of those."""
    found = [(table, thumbnails_path(table.parent, table.stem)) for table in tables]
    return [(table, path) for table, path in found if path.exists()]


def chosen_of_thumbnails(shards: Shards, most: int) -> list[Chosen]:
    """At most so many of each filter and band, of the thumbnails of shards that lie evenly among all.

    Raises:
        InputError: a file of thumbnails cannot be read.
    """
    bands: dict[tuple[str, str], list[tuple[float, int, Chosen]]] = defaultdict(list)
    for table, path in spread(thumbnails_of_tables(shards.tables), _MOST_FILES):
        for row in read_thumbnails(path):
            one = Chosen(
                row["filter"], row["band"], table, "content_id", row["content_id"], row["score"], row["jpeg"],
                row["blurred"],
            )  # fmt: skip
            away = abs(row["score"] - row["line"]) if one.band == BORDERLINE else 0.0
            bands[one.use, one.band].append((away, rank_of(one.row_id), one))
    return [one for ranked in bands.values() for _, _, one in sorted(ranked, key=lambda item: item[:2])[:most]]


def chosen_of_shards(shards: Shards, most: int) -> list[Chosen]:
    """At most so many kept pairs, of shards that lie evenly among all.

    Raises:
        InputError: a table cannot be read.
    """
    ranked: list[tuple[int, Chosen]] = []
    for table in spread(shards.tables, MOST_SHARDS):
        names = pq.read_schema(table).names
        id_column = next((one for one in _IDS if one in names), "")
        if "key" not in names or "status" not in names:
            continue
        ids = read_rows(table, [id_column], "status", [SUCCESS])
        of_this = sorted((rank_of(str(row[id_column])), str(row[id_column])) for row in ids)
        ranked += [(number, Chosen("", KEPT, table, id_column, one, None)) for number, one in of_this[:most]]
    return [one for _, one in sorted(ranked, key=lambda item: item[0])[:most]]


def read_thumbnails(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of thumbnails.

    Raises:
        InputError: it cannot be read.
    """
    try:
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as thumbnails: {error}") from error
    return rows


def read_rows(table: Path, columns: Collection[str], column: str, values: Collection[str]) -> list[dict[str, Any]]:
    """The rows of a table in which a column has one of these values; columns that it does not have are left out.

    Raises:
        InputError: it cannot be read.
    """
    try:
        names = pq.read_schema(table).names
        wanted = [one for one in columns if one in names]
        rows: list[dict[str, Any]] = pq.read_table(
            table, columns=wanted, filters=[(column, "in", list(values))]
        ).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{table}: cannot be read: {error}") from error
    return rows


def tables_with(tables: Sequence[Path], content_ids: Collection[str]) -> dict[str, Path]:
    """In which of these tables each of these pairs is, as far as it is in any.

    Raises:
        InputError: one of them cannot be read, or has no `content_id`.
    """
    try:
        everything = ds.dataset([str(table) for table in tables], format="parquet")
        there = ds.field("content_id").isin(list(content_ids))
        parts = everything.scanner(columns=["content_id", "__filename"], filter=there).to_batches()
        return {row["content_id"]: Path(row["__filename"]) for part in parts for row in part.to_pylist()}
    except (OSError, KeyError, pa.ArrowException) as error:
        raise InputError(f"{tables[0]} and others: cannot be searched for content_id: {error}") from error


def spread(things: Sequence[One], most: int) -> Iterator[One]:
    """At most so many of them, evenly from the first to the last."""
    count = min(most, len(things))
    return (things[place * len(things) // count] for place in range(count))
