"""Shards of a version of a data set, as an export takes them: without masked rows, and with what purges have left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from crawler.dataset.manifest import Commit, Shard, Stored, Tombstones
from crawler.dataset.renumbering import Span
from crawler.dataset.store import Store, open_store
from crawler.dataset.tables import mask_of, positions_of, standing
from crawler.errors import InputError
from workers.dataset.describing.describing import removals_of
from workers.export.places import FolderPlace, Masked, Place, ShardAt, open_folder
from workers.export.spans import spans_of


@dataclass(frozen=True, slots=True)
class VersionShard:
    """A shard of a version. Of a bucket, files are downloaded when they are asked for."""

    store: Store
    shard: Shard

    @property
    def name(self) -> str:
        """As the manifest has it."""
        return self.shard.name

    @property
    def rows(self) -> int:
        """Of its table when it was committed."""
        return self.shard.rows

    def table(self) -> Path:
        """The table, or what a purge has left of it."""
        return standing(self.store, self.shard.table).path

    def masked(self) -> Masked | None:
        """By the mask; purged rows are no rows of the table any more."""
        masked = mask_of(self.store, self.shard)
        gone = standing(self.store, self.shard.table).gone
        return masked if masked is None or not gone else masked[positions_of(self.shard.rows, gone)]

    def tar(self) -> Path | None:
        """The tar, or what a purge has left of it."""
        return None if self.shard.tar is None else standing(self.store, self.shard.tar).path

    def spans(self) -> Mapping[str, Span]:
        """By the index that the version has of the tar."""
        tar = self.tar()
        if tar is None:
            return {}
        if self.shard.index is None:
            return spans_of(tar)
        index = pq.read_table(standing(self.store, self.shard.index).path, columns=["key", "offset", "bytes"])
        columns = (index.column(name).to_pylist() for name in ("key", "offset", "bytes"))
        return {key: Span(offset, size) for key, offset, size in zip(*columns, strict=True)}

    def stored(self) -> tuple[Stored, Stored | None] | None:
        """As the manifest says; not known of what a purge has left."""
        table = standing(self.store, self.shard.table)
        return None if table.redactions else (self.shard.table, self.shard.tar)


@dataclass(frozen=True, slots=True)
class VersionPlace:
    """The shards of one version."""

    store: Store
    id: str
    commit: Commit

    @property
    def name(self) -> str:
        """Data set and version."""
        return f"{self.commit.dataset} {self.id[:12]}"

    @property
    def identity(self) -> str:
        """The Merkle root: versions with the same rows are the same place."""
        return self.commit.root

    def shards(self) -> Iterator[ShardAt]:
        """As the manifest lists them."""
        return (VersionShard(self.store, one) for one in self.store.shards(self.commit))

    def vectors(self) -> Path | None:
        """None: a version holds tables and pictures."""
        return None

    def root(self) -> str:
        """As the manifest says."""
        return self.commit.root

    def dataset(self) -> str:
        """As the manifest says."""
        return self.commit.dataset

    def removals(self) -> Sequence[Tombstones]:
        """All that the version carries."""
        return removals_of(self.store, self.commit)


def open_place(address: str, version: str = "") -> Place:
    """A folder of shards, or a version of the data set in a store; `version` is main where none is named.

    Raises:
        InputError: there is nothing of the kind, or a version of a folder was asked for.
        DatasetError, StoreUnavailableError: the store is broken, or cannot be reached.
    """
    if "://" in address or (Path(address) / "dataset.json").exists():
        store = open_store(address)
        return VersionPlace(store, *store.read_commit(version or "main"))
    if version:
        raise InputError(f"{address}: is no store of versions, so it has no --version {version}")
    folder: FolderPlace = open_folder(Path(address))
    return folder
