"""A published diff, applied to a holder's own copy: shards are cut where they lie, and nothing is downloaded.

New files are made in a staging folder and compared with what the publisher signed; only then do they take the place of
the old ones, shard by shard, the mark of a shard (`NNNNN_stats.json`) going first and coming back last. Killed
anywhere, the same call goes on.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from crawler.commit import sweep
from crawler.dataset.cutting import Positions
from crawler.dataset.diffs import FilesOf, OpenDiff, ShardChange, writer_of_tables
from crawler.dataset.keys import Keys
from crawler.dataset.objects import hashed
from crawler.dataset.store import Store
from crawler.errors import InputError
from workers.dataset.holders.local_copy import DESCRIBED, RUNS, LocalCopy, LocalShard, named_rows
from workers.dataset.holders.receipts import Journal, Receipt, SignedReceipt, Step, write_receipt
from workers.dataset.holders.staging import Staging
from workers.failpoints import failpoint
from workers.hold import hold
from workers.progress import Display

FOLDER = ".pairtrawl-apply"


@dataclass(frozen=True, slots=True)
class Asked:
    """How a diff is applied."""

    copy: Path
    receipt: Path
    #: where files come from that cannot be cut out of old ones; None: they are told as to be fetched
    store: Store | None = None
    #: whether tables may have other bytes than the publisher's, for they are written by another version of pyarrow
    other_writer: bool = False


class _Look(NamedTuple):
    """What a shard of the copy is."""

    is_published: bool  # whether it is the publisher's, as it was before
    keep: Positions | None  # positions that stay; None where nothing has to be done


def apply_diff(diff: OpenDiff, asked: Asked, keys: Keys, *, display: Display | None = None) -> SignedReceipt:
    """Bring a copy to the later version, and write a receipt of it, signed by the holder.

    Shards of the publisher's become, byte for byte, those of the later version. Shards of somebody else's (such as
    img2dataset's of the same list) lose the rows of the removed ids, and their digests are their own.

    Args:
        diff: whose author the holder knows.
        asked: the copy, and how.
        keys: the holder's own.
        display: shows progress.

    Raises:
        InputError: the folder is no copy, another command or diff is at work on it, or a shard cannot be read.
        DatasetError: a shard that was cut is not what the publisher signed; it is as it was before.
        StoreUnavailableError, OSError: as `Objects.open_local`; the disk is full.
    """
    copy = LocalCopy(asked.copy)
    copy.shards()  # before anything is written into a folder that may be no copy
    with _alone(asked.copy) as folder:
        journal = Journal(folder / "journal.jsonl", diff.id, int(time.time()))
        work = _Applying(diff, asked, copy, Staging(asked.copy, folder, asked.store, diff.diff.to_version), journal)
        with display.phase("apply", None, "shards") if display else nullcontext() as phase:
            for _ in work.steps():
                if phase is not None:
                    phase.advance(1)
        told_anew = _describe(copy, asked.store, diff.diff.to_version)
        receipt = work.receipt(told_anew)
        signed = write_receipt(asked.receipt, receipt, keys)
        if not receipt.to_fetch:  # else the journal waits for the call that can fetch
            shutil.rmtree(folder)
    return signed


@contextmanager
def _alone(copy: Path) -> Iterator[Path]:
    folder = copy / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    with hold(folder / "lock", shared=False) as ours:
        if not ours:
            raise InputError(f"{copy}: another command is applying a diff to it")
        sweep(folder)
        yield folder


class _Applying:
    """One pass over a copy. What earlier calls have done is in the journal."""

    def __init__(self, diff: OpenDiff, asked: Asked, copy: LocalCopy, staging: Staging, journal: Journal) -> None:
        self._diff = diff
        self._asked = asked
        self._copy = copy
        self._staging = staging
        self._journal = journal
        self._rows = 0
        self._untouched = 0
        self._lacking: list[str] = []
        self._missing: list[str] = []
        self._unfinished: list[str] = []

    def steps(self) -> Iterator[str]:
        """Do what there is to do, shard by shard; gives the name of each shard that was looked at."""
        for name in sorted(self._journal.steps.keys() - self._journal.done):
            self._finish(self._journal.steps[name])
        changes = {one.name: one for one in self._diff.shards}
        done = set(self._journal.done)
        for shard in self._copy.shards():
            change = changes.pop(shard.name, None)
            if shard.name not in done:
                self._one(shard, change)
            yield shard.name
        for name, change in changes.items():
            if name not in done:
                self._absent(change)
            yield name

    def _one(self, shard: LocalShard, change: ShardChange | None) -> None:
        try:
            look = self._look(shard, change)
        except InputError:
            if shard.stats is not None:
                raise
            self._unfinished.append(shard.name)  # without its mark it is no shard, and no reader takes it for one
            return
        if look.keep is None:
            self._untouched += 1
            self._rows += _row_count(shard)
            return
        if look.is_published and change is not None and not change.is_cut and change.after is not None:
            self._fetch(change)
            return
        step = self._staging.cut(
            shard, look.keep, change, published=look.is_published, other_writer=self._asked.other_writer
        )
        if step.how == "own" and step.before is not None and len(look.keep) == step.before.rows:
            self._untouched += 1  # no row had to go, and numbering it anew does not make it the publisher's
            self._rows += step.before.rows
            return
        self._land(step)

    def _look(self, shard: LocalShard, change: ShardChange | None) -> _Look:
        if change is not None and _is(shard, change.after):
            return _Look(is_published=True, keep=None)
        named, rows = named_rows(shard.table, self._diff.removed)
        keep = np.flatnonzero(~named)
        is_published = change is not None and _is(shard, change.before)
        if not is_published and len(keep) == rows and not _may_become(change, rows):
            return _Look(is_published=False, keep=None)
        return _Look(is_published, keep)

    def _absent(self, change: ShardChange) -> None:
        """A shard of the diff that the copy does not have: it is new, or the copy is a part of the version."""
        if change.before is None and change.after is not None:
            self._fetch(change)
        elif change.after is not None:
            self._missing.append(change.name)

    def _fetch(self, change: ShardChange) -> None:
        if self._asked.store is None:
            self._lacking.append(change.name)
            return
        self._land(self._staging.fetch(change, self._copy))

    def _land(self, step: Step) -> None:
        failpoint("apply.staged")
        self._journal.staged(step)
        failpoint("apply.noted")
        self._finish(step)

    def _finish(self, step: Step) -> None:
        self._staging.land(step)
        failpoint("apply.landed")
        self._journal.finished(step.name)

    def receipt(self, told_anew: bool) -> Receipt:
        """Of all calls together; `told_anew` is whether the copy has the descriptions of the later version."""
        diff, steps = self._diff.diff, [self._journal.steps[name] for name in sorted(self._journal.steps)]
        left = [*self._copy.named(RUNS), *([] if told_anew else self._copy.named(DESCRIBED))]
        return Receipt(
            diff=self._diff.id,
            dataset=diff.dataset,
            from_version=diff.from_version,
            to_version=diff.to_version,
            publisher=self._diff.author,
            began=self._journal.began,
            ended=int(time.time()),
            complete=not (self._lacking or self._unfinished),
            rows_before=self._rows + sum(step.before.rows for step in steps if step.before),
            rows_after=self._rows + sum(step.after.rows for step in steps if step.after),
            shards=tuple(steps),
            untouched=self._untouched,
            missing=tuple(self._missing),
            to_fetch=tuple(self._lacking),
            unfinished=tuple(self._unfinished),
            left=tuple(left),
            writer=writer_of_tables(),
        )


def _describe(copy: LocalCopy, store: Store | None, version: str) -> bool:
    """Put the later version's descriptions in place of those that a checkout has; whether there was a store to ask."""
    if store is None:
        return False
    _, commit = store.read_commit(version)
    for name, stored in commit.descriptions.items():
        path = copy.path / name
        if path.is_file() and path.resolve().is_relative_to(copy.path.resolve()):
            store.objects.copy(stored, path)
    return True


def _may_become(change: ShardChange | None, rows: int) -> bool:
    """Whether a shard could be the later version's but for its keys: a checkout has left out masked rows already."""
    return change is not None and change.is_cut and change.after is not None and change.after.rows == rows


def _row_count(shard: LocalShard) -> int:
    """How many rows the table of a shard has, by its footer."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    return int(pq.read_metadata(shard.table).num_rows)


def _is(shard: LocalShard, files: FilesOf | None) -> bool:
    """Whether these are the files of a shard; a tar is told by its size alone, for what is made of it is compared."""
    if files is None or shard.table.stat().st_size != files.table.bytes or (shard.tar is None) != (files.tar is None):
        return False
    if shard.tar is not None and files.tar is not None and shard.tar.stat().st_size != files.tar.bytes:
        return False
    return hashed(shard.table) == files.table
