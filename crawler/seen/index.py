"""The index of one column over the shards of some folders: stored segments, and a fresh one in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crawler.seen.keys import KEY, PARTITIONS, Keys
from crawler.seen.segment import Segment, merged, same_keys
from crawler.seen.shards import Column, Shard, committed_shard, committed_shards, shard_keys
from crawler.seen.store import LEAST_ROWS, Store

#: rows that are sorted at a time while many tables are read: 64 MB
_RUN_ROWS = 1 << 22

#: all partitions
WHOLE = range(PARTITIONS)

_NOTHING = Segment.of(np.empty(0, KEY))


class Index:
    """The keys of all kept rows of the shards in `sources`, as far as they lie in `parts`.

    Opening it brings it up to date with the shards; that takes as long as reading the tables that are new. One process
    at a time may have a folder open.

    Args:
        folder: holds the segments; made if absent. Whoever deletes it loses time only.
        column: of the shards' tables.
        sources: folders of shards.
        parts: the partitions that this index is for, without gaps.
        only: names of the shards that count, where not all of a source do.

    Raises:
        RunFolderError: a table or marker of a source cannot be read.
        OSError: the disk is full.
    """

    def __init__(
        self,
        folder: Path,
        column: Column,
        sources: Sequence[Path],
        parts: range = WHOLE,
        *,
        only: Mapping[Path, Collection[str]] | None = None,
    ) -> None:
        self._folder = folder
        self._column = column
        self._sources = tuple(sources)
        self._parts = parts
        self._only = only or {}
        self._known: dict[Path, str] = {}  # identities of the shards, by their tables
        self._fresh = _NOTHING
        self._fresh_shards: list[str] = []
        self.refresh()

    @property
    def rows(self) -> int:
        """Keys in all segments; one that is in two of them counts twice."""
        return sum(one.rows for one in self.segments)

    @property
    def segments(self) -> list[Segment]:
        """What a look-up asks."""
        return [*self._store.segments, self._fresh]

    def contains(self, keys: Keys) -> NDArray[np.bool_]:
        """Which of the keys a committed shard holds; of those in other partitions than `parts` none is held here."""
        found = np.zeros(len(keys), np.bool_)
        for segment in self.segments:
            found |= segment.contains(keys)
        return found

    def equals(self, other: Index) -> bool:
        """Whether both hold the same keys."""
        return same_keys(self.segments, other.segments)

    def shard_keys(self, folder: Path, name: str) -> Keys | None:
        """The keys of one shard as it is committed now; None where it is not.

        Where the index knew it otherwise, it is brought up to date first.

        Raises:
            RunFolderError, OSError: as opening.
        """
        shard = committed_shard(folder, name)
        if (shard.identity if shard else None) != self._known.get(folder / f"{name}.parquet"):
            self.refresh()
        return None if shard is None else self._read(shard)

    def add(self, shard: Shard) -> None:
        """Take in a shard that was committed just now. It may be in already, or stand in the place of another one.

        Raises:
            RunFolderError, OSError: as opening.
        """
        known = self._known.get(shard.table)
        if known == shard.identity:
            return
        if known is not None:
            self.refresh()
            return
        keys = self._read(shard)
        self._known[shard.table] = shard.identity
        if shard.identity not in self._store.shards and shard.identity not in self._fresh_shards:
            self._fresh = merged([self._fresh, Segment.of(keys)])
            self._fresh_shards.append(shard.identity)
            if self._fresh.rows >= LEAST_ROWS:
                self.flush()

    def flush(self) -> None:
        """Write what is only in memory.

        Raises:
            OSError: the disk is full; it stays in memory.
        """
        if self._fresh_shards:
            self._store.add(self._fresh, self._fresh_shards)
            self._clear_fresh()

    def refresh(self) -> None:
        """Come into step with the shards: forget those that are gone or made anew, read those that are new.

        Raises:
            RunFolderError, OSError: as opening.
        """
        shards = [shard for source in self._sources for shard in committed_shards(source, self._only.get(source))]
        self._known = {shard.table: shard.identity for shard in shards}
        self._store = Store(self._folder, frozenset(self._known.values()))
        self._clear_fresh()
        anew = not self._store.segments
        missing = {shard.identity: shard for shard in shards if shard.identity not in self._store.shards}
        for names, keys in _runs((shard.identity, self._read(shard)) for shard in missing.values()):
            self.flush()  # the run before this one
            self._fresh, self._fresh_shards = Segment.of(keys), names
        if self._fresh.rows >= LEAST_ROWS:
            self.flush()
        if anew:
            self._store.join_all()

    def _clear_fresh(self) -> None:
        self._fresh, self._fresh_shards = _NOTHING, []

    def _read(self, shard: Shard) -> Keys:
        keys = shard_keys(shard, self._column)
        if self._parts == WHOLE:
            return keys
        return keys[(keys["part"] >= self._parts.start) & (keys["part"] < self._parts.stop)]


def _runs(tables: Iterator[tuple[str, Keys]]) -> Iterator[tuple[list[str], Keys]]:
    """The keys of many tables in long runs: the names of the tables, and their keys."""
    names: list[str] = []
    held: list[Keys] = []
    rows = 0
    for name, keys in tables:
        names.append(name)
        held.append(keys)
        rows += len(keys)
        if rows >= _RUN_ROWS:
            yield names, np.concatenate(held)
            names, held, rows = [], [], 0
    if names:
        yield names, np.concatenate(held)
