"""Which pairs stand on contact sheets: chosen by hash, so that the same run always shows the same."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from crawler.dataset.uids import among, sorted_uids
from crawler.errors import InputError
from crawler.statuses import SUCCESS
from crawler.thumbnails import BORDERLINE, KEPT, rank_of, thumbnails_path
from workers.dataset.columns import Table, strings, uids_of

#: shards whose thumbnails are read for one page; they are some 5 kB each
_MOST_FILES = 32
#: shards whose own pictures are read for one page: of each, the headers of a tar, or a folder
MOST_SHARDS = 8
_UID = re.compile("[0-9a-f]{32}")

One = TypeVar("One")


class Chosen(NamedTuple):
    """A pair that is to be shown."""

    use: str  # the filter, "pictures.min_side"; "" for the whole run
    band: str
    table: Path
    row_id: str  # its content id
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
                row["filter"], row["band"], table, row["content_id"], row["score"], row["jpeg"],
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
    for path in spread(shards.tables, MOST_SHARDS):
        table = Table.open(path)
        if not table.id_columns or not {"key", "status"} <= table.names.keys():
            continue
        ids = [uid for part in table.batches([*table.id_columns, "status"]) for uid in _kept_of(part)]
        of_this = sorted((rank_of(one), one) for one in ids)
        ranked += [(number, Chosen("", KEPT, path, one, None)) for number, one in of_this[:most]]
    return [one for _, one in sorted(ranked, key=lambda item: item[0])[:most]]


def _kept_of(part: pa.Table) -> Iterator[str]:
    kept = strings(part, "status").to_numpy(zero_copy_only=False) == SUCCESS
    return (uid.tobytes().hex() for uid in uids_of(part)[kept])


def read_thumbnails(path: Path, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """The rows of a file of thumbnails; `columns` of them, None for all.

    Raises:
        InputError: it cannot be read.
    """
    try:
        rows: list[dict[str, Any]] = pq.read_table(path, columns=None if columns is None else list(columns)).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as thumbnails: {error}; run its shard again") from error
    return rows


def rows_with(
    path: Path, content_ids: Collection[str], columns_of: Callable[[Collection[str]], Iterable[str]]
) -> dict[str, dict[str, Any]]:
    """The rows of a table with these ids, by id; of two with one id the first.

    What names rows is read first: most tables have none of them. A table without `content_id` names them by address and
    caption.

    Args:
        path: of the table, ours or img2dataset's.
        content_ids: of the rows.
        columns_of: which columns are read, under our names, of those that there are.

    Raises:
        InputError: it cannot be read.
    """
    table = Table.open(path)
    wanted = sorted_uids(uids_from(content_ids))
    here: dict[int, str] = {}
    begin = 0
    for part in table.batches(table.id_columns) if table.id_columns else ():
        uids = uids_of(part)
        here |= {begin + int(place): uids[place].tobytes().hex() for place in np.flatnonzero(among(uids, wanted))}
        begin += len(uids)
    if not here:
        return {}
    found: dict[str, dict[str, Any]] = {}
    begin = 0
    for part in table.batches(columns_of(table.names)):
        places = [place for place in here if begin <= place < begin + part.num_rows]
        for place, row in zip(places, part.take([one - begin for one in places]).to_pylist(), strict=True):
            found.setdefault(here[place], row)
        begin += part.num_rows
    return found


def uids_from(content_ids: Iterable[str]) -> NDArray[np.uint8]:
    """The bytes of ids, N x 16; what is no id is left out."""
    good = "".join(one for one in content_ids if _UID.fullmatch(one))
    return np.frombuffer(bytes.fromhex(good), np.uint8).reshape(-1, 16)


def spread(things: Sequence[One], most: int) -> Iterator[One]:
    """At most so many of them, evenly from the first to the last."""
    count = min(most, len(things))
    return (things[place * len(things) // count] for place in range(count))
