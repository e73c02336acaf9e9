"""Parquet files of strangers: what their footer says is looked at before anything is unpacked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from workers.tracker.checking.inside.wrong import WrongError, insist
from workers.tracker.checking.orders import Bound

_MAGIC = b"PAR1"
#: rows unpacked at a time; a batch of the largest rows that there can be still fits
_ROWS_AT_ONCE = 512
#: rows of a group: ours have 8,192 and 10,000
_ROWS_PER_GROUP = 1_000_000


@contextmanager
def opened(path: Path, schema: pa.Schema, bound: Bound) -> Iterator[pq.ParquetFile]:
    """The file, found to have these columns and to announce no more than `bound`.

    Raises:
        WrongError: it is not so, or it cannot be read; also from the block, where arrow says so.
    """
    _check_footer(path, bound)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            _check_metadata(path.name, file.metadata, bound)
            insist(file.schema_arrow.equals(schema), f"{path.name}: other columns than the job makes")
            yield file
    except (OSError, pa.ArrowException) as error:
        raise WrongError(f"{path.name}: cannot be read: {error}") from error


def rows_of(file: pq.ParquetFile) -> Iterator[dict[str, Any]]:
    """Its rows, in order, some in memory at a time."""
    for batch in file.iter_batches(_ROWS_AT_ONCE, use_threads=False):
        yield from batch.to_pylist()


def _check_footer(path: Path, bound: Bound) -> None:
    """The footer's length stands in the last eight bytes: it is believed before arrow takes memory for it."""
    size = path.stat().st_size
    insist(size >= 12, f"{path.name}: too short for a table")
    with path.open("rb") as file:
        insist(file.read(4) == _MAGIC, f"{path.name}: is no parquet file")
        file.seek(size - 8)
        end = file.read(8)
    length = int.from_bytes(end[:4], "little")
    insist(end[4:] == _MAGIC, f"{path.name}: has no footer")
    insist(length <= min(bound.footer_bytes, size - 12), f"{path.name}: announces a footer of {length} bytes")


def _check_metadata(name: str, metadata: Any, bound: Bound) -> None:  # noqa: ANN401 - arrow's, without a name in its stubs
    insist(metadata.num_rows <= bound.rows, f"{name}: announces {metadata.num_rows} rows")
    insist(metadata.num_row_groups <= metadata.num_rows + 1, f"{name}: has groups without rows")
    rows = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        insist(0 <= group.num_rows <= _ROWS_PER_GROUP, f"{name}: a group of {group.num_rows} rows")
        insist(0 <= group.total_byte_size <= bound.group_bytes, f"{name}: a group of {group.total_byte_size} bytes")
        rows += group.num_rows
    insist(rows == metadata.num_rows, f"{name}: {metadata.num_rows} rows announced, {rows} in its groups")
