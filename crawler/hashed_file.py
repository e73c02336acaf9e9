"""A new file whose size and hash are known when it has been written, without reading it again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import TracebackType
from typing import Self

_BUFFER_BYTES = 4 * 1024 * 1024


class HashedFile:
    """A new file at `path`, which must not exist; a context manager that closes it.

    `bytes_written` and `sha256` are of the whole file and stand once the block has ended.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb", buffering=_BUFFER_BYTES)
        self._hash = hashlib.sha256()
        self.bytes_written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                self._write_end()

    @property
    def sha256(self) -> str:
        """64 hex digits."""
        return self._hash.hexdigest()

    def _write(self, content: bytes) -> None:
        self._file.write(content)
        self._hash.update(content)
        self.bytes_written += len(content)

    def _write_end(self) -> None:
        """Write what closes a file of this kind; asked when the block ends well."""
