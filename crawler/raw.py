"""A raw shard: what a fetch job leaves for a score job, in one file. RUN/raw/NNNNN.parquet.

A row for each candidate of the job, as the table of the shard will have it, but for what models say and what shows only
in the job as a whole; with its encoded picture, where it has one. The report of the job stands in the footer of the
file, so that the file is its own marker: a parquet file that was cut short has none. One file a job, because the file
systems of supercomputers count files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from crawler.commit import atomic_path
from crawler.errors import RunFolderError
from crawler.report import Report
from crawler.rows import Pictured, Row, arrow_schema, columns_with
from crawler.showing import Showing
from crawler.spool import Spool
from crawler.thumbnails import Thumbnails

#: where our part of the footer stands
_FOOTER = "pairtrawl.raw"
#: a row group ends beyond this: what a reader holds at a time
_GROUP_BYTES = 32 * 1024 * 1024
#: rows decoded from a row group at a time
_ROWS_AT_ONCE = 256
#: columns whose values hardly ever come again, or are large: statistics and dictionaries of pictures would be pictures
_AS_IT_IS = ("image",)


class RawHead(msgspec.Struct, frozen=True, kw_only=True):
    """What the footer of a raw shard says."""

    report: Report  # of the fetch job
    rows: int  # of the job, with those that are not here
    withheld: tuple[int, ...]  # rows of which nothing is written
    scores: tuple[tuple[str, str], ...]  # score columns so far: name and kind


def raw_path(folder: Path, number: int) -> Path:
    """The raw shard of job `number`."""
    return folder / f"{number:05d}.parquet"


class RawWriter:
    """Takes the rows of one fetch job in any order and commits them as a raw shard, or leaves nothing.

    `columns` are the score columns of the filters that have judged: name and "float" or "string". `scratch` is a
    folder, maybe on another disk, where everything lies until it is whole. `thumbnails` are those of rejected rows. A
    context manager, like `crawler.write.ShardWriter`.
    """

    def __init__(
        self,
        path: Path,
        rows: int,
        columns: Sequence[tuple[str, str]],
        *,
        scratch: Path | None = None,
        thumbnails: Thumbnails | None = None,
    ) -> None:
        self._path = path
        self._rows = rows
        self._columns = columns
        self._thumbnails = thumbnails or Thumbnails(Showing())
        self._scratch = scratch or path.parent
        self._spool = Spool(self._scratch / path.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()

    def keep(self, index: int, pictured: Pictured) -> None:
        """Take a row that has a picture.

        Raises:
            ValueError: the index was given before.
            OSError: the disk is full.
        """
        self._spool.add(index, pictured)

    def reject(self, index: int, row: Row) -> None:
        """Take the row of a candidate that did not become a picture.

        Raises:
            ValueError: as `keep`.
            OSError: the disk is full.
        """
        self._spool.add(index, Pictured(row, b"", ""))

    def withhold(self, index: int) -> None:
        """Take note of a candidate of which nothing is written.

        Raises:
            ValueError: as `keep`.
        """
        self._spool.withhold(index)

    def commit(self, report: Report | Callable[[], Report]) -> Report:
        """Write the file; then the raw shard exists. A `report` to be called is called when the rows are written.

        Raises:
            OSError: the disk is full; nothing is committed.
        """
        schema = _schema(self._columns)
        plain = [name for name in schema.names if name not in _AS_IT_IS]
        with (
            atomic_path(self._path, through=self._scratch) as temporary,
            pq.ParquetWriter(
                temporary,
                schema,
                compression={name: "none" if name in _AS_IT_IS else "zstd" for name in schema.names},
                use_dictionary=plain,  # type: ignore[arg-type]  # the stubs know the bool only
                write_statistics=False,
                write_page_checksum=True,
            ) as file,
        ):
            for group in self._groups():
                file.write_table(pa.Table.from_pylist(group, schema=schema))
            head = RawHead(
                report=report() if callable(report) else report,
                rows=self._rows,
                withheld=tuple(sorted(self._spool.withheld)),
                scores=tuple((name, kind) for name, kind in self._columns),
            )
            file.add_key_value_metadata({_FOOTER: msgspec.json.encode(head).decode()})
        return head.report

    def _groups(self) -> Iterator[list[dict[str, Any]]]:
        indexes = self._spool.indexes()
        small = self._thumbnails.rejected()
        group: list[dict[str, Any]] = []
        size = 0
        for index, (row, image, extension) in zip(indexes, self._spool.read(indexes), strict=True):
            shown = image if extension else small.get(index)
            group.append(row | {"index": index, "image": shown, "extension": extension})
            size += len(image) + 2048  # a row without picture is some 2 kB
            if size > _GROUP_BYTES:
                yield group
                group, size = [], 0
        if group:
            yield group


def read_head(path: Path) -> RawHead:
    """What the footer of a raw shard says.

    Raises:
        RunFolderError: the file is missing, was cut short, or is no raw shard of this version.
    """
    try:
        metadata: Mapping[bytes, bytes] = pq.read_metadata(path).metadata or {}
        return msgspec.json.decode(metadata.get(_FOOTER.encode(), b""), type=RawHead)
    except (OSError, pa.ArrowException) as error:
        raise RunFolderError(f"{path}: cannot be read as a raw shard: {error}; remove it, and fetch again") from error
    except msgspec.DecodeError as error:
        raise RunFolderError(f"{path}: is no raw shard of this version of pairtrawl: {error}") from error


def read_rows(path: Path) -> Iterator[tuple[int, Pictured]]:
    """The rows of a raw shard, in order, with their index in the job; an extension of "" is that of a rejected row.

    The image of a rejected row is its thumbnail, where it has one.

    Holds one row group at a time. Each page is checked against its sum as it is read.

    Raises:
        RunFolderError: the file cannot be read, or is damaged.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(_ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    index, image, extension = row.pop("index"), row.pop("image"), row.pop("extension")
                    known = {name: value for name, value in row.items() if value is not None}
                    yield index, Pictured(known, image or b"", extension)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise RunFolderError(f"{path}: cannot be read as a raw shard: {error}; remove it, and fetch again") from error


def _schema(columns: Sequence[tuple[str, str]]) -> pa.Schema:
    """The columns of a shard's table that a row has before it has a key, and our three."""
    shard = arrow_schema(columns_with(columns))
    schema = shard.remove(shard.get_field_index("key"))
    for name, kind in (("index", pa.int64()), ("image", pa.binary()), ("extension", pa.string())):
        schema = schema.append(pa.field(name, kind))
    return schema
