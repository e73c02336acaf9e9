"""What it costs to know what was seen: bytes a row, and rows a second of each thing that is done with an index.

    python benchmarks/duplicates.py [--rows 1000000] [--tables 100] [--folder /dev/shm]

CPU seconds of this process (`time.process_time`), one thread, the best of three. Keys are random, as hashes are; a
segment comes from a file that is in the page cache.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from crawler.job.duplicates import look_alikes
from crawler.job.remembered import Remembered
from crawler.rows import arrow_schema, columns_with
from crawler.seen.index import Index
from crawler.seen.keys import KEY, PARTITIONS, Keys, keys_of
from crawler.seen.local import LocalSeen
from crawler.seen.segment import Segment, read_segment, write_segment

ROUNDS = 3
#: rows of a job
JOB = 10_000


def some_keys(number: int, seed: int) -> Keys:
    """Random keys."""
    noise = np.random.default_rng(seed)
    keys = np.empty(number, KEY)
    keys["part"] = noise.integers(0, PARTITIONS, number)
    keys["tail"] = noise.integers(0, 2**64, number, np.uint64)
    return keys


def write_tables(folder: Path, number: int) -> None:
    """Committed shards whose tables have all columns of a real one, and in them the hashes of 10,000 kept rows."""
    folder.mkdir()
    schema = arrow_schema(columns_with((("similarity", "float"),)))
    noise = random.Random(0)  # noqa: S311 - data for a benchmark
    for shard in range(number):
        columns = {name: pa.nulls(JOB, schema.field(name).type) for name in schema.names}
        columns["status"] = pa.array(["success"] * JOB)
        for name, digits in (("content_id", 32), ("sha256", 64)):
            columns[name] = pa.array([f"{noise.getrandbits(digits * 4):0{digits}x}" for _ in range(JOB)])
        path = folder / f"{shard:05d}.parquet"
        pq.write_table(pa.table(columns, schema), path, compression="zstd", row_group_size=JOB)
        described = {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        marker = msgspec.json.encode({"files": {path.name: described}})
        path.with_name(f"{shard:05d}_stats.json").write_bytes(marker)


def best(what: Callable[[], object]) -> float:
    """CPU seconds of the best round."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        what()
        seconds.append(time.process_time() - started)
    return min(seconds)


def say(what: str, rows: int, seconds: float) -> None:
    """One line."""
    print(f"{what:58} {rows:12,} rows {seconds:8.3f} s {rows / seconds / 1e6:8.2f} M rows/s")


def of_segments(folder: Path, number: int) -> None:
    """Sorting, writing, merging and asking segments of so many rows."""
    keys = some_keys(number, 0)
    segment = Segment.of(keys)
    say("sort into a segment", number, best(lambda: Segment.of(keys)))
    path = folder / "segment"
    rows = write_segment(path, [segment])
    print(f"{'a segment on disk':58} {rows:12,} rows {path.stat().st_size / rows:8.3f} bytes a row")
    eighths = [Segment.of(one) for one in np.array_split(keys, 8)]
    say("merge eight segments into a file, flushed", number, best(lambda: write_segment(folder / "merged", eighths)))
    stored = read_segment(path, rows)
    assert stored is not None
    for asked in (JOB, 1_000_000):
        half = np.concatenate([keys[: asked // 2], some_keys(asked - asked // 2, 1)])
        say(f"look up {asked:,} keys in one segment, half of them there", asked, best(partial(stored.contains, half)))


def of_tables(folder: Path, tables: int) -> None:
    """Building an index from tables, and jobs that claim and confirm."""
    write_tables(folder / "shards", tables)
    rows = tables * JOB

    def build() -> None:
        with tempfile.TemporaryDirectory(dir=folder) as anew:
            Index(Path(anew), "sha256", [folder / "shards"])

    say("make an index anew from tables of 10,000 rows", rows, best(build))
    Index(folder / "index", "sha256", [folder / "shards"]).flush()
    say("open an index that is up to date", rows, best(lambda: Index(folder / "index", "sha256", [folder / "shards"])))
    seen = LocalSeen(Index(folder / "index", "sha256", [folder / "shards"]), folder / "shards")
    seen.claim("99998", some_keys(JOB, 8))  # another job is at its end, too
    mine = some_keys(JOB, 9)
    say("claim the files of a job", JOB, best(lambda: seen.claim("99999", mine)))
    index = Index(folder / "grown", "sha256", [folder / "none"])
    writer = LocalSeen(index, folder / "shards")
    started = time.process_time()
    for number in range(tables):
        writer.confirm(f"{number:05d}")
    writer.close()
    say("confirm job after job, with all merges", rows, time.process_time() - started)


def of_pictures(number: int) -> None:
    """Look-alikes within a job."""
    noise = random.Random(0)  # noqa: S311 - data for a benchmark
    shown = [Remembered(row, "", "", "", noise.getrandbits(256), 100) for row in range(number)]
    say(f"look-alikes among {number:,} pictures", number, best(lambda: look_alikes(shown, 31)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000_000, 10_000_000])
    parser.add_argument("--tables", type=int, default=100)
    parser.add_argument("--folder", type=Path, default=None)
    arguments = parser.parse_args()
    hexes = [f"{number:064x}" for number in range(1_000_000)]
    say("keys of hashes in hex", len(hexes), best(lambda: keys_of(hexes)))
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            of_segments(Path(folder), rows)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        of_tables(Path(folder), arguments.tables)
    of_pictures(JOB)


if __name__ == "__main__":
    main()
