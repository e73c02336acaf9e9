"""The files of a shard: how they and its rows are called, and the mark that says that they are whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from crawler.containers import container_files, is_there
from crawler.errors import RunFolderError
from crawler.settings import Output


class ShardPaths(NamedTuple):
    """The three files of a shard, in the order in which they are committed."""

    tar: Path
    table: Path
    stats: Path


def shard_name(number: int, settings: Output) -> str:
    """What the files of shard `number` are called, without their endings."""
    return f"{number:0{settings.shard_digits}d}"


def shard_paths(folder: Path, number: int, settings: Output) -> ShardPaths:
    """The files of shard `number`."""
    name = shard_name(number, settings)
    return ShardPaths(folder / f"{name}.tar", folder / f"{name}.parquet", folder / f"{name}_stats.json")


def key_of(number: int, index: int, rows: int, settings: Output) -> str:
    """img2dataset's key of a row: digits of the shard, then digits of the row, `rows` being the most a shard may have.

    Raises:
        ValueError: the index is outside of the shard.
    """
    if not 0 <= index < rows:
        raise ValueError(f"row {index} is outside of a shard of {rows} rows")
    digits = len(str(rows - 1)) if rows > 1 else 0  # ceil(log10(rows)), without rounding
    return f"{10**digits * number + index:0{digits + settings.shard_digits}d}"


def read_stats(folder: Path, number: int, settings: Output) -> dict[str, Any]:
    """The content of NNNNN_stats.json.

    Raises:
        RunFolderError: the file is missing or is not one of ours.
    """
    path = shard_paths(folder, number, settings).stats
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as error:
        raise RunFolderError(f"{path}: cannot be read as the statistics of a shard: {error}") from error


def is_committed(folder: Path, number: int, settings: Output) -> bool:
    """Whether the shard is whole: its mark is there, and its files have the sizes that the mark names.

    Raises:
        RunFolderError: the mark is there but is not one of ours.
    """
    paths = shard_paths(folder, number, settings)
    if not paths.stats.exists():
        return False
    described = read_stats(folder, number, settings).get("files", {})
    wanted = container_files(shard_name(number, settings), settings)
    return described.keys() >= set(wanted) and all(is_there(folder, name, one) for name, one in described.items())
