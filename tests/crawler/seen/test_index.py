"""The index is a function of committed shards, at any size, whatever was killed, deleted or broken in between."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from crawler import statuses
from crawler.errors import RunFolderError
from crawler.seen import index, shards, store
from crawler.seen.index import Index
from crawler.seen.keys import PARTITIONS, keys_of
from crawler.seen.segment import Segment
from crawler.seen.shards import committed_shard, committed_shards, shard_keys
from crawler.seen.store import Store
from tests.contract_seen import sha, write_shard


def an_index(folder: Path, **changes: object) -> Index:
    return Index(folder / "index", "sha256", [folder / "shards"], **changes)  # type: ignore[arg-type]  # one of its own


def holds(one: Index, *files: str) -> list[bool]:
    return list(one.contains(keys_of([sha(file) for file in files])).tolist())


def confirm(one: Index, folder: Path, number: int) -> None:
    shard = committed_shard(folder / "shards", f"{number:05d}")
    assert shard is not None
    one.add(shard)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "index").iterdir())


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments and runs of a few rows, so that hundreds of rows go through every size."""
    monkeypatch.setattr(store, "LEAST_ROWS", 4)
    monkeypatch.setattr(index, "LEAST_ROWS", 4)
    monkeypatch.setattr(index, "_RUN_ROWS", 16)


def test_only_kept_rows_are_held(tmp_path: Path) -> None:
    write_shard(tmp_path / "shards", 0, ["a", "b"], rejected=["c"])
    assert holds(an_index(tmp_path), "a", "b", "c") == [True, True, False]
    assert shards._KEPT == statuses.SUCCESS


def test_content_ids_are_a_column_like_files(tmp_path: Path) -> None:
    write_shard(tmp_path / "shards", 0, ["a"])
    (shard,) = committed_shards(tmp_path / "shards")
    one = Index(tmp_path / "index", "content_id", [tmp_path / "shards"])
    assert one.contains(shard_keys(shard, "content_id")).all()
    assert not one.contains(shard_keys(shard, "sha256")).any()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("seed", range(2))
def test_grown_shard_by_shard_it_is_the_one_that_is_built_at_once(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    grown = an_index(tmp_path)
    held: set[str] = set()
    for number in range(20):
        files = [str(chance.randrange(300)) for _ in range(chance.randrange(12))]
        held.update(files)
        write_shard(tmp_path / "shards", number, files)
        confirm(grown, tmp_path, number)
        if chance.random() < 0.2:  # killed, or closed well
            if chance.random() < 0.5:
                grown.flush()
            grown = an_index(tmp_path)
    built = Index(tmp_path / "built", "sha256", [tmp_path / "shards"])
    assert grown.equals(built)
    assert built.equals(an_index(tmp_path))
    assert len(built.segments) == 2, "built at once it is one segment, and the fresh one"
    everything = [str(number) for number in range(300)]
    assert holds(grown, *everything) == [one in held for one in everything]


def test_few_segments_are_asked_however_many_were_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LEAST_ROWS", 1)
    monkeypatch.setattr(store, "_FAN_IN", 3)
    monkeypatch.setattr(store, "_FAN_BITS", 2)
    kept = Store(tmp_path / "index", frozenset())
    for number in range(30):
        kept.add(Segment.of(keys_of([sha(f"{number} {row}") for row in range(3)])), [str(number)])
    assert len(kept.segments) <= 2 * 4
    assert sum(one.rows for one in kept.segments) == 90
    assert kept.shards == {str(number) for number in range(30)}
    assert len(files_in(tmp_path)) == 2 * len(kept.segments)


def test_files_of_many_shards_that_are_all_the_same_are_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "_RUN_ROWS", 4)  # runs that shrink to less than a segment
    for number in range(5):
        write_shard(tmp_path / "shards", number, [str(number), *["same"] * 5])
    one = an_index(tmp_path)
    assert holds(one, "0", "1", "2", "3", "4", "same") == [True] * 6


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("lost", ["json", "keys", "half", "other", "list"])
def test_a_segment_that_is_lost_or_broken_is_read_from_the_tables_again(tmp_path: Path, lost: str) -> None:
    for number in range(3):
        write_shard(tmp_path / "shards", number, [f"{number} {row}" for row in range(6)])
    an_index(tmp_path)
    keys, described = tmp_path / "index/000000.keys", tmp_path / "index/000000.json"
    match lost:
        case "json":
            described.unlink()
        case "keys":
            keys.unlink()
        case "half":
            keys.write_bytes(keys.read_bytes()[:-100])
        case "other":
            described.write_text('{"rows": 18, "shards": ["of somebody else"]}')
        case "list":
            described.write_text("{")
    again = an_index(tmp_path)
    assert again.equals(Index(tmp_path / "built", "sha256", [tmp_path / "shards"]))
    assert again.rows == 18


@pytest.mark.usefixtures("small")
def test_a_merge_that_was_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    for number in range(2):
        write_shard(tmp_path / "shards", number, [f"{number} {row}" for row in range(6)])
        an_index(tmp_path).flush()
    before = {path: path.read_bytes() for path in (tmp_path / "index").iterdir()}
    assert len(before) == 4
    committed = frozenset(one.identity for one in committed_shards(tmp_path / "shards"))
    Store(tmp_path / "index", committed).join_all()
    for path, content in before.items():  # it was killed before it removed the parts
        path.write_bytes(content)
    one = an_index(tmp_path)
    assert one.rows == 12
    assert files_in(tmp_path) == ["000002.json", "000002.keys"]
    (tmp_path / "index/000002.json").unlink()  # and here before it was done
    for path, content in before.items():
        path.write_bytes(content)
    one = an_index(tmp_path)
    assert one.rows == 12
    assert files_in(tmp_path) == ["000000.json", "000000.keys", "000001.json", "000001.keys"]


@pytest.mark.usefixtures("small")
def test_of_a_shard_that_is_made_anew_nothing_old_stays(tmp_path: Path) -> None:
    for number in range(3):
        write_shard(tmp_path / "shards", number, [f"{number} {row}" for row in range(6)])
    one = an_index(tmp_path)
    write_shard(tmp_path / "shards", 1, ["new"])
    assert holds(an_index(tmp_path), "1 0", "new", "2 5") == [False, True, True]
    confirm(one, tmp_path, 1)
    assert holds(one, "1 0", "new", "2 5") == [False, True, True]


def test_a_shard_without_its_marker_is_not_held(tmp_path: Path) -> None:  # invariant 33
    write_shard(tmp_path / "shards", 0, ["a"])
    write_shard(tmp_path / "shards", 1, ["b"])
    (tmp_path / "shards/00000_stats.json").unlink()
    (tmp_path / "shards/00001.parquet").write_bytes(b"half a table")
    assert holds(an_index(tmp_path), "a", "b") == [False, False]


def test_a_tar_that_was_moved_away_was_seen_all_the_same(tmp_path: Path) -> None:
    write_shard(tmp_path / "shards", 0, ["a"])
    (tmp_path / "shards/00000.tar").unlink()
    assert holds(an_index(tmp_path), "a") == [True]


def test_shards_of_shares_together_are_the_whole(tmp_path: Path) -> None:
    files = [str(number) for number in range(200)]
    write_shard(tmp_path / "shards", 0, files)
    half = PARTITIONS // 2
    low = Index(tmp_path / "low", "sha256", [tmp_path / "shards"], range(half))
    high = Index(tmp_path / "high", "sha256", [tmp_path / "shards"], range(half, PARTITIONS))
    assert low.rows + high.rows == 200
    assert 50 < low.rows < 150
    assert all(one != other for one, other in zip(holds(low, *files), holds(high, *files), strict=True))


def test_no_shards_make_an_empty_index(tmp_path: Path) -> None:
    one = an_index(tmp_path)
    one.flush()
    assert holds(one, "a") == [False]
    assert files_in(tmp_path) == []


def test_a_marker_or_table_that_is_not_ours_is_named(tmp_path: Path) -> None:
    write_shard(tmp_path / "shards", 0, ["a"])
    marker, table = tmp_path / "shards/00000_stats.json", tmp_path / "shards/00000.parquet"
    (shard,) = committed_shards(tmp_path / "shards")
    table.write_bytes(b"x" * table.stat().st_size)
    with pytest.raises(RunFolderError, match=r"00000\.parquet"):
        shard_keys(shard, "sha256")
    for content in ("{", '{"files": 3}', '{"count": 10}', '{"files": {}}'):  # the third is img2dataset's
        marker.write_text(content)
        with pytest.raises(RunFolderError, match=r"00000_stats\.json"):
            committed_shards(tmp_path / "shards")


def test_a_table_whose_hashes_are_none_is_named(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: list[pa.Array[Any]] = [pa.array(["no hash"]), pa.array([None], pa.string()), pa.array([7])]
    for number, column in enumerate(columns):
        table = tmp_path / f"{number}.parquet"
        pq.write_table(pa.table({"status": pa.array(["success"]), "sha256": column}), table)
        with pytest.raises(RunFolderError, match=table.name):
            shard_keys(shards.Shard(table, "0"), "sha256")
    with pytest.raises(RunFolderError, match=r"0\.parquet: the column content_id"):
        shard_keys(shards.Shard(tmp_path / "0.parquet", "0"), "content_id")


def test_the_disk_is_full_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = an_index(tmp_path)
    write_shard(tmp_path / "shards", 0, ["a"])
    confirm(one, tmp_path, 0)

    def full(_path: Path, _segments: list[Segment]) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(store, "write_segment", full)
        with pytest.raises(OSError, match="No space"):
            one.flush()
    assert holds(one, "a") == [True]
    one.flush()
    assert files_in(tmp_path) == ["000000.json", "000000.keys"]
    assert holds(an_index(tmp_path), "a") == [True]
