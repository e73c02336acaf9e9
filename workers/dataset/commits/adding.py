"""Which shards the next version of a line has: those that were there, and those of a folder, joined by name."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

import msgspec
import numpy as np

from crawler.dataset.diffs import Uids, sorted_uids
from crawler.dataset.keys import Keys
from crawler.dataset.manifest import Commit, Lineage, Shard, Stored
from crawler.dataset.shard_lists import is_shard_name
from crawler.dataset.store import Store
from crawler.errors import InputError
from workers.dataset.commits.folders import ShardFiles, ShardFolder
from workers.dataset.commits.lineage import lineage_of
from workers.dataset.commits.outcasts import cut_out, rows_left
from workers.dataset.commits.prepared import remember, remembered
from workers.dataset.commits.storing import store_shard
from workers.failpoints import failpoint
from workers.progress import Display, Phase

#: shards that are read at once; hashing and copying let each other's threads run
_AT_ONCE = min(8, os.cpu_count() or 1)

_Made = Callable[[], Shard | None]


@dataclass(frozen=True, slots=True)
class Addition:
    """A folder's shards on top of a version."""

    store: Store
    keys: Keys
    folder: ShardFolder
    parent: Commit | None
    at: str | None  # id of the parent
    prefix: str = ""
    replace: bool = False
    exact: bool = False
    #: ids of rows that this line of versions has removed for good, sorted
    refused: Uids = field(default_factory=lambda: sorted_uids(np.empty((0, 16), np.uint8)))

    @contextmanager
    def shards(self, display: Display | None) -> Iterator[Iterator[Shard]]:
        """The shards of the next version, in order; those of the folder are stored on the way."""
        names = self.folder.names()
        lineage = lineage_of(self.folder.path)
        showing = display.phase("commit", len(names), "shards") if display else nullcontext()
        pool = ThreadPoolExecutor(_AT_ONCE)
        try:
            with showing as phase:
                yield _in_order(pool, self._steps(names, lineage, phase))
        finally:
            pool.shutdown(cancel_futures=True)  # those under way end whole

    def _steps(self, names: list[str], lineage: dict[int, Lineage], phase: Phase | None) -> Iterator[_Made]:
        """What gives each shard of the next version, in order.

        Raises:
            InputError: one of the folder cannot be called so in a version.
        """
        for name in names:
            if not is_shard_name(self.prefix + name):
                raise InputError(
                    f"{self.folder.shards}: a shard cannot be called {self.prefix + name!r}: at most 100 letters, "
                    "digits, dots, dashes and underscores; take another --prefix, or rename its files"
                )
        parents: Iterable[Shard] = () if self.parent is None else self.store.shards(self.parent)
        ours = ((self.prefix + name, name) for name in names)
        for before, there in _joined(parents, ours):
            if there is None:
                if before is not None and not self.exact:
                    yield _given(before)
                continue
            made = lineage.get(int(there)) if there.isdecimal() else None
            yield _step(self, there, before, made, phase)

    def one(self, name: str, before: Shard | None, lineage: Lineage | None) -> Shard | None:
        """The shard in the next version; None where the folder's is not whole and there was none before.

        Raises:
            InputError: the name is taken by another shard.
        """
        files = self.folder.shard(name)
        if files is None:
            return before
        table, tar = files.described()
        if before is not None:
            if (before.table, before.tar) == (table, tar) or self._was_there(before.name, table, tar):
                return before
            if not self.replace and not len(self.refused):
                raise self._taken(files, before)
        made = self._stored(files, table, tar)
        if before is not None and made is not None and (made.table, made.tar) == (before.table, before.tar):
            return before
        if before is not None and not self.replace:
            raise self._taken(files, before)
        return None if made is None else msgspec.structs.replace(made, name=self.prefix + name, lineage=lineage)

    def _taken(self, files: ShardFiles, before: Shard) -> InputError:
        return InputError(
            f"{files.table}: another shard {before.name!r} is in the version: --replace puts this one in its place; a "
            "further run, whose numbers begin at 0 again, needs a --prefix"
        )

    def _stored(self, files: ShardFiles, table: Stored, tar: Stored | None) -> Shard | None:
        """The shard, now in the store, without rows that this line of versions has removed; None if none is left."""
        keep = rows_left(files.table, self.refused) if len(self.refused) else None
        if keep is None and (known := remembered(self.store, self.keys, table, tar)):
            return known
        if keep is not None:
            if not len(keep):
                return None
            with cut_out(files.table, files.tar, files.name, keep) as left:
                return store_shard(self.store, self.keys, files.name, left.table, left.tar)
        for stored in (table, tar):
            if stored is not None and (purged := self.store.redaction(stored.sha256)):
                raise InputError(
                    f"{files.table}: shard {files.name} holds rows that were purged under {purged.takedown}, and they "
                    "stay out: make it again with `--removals`, or remove its marker"
                )
        shard = store_shard(self.store, self.keys, files.name, files.table, files.tar, expect=(table, tar))
        failpoint("dataset.shard_stored")
        remember(self.store, self.keys, shard)
        failpoint("dataset.shard_noted")
        return shard

    def _was_there(self, name: str, table: Stored, tar: Stored | None) -> bool:
        """Whether a version before had this very shard: then what is there now came of it, and it is not new."""
        if self.at is None:
            return False
        for _id, commit in self.store.history(self.at):
            for shard in self.store.shards(commit):
                if shard.name == name and (shard.table, shard.tar) == (table, tar):
                    return True
                if shard.name >= name:
                    break
        return False


def _given(shard: Shard) -> _Made:
    return lambda: shard


def _step(addition: Addition, name: str, before: Shard | None, lineage: Lineage | None, phase: Phase | None) -> _Made:
    def made() -> Shard | None:
        shard = addition.one(name, before, lineage)
        if phase is not None:
            phase.advance(1)
        return shard

    return made


def _joined(shards: Iterable[Shard], names: Iterator[tuple[str, str]]) -> Iterator[tuple[Shard | None, str | None]]:
    """Two ascending rows of names as one: the shard that was there, and the folder's name for it."""
    ahead = next(names, None)
    for shard in shards:
        while ahead is not None and ahead[0] < shard.name:
            yield None, ahead[1]
            ahead = next(names, None)
        if ahead is not None and ahead[0] == shard.name:
            yield shard, ahead[1]
            ahead = next(names, None)
        else:
            yield shard, None
    while ahead is not None:
        yield None, ahead[1]
        ahead = next(names, None)


def _in_order(pool: ThreadPoolExecutor, steps: Iterator[_Made]) -> Iterator[Shard]:
    """What the steps give, in their order; a few of them are under way at a time."""
    waiting: deque[Future[Shard | None]] = deque()
    for step in steps:
        waiting.append(pool.submit(step))
        if len(waiting) > 2 * _AT_ONCE:
            shard = waiting.popleft().result()
            if shard is not None:
                yield shard
    while waiting:
        shard = waiting.popleft().result()
        if shard is not None:
            yield shard
