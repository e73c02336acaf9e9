"""Columns of stored tables, as removals ask for them: under our names, whatever the list they came from calls them.

This is the border to pyarrow for reading tables row group by row group.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from crawler.errors import InputError
from filters.lists.text_form import unhexed

if TYPE_CHECKING:
    import pyarrow as pa

#: rows that are looked at together
_ROWS_AT_ONCE = 1 << 18
#: what published lists call columns of ours (docs/formats.md); names of columns are told apart without regard to case
_CALLED = {"text": "caption", "image_url": "url", "uid": "content_id"}
_UID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Table:
    """A parquet file with rows of a data set."""

    path: Path
    rows: int
    names: dict[str, str]  # our name of a column -> the file's

    @classmethod
    def open(cls, path: Path) -> Table:
        """What the file's footer says.

        Raises:
            InputError: it cannot be read.
        """
        import pyarrow as pa  # noqa: PLC0415 - heavy
        import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

        try:
            with pq.ParquetFile(path) as file:
                written = file.schema_arrow.names
                rows = int(file.metadata.num_rows)
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{path}: cannot be read as a parquet table: {error}") from error
        names: dict[str, str] = {}
        for name in written:
            names.setdefault(name.lower(), name)
        for theirs, ours in _CALLED.items():
            if theirs in names:
                names.setdefault(ours, names[theirs])
        return cls(path, rows, {name: name for name in written} | names)

    @property
    def id_columns(self) -> tuple[str, ...]:
        """What a row's id is read from, or made of; () where a row has none."""
        if "content_id" in self.names:
            return ("content_id",)
        return tuple(name for name in ("url", "caption") if name in self.names) if "url" in self.names else ()

    def batches(self, columns: Iterable[str]) -> Iterator[pa.Table]:
        """All rows, some at a time, with these columns under our names.

        Raises:
            InputError: the file cannot be read.
        """
        import pyarrow as pa  # noqa: PLC0415 - heavy
        import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

        wanted = list(dict.fromkeys(columns))
        theirs = list(dict.fromkeys(self.names[name] for name in wanted))
        try:
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(_ROWS_AT_ONCE, columns=theirs):
                    yield pa.table({name: batch.column(self.names[name]) for name in wanted})
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self.path}: cannot be read as a parquet table: {error}") from error


def strings(part: pa.Table, column: str) -> Any:  # noqa: ANN401 - pyarrow's types do not know what it holds
    """A column as texts, numbers included."""
    import pyarrow as pa  # noqa: PLC0415 - heavy

    values: Any = part.column(column).combine_chunks()
    if isinstance(values, pa.ChunkedArray):  # of no rows
        values = values.combine_chunks() if values.num_chunks else pa.array([], values.type)
    return values if pa.types.is_large_string(values.type) else values.cast(pa.large_string())


def texts(part: pa.Table, column: str) -> list[str | None]:
    """The different values of a column."""
    found: list[str | None] = strings(part, column).unique().to_pylist()
    return found


def digests(part: pa.Table, column: str, width: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """The rows that have a hash of `width` bytes in hex in this column, and these hashes, N x width."""
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy

    empty = np.empty(0, np.int64), np.empty((0, width), np.uint8)
    if column not in part.column_names:
        return empty
    values = strings(part, column)
    digits = 2 * width
    fits = np.asarray(pc.binary_length(values).fill_null(-1)) == digits
    places = np.flatnonzero(fits).astype(np.int64)
    if not len(places):
        return empty
    whole = values if len(places) == len(values) else values.take(places)
    _, _, content = whole.buffers()
    start = whole.offset * digits if len(places) == len(values) else 0
    words = np.frombuffer(content, np.uint8)[start : start + len(places) * digits].reshape(-1, digits)
    rows, good = unhexed(words, careful=False)
    return places[good], rows[good]


def row_id(row: Mapping[str, Any]) -> str:
    """The id of one row in hex, also of one that says none, as `uids_of` has it."""
    said = row.get("content_id")
    return str(said) if said else _made(row.get("url"), row.get("caption")).hex()


def _made(url: str | None, caption: str | None) -> bytes:
    return xxhash.xxh3_128_digest(f"{url or ''}\n{caption or ''}".encode())


def uids_of(part: pa.Table) -> NDArray[np.uint8]:
    """The ids of rows, N x 16: `content_id`, or what it would be by address and caption (crawler.records.Candidate).

    Raises:
        InputError: there is nothing to make an id of.
    """
    if "content_id" in part.column_names:
        places, values = digests(part, "content_id", _UID_DIGITS // 2)
        if len(places) != part.num_rows:
            raise InputError("column content_id: a row has no id of 32 hex digits; it cannot be named in a removal")
        return values
    if "url" not in part.column_names:
        raise InputError("a table without the columns content_id and url: its rows cannot be named in a removal")
    urls = strings(part, "url").to_pylist()
    captions = strings(part, "caption").to_pylist() if "caption" in part.column_names else [""] * len(urls)
    made = b"".join(_made(url, caption) for url, caption in zip(urls, captions, strict=True))
    return np.frombuffer(made, np.uint8).reshape(-1, _UID_DIGITS // 2)
