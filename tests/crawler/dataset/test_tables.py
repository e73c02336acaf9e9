"""The rows of a version's shards, as whoever reads them gets them."""

from __future__ import annotations

from pathlib import Path

from crawler.dataset.tables import POSITION, rows_of
from tests import dataset_versions


def test_rows_have_every_column_once_and_their_place_beside_the_position_on_their_page(tmp_path: Path) -> None:
    keys = dataset_versions.a_keys(tmp_path / "keys")
    store = dataset_versions.a_store(tmp_path / "store", keys)
    dataset_versions.committed(store, keys, tmp_path / "shards", {0: range(5)})
    (shard,) = store.shards(store.read_commit("main")[1])
    (batch,) = rows_of(store, shard)
    assert sorted(set(batch.schema.names)) == sorted(batch.schema.names)
    assert batch[POSITION].to_pylist() == [0, 1, 2, 3, 4]
    assert batch["position"].to_pylist() == [0] * 5
    (asked,) = rows_of(store, shard, ["position"])
    assert asked.schema.names == ["position", POSITION]
