"""Rows cut out of a parquet table: what is left is written as the table was, to the last byte."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from crawler.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

#: the column that names a row's sample
KEY = "key"
#: of `crawler.write`
ZSTD_LEVEL = 3

Positions: TypeAlias = NDArray[np.int64]
Codec: TypeAlias = Literal["gzip", "brotli", "lz4", "zstd", "snappy", "none"]


def read_table(path: Path) -> pa.Table:
    """A shard's table, whole.

    Raises:
        InputError: it cannot be read.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    try:
        with pq.ParquetFile(path) as file:
            return file.read()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as a parquet table: {error}") from error


def write_table(
    target: Path,
    table: pa.Table,
    keep: Positions,
    *,
    like: Path,
    keys: Mapping[str, str] | None = None,
    keyed: tuple[str, ...] = (KEY,),
    zstd_level: int = ZSTD_LEVEL,
) -> None:
    """Write the rows `keep` of `table` as the file `like`, of which it is, was written: codec, size of row groups.

    `keys` replaces the values of the columns `keyed`, old by new. `zstd_level` is what a file does not say: with which
    level it was compressed.

    Raises:
        OSError: the disk is full.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    left = table.take(pa.array(keep, pa.int64())).combine_chunks()
    if keys is not None:
        for name in set(keyed) & set(left.column_names):
            place = left.schema.get_field_index(name)
            field = left.schema.field(place)
            old: list[Any] = left.column(place).to_pylist()
            values = pa.array([keys[one] for one in old], field.type)
            left = left.set_column(place, field, values)
    left = left.cast(_schema(like, left.schema))
    codec, group_rows = _written(like)
    level = zstd_level if codec == "zstd" else None
    with pq.ParquetWriter(target, left.schema, compression=codec, compression_level=level) as writer:
        if left.num_rows:
            writer.write_table(left, row_group_size=group_rows)


def _schema(path: Path, read: pa.Schema) -> pa.Schema:
    """The schema that the file was written with, where it says so: readers call the items of every list "element"."""
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    said = (pq.read_metadata(path).metadata or {}).get(b"ARROW:schema")
    if said is None:
        return read
    try:
        written = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(said, validate=True)))
    except (pa.ArrowException, ValueError) as error:
        raise InputError(f"{path}: what it says of its columns cannot be read: {error}") from error
    return written if written.names == read.names else read


def _written(path: Path) -> tuple[Codec, int]:
    """The codec of a parquet file and the most rows that a group of it has."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    metadata = pq.read_metadata(path)
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    if not groups or not metadata.num_columns:
        return "zstd", 1
    codec = str(groups[0].column(0).compression).lower()
    return "none" if codec == "uncompressed" else cast("Codec", codec), max(group.num_rows for group in groups)
