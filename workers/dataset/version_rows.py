"""The rows of a version as removals look at them: under our names, with their ids, and whether they have a picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crawler.dataset.diffs import Uids
from crawler.dataset.manifest import Shard
from crawler.dataset.store import Store
from crawler.dataset.tables import POSITION, rows_of, standing
from workers.dataset.columns import Table, digests, uids_of

if TYPE_CHECKING:
    import pyarrow as pa

Bools = NDArray[np.bool_]
Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a shard that are in the version."""

    rows: pa.Table
    positions: Positions  # in the shard

    @property
    def uids(self) -> Uids:
        """Their ids, in their order."""
        return uids_of(self.rows)

    @property
    def groups(self) -> NDArray[np.uint8]:
        """N x 16: the same for rows of the same bytes, and for no others."""
        groups = self.uids.copy()
        places, values = digests(self.rows, "sha256", 32)
        groups[places] = values[:, :16]
        return groups


def parts_of(store: Store, shard: Shard, columns: Iterable[str] = ()) -> Iterator[Part]:
    """The rows of a shard that are in the version, some at a time: id columns, and those of `columns` that there are.

    Raises:
        DatasetError: a file of the shard is missing.
        InputError: its table has nothing to name rows by.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy

    table = Table.open(standing(store, shard.table).path)
    wanted = [name for name in dict.fromkeys([*table.id_columns, *columns]) if name in table.names]
    for batch in rows_of(store, shard, [table.names[name] for name in wanted]):
        named = pa.table({name: batch.column(table.names[name]) for name in wanted})
        yield Part(named, batch.column(POSITION).to_numpy().astype(np.int64))


def shard_uids(store: Store, shard: Shard) -> tuple[Positions, Uids]:
    """Positions and ids of all rows of a shard that are in the version."""
    parts = [(part.positions, part.uids) for part in parts_of(store, shard)]
    if not parts:
        return np.empty(0, np.int64), np.empty((0, 16), np.uint8)
    return np.concatenate([one for one, _ in parts]), np.concatenate([one for _, one in parts])


def pictured(store: Store, shard: Shard) -> frozenset[str]:
    """Keys of the rows of a shard that have a picture in its tar; of a version of metadata alone none."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    if shard.index is None:
        return frozenset()
    with pq.ParquetFile(standing(store, shard.index).path) as file:
        return frozenset(map(str, file.read(["key"]).column("key").to_pylist()))


def has_picture(part: Part, keys: frozenset[str]) -> Bools:
    """For each row whether its key is among those of the tar; `part` was read with the column `key`."""
    if not keys or "key" not in part.rows.column_names:
        return np.zeros(part.rows.num_rows, np.bool_)
    return np.array([key in keys for key in part.rows.column("key").to_pylist()], np.bool_)
