"""Which shards of a store hold certain rows still, in whatever version: what a purge has to see to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crawler.dataset.diffs import Uids, among
from crawler.dataset.manifest import Shard, Stored
from crawler.dataset.store import Store
from crawler.dataset.tables import positions_of, standing
from workers.dataset.columns import Table, uids_of

Positions = NDArray[np.int64]


class Held(NamedTuple):
    """A shard that holds rows which have to go."""

    shard: Shard
    rows: Positions
    keys: frozenset[str]
    uids: Uids


def shards_with(store: Store, uids: Uids) -> Iterator[Held]:
    """Every shard of every version that holds such rows, each once.

    Shards of one table may have other files beside it: salted by another secret, or indexed by another pyarrow.
    """
    seen: set[tuple[Stored | None, ...]] = set()
    for identity in store.commits():
        for shard in store.shards(store.read_commit(identity)[1]):
            same = shard.table, shard.tar, shard.index, shard.salts
            if same in seen:
                continue
            seen.add(same)
            positions, theirs, keys = uids_left(store, shard)
            gone = among(theirs, uids)
            if gone.any():
                named = frozenset(keys[place] for place in np.flatnonzero(gone))
                yield Held(shard, positions[gone], named, theirs[gone])


def by_table(found: Iterable[Held]) -> Iterable[list[Held]]:
    """The shards of one table together: it goes after all that lies beside it, for it says which rows they are."""
    groups: dict[Stored, list[Held]] = {}
    for one in found:
        groups.setdefault(one.shard.table, []).append(one)
    return groups.values()


def uids_left(store: Store, shard: Shard) -> tuple[Positions, Uids, list[str]]:
    """Positions, ids and keys of all rows whose metadata are stored, masked ones included."""
    now = standing(store, shard.table)
    table = Table.open(now.path)
    uids = [np.empty((0, 16), np.uint8)]
    keys: list[str] = []
    for part in table.batches([*table.id_columns, "key"]):
        uids.append(uids_of(part))
        keys += map(str, part.column("key").to_pylist())
    return positions_of(shard.rows, now.gone), np.concatenate(uids), keys
