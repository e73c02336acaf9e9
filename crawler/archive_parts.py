"""Some bytes of an archive, here and there: for who looks into one without reading it all.

Jobs read whole files (docs/decisions/0003-whole-file-downloads.md). Whoever checks what a job made of one reads a
hundredth of it, with the same name, pace and patience.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crawler.archives import PROCESS_PACE, SYSTEM_CLOCK, Clock, Etiquette, Pace, Part, bring
from crawler.errors import ArchiveUnavailableError, InputError
from crawler.stores import local_path


class Parts:
    """One archive, of which parts are read. `size` is its length in bytes; the others count what was read."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.requests = 0
        self.bytes_read = 0

    def read(self, start: int, length: int) -> bytes:
        """`length` bytes from `start` on, fewer at the end of the archive.

        Raises:
            ArchiveUnavailableError: they cannot be had, or the archive is not the one that it was.
        """
        length = min(length, self.size - start)
        if start < 0 or length <= 0:
            return b""
        content = self._read(start, length)
        self.requests += 1
        self.bytes_read += len(content)
        if len(content) != length:
            raise ArchiveUnavailableError(f"{len(content)} bytes came where {length} were asked for")
        return content

    def _read(self, start: int, length: int) -> bytes:
        raise NotImplementedError


class _LocalParts(Parts):
    def __init__(self, path: Path) -> None:
        super().__init__(path.stat().st_size)
        self._path = path

    def _read(self, start: int, length: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(start)
            return file.read(length)


class _FarParts(Parts):
    def __init__(self, address: str, etiquette: Etiquette, path: Path, clock: Clock, pace: Pace) -> None:
        self._address = address
        self._etiquette = etiquette
        self._path = path
        self._clock = clock
        self._pace = pace
        first = self._bring(0, 1)
        super().__init__(first.size)

    def _read(self, start: int, length: int) -> bytes:
        if self._bring(start, length).size != self.size:
            raise ArchiveUnavailableError(f"{self._address}: is another file than a moment ago")
        return self._path.read_bytes()

    def _bring(self, start: int, length: int) -> Part:
        part = Part(start, length)
        bring(self._address, self._path, self._etiquette, self._clock, self._pace, part)
        return part


@contextmanager
def parts_of(
    address: str, etiquette: Etiquette, folder: Path, *, clock: Clock = SYSTEM_CLOCK, pace: Pace = PROCESS_PACE
) -> Iterator[Parts]:
    """An archive, to be read here and there; `folder` takes what is on its way.

    Raises:
        InputError: there is no such archive.
        NoPartsError: only the whole archive can be had.
        ArchiveUnavailableError, SettingsError: as `crawler.archives.nearby`.
    """
    if (local := local_path(address)) is not None:
        if not local.is_file():
            raise InputError(f"{address}: no such file")
        yield _LocalParts(local)
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="part-", dir=folder) as own:
        yield _FarParts(address, etiquette, Path(own) / "part", clock, pace)
