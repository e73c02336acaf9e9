"""The rows of a version's shards, streamed: without what the mask takes out, and with what a purge has left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crawler.dataset.manifest import Redaction, Shard, Stored
from crawler.dataset.parquet import read_as_parquet
from crawler.dataset.store import Store
from crawler.errors import DatasetError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

#: the column that `rows_of` adds: where a row stands in its shard, counted from 0, masked and purged ones included. No
#: shard's table has one of this name; their `position` is that of the image on its page
POSITION = "place_in_shard"
#: a store is not asked for stand-ins of stand-ins for ever
_MOST_REDACTIONS = 1000


@dataclass(frozen=True, slots=True)
class Standing:
    """A file of a shard as it is now: the object itself, or what stands in for it since rows were purged."""

    stored: Stored
    path: Path
    redactions: tuple[Redaction, ...] = ()  # the first one is of the object itself

    @property
    def gone(self) -> frozenset[int]:
        """Positions in the shard of the rows that the file no longer holds."""
        return frozenset(row for one in self.redactions for row in one.rows)


def standing(store: Store, stored: Stored, *, check: bool = False) -> Standing:
    """What there is of an object of a shard, to be read from; `check` is whether its bytes are verified now.

    Raises:
        DatasetError: it is missing, and nothing stands in for it.
        StoreUnavailableError, OSError: as `Objects.open_local`.
    """
    redactions: list[Redaction] = []
    now = stored
    while not store.objects.has(now.sha256):
        redaction = store.redaction(now.sha256)
        if redaction is None or len(redactions) == _MOST_REDACTIONS:
            raise DatasetError(f"{store.objects.where(now.sha256)}: is missing, and nothing stands in for it")
        redactions.append(redaction)
        now = redaction.replaced_by
    path = store.objects.checked(now) if check else store.objects.open_local(now)
    return Standing(now, path, tuple(redactions))


def rows_of(store: Store, shard: Shard, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a shard that are in the version, in order, with the column `place_in_shard` (int64) last.

    Args:
        store: where the shard lies.
        shard: of a version.
        columns: of the table; None for all. Those that the table lacks are left out.

    Raises:
        DatasetError: a file of the shard is missing or is not as long as the shard says.
        StoreUnavailableError, OSError: as `Objects.open_local`.
    """
    import numpy as np  # noqa: PLC0415 - heavy
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    table = standing(store, shard.table)
    positions = positions_of(shard.rows, table.gone)
    masked = mask_of(store, shard)
    done = 0
    with read_as_parquet(table.path, "a table", stored=True), pq.ParquetFile(table.path) as file:
        if file.metadata.num_rows != len(positions):
            raise DatasetError(f"{store.objects.where(table.stored.sha256)}: has {file.metadata.num_rows} rows, "
                               f"and shard {shard.name} wants {len(positions)}")  # fmt: skip
        wanted = None if columns is None else [one for one in columns if one in file.schema_arrow.names]
        for batch in file.iter_batches(columns=wanted):
            place = positions[done : done + len(batch)]
            done += len(batch)
            with_place = pa.RecordBatch.from_arrays(
                [*batch.columns, pa.array(place)], schema=batch.schema.append(pa.field(POSITION, pa.int64()))
            )
            if masked is not None:
                with_place = with_place.filter(pa.array(np.logical_not(masked[place])))
            if len(with_place):
                yield with_place


def positions_of(rows: int, gone: frozenset[int]) -> NDArray[np.int64]:
    """The positions of the rows that are left of a shard of so many, in order."""
    import numpy as np  # noqa: PLC0415 - heavy

    left = np.ones(rows, dtype=np.bool_)
    left[sorted(gone)] = False
    return np.flatnonzero(left)


def mask_of(store: Store, shard: Shard) -> NDArray[np.bool_] | None:
    """Which rows the mask takes out, by position; None where there is no mask.

    Raises:
        DatasetError: it is missing, has other bytes, or is not as long as the shard.
    """
    if shard.mask is None:
        return None
    import numpy as np  # noqa: PLC0415 - heavy

    packed = store.objects.read(shard.mask)
    masked = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little").astype(np.bool_)
    where = store.objects.where(shard.mask.sha256)
    if len(packed) != -(-shard.rows // 8) or masked[shard.rows :].any():
        raise DatasetError(f"{where}: is not a mask of {shard.rows} rows")
    if int(masked.sum()) != shard.masked:
        raise DatasetError(f"{where}: takes out {int(masked.sum())} rows, and shard {shard.name} says {shard.masked}")
    return masked[: shard.rows]


def packed_mask(masked: NDArray[np.bool_]) -> bytes:
    """A mask as it is stored: a bit a row, least significant first."""
    import numpy as np  # noqa: PLC0415 - heavy

    packed: Any = np.packbits(masked, bitorder="little")
    return bytes(packed)
