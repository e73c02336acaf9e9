"""What a version says of itself: card, Croissant, wids index, statistics. The same data give the same bytes."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from crawler.dataset.manifest import Commit, Shard, Stored, Tombstones
from crawler.dataset.store import Store
from crawler.errors import DatasetError
from workers.dataset.describing.card import card, summary
from workers.dataset.describing.croissant import croissant
from workers.dataset.describing.gathering import cache_of, countable, gather
from workers.dataset.describing.hub_layout import CHECKOUT, SHARD_LIST, Layout
from workers.dataset.describing.statistics import Statistics, as_json, as_tables, statistics_of
from workers.dataset.describing.wids_index import entries_of, wids_index


def describe(store: Store, commit: Commit, shards: Iterable[Shard]) -> dict[str, Stored]:
    """Describe a version and store what comes out: paths in a checkout, and objects.

    Of `commit` name, root, list of shards and removals are looked at, never its date, author or message. `shards` is
    walked through twice.

    Raises:
        DatasetError, StoreUnavailableError, InputError: as `gather`.
        OSError: the disk is full.
    """
    gathered = gather((countable(store, shard) for shard in shards), cache_of(store))
    statistics = statistics_of(commit.dataset, commit.root, gathered, removals_of(store, commit))
    described = {
        path: store.objects.put_bytes(content) for path, content in texts_of(statistics, commit.shards, CHECKOUT)
    }
    described[SHARD_LIST] = commit.shards
    described["wids.json"] = _stored_index(store, commit.dataset, shards)
    return dict(sorted(described.items()))


def texts_of(statistics: Statistics, shard_list: Stored, layout: Layout) -> Iterator[tuple[str, bytes]]:
    """All descriptions but the index of shards: paths and contents. Pure."""
    yield "README.md", card(statistics, layout).encode()
    yield "croissant.json", croissant(statistics, summary(statistics), shard_list, layout)
    yield "statistics.json", as_json(statistics)
    for name, table in as_tables(statistics).items():
        yield f"statistics/{name}.parquet", _parquet(table)


def removals_of(store: Store, commit: Commit) -> list[Tombstones]:
    """The sets of removals that a version carries, by their ids.

    Raises:
        DatasetError: one is missing or is none.
        StoreUnavailableError, OSError: as `Objects.read`.
    """
    found = []
    for stored in commit.tombstones:
        try:
            found.append(msgspec.json.decode(store.objects.read(stored), type=Tombstones))
        except msgspec.DecodeError as error:
            where = store.objects.where(stored.sha256)
            raise DatasetError(f"{where}: is no set of removed rows: {error}; restore it from a backup") from error
    return sorted(found, key=lambda one: one.id)


def _stored_index(store: Store, dataset: str, shards: Iterable[Shard]) -> Stored:
    """Streamed: of half a million shards it has 50 MB."""
    with tempfile.TemporaryDirectory(prefix="pairtrawl-wids-") as folder:
        path = Path(folder) / "wids.json"
        with path.open("wb") as file:
            file.writelines(wids_index(dataset, entries_of(shards)))
        return store.objects.put(path)


def _parquet(table: pa.Table) -> bytes:
    content = io.BytesIO()
    pq.write_table(table, content, compression="zstd", compression_level=3)
    return content.getvalue()
