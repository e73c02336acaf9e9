"""Holding two data sets against each other."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from tests.runs import contents


def differences(one: Path, other: Path) -> list[str]:
    """Files of two run folders in which anything differs that recipe and archives decide."""
    ours, theirs = contents(one), contents(other)
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))


def rows_with(run: Path, caption: str) -> int:
    """Rows of candidate tables and shards that have this caption."""
    tables = [*(run / "candidates").glob("*.parquet"), *(run / "shards").glob("*.parquet")]
    return sum(
        captions.count(caption)
        for path in tables
        for captions in [pq.read_table(path, columns=["caption"])["caption"].to_pylist()]
    )
