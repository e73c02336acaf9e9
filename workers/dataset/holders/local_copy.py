"""A holder's own copy of a data set: which shards a folder has, whoever made them, and which of their rows are named.

Shards are tables with their tars beside them: in img2dataset's layout (webdataset, or parquet with the pictures
inside), in a run's folder, in a checkout of a version, or tables alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import NDArray

from crawler.dataset.uids import Uids, among
from crawler.errors import InputError
from crawler.urls import normalise
from workers.dataset.columns import Table, strings
from workers.dataset.comparing.joining import uids_in
from workers.dataset.describing.hub_layout import DATA

STATS = "_stats.json"
#: what a checkout says of itself; it is another text for another version
DESCRIBED = ("README.md", "croissant.json", "wids.json", "statistics.json", "shards.jsonl")
#: folders of runs and rebuilds whose tables name rows, too, and are no part of the data set
RUNS = ("_pairtrawl", "candidates", "plan", "raw", "seen")


@dataclass(frozen=True, slots=True)
class LocalShard:
    """A shard of a folder."""

    name: str
    table: Path
    tar: Path | None
    stats: Path | None

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return self.table.parent


@dataclass(frozen=True, slots=True)
class LocalCopy:
    """A folder with shards."""

    path: Path

    def shards(self) -> list[LocalShard]:
        """All of them, by name.

        Raises:
            InputError: there are none, or two of one name.
        """
        tables = [table for folder in self._folders() for table in folder.glob("*.parquet")]
        found = sorted((_shard(table) for table in tables if not table.name.startswith(".")), key=lambda one: one.name)
        if not found:
            raise InputError(
                f"{self.path}: no shards are in it: no tables NNNNN.parquet, nor in its folders shards, {DATA}"
            )
        for one, other in pairwise(found):
            if one.name == other.name:
                raise InputError(f"{one.table} and {other.table}: two shards of one name; apply to one copy at a time")
        return found

    def named(self, names: tuple[str, ...]) -> list[str]:
        """Which of these files and folders are there."""
        return [name for name in names if (self.path / name).exists()]

    def place_for(self, relative: str) -> Path:
        """Where a shard that is not there yet goes; `relative` is its path in a checkout."""
        if (self.path / DATA).is_dir():
            return self.path / relative
        shards = self.path / "shards"
        return (shards if shards.is_dir() else self.path) / Path(relative).name

    def _folders(self) -> Iterator[Path]:
        yield self.path
        yield self.path / "shards"
        yield from sorted((self.path / DATA).glob("*"))


def named_rows(table: Path, removed: Uids) -> tuple[NDArray[np.bool_], int]:
    """Which rows of a table have an id among `removed`, and how many rows it has.

    A table without ids is asked by address and caption, as they stand there and with the address normalised: the one is
    how a rebuild of the same list made the id, the other how a crawl did.

    Raises:
        InputError: it cannot be read, or its rows have no ids.
    """
    opened = Table.open(table)
    found = among(uids_in(opened), removed)
    if "content_id" not in opened.names:
        found |= among(_normalised(opened), removed)
    return found, opened.rows


def _normalised(table: Table) -> Uids:
    ids = bytearray()
    for part in table.batches(table.id_columns):
        urls = strings(part, "url").to_pylist()
        captions = strings(part, "caption").to_pylist() if "caption" in part.column_names else [""] * len(urls)
        for url, caption in zip(urls, captions, strict=True):
            ids += xxhash.xxh3_128_digest(f"{normalise(url or '')}\n{caption or ''}".encode("utf-8", "replace"))
    return np.frombuffer(bytes(ids), np.uint8).reshape(-1, 16)


def _shard(table: Path) -> LocalShard:
    tar, stats = table.with_suffix(".tar"), table.with_name(f"{table.stem}{STATS}")
    return LocalShard(table.stem, table, tar if tar.is_file() else None, stats if stats.is_file() else None)
