"""A shard: NNNNN.tar, NNNNN.parquet and, as the mark that both are whole, NNNNN_stats.json; vectors where asked for.

Files are written in the order of their keys, with nothing in the tar that depends on the day. Until the job ends, its
pictures and rows wait in a spool.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec

from crawler.assembling import Parts, assemble
from crawler.columns import CARRIED, Shown, columns_of_rebuild, columns_with
from crawler.commit import atomic_path, remove, write_atomically
from crawler.containers import has_table, open_container
from crawler.embeddings import Embeddings
from crawler.outcome import Outcome
from crawler.picture.encode import extension_of
from crawler.records import Embedded, Fault, Sample
from crawler.rows import Pictured, Row, kept_row, turned_row
from crawler.settings import Output
from crawler.shard_files import is_committed, key_of, read_stats, shard_name, shard_paths
from crawler.showing import Showing
from crawler.spool import Spool
from crawler.statuses import FILTERED, NOT_DOWNLOADED, NOT_RESIZED, SUCCESS
from crawler.thumbnails import Thumbnails, thumbnails_file, thumbnails_path, write_thumbnails

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Listed", "ShardWriter", "is_committed", "key_of", "pictured", "read_stats", "shard_name", "shard_paths"]

_NO_VECTORS: Mapping[str, Embedded] = MappingProxyType({})


class Listed(NamedTuple):
    """What a rebuild writes beside its rows: the columns of the list, one row for each row of the job, in order."""

    table: pa.Table
    shown: Shown


class ShardWriter:
    """Takes the rows of one job in any order and commits them as one shard, or leaves nothing.

    `rows` is what a full shard of the plan holds (the keys depend on it), not what this one does. `columns` are the
    score columns of the recipe's filters, in its order: name and "float" or "string". `scratch` is a folder, maybe on
    another disk, where everything lies until it is whole. `listed` is for rebuilds. `thumbnails` are told what is kept,
    and written where the recipe asks for them. A context manager: what was not committed when the block ends is gone.
    Not for use by two threads at once.
    """

    def __init__(
        self,
        folder: Path,
        number: int,
        rows: int,
        settings: Output,
        columns: Sequence[tuple[str, str]],
        *,
        scratch: Path | None = None,
        listed: Listed | None = None,
        thumbnails: Thumbnails | None = None,
    ) -> None:
        self._folder = folder
        self._listed = listed
        self._thumbnails = thumbnails or Thumbnails(Showing())
        self._paths = shard_paths(folder, number, settings)
        self._number = number
        self._rows = rows
        self._settings = settings
        usual = columns_with(columns)
        self._names = frozenset(name for name, _ in usual) | ({"outcome", "sha512"} if listed else frozenset())
        self._parts = Parts(usual, settings)
        if listed:
            shown = columns_of_rebuild(columns, listed.table.column_names, listed.shown)
            carried = listed.table.select([name for name, kind in shown if kind == CARRIED])
            self._parts = Parts(shown, settings, carried)
        self._scratch = scratch or folder
        self._embeddings = Embeddings(folder, shard_name(number, settings), columns, through=self._scratch)
        self._started = time.time()
        self._encoder = msgspec.json.Encoder()
        self._spool = Spool(self._scratch / self._paths.tar.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()
        self._embeddings.close()

    @property
    def names(self) -> frozenset[str]:
        """The columns that a row may have."""
        return self._names

    def keep(self, index: int, pictured: Pictured, embedded: Mapping[str, Embedded] = _NO_VECTORS) -> None:
        """Take a row that has a picture; `index` is its position in the job's input.

        `embedded` is what engines, by name, made of it; it is written if the recipe keeps embeddings.

        Raises:
            ValueError: the index was given before or is outside of the shard, or a score has no column.
            OSError: the disk is full.
        """
        self._add(index, pictured)
        if self._settings.keep_embeddings:
            self._embeddings.add(index, embedded)

    def reject(self, index: int, row: Row) -> None:
        """Take the row of a candidate that did not become a sample.

        Raises:
            ValueError: as `keep`.
            OSError: the disk is full.
        """
        self._add(index, Pictured(row, b"", ""))

    def withhold(self, index: int) -> None:
        """Take note of a candidate of which nothing is written, not even to the spool: see `crawler.job.screening`.

        Raises:
            ValueError: as `keep`.
        """
        self._key(index)
        self._spool.withhold(index)

    def take_back(self, index: int, fault: Fault, earlier: Row | None = None) -> int:
        """Reject a sample that was taken by `keep`, for something that shows only in the job as a whole.

        `earlier` is written instead of the row, where the base of a job has it. Returns how many bytes the picture had
        in the tar.

        Raises:
            KeyError: no sample of this index was kept.
            OSError: the disk is full.
        """
        row, image_bytes = self._spool.take_out(index)
        self.reject(index, turned_row(row, fault) if earlier is None else earlier)
        self._embeddings.discard(index)
        return image_bytes

    def commit(self, stats: Mapping[str, object], late: Callable[[], Mapping[str, object]] = dict) -> None:
        """Write tar, table, vectors and stats, in that order, each whole or not at all; then the shard exists.

        `stats` are added to img2dataset's keys in NNNNN_stats.json, and what `late` gives, which is asked when all but
        that file is written.

        Raises:
            ValueError: `stats` holds a key that the writer counts itself.
            OSError: the disk is full; nothing is committed, and the rows are still here for another try.
        """
        counted = self._counted()
        _refuse_twice(counted, stats)
        name = shard_name(self._number, self._settings)
        shown = thumbnails_path(self._folder, name)
        files: dict[str, object] = {}
        with (  # the inner ones land first
            thumbnails_file(shown, self._settings, through=self._scratch) as small,
            self._embeddings.writing() as vectors,
            self._table() as table,
            open_container(self._folder, name, self._settings, through=self._scratch) as container,
        ):
            assemble(self._spool, self._parts, container, table, vectors, self._thumbnails.consider)
            if small:
                write_thumbnails(small, self._thumbnails.finished(self._spool.read), self._key)
            if table:
                files[self._paths.table.name] = _described(table)
            # A shard that is made again must not be vouched for by the mark of its predecessor while its files change.
            if self._paths.stats.exists():
                remove(self._paths.stats)
        files = {**container.described(), **files}
        self._embeddings.remove_others()
        folder = self._paths.stats.parent
        others = [*self._embeddings.paths(), *([shown] if self._settings.thumbnails else [])]
        files |= {path.relative_to(folder).as_posix(): _described(path) for path in others}
        content = self._encoder.encode({**counted, **stats, **late(), "files": files})
        write_atomically(self._paths.stats, msgspec.json.format(content, indent=4) + b"\n")

    def _key(self, index: int) -> str:
        return key_of(self._number, index, self._rows, self._settings)

    def _add(self, index: int, pictured: Pictured) -> None:
        row = {"key": self._key(index), **pictured.row}
        if not row.keys() <= self._names:
            raise ValueError(f"score {', '.join(sorted(row.keys() - self._names))} has no column")
        self._spool.add(index, Pictured(row, pictured.image, pictured.extension))

    def _counted(self) -> dict[str, object]:
        """img2dataset's statistics, how many rows a filter turned down, and of how many nothing is told."""
        ended = time.time()
        statuses = self._spool.statuses
        counted = {
            "count": len(self._spool),
            "successes": statuses.get(SUCCESS, 0),
            "failed_to_download": statuses.get(NOT_DOWNLOADED, 0),
            "failed_to_resize": statuses.get(NOT_RESIZED, 0),
            "duration": ended - self._started,
            "start_time": self._started,
            "end_time": ended,
            "status_dict": self._spool.messages,
            "filtered": statuses.get(FILTERED, 0),
            "withheld": len(self._spool.withheld),
        }
        if self._listed is not None:
            counted["outcomes"] = self._outcomes()
        return counted

    def _outcomes(self) -> dict[str, int]:
        """How many rows ended how; those of which nothing is told were blocked."""
        counts = {outcome.value: self._spool.outcomes.get(outcome.value, 0) for outcome in Outcome}
        counts[Outcome.BLOCKED.value] += len(self._spool.withheld)
        return counts

    @contextmanager
    def _table(self) -> Iterator[Path | None]:
        """Where the table is written, if there is one."""
        if not has_table(self._settings):
            yield None
            return
        with atomic_path(self._paths.table, through=self._scratch) as path:
            yield path


def pictured(sample: Sample, settings: Output) -> Pictured:
    """A sample as it is written."""
    return Pictured(kept_row(sample), sample.image, extension_of(sample.header, settings))


def _refuse_twice(counted: Mapping[str, object], stats: Mapping[str, object]) -> None:
    if twice := sorted(counted.keys() & stats.keys()):
        raise ValueError(f"{', '.join(twice)}: counted by the writer itself")


def _described(path: Path) -> dict[str, object]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
