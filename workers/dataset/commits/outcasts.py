"""Rows that a line of versions has removed for good: cut out of a folder's shard before anything of it is stored."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from crawler.dataset.cutting import Positions, ShardFiles, cut_shard
from crawler.dataset.diffs import Uids, among
from crawler.dataset.renumbering import Span
from crawler.dataset.tar_index import index_of
from workers.dataset.columns import Table, uids_of


def rows_left(table: Path, refused: Uids) -> Positions | None:
    """Positions of the rows of a table whose ids are not `refused` (sorted); None where all stay.

    Raises:
        InputError: the table cannot be read, or its rows have no ids.
    """
    opened = Table.open(table)
    out = np.concatenate([np.zeros(0, np.bool_), *(among(uids_of(part), refused) for part in
                                                   opened.batches(opened.id_columns))])  # fmt: skip
    return np.flatnonzero(~out).astype(np.int64) if out.any() else None


@contextmanager
def cut_out(table: Path, tar: Path | None, name: str, keep: Positions) -> Iterator[ShardFiles]:
    """The files of what is left of a shard, with keys 0 to n-1, in a folder that is gone afterwards.

    Raises:
        InputError: table and tar are no shard.
        OSError: the disk is full.
    """
    with tempfile.TemporaryDirectory(prefix="pairtrawl-shard-") as folder:
        left = ShardFiles(Path(folder) / table.name, None if tar is None else Path(folder) / tar.name)
        spans = None
        if tar is not None:
            index = index_of(tar)
            columns = (index[one].to_pylist() for one in ("key", "offset", "bytes"))
            spans = {str(key): Span(int(start), int(size)) for key, start, size in zip(*columns, strict=True)}
        cut_shard(ShardFiles(table, tar), left, name, keep, spans)
        yield left
