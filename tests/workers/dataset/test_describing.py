"""What a version says of itself: true, the same for the same data, silent about rows, and cheap where little changed."""

from __future__ import annotations

import io
import json
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
import zstandard

from crawler.dataset.keys import Keys
from crawler.dataset.manifest import Commit, Shard, Tombstones
from crawler.dataset.store import Store
from crawler.dataset.tables import packed_mask
from crawler.errors import DatasetError
from tests import dataset_versions
from tests.dataset_versions import a_row, a_store, shard_named
from workers.dataset.describing.card import card
from workers.dataset.describing.describing import describe
from workers.dataset.describing.gathering import cache_of, forget
from workers.dataset.describing.hub_layout import CHECKOUT
from workers.dataset.describing.statistics import Statistics

#: versions that are described
committed = partial(dataset_versions.committed, described=True)
commit_list = partial(dataset_versions.commit_list, described=True)
PATHS = [
    "README.md", "croissant.json", "shards.jsonl", "statistics.json", "statistics/numbers.parquet", "statistics/sites.parquet",
    "statistics/values.parquet", "wids.json",
]  # fmt: skip


def described(store: Store, version: str = "main") -> dict[str, bytes]:
    _, commit = store.read_commit(version)
    return {path: store.objects.read(stored) for path, stored in commit.descriptions.items()}


def statistics(store: Store, version: str = "main") -> dict[str, Any]:
    read: dict[str, Any] = json.loads(described(store, version)["statistics.json"])
    return read


def values(read: dict[str, Any], column: str) -> dict[str, tuple[int, int]]:
    return {one["value"]: (one["found"], one["kept"]) for one in read["values"].get(column, [])}


def anew(store: Store, commit: Commit, shards: list[Shard]) -> dict[str, bytes]:
    return {path: store.objects.read(stored) for path, stored in describe(store, commit, shards).items()}


def with_mask(store: Store, shard: Shard, masked: list[int]) -> Shard:
    bits = np.zeros(shard.rows, np.bool_)
    bits[masked] = True
    return msgspec.structs.replace(
        shard, mask=store.objects.put_bytes(packed_mask(bits)), masked=len(masked), masked_samples=2
    )


def test_a_version_has_every_description_and_their_figures_are_those_of_its_rows(
    tmp_path: Path, store: Store, keys: Keys
) -> None:
    committed(store, keys, tmp_path / "run", {0: range(40), 1: range(40, 100)})
    assert sorted(described(store)) == PATHS
    read = statistics(store)
    assert (read["shards"], read["rows"], read["kept"], read["masked"]) == (2, 100, 75, 0)
    assert values(read, "status") == {"success": (75, 75), "failed_to_download": (25, 0)}
    assert values(read, "reason") == {"timeout": (25, 0)}
    widths = {one["lower"]: one["kept"] for one in read["numbers"]["width"]}
    assert widths == {64: 21, 128: 48, 192: 6}  # of pictures 100 to 199 pixels wide, three of four
    assert sum(one["found"] for one in read["numbers"]["caption_words"]) == 100
    scores = read["numbers"]["punsafe"]
    assert sum(one["kept"] for one in scores) == 75
    assert all(0 <= one["lower"] < one["upper"] <= 1 for one in scores)
    assert read["body_bytes"] == 75 * len(b"as received")
    tables = {
        name: pq.read_table(io.BytesIO(described(store)[f"statistics/{name}.parquet"]))
        for name in ("numbers", "values")
    }
    assert tables["numbers"].num_rows == sum(len(bins) for bins in read["numbers"].values())
    assert tables["values"].column_names == ["column", "value", "found", "kept"]


def test_two_commits_of_the_same_data_describe_it_in_the_same_bytes(tmp_path: Path, store: Store, keys: Keys) -> None:
    one = committed(store, keys, tmp_path / "run", {0: range(20), 1: range(20, 60)})
    other = a_store(tmp_path / "other", keys)
    committed(other, keys, tmp_path / "first", {0: range(5)})
    two = committed(other, keys, tmp_path / "run", {0: range(20), 1: range(20, 60)})
    assert one != two  # another parent
    assert described(store, one) == described(other, two)


def test_no_description_and_nothing_that_is_kept_for_the_next_one_holds_a_row(
    tmp_path: Path, store: Store, keys: Keys
) -> None:
    committed(store, keys, tmp_path / "run", {0: range(250)})
    texts = [content for path, content in described(store).items() if not path.endswith(".parquet")]
    for path, content in described(store).items():
        if path.endswith(".parquet"):
            texts.append(json.dumps(pq.read_table(io.BytesIO(content)).to_pylist()).encode())
    texts += [zstandard.decompress(path.read_bytes()) for path in cache_of(store).iterdir()]
    for number in range(250):
        row = a_row(number).row
        for column in ("url", "caption", "content_id", "phash", "pdq", "md5", "sha1", "sha256", "page_url", "archive"):
            if value := row.get(column):
                assert all(value.encode() not in text for text in texts), (column, value)


def test_a_commit_that_changes_one_shard_reads_that_shard_alone(tmp_path: Path, store: Store, keys: Keys) -> None:
    committed(store, keys, tmp_path / "run", {number: range(10 * number, 10 * number + 10) for number in range(12)})
    committed(store, keys, tmp_path / "more", {7: range(500, 530)})
    new = shard_named(store, "main", "00007")
    before = store.read_commit("main")[1].parents[0]
    shards = [new if one.name == "00007" else one for one in store.shards(store.read_commit(before)[1])]
    commit = store.read_commit(commit_list(store, keys, shards, ref="wanted"))[1]
    wanted = anew(store, commit, shards)
    assert json.loads(wanted["statistics.json"])["rows"] == 140
    forget(store, [new.table.sha256])
    for one in shards:
        if one.name != "00007":
            store.objects.delete(one.table.sha256)  # who reads one of these fails
    assert anew(store, commit, shards) == wanted
    store.objects.delete(new.table.sha256)
    assert anew(store, commit, shards) == wanted  # not even that one a second time
    forget(store, [new.table.sha256])
    with pytest.raises(DatasetError, match="missing"):
        describe(store, commit, shards)


def test_masked_rows_are_in_no_figure_and_the_card_says_that_there_are_some(
    tmp_path: Path, store: Store, keys: Keys
) -> None:
    committed(store, keys, tmp_path / "run", {0: range(40), 1: range(40, 60)})
    shards = list(store.shards(store.read_commit("main")[1]))
    commit_list(store, keys, [with_mask(store, shards[0], [0, 1, 3]), shards[1]])
    read = statistics(store)
    assert (read["rows"], read["kept"], read["masked"]) == (57, 43, 3)
    assert values(read, "reason") == {"timeout": (14, 0)}
    assert b"3 further rows are masked" in described(store)["README.md"]
    tars = json.loads(described(store)["wids.json"])["shardlist"]
    assert [(one["url"], one["nsamples"]) for one in tars] == [("00000.tar", 28), ("00001.tar", 15)]


def test_what_is_kept_of_a_purged_table_can_be_forgotten(tmp_path: Path, store: Store, keys: Keys) -> None:
    committed(store, keys, tmp_path / "run", {0: range(10), 1: range(10, 30)})
    first = shard_named(store, "main", "00000")
    kept = {path.name for path in cache_of(store).iterdir()}
    forget(store, [first.table.sha256])
    left = {path.name for path in cache_of(store).iterdir()}
    assert len(kept) > len(left) == 1
    assert not any(name.startswith(first.table.sha256) for name in left)
    assert forget(a_store(tmp_path / "empty", keys), ["0" * 64]) == 0


def test_something_else_in_the_place_of_a_kept_partial_is_counted_anew(
    tmp_path: Path, store: Store, keys: Keys
) -> None:
    committed(store, keys, tmp_path / "run", {0: range(10), 1: range(10, 30)})
    before = described(store)
    for path in cache_of(store).iterdir():
        path.write_bytes(path.read_bytes()[:20])
    _, commit = store.read_commit("main")
    assert anew(store, commit, list(store.shards(commit))) == before


def test_removals_are_told_as_sums_of_published_sets(tmp_path: Path, store: Store, keys: Keys) -> None:
    committed(store, keys, tmp_path / "run", {0: range(10)})
    _, commit = store.read_commit("main")
    uids = ("0" * 32, "1" * 32, "2" * 32)
    published = Tombstones("T-2026-11-22-1", "2026-11-22", uids, ("request", "punsafe>0.95"), 10_000)
    stored = store.objects.put_bytes(msgspec.json.encode(published))
    removed = msgspec.structs.replace(commit, tombstones=(stored,))
    texts = anew(store, removed, list(store.shards(commit)))
    (told,) = json.loads(texts["statistics.json"])["removals"]
    assert told == {"id": "T-2026-11-22-1", "date": "2026-11-22", "ids": 3, "policies": ["request", "punsafe>0.95"]}
    assert all(uid.encode() not in text for text in texts.values() for uid in uids)


def test_the_name_of_a_column_is_text_on_the_card_whatever_it_is(tmp_path: Path, store: Store, keys: Keys) -> None:
    """A published list names the columns that it brings along."""
    committed(store, keys, tmp_path / "run", {0: range(4)})
    read = msgspec.convert(statistics(store), Statistics)
    name = "a` <b>|\n# Heading"
    text = card(msgspec.structs.replace(read, columns={name: "string"}, numbers={name: []}), CHECKOUT)
    assert "\n# Heading" not in text
    assert text.count("| `a? <b>\\|?# Heading` |") == 2
