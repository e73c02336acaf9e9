"""A shard of a version, cut: what is left of it goes into the store as a shard of the next one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crawler.dataset.cutting import ShardFiles, cut_shard, spans_in
from crawler.dataset.keys import Keys
from crawler.dataset.manifest import Shard
from crawler.dataset.store import Store
from crawler.dataset.tables import positions_of, standing
from workers.dataset.commits.storing import store_shard

Positions = NDArray[np.int64]


def cut_version_shard(
    store: Store, keys: Keys, shard: Shard, keep: Positions, scratch: Path, *, name: str | None = None
) -> Shard | None:
    """Store what is left of a shard when only the rows `keep` stay: without a mask, with keys 0 to n-1.

    Where all rows stay, nothing is masked and the name stays, it is the shard as it was; where no row does, None.

    Args:
        store: where the shard lies, and what is left of it will.
        keys: of whoever makes the new version.
        shard: of a version.
        keep: positions in the shard, ascending; purged ones cannot stay.
        scratch: a folder of this machine, for the files until they are stored.
        name: another name for what is left.

    Raises:
        DatasetError: a file of the shard is missing.
        InputError: the shard's keys cannot be numbered anew.
        StoreUnavailableError, OSError: as `Objects.put`.
    """
    if not len(keep):
        return None
    wanted = name or shard.name
    table = standing(store, shard.table)
    tar = None if shard.tar is None else standing(store, shard.tar)
    if len(keep) == shard.rows and shard.mask is None and wanted == shard.name:
        return shard
    places = np.searchsorted(positions_of(shard.rows, table.gone), keep)  # in the file that is there
    with scratch_for(scratch) as folder:
        target = ShardFiles(folder / f"{wanted}.parquet", None if tar is None else folder / f"{wanted}.tar")
        spans = None if shard.index is None else spans_in(standing(store, shard.index).path)
        source = ShardFiles(table.path, None if tar is None else tar.path)
        cut_shard(source, target, wanted, places, spans, was=shard.name)
        return store_shard(store, keys, wanted, target.table, target.tar, lineage=shard.lineage)


@contextmanager
def scratch_for(folder: Path) -> Iterator[Path]:
    """A folder inside of `folder` for as long as the block lasts, for this user alone: rows will lie in it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cut-", dir=folder) as made:
        yield Path(made)
