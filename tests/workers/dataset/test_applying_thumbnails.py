"""A copy that rows are cut out of keeps no thumbnails of its shards: they might show what has gone."""

from __future__ import annotations

from pathlib import Path

from crawler.dataset.keys import Keys, new_keys
from crawler.thumbnails import thumbnails_path
from tests.workers.dataset.test_applying import GONE, a_diff, applied, img2dataset_shard


def test_a_shard_that_is_cut_or_removed_loses_its_thumbnails_and_others_keep_theirs(tmp_path: Path, keys: Keys) -> None:
    copy, holder = tmp_path / "copy", new_keys(tmp_path / "holder")
    for number, rows in ((0, [5, 2, 7, 1, 0]), (1, [9, 16]), (7, [24, 25])):
        img2dataset_shard(copy, number, rows, uids=False)
        small = thumbnails_path(copy, f"{number:05d}")
        small.parent.mkdir(exist_ok=True)
        small.write_bytes(b"pictures")
    told = applied(a_diff(tmp_path / "diff", keys, GONE), copy, holder)
    assert {step.name: step.how for step in told.shards} == {"00000": "own", "00001": "removed"}
    assert [path.name for path in (copy / "thumbnails").iterdir()] == ["00007.parquet"]
