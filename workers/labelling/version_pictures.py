"""Some pairs of a version by their ids, with their pictures out of its objects. Masked and purged rows are in none."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from crawler.dataset.manifest import Shard
from crawler.dataset.store import Store
from crawler.dataset.tables import standing
from crawler.dataset.tar_index import read_index
from crawler.dataset.uids import Uids, among, sorted_uids
from crawler.settings import Recipe
from workers.dataset.columns import Table
from workers.dataset.version_rows import parts_of, shard_uids
from workers.report.pictures import drawing
from workers.report.sample_rows import Chosen, uids_from
from workers.report.shown import Frame, Manner, Row, Shown, told_columns

#: a version says by whose lists it was made, but has none of them: what they name now is masked in it by a takedown
_NO_RECIPE = Recipe()


def pictures_of_version(
    store: Store, shards: Sequence[Shard], content_ids: Collection[str], manner: Manner
) -> dict[str, Shown]:
    """The pairs with these ids that have a picture, each once.

    Raises:
        DatasetError: a file of the version is missing.
        InputError: a table cannot be read.
    """
    wanted = sorted_uids(uids_from(content_ids))
    found: dict[str, Shown] = {}
    with drawing(_NO_RECIPE) as draw:
        frame = Frame.of(_NO_RECIPE, draw, manner)
        for shard in shards:
            for row, image in pictured_rows(store, shard, wanted):
                shown = frame.shown(row, image)
                if shown is not None:
                    found.setdefault(row.chosen.row_id, shown)
                manner.done(1)
    return found


def pictured_rows(store: Store, shard: Shard, wanted: Uids) -> Iterator[tuple[Row, bytes]]:
    """The rows of a shard with these ids, sorted, and their pictures as its tar has them; those without are left out.

    Raises:
        DatasetError: a file of the shard is missing.
        InputError: its table cannot be read.
    """
    if shard.tar is None or shard.index is None or not among(shard_uids(store, shard)[1], wanted).any():
        return
    columns = told_columns(Table.open(standing(store, shard.table).path).names, _NO_RECIPE)
    rows: dict[str, Row] = {}
    for part in parts_of(store, shard, columns):
        here = np.flatnonzero(among(part.uids, wanted))
        for uid, told in zip(part.uids[here], part.rows.take(here).to_pylist(), strict=True):
            rows[str(told.get("key"))] = Row(Chosen("", "", Path(), uid.tobytes().hex(), None), told)
    index = read_index(standing(store, shard.index).path)
    with standing(store, shard.tar).path.open("rb") as tar:
        for sample in index.to_pylist():
            if sample["key"] in rows and sample["image_bytes"]:
                tar.seek(sample["image_offset"])
                yield rows[sample["key"]], tar.read(sample["image_bytes"])
