"""Tables of finished runs, as small as can be, and recipes over them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from crawler.report import Report
from crawler.rows import arrow_schema, columns_with
from crawler.settings import Recipe, parse_recipe
from workers.run_folder import Pinned

TINY = "pairtrawl-tiny@sha256:78c59187839c float32"
_COLUMNS = columns_with(
    [("similarity", "float"), ("similarity_model", "string"), ("punsafe", "float"), ("punsafe_model", "string")]
)


def a_recipe(*filters: str, name: str = "a recipe", folder: str = ".") -> Recipe:
    """A recipe of filters as words: "pictures.clip_similarity threshold=0.3"."""
    tables = []
    for one in filters:
        use, *settings = one.split()
        tables.append("\n".join(["[[filters]]", f'use = "{use}"', *settings]))
    return parse_recipe(f'name = "{name}"\n' + "\n".join(tables), name=name, folder=folder)


def row(number: int, similarity: float | None = None, **changes: Any) -> dict[str, Any]:
    """A kept row, or with a `reason` a rejected one."""
    reason = changes.get("reason")
    return {
        "key": f"{number:09d}",
        "content_id": hashlib.md5(str(number).encode()).hexdigest(),
        "url": f"http://host{number % 3}.example.org/{number}.png",
        "caption": f"picture number {number}",
        "status": "filtered" if reason else "success",
        "similarity": similarity,
        "similarity_model": None if similarity is None else TINY,
        "caption_language": "en" if number % 2 else "de",
        "original_width": 100,
        "original_height": 100,
        "body_bytes": 9_000,
    } | changes


def a_table(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """The rows as a shard's table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=arrow_schema(_COLUMNS)), path)
    return path


def a_run(folder: Path, recipe: Recipe, rows: Sequence[dict[str, Any]], marker: dict[str, Any] | None = None) -> Path:
    """A run folder with one committed shard, whose marker holds a report."""
    report = Report(job="0", kind="crawl", recipe=recipe.digest, stages=())
    a_table(folder / "shards" / "00000.parquet", rows)
    (folder / "shards" / "00000_stats.json").write_bytes(msgspec.json.encode(marker or {"report": report}))
    pinned = Pinned(recipe_digest=recipe.digest, recipe=recipe, sources=[], version="0")
    (folder / "run.json").write_bytes(msgspec.json.encode(pinned))
    return folder
