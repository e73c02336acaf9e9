"""The committed shards of a folder, and the hashes of their kept rows: what the index is a function of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from crawler.errors import RunFolderError
from crawler.seen.keys import Keys, keys_of

#: columns of a shard's table that an index can be made of
Column = Literal["content_id", "sha256"]

_MARKER = "_stats.json"
#: `status` of a kept row, img2dataset's word
_KEPT = "success"


@dataclass(frozen=True, slots=True)
class Shard:
    """One committed shard. Its identity is the SHA-256 of its table: where it lies does not matter."""

    table: Path
    identity: str  # 32 hex digits

    @property
    def name(self) -> str:
        """Such as "00007"."""
        return self.table.stem


def committed_shards(folder: Path, only: Collection[str] | None = None) -> list[Shard]:
    """All committed shards of a folder, or those of these names, by name; none where there is no folder.

    Raises:
        RunFolderError: a marker is not one of ours.
    """
    names = (path.name.removesuffix(_MARKER) for path in folder.glob(f"*{_MARKER}")) if only is None else only
    return [shard for name in sorted(names) if (shard := committed_shard(folder, name))]


def committed_shard(folder: Path, name: str) -> Shard | None:
    """The shard of this name; None where it has no marker, or its table does not have the size that the marker names.

    Only the table is looked at: a tar may have been moved to where the data set is kept, and was seen all the same.

    Raises:
        RunFolderError: the marker is not one of ours.
    """
    marker = folder / f"{name}{_MARKER}"
    try:
        files = msgspec.json.decode(marker.read_bytes(), type=_Marker).files
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise RunFolderError(f"{marker}: cannot be read as the marker of a shard: {error}") from error
    table = folder / f"{name}.parquet"
    if table.name not in files:
        raise RunFolderError(f"{marker}: does not name {table.name}; it was written by another program")
    described = files[table.name]
    return Shard(table, described.sha256[:32]) if _size(table) == described.bytes else None


def shard_keys(shard: Shard, column: Column) -> Keys:
    """The keys of the shard's kept rows, in their order.

    Raises:
        RunFolderError: the table cannot be read, or has no such column.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    try:
        rows: Any = pq.read_table(shard.table, columns=["status", column], use_threads=False, partitioning=None)
        kept = rows.column(column).filter(pc.equal(rows.column("status"), pa.scalar(_KEPT)))
        return keys_of(kept.to_pylist())
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise RunFolderError(f"{shard.table}: the column {column} of this table cannot be read: {error}") from error


class _File(msgspec.Struct, frozen=True):
    bytes: int
    sha256: str


class _Marker(msgspec.Struct, frozen=True):
    """What is needed of NNNNN_stats.json."""

    files: dict[str, _File]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1
