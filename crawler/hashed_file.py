"""A new file whose size and hash are known when it has been written, without reading it again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import TracebackType
from typing import Self

#: joined, hashed and written at a time: a block that is still in the processor's cache when the next of the three comes
_BLOCK_BYTES = 256 * 1024


class HashedFile:
    """A new file at `path`, which must not exist; a context manager that closes it.

    `bytes_written` and `sha256` are of the whole file and stand once the block has ended.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb", buffering=0)
        self._hash = hashlib.sha256()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self.bytes_written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                self._write_end()
                self._flush()

    @property
    def sha256(self) -> str:
        """64 hex digits."""
        return self._hash.hexdigest()

    def _write(self, *pieces: bytes) -> None:
        size = sum(map(len, pieces))
        self._waiting += pieces
        self._waiting_bytes += size
        self.bytes_written += size
        if self._waiting_bytes >= _BLOCK_BYTES:
            self._flush()

    def _flush(self) -> None:
        block = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        self._hash.update(block)
        left = memoryview(block)
        while left:
            left = left[self._file.write(left) :]  # may take a part only: at a quota's edge, or after a signal

    def _write_end(self) -> None:
        """Write what closes a file of this kind; asked when the block ends well."""
