"""Rows and encoded pictures of a job while it goes on: on disk, not in memory, and in the order in which they come.

Samples come in the order in which the web answers; files are written in the order of the job's rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from crawler.commit import temporary_path
from crawler.rows import Pictured, Row
from crawler.statuses import SUCCESS

#: of rows and pictures on their way to the disk
_BUFFER_BYTES = 256 * 1024
#: read at once at a new place: a row and the beginning of its picture, of which the rest comes without a buffer
_READ_BYTES = 4 * 1024


class _Waiting(NamedTuple):
    """Where a row lies in the file: its JSON at `start`, then the picture; no picture for a rejected one."""

    start: int
    row_bytes: int
    image_bytes: int
    extension: str


class Spool:
    """Takes the rows of one job in any order. `close` it, and nothing is left. Not for use by two threads at once."""

    def __init__(self, path: Path) -> None:
        """Its file lies beside `path`, under a name of its own."""
        self._path = temporary_path(path)
        self._file: IO[bytes] = self._path.open("xb", buffering=_BUFFER_BYTES)
        self._reader: IO[bytes] | None = None
        self._end = 0
        self._waiting: dict[int, _Waiting] = {}
        self._encoder = msgspec.json.Encoder()
        self._statuses: Counter[str] = Counter()
        self._messages: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        #: rows of which nothing is written
        self.withheld: set[int] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def statuses(self) -> Mapping[str, int]:
        """How many rows have each status."""
        return self._statuses

    @property
    def messages(self) -> Mapping[str, int]:
        """How many rows have each error message, or "success"."""
        return {message: count for message, count in sorted(self._messages.items()) if count}

    @property
    def outcomes(self) -> Mapping[str, int]:
        """How many rows of a rebuild have each outcome."""
        return self._outcomes

    def close(self) -> None:
        """Forget everything."""
        self._file.close()
        if self._reader:
            self._reader.close()
        self._path.unlink(missing_ok=True)

    def add(self, index: int, pictured: Pictured) -> None:
        """Take a row; without an extension it has no picture.

        Raises:
            ValueError: the row was taken before.
            OSError: the disk is full.
        """
        self._refuse_twice(index)
        row, image, extension = pictured
        content = self._encoder.encode(row)
        start = self._end
        self._file.write(content)
        self._file.write(image)
        self._end += len(content) + len(image)
        self._waiting[index] = _Waiting(start, len(content), len(image), extension)
        self._statuses[row["status"]] += 1
        self._messages[row.get("error_message", SUCCESS)] += 1
        if "outcome" in row:
            self._outcomes[row["outcome"]] += 1

    def withhold(self, index: int) -> None:
        """Take note of a row of which nothing is written, not even here.

        Raises:
            ValueError: the row was taken before.
        """
        self._refuse_twice(index)
        self.withheld.add(index)

    def take_out(self, index: int) -> tuple[Row, int]:
        """A row that has a picture, which is forgotten; and how many bytes that had.

        Raises:
            KeyError: there is no such row, or it has no picture.
        """
        waiting = self._waiting[index]
        if not waiting.extension:
            raise KeyError(f"row {index} was rejected before")
        del self._waiting[index]
        reader = self._written()
        reader.seek(waiting.start)
        row = msgspec.json.decode(reader.read(waiting.row_bytes), type=dict[str, Any])
        self._statuses[row["status"]] -= 1
        self._messages[row.get("error_message", SUCCESS)] -= 1
        if "outcome" in row:
            self._outcomes[row["outcome"]] -= 1
        return row, waiting.image_bytes

    def indexes(self) -> list[int]:
        """Of all rows that are here, in order."""
        return sorted(self._waiting)

    def read(self, indexes: Iterable[int]) -> Iterator[Pictured]:
        """These rows, one after another."""
        reader = self._written()
        for index in indexes:
            start, row_bytes, image_bytes, extension = self._waiting[index]
            reader.seek(start)
            row = msgspec.json.decode(reader.read(row_bytes))
            yield Pictured(row, reader.read(image_bytes), extension)

    def _written(self) -> IO[bytes]:
        """The file as it is so far, to be read at any place."""
        self._file.flush()
        if self._reader is None:
            self._reader = self._path.open("rb", buffering=_READ_BYTES)
        return self._reader

    def _refuse_twice(self, index: int) -> None:
        if index in self._waiting or index in self.withheld:
            raise ValueError(f"row {index} was written twice")
