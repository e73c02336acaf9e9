"""The diff that holders of a version are given (`crawler.dataset.diffs`), made of the two versions themselves.

It names ids that are gone, and of each shard that changed which files it was and is. Which of the ids were asked to be
removed is known to nobody who reads it; that there are enough others among them is for the re-issue to see to.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from crawler.dataset.diffs import FilesOf, OpenDiff, ShardChange, Versions, open_diff, write_diff
from crawler.dataset.keys import Keys
from crawler.dataset.manifest import Commit, Shard, Stored, Tombstones
from crawler.dataset.store import Store
from crawler.dataset.tables import standing
from crawler.dataset.uids import among, sorted_uids
from crawler.errors import InputError
from workers.dataset.comparing.joining import ShardRows, Uids, is_same, joined, only_in
from workers.progress import Display, Phase

_NO_IDS = np.empty((0, 16), np.uint8)


def publish_diff(
    store: Store, keys: Keys, before: str, after: str, path: Path, *, display: Display | None = None
) -> OpenDiff:
    """Write the diff from one version to another; it is signed, and dated by the day of the later version.

    A shard of the later version that is one of the earlier without the removed ids is told as a cut: a holder needs
    nothing else. Any other one has to be fetched by holders.

    Args:
        store: where both versions are.
        keys: the publisher's.
        before: the version that holders have: a ref, tag or id.
        after: the one that they come to.
        path: the new file; what is there is replaced.
        display: shows progress.

    Raises:
        InputError: the later version has masks, which no file of a holder's shows: re-issue it first. Or rows of the
            earlier one were purged, so that their ids are not known any more.
        DatasetError: a file of a version is missing.
        StoreUnavailableError, OSError: as `Objects.open_local`; the disk is full.
    """
    ours, theirs = store.read_commit(before), store.read_commit(after)
    with display.phase("diff", None, "shards") if display else nullcontext() as phase:
        pairs = list(_pairs(store, ours[1], theirs[1], phase))
        gone = sorted_uids(np.concatenate([_NO_IDS, *(one.gone for one in pairs)]))
        removed = gone[~among(gone, _still_there(store, theirs[1], gone, phase))]
    changes = [_change(one, removed) for one in pairs]
    versions = Versions(
        dataset=theirs[1].dataset,
        from_version=ours[0],
        to_version=theirs[0],
        from_root=ours[1].root,
        to_root=theirs[1].root,
        rows_before=ours[1].rows,
        rows_after=theirs[1].rows,
    )
    day = datetime.fromtimestamp(theirs[1].created, UTC).date().isoformat()
    write_diff(path, keys, versions, changes, removed, date=day, tombstones=_tombstones(store, ours[1], theirs[1]))
    return open_diff(path, keys.author)


class _Pair(NamedTuple):
    """The shards of one name, where they are not the same."""

    before: Shard | None
    after: Shard | None
    gone: Uids  # ids of rows that stand in the files before and not in the shard after
    is_rest: bool  # whether the shard after is the one before without these rows, in order


def _pairs(store: Store, ours: Commit, theirs: Commit, phase: Phase | None) -> Iterator[_Pair]:
    for one, other in joined(store.shards(ours), store.shards(theirs)):
        if phase is not None:
            phase.advance(1)
        if other is not None and other.mask is not None:
            raise InputError(f"shard {other.name} of the later version has a mask: re-issue the version first")
        if is_same(one, other):
            continue
        if one is None:
            yield _Pair(one, other, _NO_IDS, is_rest=False)
            continue
        if standing(store, one.table).gone:
            raise InputError(f"shard {one.name} of the earlier version was purged: a diff is published before a purge")
        before = ShardRows(store, one, masked_too=True)  # masked rows stand in files
        after = np.empty((0, 32), np.uint8) if other is None else ShardRows(store, other).leaves
        places, _ = only_in(before.leaves, after)
        is_rest = np.array_equal(np.delete(before.leaves, places, axis=0), after)
        is_rest &= other is None or (one.tar is None) == (other.tar is None)
        yield _Pair(one, other, sorted_uids(before.uids[places]) if len(places) else _NO_IDS, is_rest)


def _still_there(store: Store, theirs: Commit, gone: Uids, phase: Phase | None) -> Uids:
    """Which of the ids have rows in the later version still: moved ones, and those that stood twice."""
    found = [_NO_IDS]
    if len(gone):
        for shard in store.shards(theirs):
            if phase is not None:
                phase.advance(1)
            own = ShardRows(store, shard).uids
            if (there := among(own, gone)).any():
                found.append(own[there])
    return sorted_uids(np.concatenate(found))


def _change(pair: _Pair, removed: Uids) -> ShardChange:
    """A cut, where a holder who takes out the removed ids has what the publisher has."""
    shard = pair.before or pair.after
    assert shard is not None
    return ShardChange(
        name=shard.name,
        before=None if pair.before is None else _files(pair.before),
        after=None if pair.after is None else _files(pair.after),
        is_cut=pair.is_rest and bool(among(pair.gone, removed).all()),
    )


def _files(shard: Shard) -> FilesOf:
    return FilesOf(shard.rows, shard.table, shard.tar)


def _tombstones(store: Store, ours: Commit, theirs: Commit) -> tuple[str, ...]:
    """Ids of the sets of removals that are new."""
    fresh: list[Stored] = [one for one in theirs.tombstones if one not in ours.tombstones]
    return tuple(msgspec.json.decode(store.objects.read(one), type=Tombstones).id for one in fresh)
