"""What a crawl job takes over from a shard that is there already, of ours or of img2dataset.

A base is a table. Beside the table of a shard of ours lie its pictures, and a row's key says its place in the job. The
table of adopted samples says itself where each picture lies, in whatever files:

    index                         place of the row in the job, from 0
    path, offset, bytes           where the picture lies; 0 bytes are none
    extension                     of the picture, without a dot
    further columns               those of `crawler.rows` that are known

The bases of rebuilds are read here; `crawler.job.taking_over` says what of them stays.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

from crawler.errors import RunFolderError
from crawler.rows import Row

_WHERE = ("index", "path", "offset", "bytes", "extension")
_BESIDE = ("json", "txt")
#: rows that are read at a time
_ROWS_AT_ONCE = 1024
#: files open at a time: adopted samples may be files of their own
_FILES = 64


class Place(NamedTuple):
    """Where a picture lies."""

    path: str
    offset: int
    bytes: int
    extension: str


class BaseRow(NamedTuple):
    """A row of a base."""

    row: Row  # what is known; a column that is not there is null
    place: Place | None  # of its picture; None where it has none, or the table itself holds it
    image: bytes  # the picture, where the table itself holds it
    extension: str  # of the picture; "" where there is none


def read_base(path: Path, rows: int) -> Iterator[tuple[int, BaseRow]]:
    """The rows of a base with their places in the job, in its order; `rows` is the most that a shard may have.

    Raises:
        RunFolderError: it cannot be read, or is no base of such a job.
    """
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            adopted = set(_WHERE) <= set(names)
            image = next((one for one in ("jpg", "png", "webp") if one in names), "")
            places = {} if adopted or image else _places(path)
            for batch in file.iter_batches(_ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    known = {name: value for name, value in row.items() if value is not None}
                    yield _adopted(known) if adopted else _of_ours(known, places, image, rows)
    except (OSError, KeyError, ValueError, pa.ArrowException, tarfile.TarError) as error:
        raise RunFolderError(f"{path}: cannot be taken over as a shard: {error}; repair or remove it") from error


class Pictures:
    """Reads pictures of bases; files stay open until it is closed. A context manager."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._files: dict[str, IO[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._open.close()

    def read(self, base: BaseRow) -> bytes:
        """The picture of a row that has one.

        Raises:
            RunFolderError: it is not where it should be.
        """
        if base.place is None:
            return base.image
        path, offset, size, _ = base.place
        try:
            file = self._files.get(path)
            if file is None:
                file = self._opened(path)
            file.seek(offset)
            image = file.read(size)
        except OSError as error:
            raise RunFolderError(f"{path}: cannot be read, and a sample of it is to be taken over: {error}") from error
        if len(image) != size:
            raise RunFolderError(f"{path}: ends before byte {offset + size:,}, where a sample of it should end")
        return image

    def _opened(self, path: str) -> IO[bytes]:
        if len(self._files) >= _FILES:
            self._open.close()
            self._files.clear()
        self._files[path] = Path(path).open("rb")  # noqa: SIM115 - closed with the others
        self._open.callback(self._files[path].close)
        return self._files[path]


def _adopted(known: Mapping[str, Any]) -> tuple[int, BaseRow]:
    row = {name: value for name, value in known.items() if name not in _WHERE}
    size = known.get("bytes", 0)
    if not size:
        return known["index"], BaseRow(row, None, b"", "")
    place = Place(known["path"], known["offset"], size, known["extension"])
    return known["index"], BaseRow(row, place, b"", place.extension)


def _of_ours(known: dict[str, Any], places: Mapping[str, Place], image: str, rows: int) -> tuple[int, BaseRow]:
    """A row of a shard of ours, whose last digits are its place: see `crawler.shard_files.key_of`."""
    key = known.pop("key")
    digits = len(str(rows - 1)) if rows > 1 else 0
    index = int(key[-digits:]) if digits else 0
    content = known.pop(image, b"") if image else b""
    if content:
        return index, BaseRow(known, None, content, image)
    place = places.get(key)
    return index, BaseRow(known, place, b"", place.extension if place else "")


def _places(table: Path) -> dict[str, Place]:
    """Where the pictures of a shard lie, by key: in the tar beside its table, or in the folder."""
    tar, folder = table.with_suffix(".tar"), table.with_suffix("")
    places = {}
    if tar.exists():
        with tarfile.open(tar, "r:") as archive:
            for member in archive:
                key, _, extension = member.name.partition(".")
                if extension not in _BESIDE:
                    places[key] = Place(str(tar), member.offset_data, member.size, extension)
    elif folder.is_dir():
        for file in folder.iterdir():
            key, _, extension = file.name.partition(".")
            if extension not in _BESIDE:
                places[key] = Place(str(file), 0, file.stat().st_size, extension)
    return places
