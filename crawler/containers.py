"""What the samples of a shard are put into: a tar, a folder of files, TFRecord, the table itself, or nothing.

The layouts are img2dataset's. Each lands whole or not at all, before the mark of the shard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec

from crawler.commit import atomic_folder, atomic_path
from crawler.hashed_file import HashedFile
from crawler.settings import Output
from crawler.tar import TarFile
from crawler.tfrecord import TFRecordFile

Described = dict[str, object]  # size and hash of a file, as NNNNN_stats.json lists them

#: what stands behind the name of a shard; none where the table or nothing takes the samples
_ENDINGS: Mapping[str, str] = {"webdataset": ".tar", "files": "/", "tfrecord": ".tfrecord"}


_ENCODER = msgspec.json.Encoder()


class Packed(NamedTuple):
    """One sample as it is put into a container."""

    key: str
    extension: str  # of the picture, without a dot
    image: bytes
    content: Mapping[str, Any]  # what its json says: column and value, in order
    caption: str | None  # None where the data set has no captions at all


class Container(Protocol):
    """Takes samples in the order of their keys."""

    def add(self, sample: Packed, /) -> None:
        """Append one sample.

        Raises:
            OSError: the disk is full.
        """
        ...

    def described(self) -> Mapping[str, Described]:
        """Its files by name, with size and hash; once it has landed."""
        ...


def container_files(name: str, settings: Output) -> tuple[str, ...]:
    """The files that the shard called `name` has when it is whole, but for its mark; a folder ends in a slash."""
    ending = _ENDINGS.get(settings.container)
    table = f"{name}.parquet"
    if settings.container == "dummy":
        return ()
    return (table,) if ending is None else (f"{name}{ending}", table)


def has_table(settings: Output) -> bool:
    """Whether a shard has a table; img2dataset's "dummy" writes statistics only."""
    return settings.container != "dummy"


def image_column(settings: Output) -> str | None:
    """The column of the table that holds the picture, where that is where it is; its type is binary."""
    if settings.container != "parquet":
        return None
    return "jpg" if settings.encode_format == "original" else settings.encode_format


def is_there(folder: Path, name: str, described: Mapping[str, object]) -> bool:
    """Whether a file or folder that a mark lists is where the mark says it is; of a folder the files are counted."""
    path = folder / name
    if name.endswith("/"):
        return path.is_dir() and sum(1 for _ in path.iterdir()) == described.get("files")
    return path.is_file() and path.stat().st_size == described.get("bytes")


@contextmanager
def open_container(folder: Path, name: str, settings: Output, *, through: Path | None = None) -> Iterator[Container]:
    """A new container for the shard called `name`; it lands in `folder` when the block ends well, or leaves nothing.

    Until then it lies in the folder `through`, or else in `folder`.

    Raises:
        OSError: as `crawler.commit.atomic_path`.
    """
    match settings.container:
        case "webdataset":
            landed = f"{name}.tar"
            with atomic_path(folder / landed, through=through) as path, TarFile(path) as tar:
                yield _Tar(tar, landed)
        case "files":
            with atomic_folder(folder / name, through=through) as path:
                yield _Files(path, f"{name}/")
        case "tfrecord":
            landed = f"{name}.tfrecord"
            with atomic_path(folder / landed, through=through) as path, TFRecordFile(path) as file:
                yield _Records(file, landed)
        case "parquet" | "dummy":
            yield _Nothing()


def members(sample: Packed) -> Sequence[tuple[str, bytes]]:
    """The files of a sample, in img2dataset's order: picture, json, and the caption where there are captions."""
    files = [
        (f"{sample.key}.{sample.extension}", sample.image),
        (f"{sample.key}.json", _ENCODER.encode(sample.content)),
    ]
    if sample.caption is not None:
        files.append((f"{sample.key}.txt", sample.caption.encode()))
    return files


class _Tar:
    def __init__(self, tar: TarFile, name: str) -> None:
        self._tar = tar
        self._name = name

    def add(self, sample: Packed) -> None:
        for name, content in members(sample):
            self._tar.add(name, content)

    def described(self) -> Mapping[str, Described]:
        return {self._name: _described(self._tar)}


class _Files:
    """A folder; its hash is that of a listing as `sha256sum` makes one, in the order of the keys."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self._hash = hashlib.sha256()
        self._files = 0
        self._bytes = 0

    def add(self, sample: Packed) -> None:
        for name, content in members(sample):
            (self._path / name).write_bytes(content)
            self._hash.update(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode())
            self._files += 1
            self._bytes += len(content)

    def described(self) -> Mapping[str, Described]:
        return {self._name: {"files": self._files, "bytes": self._bytes, "sha256": self._hash.hexdigest()}}


class _Records:
    """img2dataset's features: key, picture, caption, and each key of the json by its own type."""

    def __init__(self, file: TFRecordFile, name: str) -> None:
        self._file = file
        self._name = name

    def add(self, sample: Packed) -> None:
        features: dict[str, object] = {"key": sample.key, sample.extension: sample.image}
        if sample.caption is not None:
            features["txt"] = sample.caption
        self._file.add(features | dict(sample.content))

    def described(self) -> Mapping[str, Described]:
        return {self._name: _described(self._file)}


class _Nothing:
    def add(self, _sample: Packed) -> None:
        """The table has it, or nobody."""

    def described(self) -> Mapping[str, Described]:
        return {}


def _described(file: HashedFile) -> Described:
    return {"bytes": file.bytes_written, "sha256": file.sha256}
