"""Takedown at the size at which it happened: 16.2 million hashes against ten million rows, and what follows in shards.

    python benchmarks/rebuild/at_scale.py TABLES LIST ROWS     # one look-through, in a process of its own

The rows are made by numbers alone, the same on every machine; what is planted among them is known, so that what is found
can be compared with it, row by row. Re-LAION-5B matched 16.2 million hashes (14 million of C3P, 2.2 million of IWF, all
MD5, and 3,114 SHA hashes) and found 2,236 links.
"""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402 - the repository's own folder comes first
import pyarrow as pa  # noqa: E402 - as above
import pyarrow.compute as pc  # noqa: E402 - as above
import pyarrow.parquet as pq  # noqa: E402 - as above
from numpy.typing import NDArray  # noqa: E402 - as above

from benchmarks.figures import Figures, title  # noqa: E402 - as above

SEED = 20_240_830  # Re-LAION's day
ROWS, HASHES = 10_000_000, 16_200_000
#: as at Re-LAION: rows found, and how many hashes of the third list were SHA
FOUND, SHA_HASHES = 2_236, 3_114
ROWS_PER_TABLE = 250_000
#: tracker.md 4.3: 16.2 million hashes against 10 million rows took 7.0 s in DuckDB, lists and columns in memory
_ASKED_SECONDS = 120


def hexes(rng: np.random.Generator, count: int, width: int) -> pa.StringArray:
    """So many random hashes of `width` bytes, in hex."""
    digits = rng.bytes(count * width).hex().encode()
    offsets = np.arange(0, (count + 1) * 2 * width, 2 * width, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets.tobytes()), pa.py_buffer(digits))


def synthetic_table(first: int, count: int) -> pa.Table:
    """Rows from number `first` on, with the columns that matching looks at and some that it does not."""
    rng = np.random.default_rng([SEED, first])
    numbers = pa.array(np.arange(first, first + count)).cast(pa.string())
    hosts = pa.array(rng.integers(0, 50_000, count)).cast(pa.string())
    return pa.table(
        {
            "caption": _joined("picture number ", numbers),
            "url": _joined("https://site", hosts, ".example/pictures/", numbers, ".jpg"),
            "key": pc.utf8_lpad(numbers, 9, "0"),
            "status": pa.array(["success"] * count),
            "sha256": hexes(rng, count, 32),
            "content_id": hexes(rng, count, 16),
            "md5": hexes(rng, count, 16),
            "punsafe": pa.array(rng.random(count)),
        }
    )


def _joined(*parts: Any) -> Any:  # noqa: ANN401 - texts and columns of texts
    return pc.binary_join_element_wise(*parts, "")


@dataclass(frozen=True, slots=True)
class Planted:
    """Which rows a list names, by number."""

    by_md5: frozenset[int]
    by_sha256: frozenset[int]

    @property
    def rows(self) -> frozenset[int]:
        """All of them."""
        return self.by_md5 | self.by_sha256


def planted_in(rows: int) -> Planted:
    """2,236 rows: 1,147 by MD5 and 1,714 by SHA, of which 625 by both, as at Re-LAION; fewer where there are few rows."""
    rng = np.random.default_rng([SEED, 1])
    found = min(FOUND, rows // 100)
    chosen = [int(one) for one in rng.choice(rows, found, replace=False)]
    md5, both = found * 1147 // FOUND, found * 625 // FOUND
    return Planted(frozenset(chosen[:md5]), frozenset(chosen[md5 - both :]))


def write_tables(folder: Path, rows: int) -> Path:
    """The rows as parquet files, as a store has them."""
    folder.mkdir(parents=True)
    for number, first in enumerate(range(0, rows, ROWS_PER_TABLE)):
        table = synthetic_table(first, min(ROWS_PER_TABLE, rows - first))
        pq.write_table(table, folder / f"{number:05d}.parquet", compression="zstd", row_group_size=10_000)
    return folder


def write_lists(folder: Path, tables: Path, planted: Planted, hashes: int) -> list[Path]:
    """Two lists of MD5 and one of SHA-256; what is planted stands at random places among hashes of nothing."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng([SEED, 2])
    md5 = _of_rows(tables, "md5", planted.by_md5)
    sha = _of_rows(tables, "sha256", planted.by_sha256)
    sha_hashes = min(SHA_HASHES, hashes // 10)
    sizes = {"partner-a.md5": (hashes - sha_hashes) * 140 // 162, "partner-b.md5": 0, "partner-c.sha256": sha_hashes}
    sizes["partner-b.md5"] = hashes - sum(sizes.values())
    split = len(md5) * 98 // 100
    named = {"partner-a.md5": md5[:split], "partner-b.md5": md5[split:], "partner-c.sha256": sha}
    for name, size in sizes.items():
        width = 32 if name.endswith("sha256") else 16
        raw = np.frombuffer(rng.bytes(size * width), np.uint8).reshape(-1, width).copy()
        places = rng.choice(size, len(named[name]), replace=False)
        for place, text in zip(places, named[name], strict=True):
            raw[place] = np.frombuffer(bytes.fromhex(text), np.uint8)
        _write_hex(folder / name, raw)
    return [folder / name for name in sizes]


def _of_rows(tables: Path, column: str, rows: frozenset[int]) -> list[str]:
    found: list[str] = []
    for number, path in enumerate(sorted(tables.glob("*.parquet"))):
        places = sorted(one - number * ROWS_PER_TABLE for one in rows if one // ROWS_PER_TABLE == number)
        if places:
            taken = pq.read_table(path, columns=[column]).column(column).take(pa.array(places))
            found += [str(value) for value in taken.to_pylist()]
    return found


def _write_hex(path: Path, raw: NDArray[np.uint8]) -> None:
    """One hash a line."""
    width = 2 * raw.shape[1]
    digits = np.frombuffer(raw.tobytes().hex().encode(), np.uint8).reshape(-1, width)
    path.write_bytes(np.hstack([digits, np.full((len(raw), 1), ord("\n"), np.uint8)]).tobytes())


def look_through(tables: Path, lists: Sequence[Path]) -> dict[str, object]:
    """What `dataset takedown add` does with stored tables: read the lists, look through the rows."""
    from filters.lists import Kind, Named, load_lists
    from workers.dataset.columns import Table
    from workers.dataset.removed.criteria import Criteria, Source
    from workers.dataset.takedown.matching import Matcher

    began = time.monotonic()
    kinds = frozenset({Kind.MD5, Kind.SHA1, Kind.SHA256})
    read = tuple(load_lists(Named(tuple(map(str, lists)), "", None, ""), Path(), kinds) for _ in range(1))
    listed = time.monotonic()
    sources = [Source(Table.open(path)) for path in sorted(tables.glob("*.parquet"))]
    found = Matcher(Criteria(read)).matches(sources)
    return {
        "list_seconds": listed - began,
        "match_seconds": time.monotonic() - listed,
        "cpu_seconds": time.process_time(),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "hashes": sum(sum(one.counts.values()) for one in read),
        "looked_at": found.looked_at,
        "rows": found.rows,
        "by_kind": dict(found.by_kind),
        "uids": hashlib.sha256(b"".join(sorted(one.tobytes() for one in found.uids))).hexdigest(),
    }


def prove_matching(work: Path, figures: Figures, rows: int = ROWS, hashes: int = HASHES) -> None:
    """The look-through, and whether it found exactly what was planted."""
    title(f"{hashes:,} hashes against {rows:,} rows")
    began = time.monotonic()
    tables = write_tables(work / "tables", rows)
    planted = planted_in(rows)
    lists = write_lists(work / "lists", tables, planted, hashes)
    size = sum(path.stat().st_size for path in tables.iterdir())
    figures.add("scale: rows, tables, MB; hashes in 3 lists; made in seconds",
                f"{rows:,}, {len(list(tables.iterdir()))}, {size / 1e6:,.0f}; {hashes:,}; {time.monotonic() - began:.0f}", good=True)  # fmt: skip
    words = [sys.executable, str(Path(__file__)), str(tables), *map(str, lists)]
    told = json.loads(subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout)
    wanted = hashlib.sha256(
        b"".join(sorted(bytes.fromhex(one) for one in _of_rows(tables, "content_id", planted.rows)))
    )
    figures.add("scale: rows named by the lists, found, and by what", f"{len(planted.rows):,}, {told['rows']:,}, {told['by_kind']}",
                good=told["rows"] == len(planted.rows) and told["uids"] == wanted.hexdigest())  # fmt: skip
    figures.add("scale: seconds to read the lists, to look through the rows (goal: two minutes together); CPU seconds",
                f"{told['list_seconds']:.1f}, {told['match_seconds']:.1f}; {told['cpu_seconds']:.0f}",
                good=told["list_seconds"] + told["match_seconds"] < _ASKED_SECONDS)  # fmt: skip
    figures.add("scale: rows a second; memory at its peak, MB",
                f"{rows / told['match_seconds']:,.0f}; {told['peak_bytes'] / 1e6:,.0f}", good=told["peak_bytes"] < 6e9)  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(look_through(Path(sys.argv[1]), [Path(one) for one in sys.argv[2:]])))
