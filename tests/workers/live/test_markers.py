"""Markers are read once each, however many there are and however often one looks."""

from __future__ import annotations

import os
from pathlib import Path

from crawler.report import StageCount
from tests.workers.live.runs import a_run, a_shard
from workers.live.markers import MarkerFolder, read_shard


def shards_of(run: Path) -> MarkerFolder:
    return MarkerFolder(run / "shards", "_stats.json", read_shard)


def make_old(folder: Path) -> None:
    """As if the folder had changed a minute ago: while it is new, it is listed at every look."""
    found = folder.stat()
    os.utime(folder, ns=(found.st_atime_ns, found.st_mtime_ns - 60_000_000_000))


def test_ten_thousand_markers_are_read_once(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    a_shard(run, 0)
    for number in range(1, 10_000):
        (run / "shards" / f"{number:05d}_stats.json").hardlink_to(run / "shards" / "00000_stats.json")
    folder = shards_of(run)
    assert folder.look()
    assert (len(folder), folder.read) == (10_000, 10_000)
    for _ in range(5):
        assert not folder.look()
    a_shard(run, 10_000)
    assert folder.look()
    assert (len(folder), folder.read) == (10_001, 10_001)
    assert folder.sums.stages == (
        StageCount("fetch", 100_010, 80_008, {"http_gone": 20_002}),
        StageCount("filter pictures", 80_008, 60_006, {"min_side": 20_002}),
    )


def test_a_folder_that_has_not_changed_is_not_even_listed(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    a_shard(run, 0)
    make_old(run / "shards")
    folder = shards_of(run)
    folder.look()
    (run / "shards").chmod(0o300)  # whoever lists it now fails, unless he is root
    try:
        assert not folder.look()
        assert len(folder) == 1
    finally:
        (run / "shards").chmod(0o700)


def test_a_shard_that_is_made_anew_counts_once(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    a_shard(run, 0, kept=6, lost=4)
    a_shard(run, 1)
    folder = shards_of(run)
    folder.look()
    a_shard(run, 0, kept=9, lost=1)
    assert folder.look()
    assert folder.read == 3
    assert (folder.sums.found_first, folder.sums.kept_last) == (20, 15)
    assert folder.sums.stages[1].rejected == {"min_side": 1 + 2}


def test_a_run_that_is_begun_anew_counts_from_nothing(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    a_shard(run, 0)
    folder = shards_of(run)
    folder.look()
    (run / "shards" / "00000_stats.json").unlink()
    (run / "shards").rmdir()
    assert folder.look()
    assert (len(folder), folder.sums.found_first) == (0, 0)
    assert not folder.look()


def test_what_is_no_marker_is_passed_over_and_looked_at_again(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    (run / "shards" / "00007_stats.json").write_bytes(b"{")
    (run / "shards" / "notes_stats.json").write_bytes(b"{}")
    (run / "shards" / "00001.parquet").touch()
    make_old(run / "shards")
    folder = shards_of(run)
    assert not folder.look()
    assert len(folder) == 0
    a_shard(run, 7)
    assert folder.look()
    assert list(folder) == [7]
