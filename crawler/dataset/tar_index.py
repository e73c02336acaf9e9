"""Where each sample of a tar lies, so that it can be read, cut out or proven without reading the rest.

    key            what the sample's members are called, up to the first dot: "000010005"
    offset, bytes  the span of all its members, headers and padding included: cutting these bytes out leaves a tar
    image_offset, image_bytes, image_sha256    its picture, without header and padding; null where it has none

One row a sample, in the tar's order.
"""

from __future__ import annotations

import hashlib
import mmap
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from crawler.dataset.parquet import read_as_parquet
from crawler.errors import DatasetError, InputError

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 512
#: endings of members that are no picture: what img2dataset and webdataset put beside one
_BESIDE = frozenset(("json", "txt", "cls", "text", "npy", "pyd", "caption"))
#: regular files by the letters of ustar and of older tars; anything else is left to `tarfile`
_PLAIN = frozenset((0x30, 0))
_EMPTY = bytes(_BLOCK)


class Member(NamedTuple):
    """A file in a tar."""

    name: str
    start: int  # of its first header
    content: int  # offset of its bytes
    bytes: int

    @property
    def end(self) -> int:
        """Where the next header begins."""
        return self.content + -(-self.bytes // _BLOCK) * _BLOCK


@dataclass(slots=True)
class _Sample:
    key: str
    offset: int
    end: int
    image: Member | None = None


def index_of(tar: Path) -> pa.Table:
    """The index of a tar; the file is read once, for the hashes of its pictures.

    Raises:
        InputError: it is no plain tar, or the members of a sample do not stand together.
        OSError: it cannot be read.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy

    with tar.open("rb") as file:
        if not file.read(1):
            raise InputError(f"{tar}: is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held, memoryview(held) as content:
            samples = list(_samples(tar, _members(tar, held)))
            images = [_digest(content, one.image) for one in samples]
    return pa.table(
        {
            "key": [one.key for one in samples],
            "offset": [one.offset for one in samples],
            "bytes": [one.end - one.offset for one in samples],
            "image_offset": [one.image and one.image.content for one in samples],
            "image_bytes": [one.image and one.image.bytes for one in samples],
            "image_sha256": images,
        },
        schema=index_schema(),
    )


def index_schema() -> pa.Schema:
    """The columns of an index."""
    import pyarrow as pa  # noqa: PLC0415 - heavy

    whole = ("offset", "bytes", "image_offset", "image_bytes")
    names = ("key", "offset", "bytes", "image_offset", "image_bytes", "image_sha256")
    return pa.schema([pa.field(name, pa.int64() if name in whole else pa.string()) for name in names])


def written_index(index: pa.Table) -> bytes:
    """An index as a parquet file."""
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    file = pa.BufferOutputStream()
    pq.write_table(index, file, compression="zstd", compression_level=3, row_group_size=10_000)
    return bytes(file.getvalue().to_pybytes())


def read_index(path: Path) -> pa.Table:
    """An index that was stored.

    Raises:
        DatasetError: it is not one.
        OSError: it cannot be read.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    with read_as_parquet(path, "the index of a tar", stored=True), pq.ParquetFile(path) as file:
        index = file.read()
    if not index.schema.equals(index_schema()):
        raise DatasetError(f"{path}: has not the columns of an index")
    return index


def _digest(content: memoryview, image: Member | None) -> str | None:
    if image is None:
        return None
    with content[image.content : image.content + image.bytes] as picture:
        return hashlib.sha256(picture).hexdigest()


def _samples(tar: Path, members: Iterator[Member]) -> Iterator[_Sample]:
    """Raises InputError where a sample's members do not stand together: no span would hold it, and nothing else."""
    seen: set[str] = set()
    sample: _Sample | None = None
    for member in members:
        key, ending = _key_and_ending(member.name)
        if sample is None or key != sample.key:
            if key in seen:
                raise InputError(f"{tar}: the files of sample {key!r} do not stand together")
            seen.add(key)
            if sample is not None:
                yield sample
            sample = _Sample(key, member.start, member.end)
        sample.end = member.end
        if sample.image is None and ending not in _BESIDE:
            sample.image = member
    if sample is not None:
        yield sample


def _key_and_ending(name: str) -> tuple[str, str]:
    """As webdataset cuts a name: at the first dot behind the last slash."""
    folder, slash, base = name.rpartition("/")
    stem, _, ending = base.partition(".")
    return folder + slash + stem, ending.rpartition(".")[2].lower()


def _members(tar: Path, held: mmap.mmap) -> Iterator[Member]:
    """The files of a tar. Plain headers are read by hand, in a tenth of `tarfile`'s time."""
    place, end = 0, len(held)
    while place + _BLOCK <= end:
        header = held[place : place + _BLOCK]
        if header == _EMPTY:
            return
        member = _plain(header, place)
        if member is None:
            yield from _by_tarfile(tar, place)
            return
        if member.content + member.bytes > end:
            raise InputError(f"{tar}: ends in the middle of {member.name!r}")
        yield member
        place = member.end
    if place < end:
        raise InputError(f"{tar}: ends in the middle of a header")


def _plain(header: bytes, place: int) -> Member | None:
    """The member of a plain ustar header; None for what `tarfile` has to look at."""
    if header[156] not in _PLAIN or header[345]:
        return None
    try:
        size, checksum = int(header[124:135], 8), int(header[148:154], 8)
        name = header[:100].rstrip(b"\0").decode("utf-8")
    except ValueError:
        return None
    # the low half of an Adler-32 is the sum of the bytes, modulo 65,521: fifty times as fast as `sum`
    found = zlib.adler32(header[:148] + b" " * 8 + header[156:]) & 0xFFFF
    if not name or "\0" in name or found != (1 + checksum) % 65521 or size < 0:  # "-1001" is a number, and leads back
        return None
    return Member(name, place, place + _BLOCK, size)


def _by_tarfile(tar: Path, skipped: int) -> Iterator[Member]:
    try:
        with tarfile.open(tar, "r:") as archive:
            for found in archive:
                if found.offset >= skipped and not found.isdir():
                    if not found.isreg() or found.size < 0:
                        raise InputError(f"{tar}: {found.name!r} is no regular file")
                    yield Member(found.name, found.offset, found.offset_data, found.size)
    except tarfile.TarError as error:
        raise InputError(f"{tar}: cannot be read as a tar: {error}") from error
