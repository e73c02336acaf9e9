"""Taking whole versions out of a store: steps between published ones, and what only they had."""

from __future__ import annotations

from collections.abc import Iterator

from crawler.dataset.manifest import Commit, Shard, Stored
from crawler.dataset.store import Store
from workers.dataset.describing.gathering import forget
from workers.dataset.removed.register import RegisterFolder
from workers.failpoints import failpoint


def objects_of(store: Store, commit: Commit) -> Iterator[Stored]:
    """Every object that a version names, and those that stand in for purged ones; some more than once."""
    yield commit.shards
    yield from commit.tombstones
    yield from commit.descriptions.values()
    for shard in store.shards(commit):
        for stored in files_of(shard):
            yield from (stored, *stand_ins(store, stored))


def files_of(shard: Shard) -> Iterator[Stored]:
    """The objects of a shard."""
    every = (shard.table, shard.tar, shard.index, shard.leaves, shard.salts, shard.mask)
    return (one for one in every if one is not None)


def stand_ins(store: Store, stored: Stored) -> Iterator[Stored]:
    """What stands in for an object, if it was purged, one after the other."""
    now = stored
    while redaction := store.redaction(now.sha256):
        now = redaction.replaced_by
        yield now


def forget_steps(store: Store, register: RegisterFolder) -> list[str]:
    """Remove the commits of cuts and masks that no line and no tag leads to, and what only they had; returns them.

    Killed anywhere, the same call goes on: a manifest goes after everything that it alone names.
    """
    steps = register.steps()
    reached = {one for at in (*store.refs().values(), *store.tags().values()) for one, _ in store.history(at)}
    there = set(store.commits())
    gone = sorted(there & steps - reached)
    if not gone:
        return []
    needed = {
        stored.sha256 for one in sorted(there - set(gone)) for stored in objects_of(store, store.read_commit(one)[1])
    }
    commits = [store.read_commit(one)[1] for one in gone]
    # A list of shards says what the others are, and two steps may have the same one: lists go last, manifests after
    # them. Where a list is gone, so is everything that it named: a run was killed then.
    lists = {commit.shards.sha256 for commit in commits} - needed
    theirs = {
        stored.sha256
        for commit in commits
        if store.objects.has(commit.shards.sha256)
        for stored in objects_of(store, commit)
    }
    forget(store, theirs - needed)  # what was counted of them lies beside a store on this machine
    for sha256 in (*sorted(theirs - needed - lists), *sorted(lists)):
        store.objects.delete(sha256)
    for one in gone:
        failpoint("takedown.step_emptied")
        store.documents.delete(f"commits/{one}.json")
    return gone
