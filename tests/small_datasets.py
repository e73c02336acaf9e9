"""Shards by hand, as a run leaves them, and a store with keys: what tests of versions begin with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from crawler.dataset.keys import Keys, new_keys
from crawler.dataset.store import Store, new_store
from crawler.rows import arrow_schema
from crawler.tar import TarFile

COLUMNS: tuple[tuple[str, str], ...] = (
    ("caption", "string"), ("url", "string"), ("key", "string"), ("status", "string"), ("error_message", "string"),
    ("width", "int32"), ("height", "int32"), ("sha256", "string"), ("content_id", "string"), ("md5", "string"),
    ("similarity", "float"), ("other_captions", "captions"), ("made_by", "strings"), ("fetched_at", "int64"),
)  # fmt: skip


def a_row(number: int, **changes: Any) -> dict[str, Any]:
    """Row `number` of a data set: every fourth has no picture."""
    kept = number % 4 != 3
    image = f"picture {number} ".encode() * 20
    row = {
        "caption": f"a boat on lake {number}, café",
        "url": f"https://images.test/{number}.jpg",
        "status": "success" if kept else "failed_to_download",
        "error_message": None if kept else "HTTP Error 404: Not Found",
        "width": 64 if kept else None,
        "height": 48 if kept else None,
        "sha256": hashlib.sha256(image).hexdigest() if kept else None,
        "content_id": hashlib.md5(str(number).encode()).hexdigest(),
        "md5": hashlib.md5(image).hexdigest() if kept else None,
        "similarity": number / 7 if kept else None,
        "other_captions": [{"source": "title", "text": f"boat {number}"}] if number % 2 else [],
        "made_by": ["iptc: trainedAlgorithmicMedia"] if number % 5 == 0 else [],
        "fetched_at": 1_700_000_000 + number,
        "image": image if kept else b"",
    }
    return row | changes


def write_shard(folder: Path, number: int, rows: Sequence[dict[str, Any]], *, ours: bool = True) -> None:
    """The three files of a shard; `ours` is whether its marker names sizes and hashes, as img2dataset's does not."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{number:05d}"
    keyed = [row | {"key": f"{number:05d}{place:04d}"} for place, row in enumerate(rows)]
    tar_path, table_path = folder / f"{name}.tar", folder / f"{name}.parquet"
    for path in (tar_path, table_path):
        path.unlink(missing_ok=True)
    with TarFile(tar_path) as tar:
        for row in keyed:
            if row["image"]:
                tar.add(f"{row['key']}.jpg", row["image"])
                content = {name: row[name] for name, _ in COLUMNS if name != "fetched_at"}
                tar.add(f"{row['key']}.json", json.dumps(content).encode())
                tar.add(f"{row['key']}.txt", row["caption"].encode())
    schema = arrow_schema(COLUMNS)
    table = pa.Table.from_pylist([{name: row[name] for name, _ in COLUMNS} for row in keyed], schema=schema)
    pq.write_table(table, table_path, compression="zstd")
    stats: dict[str, Any] = {"count": len(rows), "successes": sum(bool(row["image"]) for row in rows)}
    if ours:
        stats["files"] = {
            path.name: {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            for path in (tar_path, table_path)
        }
    (folder / f"{name}_stats.json").write_text(json.dumps(stats))


def small_folder(folder: Path, shards: int = 3, rows: int = 8, *, first: int = 0, ours: bool = True) -> Path:
    """So many shards of so many rows each; `first` is the number of the first shard."""
    for number in range(first, first + shards):
        write_shard(folder, number, [a_row(number * rows + place) for place in range(rows)], ours=ours)
    return folder


def small_store(folder: Path, name: str = "boats") -> tuple[Store, Keys]:
    """An empty store in `folder`/store, with keys beside it."""
    keys = new_keys(folder / "keys")
    return new_store(str(folder / "store"), name, keys), keys
