"""The shards of a version, a line each, by name: written and read as a stream, for there may be half a million."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from crawler.dataset.canonical import canonical
from crawler.dataset.manifest import Shard
from crawler.errors import DatasetError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def is_shard_name(name: str) -> bool:
    """Whether a shard may be called so: nothing that leads out of a folder, or hides in it."""
    return _NAME.fullmatch(name) is not None


def write_shards(shards: Iterable[Shard], path: Path) -> None:
    """Write a list of shards.

    Raises:
        ValueError: a name cannot be a file's, or names do not ascend: by that they are unique, and in an order that two
            lists can be joined by.
        OSError: the disk is full.
    """
    before = ""
    with path.open("wb") as file:
        for shard in shards:
            if not _may_follow(shard.name, before):
                raise ValueError(f"shard {shard.name!r} after {before!r}")
            before = shard.name
            file.write(canonical(shard) + b"\n")


def read_shards(path: Path) -> Iterator[Shard]:
    """The shards of a list, in order.

    Raises:
        DatasetError: it is not a list of shards whose names ascend.
        OSError: it cannot be read.
    """
    decoder = msgspec.json.Decoder(Shard)
    before = ""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                shard = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise DatasetError(f"{path}: line {number} is no shard: {error}") from error
            if not _may_follow(shard.name, before):
                raise DatasetError(f"{path}: line {number}: {shard.name!r} cannot come after {before!r}")
            before = shard.name
            yield shard


def _may_follow(name: str, before: str) -> bool:
    return name > before and is_shard_name(name)
