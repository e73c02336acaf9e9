"""Rows of a shard in batches: the columns that are asked for, without what a mask takes out and what was not chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from crawler.errors import InputError
from crawler.statuses import SUCCESS
from workers.export.choice import Choice
from workers.export.places import ShardAt, open_table

pc: Any = pyarrow.compute  # its stubs take no plain texts and numbers

#: rows that are in memory at a time
_ROWS_AT_ONCE = 16_384
#: a number for each row of a place: that of its shard in the upper 31 bits, its position there in the lower 33
NUMBER = "__number"
_POSITION_BITS = 33


def batches_of(shard: ShardAt, place: int, columns: Sequence[str], choice: Choice) -> Iterator[pa.RecordBatch]:
    """Batches with those of `columns` that the table has, in its order, and `NUMBER` (int64) as the last one.

    `place` is the number of the shard in its place, from 0.

    Raises:
        InputError: the table cannot be read, or has no column `status` to tell what was kept.
        SettingsError: the choice's condition is none over the columns of this table.
    """
    path = shard.table()
    masked = shard.masked()
    try:
        with open_table(path) as file:
            schema = file.schema_arrow
            if choice.kept_only and "status" not in schema.names:
                raise InputError(
                    f"{path}: has no column status, so kept rows cannot be told; --all-rows takes them all"
                )
            where = choice.condition(schema)
            asked = [one for one in schema.names if one in columns]
            looked_at = {*asked, *(where.columns if where else ()), *(("status",) if choice.kept_only else ())}
            first = 0
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[one for one in schema.names if one in looked_at]):
                rows = slice(first, first + batch.num_rows)
                first = rows.stop
                left = np.ones(batch.num_rows, np.bool_) if masked is None else ~masked[rows]
                if choice.kept_only:
                    left &= np.asarray(pc.equal(batch.column("status"), SUCCESS).fill_null(False), np.bool_)
                if where:
                    left &= where.holds(pa.Table.from_batches([batch]))
                numbers = np.arange(rows.start, rows.stop, dtype=np.int64) + (place << _POSITION_BITS)
                whole = pa.RecordBatch.from_arrays(
                    [*(batch.column(one) for one in asked), pa.array(numbers)], names=[*asked, NUMBER]
                )
                if (some := whole if left.all() else whole.filter(pa.array(left))).num_rows:
                    yield some
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as a parquet table: {error}") from error
