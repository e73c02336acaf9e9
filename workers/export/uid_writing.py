"""Writes files of uids: sorted by DuckDB, which spills to the disk what does not fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from crawler.commit import atomic_path
from crawler.errors import InputError
from workers.export.choice import Choice
from workers.export.places import Place, ShardAt
from workers.export.rows import batches_of
from workers.export.uid_files import UID, Uids, uids_of
from workers.scratch import own_scratch

#: what names a row, best first: DataComp's own name where a list brought it along, else ours
NAMES = ("uid", "content_id")
_MEMORY = "1GB"
_SCHEMA = pa.schema([("f0", pa.uint64()), ("f1", pa.uint64())])


def export_uids(place: Place, path: Path, choice: Choice, *, told: Callable[[int], None]) -> Mapping[str, int]:
    """Write the uids of the chosen rows, sorted, each once. Returns counts: rows, uids.

    Raises:
        InputError: a table cannot be read, or its rows have no uid.
        SettingsError: the choice's condition is none over the columns.
        OSError: the disk is full.
    """
    with own_scratch(path.resolve().parent, "uids") as spill:  # where there is room for the file there is for the sort
        gathered = spill / "uids.parquet"
        rows = 0
        with pq.ParquetWriter(gathered, _SCHEMA, compression="none", use_dictionary=False) as file:
            for number, shard in enumerate(place.shards()):
                for uids in shard_uids(shard, number, choice):
                    file.write_table(pa.table([pa.array(uids["f0"]), pa.array(uids["f1"])], schema=_SCHEMA))
                    rows += len(uids)
                told(1)
        count = write_uids(path, _sorted(gathered))
    return {"rows": rows, "uids": count}


def shard_uids(shard: ShardAt, number: int, choice: Choice) -> Iterator[Uids]:
    """The uids of the chosen rows of a shard.

    Raises:
        InputError: as `export_uids`.
    """
    for batch in batches_of(shard, number, NAMES, choice):
        yield batch_uids(shard, batch)


def batch_uids(shard: ShardAt, batch: pa.RecordBatch) -> Uids:
    """The uids of a batch's rows.

    Raises:
        InputError: there is no column for them, or what is in it are none.
    """
    name = next((one for one in NAMES if one in batch.schema.names), None)
    if name is None:
        raise InputError(f"{shard.table()}: has neither a column uid nor content_id; rebuild it with uid carried along")
    try:
        return uids_of(batch.column(name))
    except InputError as error:
        raise InputError(f"{shard.table()}: column {name}: {error}") from error


def write_uids(path: Path, chunks: Iterable[Uids]) -> int:
    """Write uids as they come, as numpy's format; returns how many.

    Raises:
        OSError: the disk is full.
    """
    count = 0
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        room = _header(file, 0)
        for chunk in chunks:
            file.write(np.ascontiguousarray(chunk, UID).tobytes())
            count += len(chunk)
        file.seek(0)
        if _header(file, count) != room:  # numpy leaves room for any number of rows
            raise ValueError(f"the header of {count} rows is longer than that of none")
    return count


def _header(file: object, count: int) -> int:
    np.lib.format.write_array_header_1_0(file, {"descr": UID.descr, "fortran_order": False, "shape": (count,)})  # type: ignore[arg-type]  # any binary file
    return int(file.tell())  # type: ignore[attr-defined]  # as above


def _sorted(gathered: Path) -> Iterator[Uids]:
    """The uids of a file, each once, beside which the sort spills what does not fit into memory."""
    with duckdb.connect() as database:
        database.execute(f"SET memory_limit = '{_MEMORY}'")
        database.execute("SET temp_directory = $folder", {"folder": str(gathered.parent)})
        query = "SELECT DISTINCT f0, f1 FROM read_parquet($file) ORDER BY f0, f1"
        for batch in database.sql(query, params={"file": str(gathered)}).to_arrow_reader(1 << 20):
            uids = np.empty(batch.num_rows, UID)
            uids["f0"], uids["f1"] = batch.column(0).to_numpy(), batch.column(1).to_numpy()
            yield uids
