"""From a spool to the files of a shard: samples into their container, rows into the table, in the order of the keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crawler.columns import arrow_schema
from crawler.containers import Container, Packed, image_column
from crawler.embeddings import EngineFiles
from crawler.rows import Pictured, Row, SampleJson
from crawler.settings import Output
from crawler.spool import Spool
from crawler.statuses import SUCCESS

if TYPE_CHECKING:
    import pyarrow as pa

#: rows decoded at a time while a shard is assembled, and rows of a parquet row group; img2dataset's groups of 100 rows
#: make a file of 3,000 rows 30 round trips long
_ROWS_AT_ONCE = 10_000
#: the same where the table holds the pictures, which then are in memory
_PICTURES_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Parts:
    """What a table is made of."""

    columns: Sequence[tuple[str, str]]  # name and kind
    settings: Output
    carried: pa.Table | None = None  # of a rebuild: the columns of its list, a row for each row of the job

    @property
    def image(self) -> str | None:
        """The column that holds the pictures, last of all, where the table does."""
        return image_column(self.settings)

    def schema(self) -> pa.Schema:
        """Of the table."""
        import pyarrow as pa  # noqa: PLC0415 - heavy

        schema = arrow_schema(self.columns, None if self.carried is None else self.carried.schema)
        return schema.append(pa.field(self.image, pa.binary())) if self.image else schema


def assemble(
    spool: Spool,
    parts: Parts,
    container: Container,
    table_path: Path | None,
    vectors: Sequence[EngineFiles],
    kept: Callable[[int, Row], None],
) -> None:
    """Write samples, table (where there is to be one) and vectors. `kept` is told each row that has a picture.

    Raises:
        OSError: the disk is full.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    schema = parts.schema()
    at_once = _PICTURES_AT_ONCE if parts.image else _ROWS_AT_ONCE
    indexes = iter(spool.indexes())
    with ExitStack() as stack:
        table = None
        if table_path:
            table = stack.enter_context(pq.ParquetWriter(table_path, schema, compression="zstd", compression_level=3))
        while chunk := list(islice(indexes, at_once)):
            read: Iterable[Pictured] = spool.read(chunk)
            images: list[bytes | None] = []
            if parts.image:
                read = list(read)
                images = [one.image or None for one in read]
            carried = None if parts.carried is None else _taken(parts.carried, chunk)
            rows = _add_samples(container, read, parts, carried)
            for index, row in zip(chunk, rows, strict=True):
                if row["status"] == SUCCESS:
                    kept(index, row)
            for engine in vectors:
                engine.write(dict(zip(chunk, rows, strict=True)))
            if table:
                table.write_table(_as_table(rows, schema, carried, images), row_group_size=at_once)


def _add_samples(container: Container, read: Iterable[Pictured], parts: Parts, carried: pa.Table | None) -> list[Row]:
    """Put the samples among these rows into the container; returns the rows."""
    rows = []
    listed: Iterable[dict[str, Any]] = repeat({}) if carried is None else carried.to_pylist()
    said = SampleJson(parts.columns, rebuild=carried is not None)
    with_captions = any(name == "caption" for name, _ in parts.columns)
    for (row, image, extension), of_list in zip(read, listed, strict=False):
        rows.append(row)
        if extension:
            content = said.of(row, of_list)
            caption = (content["caption"] or "") if with_captions else None
            container.add(Packed(row["key"], extension, image, content, caption))
    return rows


def _taken(table: pa.Table, indexes: Sequence[int]) -> pa.Table:
    """These rows of a table; `indexes` ascend."""
    first, last = indexes[0], indexes[-1]
    if last - first + 1 == len(indexes):
        return table.slice(first, len(indexes))
    return table.take(indexes)


def _as_table(
    rows: Sequence[Row], schema: pa.Schema, carried: pa.Table | None, images: Sequence[bytes | None]
) -> pa.Table:
    """Rows as a table; what they do not hold comes from the list, and the pictures stand last."""
    import pyarrow as pa  # noqa: PLC0415 - heavy

    listed = set() if carried is None else set(carried.column_names)
    own = [field for field in schema if field.name not in listed]
    if images:
        own.pop()
    known = pa.Table.from_pylist(rows, schema=pa.schema(own))
    if carried is None and not images:
        return known
    arrays = []
    for field in schema:
        if carried is not None and field.name in listed:
            arrays.append(carried.column(field.name))
        elif field.name in known.column_names:
            arrays.append(known.column(field.name))
        else:
            arrays.append(pa.chunked_array([pa.array(images, pa.binary())]))
    return pa.Table.from_arrays(arrays, schema=schema)
