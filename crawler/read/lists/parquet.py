"""Lists as parquet. The border to pyarrow: its errors are rows that cannot be read, or an InputError, behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from crawler.errors import InputError
from crawler.read.lists.columns import BrokenRowError, Columns, Documents, find_columns, said_by
from crawler.read.outcome import Skip, Skipped
from crawler.records import ListRow
from crawler.settings import List

MAGIC = b"PAR1"
#: rows held at a time; a page of each column that is read is held beside them, whatever the size of a row group
_ROWS_AT_ONCE = 8192
_BUFFER_BYTES = 1 << 20


def rows_of_parquet(path: Path, name: str, settings: List) -> Iterator[ListRow | Skipped]:
    """A row for every row that the footer counts, also of a row group that cannot be read.

    Raises:
        InputError: the footer cannot be read, or the columns are not those of a list.
    """
    with open_parquet(path, name) as file:
        columns = find_columns(file.schema_arrow.names, name, settings)
        _check_types(file.schema_arrow, columns, name)
        number = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            end = number + rows
            for row in _rows_of_group(file, group, columns, name, number):
                yield row
                number += 1
            yield from (
                Skipped(Skip.BROKEN_ROW, lost, f"row group {group} cannot be read") for lost in range(number, end)
            )
            number = end


def open_parquet(path: Path, name: str) -> pq.ParquetFile:
    """The file, to be closed.

    Raises:
        InputError: the footer cannot be read.
    """
    # pre_buffer would fetch whole row groups, and a file may have only one
    try:
        return pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        _pass_on(error)
        raise InputError(f"{name}: cannot be read as parquet: {error}; was its download cut short?") from error


class ParquetColumns:
    """A list in parquet, as columns."""

    def __init__(self, path: Path, name: str) -> None:
        """Raises InputError where the footer cannot be read."""
        self._path = path
        self._name = name
        with open_parquet(path, name) as file:
            self.names: list[str] = file.schema_arrow.names
            self._schema = file.schema_arrow

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[pa.RecordBatch, int]]:
        """Every row that the footer counts, and how many of them cannot be read: they are null."""
        schema = pa.schema([self._schema.field(one).with_nullable(True) for one in columns])
        with open_parquet(self._path, self._name) as file:
            for group in range(file.num_row_groups):
                left = file.metadata.row_group(group).num_rows
                batches = file.iter_batches(_ROWS_AT_ONCE, row_groups=[group], columns=list(columns))
                while left:
                    try:
                        batch = next(batches, None)
                    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
                        _pass_on(error)
                        batch = None
                    if batch is None:
                        yield from _nulls(schema, left)
                        break
                    left -= batch.num_rows
                    yield batch.select(list(columns)), 0


def _nulls(schema: pa.Schema, rows: int) -> Iterator[tuple[pa.RecordBatch, int]]:
    while rows:
        some = min(rows, _ROWS_AT_ONCE)
        yield pa.RecordBatch.from_arrays([pa.nulls(some, one.type) for one in schema], schema=schema), some
        rows -= some


def _pass_on(error: Exception) -> None:
    """Raise what the disk said; pyarrow calls damage inside the file an OSError too, but that one has no number."""
    if isinstance(error, OSError) and error.errno is not None:
        raise error


def _check_types(schema: pa.Schema, columns: Columns | Documents, name: str) -> None:
    """Addresses and captions are texts: a column of lists is a mistake of the recipe, not a million broken rows."""
    if isinstance(columns, Documents):
        return
    for column in columns.chosen():
        kind = schema.field(column).type
        if pa.types.is_nested(kind):
            raise InputError(f"{name}: its column {column!r} holds {kind}, which is no text; name another one under "
                             "[list] in the recipe")  # fmt: skip


def _rows_of_group(
    file: pq.ParquetFile, group: int, columns: Columns | Documents, name: str, number: int
) -> Iterator[ListRow | Skipped]:
    """The rows of one row group, up to where it is damaged."""
    batches = file.iter_batches(_ROWS_AT_ONCE, row_groups=[group], columns=columns.chosen())
    while True:
        try:
            batch = next(batches, None)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
            _pass_on(error)
            return
        if batch is None:
            return
        yield from _rows_of_batch(batch, columns, name, number)
        number += batch.num_rows


def _rows_of_batch(
    batch: pa.RecordBatch, columns: Columns | Documents, name: str, number: int
) -> Iterator[ListRow | Skipped]:
    names = columns.chosen()
    values = [_values(batch.column(one)) for one in names]
    for place, row in enumerate(zip(*values, strict=True), number):
        try:
            page, images = said_by(dict(zip(names, row, strict=True)), columns)
        except BrokenRowError as error:
            yield Skipped(Skip.BROKEN_ROW, place, str(error))
        else:
            yield ListRow(page, name, place, images)


def _values(column: pa.Array[Any]) -> list[Any]:
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        # parquet promises UTF-8 and nobody checks; the values that are not break their own rows
        return column.cast(pa.binary()).to_pylist()
