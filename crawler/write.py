"""A shard: NNNNN.tar, NNNNN.parquet and, as the mark that both are whole, NNNNN_stats.json; vectors where asked for.

Files are written in the order of their keys, with nothing in the tar that depends on the day. Until the job ends, its
pictures and rows wait in a spool.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, Self

import msgspec

from crawler.commit import atomic_path, remove, write_atomically
from crawler.embeddings import Embeddings, EngineFiles
from crawler.errors import RunFolderError
from crawler.picture.encode import extension_of
from crawler.records import Embedded, Fault, Sample
from crawler.rows import (
    Pictured,
    Row,
    arrow_schema,
    columns_with,
    kept_row,
    tar_json,
    turned_row,
)
from crawler.settings import Output
from crawler.spool import Spool
from crawler.statuses import FILTERED, NOT_DOWNLOADED, NOT_RESIZED, SUCCESS
from crawler.tar import TarFile

__all__ = ["ShardWriter", "is_committed", "key_of", "pictured", "read_stats", "shard_name", "shard_paths"]

#: rows decoded at a time while a shard is assembled, and rows of a parquet row group; img2dataset's groups of 100 rows
#: make a file of 3,000 rows 30 round trips long
_ROWS_AT_ONCE = 10_000
_NO_VECTORS: Mapping[str, Embedded] = MappingProxyType({})


class ShardPaths(NamedTuple):
    """The three files of a shard, in the order in which they are committed."""

    tar: Path
    table: Path
    stats: Path


def shard_name(number: int, settings: Output) -> str:
    """What the files of shard `number` are called, without their endings."""
    return f"{number:0{settings.shard_digits}d}"


def shard_paths(folder: Path, number: int, settings: Output) -> ShardPaths:
    """The files of shard `number`."""
    name = shard_name(number, settings)
    return ShardPaths(folder / f"{name}.tar", folder / f"{name}.parquet", folder / f"{name}_stats.json")


def key_of(number: int, index: int, rows: int, settings: Output) -> str:
    """img2dataset's key of a row: digits of the shard, then digits of the row, `rows` being the most a shard may have.

    Raises:
        ValueError: the index is outside of the shard.
    """
    if not 0 <= index < rows:
        raise ValueError(f"row {index} is outside of a shard of {rows} rows")
    digits = len(str(rows - 1)) if rows > 1 else 0  # ceil(log10(rows)), without rounding
    return f"{10**digits * number + index:0{digits + settings.shard_digits}d}"


class ShardWriter:
    """Takes the rows of one job in any order and commits them as one shard, or leaves nothing.

    `rows` is what a full shard of the plan holds (the keys depend on it), not what this one does. `columns` are the
    score columns of the recipe's filters, in its order: name and "float" or "string". `scratch` is a folder, maybe on
    another disk, where everything lies until it is whole. A context manager: what was not committed when the block ends
    is gone. Not for use by two threads at once.
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
    ) -> None:
        self._paths = shard_paths(folder, number, settings)
        self._number = number
        self._rows = rows
        self._settings = settings
        self._columns = columns_with(columns)
        self._names = frozenset(name for name, _ in self._columns)
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

    def take_back(self, index: int, fault: Fault) -> int:
        """Reject a sample that was taken by `keep`, for something that shows only in the job as a whole.

        Returns how many bytes the picture had in the tar.

        Raises:
            KeyError: no sample of this index was kept.
            OSError: the disk is full.
        """
        row, image_bytes = self._spool.take_out(index)
        self.reject(index, turned_row(row, fault))
        self._embeddings.discard(index)
        return image_bytes

    def commit(self, stats: Mapping[str, object]) -> None:
        """Write tar, table, vectors and stats, in that order, each whole or not at all; then the shard exists.

        `stats` are added to img2dataset's keys in NNNNN_stats.json.

        Raises:
            ValueError: `stats` holds a key that the writer counts itself.
            OSError: the disk is full; nothing is committed, and the rows are still here for another try.
        """
        counted = self._counted()
        twice = sorted(counted.keys() & stats.keys())
        if twice:
            raise ValueError(f"{', '.join(twice)}: counted by the writer itself")
        with (  # the inner ones land first
            self._embeddings.writing() as vectors,
            atomic_path(self._paths.table, through=self._scratch) as table,
            atomic_path(self._paths.tar, through=self._scratch) as tar,
        ):
            files = {
                self._paths.tar.name: self._assemble(tar, table, vectors),
                self._paths.table.name: _described(table),
            }
            # A shard that is made again must not be vouched for by the mark of its predecessor while its files change.
            if self._paths.stats.exists():
                remove(self._paths.stats)
        self._embeddings.remove_others()
        folder = self._paths.stats.parent
        files |= {path.relative_to(folder).as_posix(): _described(path) for path in self._embeddings.paths()}
        content = self._encoder.encode({**counted, **stats, "files": files})
        write_atomically(self._paths.stats, msgspec.json.format(content, indent=4) + b"\n")

    def _key(self, index: int) -> str:
        return key_of(self._number, index, self._rows, self._settings)

    def _add(self, index: int, pictured: Pictured) -> None:
        row = {"key": self._key(index), **pictured.row}
        if stray := sorted(row.keys() - self._names):
            raise ValueError(f"score {', '.join(stray)} has no column")
        self._spool.add(index, pictured._replace(row=row))

    def _counted(self) -> dict[str, object]:
        """img2dataset's statistics, how many rows a filter turned down, and of how many nothing is told."""
        ended = time.time()
        statuses = self._spool.statuses
        return {
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

    def _assemble(self, tar_path: Path, table_path: Path, vectors: Sequence[EngineFiles]) -> dict[str, object]:
        """Write the tar, the table and the vectors in the order of the keys; returns size and hash of the tar."""
        import pyarrow as pa  # noqa: PLC0415 - heavy
        import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

        schema = arrow_schema(self._columns)
        indexes = iter(self._spool.indexes())
        with (
            TarFile(tar_path) as tar,
            pq.ParquetWriter(table_path, schema, compression="zstd", compression_level=3) as table,
        ):
            while chunk := list(islice(indexes, _ROWS_AT_ONCE)):
                rows = []
                for row, image, extension in self._spool.read(chunk):
                    rows.append(row)
                    if extension:
                        self._write_sample(tar, row, image, extension)
                for engine in vectors:
                    engine.write(dict(zip(chunk, rows, strict=True)))
                table.write_table(pa.Table.from_pylist(rows, schema=schema), row_group_size=_ROWS_AT_ONCE)
        return {"bytes": tar.bytes_written, "sha256": tar.sha256}

    def _write_sample(self, tar: TarFile, row: Row, image: bytes, extension: str) -> None:
        """The members of one sample, in img2dataset's order."""
        key = row["key"]
        content = self._encoder.encode(tar_json(row, self._columns))
        tar.add(f"{key}.{extension}", image)
        tar.add(f"{key}.json", content)
        tar.add(f"{key}.txt", row["caption"].encode())


def pictured(sample: Sample, settings: Output) -> Pictured:
    """A sample as it is written."""
    return Pictured(kept_row(sample), sample.image, extension_of(sample.header, settings))


def _described(path: Path) -> dict[str, object]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def read_stats(folder: Path, number: int, settings: Output) -> dict[str, Any]:
    """The content of NNNNN_stats.json.

    Raises:
        RunFolderError: the file is missing or is not one of ours.
    """
    path = shard_paths(folder, number, settings).stats
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as error:
        raise RunFolderError(f"{path}: cannot be read as the statistics of a shard: {error}") from error


def is_committed(folder: Path, number: int, settings: Output) -> bool:
    """Whether the shard is whole: its mark is there, and its files have the sizes that the mark names.

    Raises:
        RunFolderError: the mark is there but is not one of ours.
    """
    paths = shard_paths(folder, number, settings)
    if not paths.stats.exists():
        return False
    files = read_stats(folder, number, settings).get("files", {})
    sizes = {folder / name: described.get("bytes") for name, described in files.items()}
    return {paths.tar, paths.table} <= sizes.keys() and all(
        path.exists() and path.stat().st_size == size for path, size in sizes.items()
    )
