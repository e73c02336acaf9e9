"""What a folder has to commit: the shards of a run, a campaign, a rebuild, or img2dataset, and what pins them.

A shard counts where its marker does, `NNNNN_stats.json`: it is written last, by us and by img2dataset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from crawler.dataset.manifest import Stored
from crawler.dataset.objects import hashed
from crawler.errors import InputError
from workers.run_folder import Pinned, RunFolder

_MARK = "_stats.json"


@dataclass(frozen=True, slots=True)
class ShardFiles:
    """A committed shard in a folder."""

    name: str  # "00017"
    table: Path
    tar: Path | None
    #: what the marker says of table and tar; None where it is img2dataset's, which says nothing
    expect: tuple[Stored | None, Stored | None]

    def described(self) -> tuple[Stored, Stored | None]:
        """Table and tar as objects: by the word of the marker, or else by their bytes.

        Raises:
            OSError: they cannot be read.
        """
        table, tar = self.expect
        return table or hashed(self.table), (tar or hashed(self.tar)) if self.tar else None


@dataclass(frozen=True, slots=True)
class ShardFolder:
    """A folder of shards."""

    path: Path  # of the run's own files, or what was named
    shards: Path  # where they lie
    pinned: Pinned | None  # what the run belongs to; None for img2dataset's

    def names(self) -> list[str]:
        """The shards that have a marker, in order."""
        return sorted(path.name[: -len(_MARK)] for path in self.shards.glob(f"*{_MARK}"))

    def shard(self, name: str) -> ShardFiles | None:
        """The files of a shard; None where they do not have the sizes that its marker names: it is made again.

        Raises:
            InputError: the marker cannot be read, or the shard is of a layout that cannot be committed.
        """
        marker = self.shards / f"{name}{_MARK}"
        try:
            files = msgspec.json.decode(marker.read_bytes(), type=dict[str, Any]).get("files", {})
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{marker}: cannot be read as the statistics of a shard: {error}") from error
        table, tar = self.shards / f"{name}.parquet", self.shards / f"{name}.tar"
        if not table.is_file():
            if files:
                return None
            raise InputError(
                f"{table}: is not there; what is committed are tables and tars (img2dataset's webdataset and parquet "
                "layouts); `pairtrawl rebuild --adopt` makes such shards of others"
            )
        if not tar.is_file():
            if tar.name in files:
                return None
            if tar.with_suffix("").is_dir():
                raise InputError(f"{tar.with_suffix('')}: img2dataset's layout of single files is not committed; "
                                 "`pairtrawl rebuild --adopt` makes shards of it")  # fmt: skip
        expect = _expected(files, table), _expected(files, tar)
        if any(one is not None and one.bytes != path.stat().st_size
               for one, path in zip(expect, (table, tar), strict=True)):  # fmt: skip
            return None
        return ShardFiles(name, table, tar if tar.is_file() else None, expect)


def open_folder(folder: Path) -> ShardFolder:
    """What stands in a folder: a run's, a rebuild's output, or shards alone.

    Raises:
        InputError: no shard that was committed is in it.
        RunFolderError: it is a run's, and what pins it cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder")
    run = RunFolder(folder.parent) if folder.name == "shards" else RunFolder.at(folder)
    pinned = run.pinned()
    found = ShardFolder(folder, folder, None) if pinned is None else ShardFolder(run.path, run.shards, pinned)
    if not found.shards.is_dir() or next(found.shards.glob(f"*{_MARK}"), None) is None:
        raise InputError(f"{folder}: no shard is done in it: there is no NNNNN{_MARK} in {found.shards}")
    return found


def _expected(files: Mapping[str, Any], path: Path) -> Stored | None:
    try:
        described = files.get(path.name)
        return None if described is None else msgspec.convert(described, Stored)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: its marker says something else of it than size and SHA-256: {error}") from error
