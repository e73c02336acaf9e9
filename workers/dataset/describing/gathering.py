"""The counts of a version, gathered shard by shard, and kept beside the store: what did not change is not read again.

A partial is kept under the digests of its table and its mask; the sum of some thirty neighbours under a digest of
theirs. A new version that changes one shard in 250 reads those tables, and the partials of their neighbours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from crawler.commit import remove, write_atomically
from crawler.dataset.manifest import Shard
from crawler.dataset.store import Store, own_cache
from crawler.dataset.tables import POSITION, rows_of, standing
from crawler.errors import InputError
from workers.dataset.describing.partials import Partial, add, looked_at, partial_of

#: changes where partials hold something else than before: old ones are then no longer found
_FORM = "1"
_SUM = "sum-"
#: a group of neighbours ends at a table whose digest begins with less than this of 256: after 32 on average
_GROUP_ENDS = 8
_MOST_IN_GROUP = 128
#: sites beyond this number are thinned out: the rarest are dropped, and counts are too low by as much as they had
MOST_SITES = 2_000_000


class Gathered(msgspec.Struct, frozen=True):
    """The counts of a version."""

    shards: int
    masked: int
    partial: Partial
    sites_missed: int = 0  # a site's count may be too low by this, and those that have fewer rows may be missing


@dataclass(frozen=True, slots=True)
class Countable:
    """A shard that can be counted."""

    digest: str  # SHA-256 of its table, hex
    version: str  # what else decides its rows, as a word: of the mask
    masked: int
    count: Callable[[], Partial]

    @property
    def name(self) -> str:
        """Under which its counts are kept."""
        return f"{self.digest}-{self.version}-{_FORM}"


def countable(store: Store, shard: Shard) -> Countable:
    """A shard of a version."""
    mask = _mask_word(shard.mask.sha256) if shard.mask else "whole"
    return Countable(shard.table.sha256, mask, shard.masked, lambda: _count(store, shard))


def gather(shards: Iterable[Countable], folder: Path) -> Gathered:
    """Count the rows of shards, with what was counted before, which is kept in `folder`.

    Raises:
        DatasetError, StoreUnavailableError: a table is missing or cannot be had.
        InputError: one cannot be read.
        OSError: the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    total, count, masked, missed = Partial(), 0, 0, 0
    for group in _groups(shards):
        total, dropped = _thinned(add((total, _sum_of(folder, group))))
        missed += dropped
        count += len(group)
        masked += sum(one.masked for one in group)
    return Gathered(count, masked, total, missed)


def cache_of(store: Store) -> Path:
    """Where partials are kept: in a store on this machine in a folder of its own, else beside the downloads."""
    base = own_cache(store.address) if "://" in store.address else Path(store.address) / "cache"
    return base / "statistics"


def forget(store: Store, objects: Iterable[str]) -> int:
    """Remove what is kept of tables and masks, by their digests, and every sum, for it may hold them.

    For purges, and for versions that are taken out: partials name sites, and count their rows. What is removed is
    counted again when it is needed. Returns how many files there were.

    Raises:
        OSError: a file cannot be removed.
    """
    folder = cache_of(store)
    if not folder.is_dir():
        return 0
    tables = set(objects)
    masks = {_mask_word(one) for one in tables}
    removed = 0
    for path in sorted(folder.iterdir()):
        table, mask, *_ = *path.name.split("-"), ""
        if path.name.startswith((_SUM, ".")) or table in tables or mask in masks:
            remove(path)
            removed += 1
    return removed


def _mask_word(sha256: str) -> str:
    return sha256[:32]


def _groups(shards: Iterable[Countable]) -> Iterator[list[Countable]]:
    """Neighbours, cut where their tables' digests say so: a shard that comes or goes changes one group or two."""
    group: list[Countable] = []
    for shard in shards:
        group.append(shard)
        if int(shard.digest[:2], 16) < _GROUP_ENDS or len(group) == _MOST_IN_GROUP:
            yield group
            group = []
    if group:
        yield group


def _sum_of(folder: Path, group: list[Countable]) -> Partial:
    if len(group) == 1:
        return _kept_or_counted(folder, group[0])
    digest = hashlib.sha256("\n".join(one.name for one in group).encode()).hexdigest()
    path = folder / f"{_SUM}{digest}"
    if (held := _read(path)) is not None:
        return held
    summed = add(_kept_or_counted(folder, shard) for shard in group)
    _write(path, summed)
    return summed


def _kept_or_counted(folder: Path, shard: Countable) -> Partial:
    path = folder / shard.name
    if (held := _read(path)) is not None:
        return held
    counted = shard.count()
    _write(path, counted)
    return counted


def _count(store: Store, shard: Shard) -> Partial:
    table = standing(store, shard.table)
    try:
        schema = pq.read_schema(table.path)
        return counts_of(schema, (one.drop_columns(POSITION) for one in rows_of(store, shard, looked_at(schema))))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{table.path}: cannot be read as a parquet table: {error}") from error


def counts_of(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Partial:
    """The counts of a table of this schema, whose rows come in batches of the columns that are looked at."""
    counted = add(partial_of(pa.Table.from_batches([batch])) for batch in batches)
    return msgspec.structs.replace(counted, columns=dict(sorted((one.name, str(one.type)) for one in schema)))


def _thinned(partial: Partial) -> tuple[Partial, int]:
    """Without the rarest sites, where there are too many; and how many rows the largest of these had."""
    if len(partial.sites) <= MOST_SITES:
        return partial, 0
    counts = sorted((pair[0] for pair in partial.sites.values()), reverse=True)
    least = counts[MOST_SITES // 2]
    sites = {site: pair for site, pair in partial.sites.items() if pair[0] > least}
    return msgspec.structs.replace(partial, sites=sites), least


def _read(path: Path) -> Partial | None:
    """What is kept there; None where nothing is, or something that cannot be read: it is counted anew."""
    try:
        return msgspec.msgpack.decode(zstandard.decompress(path.read_bytes()), type=Partial)
    except (FileNotFoundError, zstandard.ZstdError, msgspec.MsgspecError):
        return None


def _write(path: Path, partial: Partial) -> None:
    write_atomically(path, zstandard.compress(msgspec.msgpack.encode(partial)))
