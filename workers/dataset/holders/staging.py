"""New files of a copy's shards: made and verified in a folder of their own, then put in place of the old ones."""

from __future__ import annotations

import shutil
from pathlib import Path

from crawler.commit import flush, remove, write_atomically
from crawler.dataset.cutting import Cut, Positions, ShardFiles, cut_shard
from crawler.dataset.cutting_vectors import cut_vectors, vector_files
from crawler.dataset.diffs import FilesOf, ShardChange, writer_of_tables
from crawler.dataset.objects import hashed
from crawler.dataset.store import Store
from crawler.errors import DatasetError, InputError
from crawler.thumbnails import thumbnails_path
from workers.dataset.describing.hub_layout import folder_of
from workers.dataset.holders.local_copy import STATS, LocalCopy, LocalShard
from workers.dataset.holders.receipts import How, Step
from workers.dataset.holders.shard_stats import read_stats, stats_of
from workers.export.spans import spans_of
from workers.failpoints import failpoint


class Staging:
    """The staging folder of a copy. A shard's new files lie below it as they will lie below the copy."""

    def __init__(self, copy: Path, folder: Path, store: Store | None, version: str) -> None:
        """`folder` is the copy's own; what is not cut comes from `store`; `version` is what the copy becomes."""
        self._copy = copy
        self._version = version
        self._folder = folder / "new"
        self._store = store

    def cut(
        self, shard: LocalShard, keep: Positions, change: ShardChange | None, *, published: bool, other_writer: bool
    ) -> Step:
        """Make the files of a shard without some of its rows, and verify them where the publisher signed what they are.

        Args:
            shard: of the copy.
            keep: positions of the rows that stay.
            change: what the diff says of a shard of this name.
            published: whether it is the publisher's, as it was before.
            other_writer: whether the table may have other bytes than the publisher's.

        Raises:
            InputError: the shard cannot be read.
            DatasetError: what came out is not what the publisher signed.
            OSError: the disk is full.
        """
        self._clear()
        before = _files(shard.table, shard.tar)
        old = [shard.stats, shard.tar, shard.table, *vector_files(shard.folder, shard.name), *_thumbnails(shard.table)]
        gone = tuple(self._relative(path) for path in old if path is not None)
        if not len(keep) or (published and change is not None and change.after is None):
            if published and change is not None and change.after is not None:
                raise DatasetError(f"{shard.table}: no row would be left of it, which is not what the publisher signed")
            return Step(shard.name, "removed", before, None, gone=gone)
        target = ShardFiles(self._staged(shard.table), None if shard.tar is None else self._staged(shard.tar))
        done, kept_keys = self._cut(shard, target, keep, published=published)
        cut = cut_vectors(shard.folder, shard.name, self._staged(shard.folder), done.keys)
        vectors = [shard.folder / path for path in cut]
        after = _files(target.table, target.tar)
        how: How = "cut" if change is not None and after == change.after else "own"
        if published and change is not None:
            how = self._verified(shard, before, after, change, other_writer)
        paths = [*vectors, *([shard.tar] if shard.tar else []), shard.table]
        if shard.stats is not None:
            files = {path.relative_to(shard.folder).as_posix(): self._staged(path) for path in paths}
            write_atomically(
                self._staged(shard.stats), stats_of(target.table, files, read_stats(shard.stats), self._version)
            )
            paths.append(shard.stats)
        made = tuple(self._relative(path) for path in paths)
        self._flush(made)
        return Step(shard.name, how, before, after, made, tuple(one for one in gone if one not in made), kept_keys)

    def fetch(self, change: ShardChange, copy: LocalCopy) -> Step:
        """Copy the files of a shard out of the publisher's store, verified.

        Raises:
            DatasetError: the store does not have them, or has others.
            StoreUnavailableError, OSError: as `Objects.open_local`; the disk is full.
        """
        assert self._store is not None
        assert change.after is not None
        self._clear()
        stem = copy.place_for(f"{folder_of(change.name)}/{change.name}")
        wanted = {".tar": change.after.tar, ".parquet": change.after.table}
        paths = []
        for ending, stored in wanted.items():
            if stored is None:
                continue
            path = stem.with_name(stem.name + ending)
            self._store.objects.copy(stored, self._staged(path))
            paths.append(path)
        stats = stem.with_name(f"{change.name}{STATS}")
        if stats.exists() or next(stem.parent.glob(f"*{STATS}"), None) is not None:
            files = {path.name: self._staged(path) for path in paths}
            write_atomically(self._staged(stats), stats_of(self._staged(paths[-1]), files, {}, self._version))
            paths.append(stats)
        made = tuple(self._relative(path) for path in paths)
        gone = tuple(self._relative(path) for path in _thumbnails(stem.with_suffix(".parquet")))
        self._flush(made)
        return Step(change.name, "fetched", change.before, change.after, made, gone)

    def land(self, step: Step) -> None:
        """Put new files in place of old ones; done a second time it does what is left to do.

        Raises:
            OSError: a file cannot be moved.
        """
        marks = [path for path in (*step.files, *step.gone) if path.endswith(STATS)]
        waiting = [path for path in step.files if (self._folder / path).exists()]
        if waiting or step.gone:
            for mark in marks:
                if mark in waiting or mark in step.gone:
                    remove(self._copy / mark)  # no reader may take old and new files for one shard
        for path in waiting:
            target = self._copy / path
            target.parent.mkdir(parents=True, exist_ok=True)
            (self._folder / path).replace(target)
            failpoint("apply.placing")
        for folder in {(self._copy / path).parent for path in waiting}:
            flush(folder)
        for path in step.gone:
            remove(self._copy / path)

    def _cut(self, shard: LocalShard, target: ShardFiles, keep: Positions, *, published: bool) -> tuple[Cut, bool]:
        """What is left, and whether keys were kept because they cannot be numbered anew."""
        source = ShardFiles(shard.table, shard.tar)
        spans = None if shard.tar is None else spans_of(shard.tar)
        try:
            return cut_shard(source, target, shard.name, keep, spans), False
        except InputError:
            if published:
                raise
            self._clear()
            target = ShardFiles(self._staged(shard.table), None if shard.tar is None else self._staged(shard.tar))
            return cut_shard(source, target, shard.name, keep, spans, renumber=False), True

    def _verified(
        self, shard: LocalShard, before: FilesOf, after: FilesOf, change: ShardChange, other_writer: bool
    ) -> How:
        if after == change.after:
            return "cut"
        if before != change.before:
            raise DatasetError(f"{shard.tar}: has other bytes than in the version before; get the shard again")
        wanted = change.after
        if wanted is not None and (after.rows, after.tar) == (wanted.rows, wanted.tar):
            if other_writer:
                return "rows"
            raise DatasetError(
                f"{shard.table}: came out with the right number of rows, but other bytes: {writer_of_tables()} wrote "
                "it here. Install what the publisher used, or take --other-writer, and its digest will be its own"
            )
        raise DatasetError(f"{shard.table}: what is left of it is not what the publisher signed; it is as it was")

    def _staged(self, path: Path) -> Path:
        staged = self._folder / self._relative(path)
        staged.parent.mkdir(parents=True, exist_ok=True)
        return staged

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._copy).as_posix()

    def _flush(self, made: tuple[str, ...]) -> None:
        """Onto the disk, before the journal says that they are there."""
        for path in made:
            flush(self._folder / path)
        for folder in {(self._folder / path).parent for path in made}:
            flush(folder)

    def _clear(self) -> None:
        """What was staged and not noted is made again."""
        if self._folder.exists():
            shutil.rmtree(self._folder)
        self._folder.mkdir(parents=True)


def _thumbnails(table: Path) -> list[Path]:
    """Those of a shard that is changed: all of them go, for they may show a row that does."""
    small = thumbnails_path(table.parent, table.stem)
    return [small] if small.exists() else []


def _files(table: Path, tar: Path | None) -> FilesOf:
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    rows = int(pq.read_metadata(table).num_rows)
    return FilesOf(rows, hashed(table), None if tar is None else hashed(tar))
