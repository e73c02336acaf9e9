"""What differs between two versions: shard by shard first, then row by row where shards are not the same.

A row is named by its id (`content_id`), which several rows may have; whether it says the same is told by its leaf. Rows
that only stand elsewhere, or have another key, are no difference.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from crawler.dataset.manifest import Commit, Shard
from crawler.dataset.store import Store
from workers.dataset.comparing.joining import ShardRows, Uids, is_same, joined, only_in
from workers.progress import Phase

if TYPE_CHECKING:
    import pyarrow as pa

Counts = NDArray[np.int64]
#: shards that are read at once
_AT_ONCE = 4


class ShardDifference(msgspec.Struct, frozen=True):
    """A shard that is not the same in both versions, in rows of it that only one of them has."""

    name: str
    kind: str  # "added", "removed", "changed", or "rewritten": the same rows in other files
    rows_before: int
    rows_after: int
    only_before: int = 0
    only_after: int = 0


class Summary(msgspec.Struct, frozen=True):
    """The difference in numbers. `rows_before - removed + added == rows_after`."""

    from_version: str
    to_version: str
    same_root: bool
    rows_before: int
    rows_after: int
    removed: int  # rows
    added: int
    changed: int  # rows of which the id stayed and something else did not
    shards_same: int
    shards: tuple[ShardDifference, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the versions hold the same rows."""
        return not (self.removed or self.added or self.changed)


class Ids(NamedTuple):
    """Ids that stand in one version more often than in the other, or for other rows; sorted."""

    uids: Uids
    before: Counts  # rows that only the first version has
    after: Counts
    # an id with rows on both sides stands for rows that say something else

    @property
    def removed(self) -> Uids:
        """Ids of rows that there are fewer of."""
        return self.uids[self.before > self.after]

    @property
    def added(self) -> Uids:
        """Ids of rows that there are more of."""
        return self.uids[self.after > self.before]

    @property
    def changed(self) -> Uids:
        """Ids of rows that say something else."""
        return self.uids[np.minimum(self.before, self.after) > 0]


_Look: TypeAlias = "tuple[ShardDifference, list[pa.RecordBatch]]"


@dataclass(slots=True)
class _Seen:
    same: int = 0
    shards: list[ShardDifference] = field(default_factory=list)


def compare(
    store: Store,
    ours: tuple[str, Commit],
    theirs: tuple[str, Commit],
    *,
    recompute: bool = False,
    phase: Phase | None = None,
) -> tuple[Summary, Ids]:
    """The difference between two versions, each given as id and commit.

    Memory holds ids of rows that differ; while they are sorted they lie on disk.

    Args:
        store: where both are.
        ours: the version before.
        theirs: the version after.
        recompute: tell rows apart by their contents: for versions whose leaves were salted with different secrets.
        phase: is told of each shard.

    Raises:
        DatasetError: a file of a version is missing.
        InputError: rows have nothing to make an id of.
        StoreUnavailableError, OSError: as `Objects.open_local`.
    """
    seen = _Seen()
    with _counting() as database:
        pairs = joined(store.shards(ours[1]), store.shards(theirs[1]))
        for batch in _differing(store, pairs, seen, recompute=recompute, phase=phase):
            database.append(batch)
        ids = database.ids()
    removed = int(np.maximum(ids.before - ids.after, 0).sum())
    added = int(np.maximum(ids.after - ids.before, 0).sum())
    summary = Summary(
        from_version=ours[0],
        to_version=theirs[0],
        same_root=ours[1].root == theirs[1].root,
        rows_before=ours[1].rows,
        rows_after=theirs[1].rows,
        removed=removed,
        added=added,
        changed=int(np.minimum(ids.before, ids.after).sum()),
        shards_same=seen.same,
        shards=tuple(seen.shards),
    )
    return summary, ids


def _differing(
    store: Store,
    pairs: Iterable[tuple[Shard | None, Shard | None]],
    seen: _Seen,
    *,
    recompute: bool,
    phase: Phase | None,
) -> Iterator[pa.RecordBatch]:
    """Rows of shards that are not the same which have no equal in the shard of the same name."""
    for looked in _looked_at(store, pairs, recompute=recompute):
        if phase is not None:
            phase.advance(1)
        if looked is None:
            seen.same += 1
            continue
        difference, batches = looked.result()
        seen.shards.append(difference)
        yield from batches


def _looked_at(
    store: Store, pairs: Iterable[tuple[Shard | None, Shard | None]], *, recompute: bool
) -> Iterator[Future[_Look] | None]:
    """What is found out about each pair, in order; None for the same. Some are read ahead, for disks are slow."""
    waiting: deque[Future[_Look] | None] = deque()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for pair in pairs:
            waiting.append(None if is_same(*pair) else pool.submit(_look, store, *pair, recompute))
            if len(waiting) > 2 * _AT_ONCE:
                yield waiting.popleft()
        yield from waiting


def _look(store: Store, one: Shard | None, other: Shard | None, recompute: bool) -> _Look:
    nothing = np.empty((0, 32), np.uint8)
    before = None if one is None else ShardRows(store, one, recompute=recompute)
    after = None if other is None else ShardRows(store, other, recompute=recompute)
    places = only_in(nothing if before is None else before.leaves, nothing if after is None else after.leaves)
    batches = [
        _batch(rows, place, is_before=side)
        for rows, place, side in ((before, places[0], True), (after, places[1], False))
        if rows is not None and len(place)
    ]
    return _difference(one, other, len(places[0]), len(places[1])), batches


def _difference(one: Shard | None, other: Shard | None, only_before: int, only_after: int) -> ShardDifference:
    kind = "changed" if only_before or only_after else "rewritten"
    if one is None or other is None:
        kind = "added" if one is None else "removed"
    name = one.name if one is not None else other.name if other is not None else ""
    counts = [0 if shard is None else shard.rows - shard.masked for shard in (one, other)]
    return ShardDifference(name, kind, counts[0], counts[1], only_before, only_after)


def _batch(rows: ShardRows, place: NDArray[np.int64], *, is_before: bool) -> pa.RecordBatch:
    import pyarrow as pa  # noqa: PLC0415 - heavy

    halves = np.ascontiguousarray(rows.uids[place]).view(">u8").astype(np.uint64).reshape(-1, 2)
    leaf = np.ascontiguousarray(rows.leaves[place]).view("<u8").reshape(-1, 4)
    values = (halves[:, 0], halves[:, 1], leaf[:, 0], leaf[:, 1], np.full(len(place), is_before))
    return pa.RecordBatch.from_arrays([pa.array(one) for one in values], names=["high", "low", "x", "y", "is_before"])


#: An id's rows are the same on both sides when their leaves add up to the same, twice 64 bits of them: no order
#: matters, and rows that stand twice count twice.
_GROUPED = """
    SELECT high, low,
        count(*) FILTER (WHERE is_before) AS before, count(*) FILTER (WHERE NOT is_before) AS after,
        sum(x) FILTER (WHERE is_before) AS x_before, sum(x) FILTER (WHERE NOT is_before) AS x_after,
        sum(y) FILTER (WHERE is_before) AS y_before, sum(y) FILTER (WHERE NOT is_before) AS y_after
    FROM rows GROUP BY high, low
    HAVING before <> after OR x_before IS DISTINCT FROM x_after OR y_before IS DISTINCT FROM y_after
"""


@dataclass(frozen=True, slots=True)
class _Counting:
    database: Any  # of duckdb, which is untyped

    def append(self, batch: pa.RecordBatch) -> None:
        self.database.register("batch", batch)
        self.database.execute("INSERT INTO rows SELECT * FROM batch")
        self.database.unregister("batch")

    def ids(self) -> Ids:
        found = self.database.execute(
            f"SELECT high, low, before, after FROM ({_GROUPED}) ORDER BY high, low"  # noqa: S608 - a text of this module
        ).fetchnumpy()
        halves = np.stack([found["high"], found["low"]], axis=1).astype(">u8")
        return Ids(
            halves.view(np.uint8).reshape(-1, 16), found["before"].astype(np.int64), found["after"].astype(np.int64)
        )


@contextmanager
def _counting() -> Iterator[_Counting]:
    import duckdb  # noqa: PLC0415 - heavy

    with (
        tempfile.TemporaryDirectory(prefix="pairtrawl-diff-") as folder,
        duckdb.connect(str(Path(folder) / "rows.duckdb")) as database,
    ):
        database.execute("CREATE TABLE rows (high UBIGINT, low UBIGINT, x UBIGINT, y UBIGINT, is_before BOOLEAN)")
        yield _Counting(database)
