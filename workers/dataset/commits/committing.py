"""A commit: shards into the store, a list of them, a signed manifest, and the ref that moves to it, in this order.

Killed anywhere, the same command goes on: what is stored is not stored again, and the version has the same root. Until
the ref has moved nobody sees anything.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path

import msgspec

from crawler.dataset.canonical import canonical, digest_of
from crawler.dataset.keys import Keys
from crawler.dataset.manifest import Commit, Shard, Stored
from crawler.dataset.merkle import Growing
from crawler.dataset.store import Store
from crawler.stores import shown
from workers.dataset.commits.adding import Addition
from workers.dataset.commits.folders import ShardFolder, open_folder
from workers.dataset.commits.storing import store_shard
from workers.dataset.commits.tombstones import refused_by
from workers.dataset.removed.removals import noted_in
from workers.failpoints import failpoint
from workers.progress import Display

__all__ = ["ShardList", "Tally", "commit_run", "commit_shards", "store_shard", "version_leaf"]


@dataclass(frozen=True, slots=True)
class ShardList:
    """The shards of a version that is about to be; can be gone through as often as one likes, each time streamed."""

    store: Store
    commit: Commit

    def __iter__(self) -> Iterator[Shard]:
        return self.store.shards(self.commit)


def commit_run(  # noqa: PLR0913 - one for each flag of the verb
    store: Store,
    keys: Keys,
    folder: Path,
    *,
    ref: str = "main",
    message: str = "",
    prefix: str = "",
    replace: bool = False,
    exact: bool = False,
    display: Display | None = None,
) -> str:
    """Commit what is done in a folder; returns the id of the version, which is the one before where nothing changed.

    Args:
        store: where to.
        keys: the publisher's.
        folder: of a run, a campaign or a rebuild, or of img2dataset's shards.
        ref: the line of versions that is gone on with; made where there is none.
        message: what is new.
        prefix: put before the names of the shards, for a further run whose numbers begin at 0 again.
        replace: whether a shard may take the place of another one of its name.
        exact: whether the version has no shards but the folder's; else those that were there stay.
        display: shows progress.

    Raises:
        InputError: nothing is done in the folder, or it has a shard of a name that is taken.
        RefMovedError: somebody else has committed in the meantime; the same call goes on from there.
        DatasetError: a file of the folder, or of the store, is not what it is said to be.
        StoreUnavailableError, OSError: as `Objects.put`.
    """
    found = open_folder(folder)
    store.tidy()
    at = store.ref(ref)
    parent = store.read_commit(at)[1] if at else None
    addition = Addition(store, keys, found, parent, at, prefix=prefix, replace=replace, exact=exact)
    if parent is not None:
        addition = dataclasses.replace(addition, refused=refused_by(store, parent))
    with addition.shards(display) as shards:
        return commit_shards(
            store,
            keys,
            shards,
            parents=[at] if at else [],
            ref=ref,
            at=at,
            message=message,
            recipe=found.pinned.recipe_digest if found.pinned else "",
            inputs=_inputs(found),
            lists=(*(parent.lists if parent and not exact else ()), *_lists(found)),
        )


def commit_shards(  # noqa: PLR0913 - the fields of a manifest
    store: Store,
    keys: Keys,
    shards: Iterable[Shard],
    *,
    parents: Sequence[str],
    ref: str | None,
    at: str | None,
    message: str,
    recipe: str = "",
    inputs: Sequence[str] = (),
    lists: Sequence[str] = (),
    tombstones: Sequence[Stored] = (),
    note: Callable[[str], None] = lambda _made: None,
) -> str:
    """Commit shards that are in the store; returns the id of the version.

    Where there is one parent, and it has the same root and carries the same sets of removals, that is the parent's.

    Args:
        store: where they are.
        keys: the publisher's.
        shards: by name, ascending; gone through once.
        parents: ids of the versions that this one came from.
        ref: the line of versions that is moved; None for none.
        at: where `ref` was when the work began; None where there was none. Where it is no longer, nothing is moved.
        message: what is new.
        recipe: digest of the recipe, or "".
        inputs: what the rows were made of.
        lists: removal lists that were in force, as name and date, never their content.
        tombstones: sets of removed rows that are new; those of the parents are carried on by themselves.
        note: told the id of a new version before anybody can read it.

    Raises:
        RefMovedError: somebody else has moved the ref.
        ValueError: names of shards do not ascend.
        StoreUnavailableError, OSError: as `Objects.put`.
    """
    before = [store.read_commit(one)[1] for one in parents]
    tally = Tally()
    listed = store.write_shards(tally.counted(shards))
    failpoint("dataset.list_stored")
    carried = tuple(dict.fromkeys((*(one for commit in before for one in commit.tombstones), *tombstones)))
    if len(before) == 1 and before[0].root == tally.root and before[0].tombstones == carried:
        return parents[0]
    commit = Commit(
        dataset=store.about.name,
        parents=tuple(parents),
        message=message,
        author=keys.author,
        created=int(time.time()),
        root=tally.root,
        shards=listed,
        rows=tally.rows,
        samples=tally.samples,
        bytes=tally.bytes,
        recipe=recipe,
        code=f"pairtrawl {installed_version('pairtrawl')}",
        inputs=tuple(inputs),
        lists=tuple(dict.fromkeys(lists)),
        tombstones=carried,
    )
    described = msgspec.structs.replace(commit, descriptions=_described(store, commit))
    failpoint("dataset.described")
    note(digest_of(described))
    made = store.write_commit(described, keys)
    failpoint("dataset.commit_written")
    if ref is not None:
        store.move_ref(ref, at, made)
        failpoint("dataset.ref_moved")
    return made


def version_leaf(shard: Shard) -> bytes:
    """What stands for a shard in the tree of a version: everything that decides what a reader gets of it."""
    return canonical({
        "name": shard.name,
        "root": shard.root,
        "mask": shard.mask.sha256 if shard.mask else "",
        "table": shard.table.sha256,
        "tar": shard.tar.sha256 if shard.tar else "",
    })  # fmt: skip


class Tally:
    """Root and sums of a version, made while its shards go by."""

    def __init__(self) -> None:
        self.rows = self.samples = self.bytes = 0
        self._tree = Growing()

    def counted(self, shards: Iterable[Shard]) -> Iterator[Shard]:
        """The same shards, counted."""
        for shard in shards:
            self.rows += shard.rows - shard.masked
            self.samples += shard.samples - shard.masked_samples
            self.bytes += shard.table.bytes + (shard.tar.bytes if shard.tar else 0)
            self._tree.add(version_leaf(shard))
            yield shard

    @property
    def root(self) -> str:
        """Of the version, over those that went by."""
        return self._tree.root().hex()


def _described(store: Store, commit: Commit) -> dict[str, Stored]:
    from workers.dataset.describing.describing import describe  # noqa: PLC0415 - statistics need duckdb

    return describe(store, commit, ShardList(store, commit))


def _inputs(found: ShardFolder) -> list[str]:
    """What the rows were made of, as others may read it: no passwords, and no folders of this machine."""
    if found.pinned is None:
        return []
    return [shown(address) if "://" in address else Path(address).name for address, _kind in found.pinned.sources]


def _lists(found: ShardFolder) -> list[str]:
    """The removal lists that the recipe's filters read: name, and the day on which the file was last changed.

    And the registers of takedowns that were in force.
    """
    if found.pinned is None:
        return []
    recipe = found.pinned.recipe
    told = []
    for choice in recipe.filters:
        named = choice.settings.get("path", ()) if choice.use.endswith("removal") else ()
        for name in [named] if isinstance(named, str) else list(named):
            path = Path(recipe.folder) / name
            day = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).date() if path.is_file() else "an unknown day"
            told.append(f"{path.name} of {day}")
    return [*told, *noted_in(found.path)]
