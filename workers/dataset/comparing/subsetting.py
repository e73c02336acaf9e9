"""A version that is a part of another one: its shards are those of the other, cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from crawler.dataset.keys import Keys
from crawler.dataset.manifest import Shard
from crawler.dataset.store import Store
from crawler.errors import InputError
from workers.dataset.commits.committing import commit_shards
from workers.dataset.commits.cutting_shards import cut_version_shard
from workers.dataset.comparing.choosing import Choice
from workers.progress import Display


def subset(
    store: Store,
    keys: Keys,
    version: str,
    choice: Choice,
    *,
    ref: str,
    scratch: Path,
    message: str = "",
    display: Display | None = None,
) -> str:
    """Commit the rows of a version that are chosen; returns the id of the new one, whose parent is the other.

    Shards keep their names and their order; one of which no row is chosen is not in the new version. The proof that it
    is a part of the other is `workers.dataset.comparing.proving_subset`.

    Args:
        store: where the version lies, and the new one will.
        keys: the publisher's.
        version: a ref, tag or id.
        choice: which rows.
        ref: the line of versions that the new one begins, or that it goes on with where it came from this version.
        scratch: a folder of this machine for shards until they are stored.
        message: what is new.
        display: shows progress.

    Raises:
        InputError: no row is chosen, or the ref is of versions that are no part of this one.
        SettingsError: the choice does not fit the columns.
        RefMovedError: somebody else has moved the ref.
        DatasetError, StoreUnavailableError, OSError: as `cut_version_shard`.
    """
    whole, commit = store.read_commit(version)
    at = store.ref(ref)
    parents = _parents(store, whole, at, ref)

    def cut() -> Iterator[Shard]:
        with display.phase("subset", None, "shards") if display else nullcontext() as phase:
            for shard in store.shards(commit):
                left = cut_version_shard(store, keys, shard, choice.of(store, shard), scratch)
                if phase is not None:
                    phase.advance(1)
                if left is not None:
                    yield left

    shards = _some(cut(), version)
    return commit_shards(store, keys, shards, parents=parents, ref=ref, at=at, message=message)


def _parents(store: Store, whole: str, at: str | None, ref: str) -> list[str]:
    """What the subset comes from; raises InputError where the line is one of other versions."""
    if at is None or at == whole:
        return [whole]
    before = store.read_commit(at)[1].parents
    if whole in before:  # the same subset once more, or another one of the same version
        return [at]
    if not {one for one, _ in store.history(whole)} & set(before):
        raise InputError(f"{ref}: is a line of other versions than {whole[:12]}; name another one for the subset")
    return [whole, at]


def _some(shards: Iterator[Shard], version: str) -> Iterator[Shard]:
    """Raises InputError where there is none: an empty data set is a mistake."""
    found = False
    for shard in shards:
        found = True
        yield shard
    if not found:
        raise InputError(f"{version}: no row of it is chosen; no version was made")
