"""What a row of a version is, as 32 bytes; and what stands for it in the tree (docs/versions.md has the definition).

A row is a struct: all columns of the table but `key`, in the table's order, and at its end `image`, the SHA-256 of the
picture in the tar. Its text is its cell:

    null "-"   text "s3:cat"   bytes "b2:.."   whole number "i42;"   yes "t"   no "f"
    number "f4607182418800017408;": the bits of a double as a whole number
    list "l2;" and the cells of its items   struct "m2;" and, for each field, the cells of name and value

Lengths are in bytes. The digest is the SHA-256 of that text. Texts are put together a column at a time, by Arrow.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crawler.dataset.cells import Column, NoCellsError, joined, pieces, text_cell, values
from crawler.dataset.parquet import read_as_parquet
from crawler.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

#: the column that says where a row stands, and nothing about it: a row is the same under another key
KEY = "key"
IMAGE = "image"
#: rows whose texts are in memory at once
_ROWS = 1024


def digests(table: Path, index: pa.Table | None) -> Iterator[bytes]:
    """The digest of each row of a table, in order.

    Args:
        table: the parquet file.
        index: of its tar (`crawler.dataset.tar_index`); None where there is no tar.

    Raises:
        InputError: it is no table, has no column `key` or the same key twice, or lacks the row of a sample.
        OSError: it cannot be read.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    with read_as_parquet(table, "a table"), pq.ParquetFile(table) as file:
        images = _Images(table, index)
        for batch in file.iter_batches(batch_size=_ROWS):
            yield from digests_of(batch, images.of(batch))
        images.end()


def digests_of(rows: pa.RecordBatch, images: Column) -> Iterator[bytes]:
    """The digest of each of some rows.

    Args:
        rows: as they stand in the table.
        images: the SHA-256 of each row's picture, in hex; null where it has none.

    Raises:
        InputError: a column is of a type that has no cells.
    """
    for text in texts_of(rows, images):
        yield hashlib.sha256(text).digest()


def texts_of(rows: pa.RecordBatch, images: Column) -> Iterator[memoryview]:
    """The text of each row: what its digest is of.

    Raises:
        InputError: as `digests_of`.
    """
    columns = {name: column for name, column in zip(rows.schema.names, rows.columns, strict=True) if name != KEY}
    columns[IMAGE] = images
    parts: list[Any] = [b"m%d;" % len(columns)]
    for name, column in columns.items():
        try:
            parts += [text_cell(name), *pieces(column)]
        except NoCellsError as error:
            raise InputError(f"column {name!r} is of type {error}, of which no digest is defined") from error
    yield from values(joined(parts, rows.num_rows))


def leaf_data(salt: bytes, digest: bytes) -> bytes:
    """What stands for a row in the tree: without the 16 bytes of salt nobody can try out what the row says."""
    return hashlib.sha256(salt + digest).digest()


class Salter:
    """Gives each row of a shard its salt: 16 bytes that only the holder of the secret can make, always the same.

    Equal rows of a shard get different ones, by how many there were before.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._seen: Counter[bytes] = Counter()

    def salt(self, digest: bytes) -> bytes:
        """The salt of the next row of the shard."""
        before = self._seen[digest]
        self._seen[digest] = before + 1
        return hmac.digest(self._secret, digest + before.to_bytes(8, "big"), "sha256")[:16]


class _Images:
    """Which row has which picture. Every sample of the tar has its row, and no key stands twice."""

    def __init__(self, table: Path, index: pa.Table | None) -> None:
        self._table = table
        self._left: dict[str, str | None] = {}
        self._keys: set[str] = set()
        self._rows = 0
        if index is not None:
            keys, images = (index[name].to_pylist() for name in (KEY, "image_sha256"))
            self._left = {str(key): image for key, image in zip(keys, images, strict=True)}

    def of(self, rows: pa.RecordBatch) -> Column:
        """The pictures of some rows, in their order."""
        import pyarrow as pa  # noqa: PLC0415 - heavy

        if KEY not in rows.schema.names:
            raise InputError(f"{self._table}: has no column `{KEY}`; is it img2dataset's?")
        keys = [str(key) for key in rows.column(KEY).to_pylist()]
        self._keys.update(keys)
        self._rows += len(keys)
        return pa.array([self._left.pop(key, None) for key in keys], pa.string())

    def end(self) -> None:
        """Raises InputError where a key stood twice, or a sample had no row."""
        if len(self._keys) != self._rows:
            raise InputError(f"{self._table}: the same key stands in several rows")
        if self._left:
            raise InputError(f"{self._table}: has no row for sample {next(iter(self._left))!r} of its tar")
