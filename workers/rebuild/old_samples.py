"""What lies in an output of img2dataset: samples with their pictures' places, in tars or in folders of files.

Only what is whole counts. img2dataset writes in place: a run that was killed leaves a tar cut short, tables without a
footer, and pictures without their json.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from crawler.errors import InputError
from crawler.picture.magic import kind_of

#: of a shard's table, folder or tar
_SHARD = re.compile(r"([0-9]+)(\.tar|\.parquet)?")
_PICTURES = frozenset(("jpg", "png", "webp"))
#: bytes that tell the format of a picture
_HEAD_BYTES = 64
#: what is known of a row, if img2dataset knew it
KNOWN = ("width", "height", "original_width", "original_height", "exif", "md5", "sha256", "sha512")


class OldSample(NamedTuple):
    """A picture that is there."""

    shard: int
    key: str
    url: str
    path: Path
    offset: int
    bytes: int
    extension: str
    known: Mapping[str, Any]  # columns of `KNOWN` that say something


class _Picture(NamedTuple):
    path: Path
    offset: int
    bytes: int
    extension: str


def shards_of(folder: Path) -> dict[int, str]:
    """The shards that have pictures, by number: their names.

    Raises:
        InputError: there are none, or the folder is none.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no folder, so there is no output of img2dataset to take over")
    found = {}
    for one in sorted(folder.iterdir()):
        match = _SHARD.fullmatch(one.name)
        if match and (one.is_dir() or match[2] == ".tar"):
            found[int(match[1])] = match[1]
    if not found:
        raise InputError(f"{folder}: holds no shards of img2dataset; --adopt takes its layouts webdataset and files")
    return found


def samples_of(folder: Path, number: int, name: str) -> Iterator[OldSample]:
    """The samples of a shard that are whole; what has no address to be known by is passed over."""
    tar, files, table = folder / f"{name}.tar", folder / name, folder / f"{name}.parquet"
    pictures, said = _in_tar(tar) if tar.exists() else _in_folder(files)
    rows = _rows(table)
    for key, picture in pictures.items():
        row = rows.get(key)
        if row is None and key in said:
            row = _json(said[key])
        if row is not None and isinstance(row.get("url"), str) and _is_picture(picture):
            known = {column: row[column] for column in KNOWN if row.get(column) is not None}
            yield OldSample(number, key, row["url"], *picture, known)


def _in_tar(tar: Path) -> tuple[dict[str, _Picture], dict[str, _Picture]]:
    """Pictures and jsons of a tar by key, as far as the tar goes."""
    pictures: dict[str, _Picture] = {}
    said: dict[str, _Picture] = {}
    size = tar.stat().st_size
    try:
        with tarfile.open(tar, "r:") as archive:
            for member in archive:
                key, _, extension = member.name.partition(".")
                if not member.isreg() or member.offset_data + member.size > size:
                    continue
                place = _Picture(tar, member.offset_data, member.size, extension)
                (pictures if extension in _PICTURES else said if extension == "json" else {})[key] = place
    except (tarfile.TarError, OSError):
        pass  # cut short, or empty: what came before the cut is whole
    return pictures, said


def _in_folder(folder: Path) -> tuple[dict[str, _Picture], dict[str, _Picture]]:
    """The same of a folder. The json is written last, so a picture without it may be half of one."""
    pictures: dict[str, _Picture] = {}
    said: dict[str, _Picture] = {}
    for file in sorted(folder.iterdir()):
        key, _, extension = file.name.partition(".")
        place = _Picture(file, 0, file.stat().st_size, extension)
        (pictures if extension in _PICTURES else said if extension == "json" else {})[key] = place
    return {key: one for key, one in pictures.items() if key in said}, said


def _rows(table: Path) -> dict[str, dict[str, Any]]:
    """The rows of a table by key; none where it is missing, or was never closed."""
    try:
        with pq.ParquetFile(table) as file:
            names = set(file.schema_arrow.names)
            wanted = [one for one in ("key", "url", "status", *KNOWN) if one in names]
            rows = file.read(wanted).to_pylist()
    except (OSError, pa.ArrowException):
        return {}
    return {row["key"]: row for row in rows if row.get("key") and row.get("status") == "success"}


def _json(place: _Picture) -> dict[str, Any] | None:
    try:
        with place.path.open("rb") as file:
            file.seek(place.offset)
            content = json.loads(file.read(place.bytes))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _is_picture(picture: _Picture) -> bool:
    """Whether it begins like one: with `disable_all_reencoding` img2dataset keeps whatever came as `.jpg`."""
    with picture.path.open("rb") as file:
        file.seek(picture.offset)
        return kind_of(file.read(min(_HEAD_BYTES, picture.bytes))) is not None
