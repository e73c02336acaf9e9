"""Two versions side by side: their shards by name, and what is known of the rows of each without reading a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crawler.dataset.cutting import Positions
from crawler.dataset.manifest import Shard
from crawler.dataset.row_digests import digests
from crawler.dataset.store import Store
from crawler.dataset.tables import mask_of, positions_of, standing
from crawler.errors import DatasetError, InputError
from workers.dataset.columns import Table, uids_of

Uids = NDArray[np.uint8]  # N x 16
Leaves = NDArray[np.uint8]  # N x 32
_LEAF_BYTES = 32


def joined(ours: Iterable[Shard], theirs: Iterable[Shard]) -> Iterator[tuple[Shard | None, Shard | None]]:
    """The shards of two versions by name; None where the other one has no such shard. Both are read as streams."""
    left, right = iter(ours), iter(theirs)
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one.name < other.name):
            yield one, None
            one = next(left, None)
        elif one is None or other.name < one.name:
            yield None, other
            other = next(right, None)
        else:
            yield one, other
            one, other = next(left, None), next(right, None)


def is_same(one: Shard | None, other: Shard | None) -> bool:
    """Whether two shards are the same, to the last bit of their files and masks; who made them does not count."""
    return (
        one is not None
        and other is not None
        and (one.name, one.root, one.table, one.tar, one.mask)
        == (other.name, other.root, other.table, other.tar, other.mask)
    )


@dataclass(frozen=True)
class ShardRows:
    """The rows of a shard that can be read, in order; each part is read when it is asked for.

    `masked_too`: also those that the mask takes out, for they are in the files. `recompute`: rows are told apart by
    what they say and not by their leaves, which depend on who salted them.
    """

    store: Store
    shard: Shard
    masked_too: bool = False
    recompute: bool = False

    @cached_property
    def _in_file(self) -> Positions:
        return positions_of(self.shard.rows, standing(self.store, self.shard.table).gone)

    @cached_property
    def positions(self) -> Positions:
        """Where they stand in the shard."""
        masked = None if self.masked_too else mask_of(self.store, self.shard)
        return self._in_file if masked is None else self._in_file[~masked[self._in_file]]

    @cached_property
    def positions_in_file(self) -> Positions:
        """Where they stand in the table that is there, from which rows may have been purged."""
        return np.searchsorted(self._in_file, self.positions)

    @cached_property
    def leaves(self) -> Leaves:
        """32 bytes for each row: equal rows of a shard's lineage have equal ones."""
        if self.recompute:
            return self._digests()[self.positions_in_file]
        content = self.store.objects.read(self.shard.leaves)
        if len(content) != self.shard.rows * _LEAF_BYTES:
            where = self.store.objects.where(self.shard.leaves.sha256)
            raise DatasetError(f"{where}: is not as long as shard {self.shard.name}; restore it from a backup")
        return np.frombuffer(content, np.uint8).reshape(-1, _LEAF_BYTES)[self.positions]

    @cached_property
    def uids(self) -> Uids:
        """The id of each row."""
        table = Table.open(standing(self.store, self.shard.table).path)
        return uids_in(table)[self.positions_in_file]

    def _digests(self) -> Leaves:
        table = standing(self.store, self.shard.table).path
        index = None
        if self.shard.index is not None:
            import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

            index = pq.read_table(standing(self.store, self.shard.index).path)
        content = b"".join(digests(table, index))
        return np.frombuffer(content, np.uint8).reshape(-1, _LEAF_BYTES)


def uids_in(table: Table) -> Uids:
    """The ids of all rows of a table.

    Raises:
        InputError: there is nothing to make an id of, or it cannot be read.
    """
    columns = table.id_columns
    if not columns:
        raise InputError(f"{table.path}: has neither content_id nor uid nor url, so that its rows have no ids")
    return np.concatenate([np.empty((0, 16), np.uint8), *(uids_of(part) for part in table.batches(columns))])


def only_in(one: Leaves, other: Leaves) -> tuple[Positions, Positions]:
    """Places of rows that have no equal on the other side, of both sides; ascending.

    Of rows that stand several times on a side some may be told though they have an equal.
    """
    # The first eight bytes of a digest tell nearly always; but somebody may have looked for two that share them.
    left = np.ascontiguousarray(one).view("<u8").reshape(-1, 4)
    right = np.ascontiguousarray(other).view("<u8").reshape(-1, 4)
    alone = np.ones(len(one), np.bool_), np.ones(len(other), np.bool_)
    if len(one) and len(other):
        order = np.argsort(left[:, 0])
        place = np.minimum(np.searchsorted(left[order, 0], right[:, 0]), len(one) - 1)
        here = order[place]
        there = np.flatnonzero((left[here] == right).all(axis=1))
        own, first = np.unique(here[there], return_index=True)  # one equal of its own for each
        alone[0][own] = False
        alone[1][there[first]] = False
    return np.flatnonzero(alone[0]), np.flatnonzero(alone[1])
