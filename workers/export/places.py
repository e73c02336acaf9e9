"""Where an export takes its shards from: a folder of shards, or a version of a data set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from crawler.dataset.manifest import Stored, Tombstones
from crawler.dataset.renumbering import Span
from crawler.errors import InputError
from workers.export.spans import spans_of
from workers.run_folder import RunFolder

Masked = NDArray[np.bool_]

_STATS = "_stats.json"


class ShardAt(Protocol):
    """One shard of a place. What its methods return is looked up, or downloaded, when they are called."""

    @property
    def name(self) -> str:
        """As "00017"."""
        ...

    @property
    def rows(self) -> int:
        """Of its table, masked ones and rejected ones included."""
        ...

    def table(self) -> Path:
        """The parquet table, on a disk of this machine."""
        ...

    def masked(self) -> Masked | None:
        """For each row whether it is left out of this version; None where none is."""
        ...

    def tar(self) -> Path | None:
        """The pictures, on a disk of this machine; None where there are none."""
        ...

    def spans(self) -> Mapping[str, Span]:
        """Where each sample lies in the tar, by key, in the order of the tar."""
        ...

    def stored(self) -> tuple[Stored, Stored | None] | None:
        """Digests and sizes of table and tar, where they are known without reading the files."""
        ...


class Place(Protocol):
    """Shards in a fixed order."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def identity(self) -> str:
        """Hex digits: the same for the same shards. An export that goes on must find the same."""
        ...

    def shards(self) -> Iterator[ShardAt]:
        """All of them, in order; every call begins anew."""
        ...

    def vectors(self) -> Path | None:
        """The folder of the models' vectors; None where none were kept."""
        ...

    def root(self) -> str:
        """The Merkle root of a version; "" of a folder."""
        ...

    def dataset(self) -> str:
        """What the data set is called."""
        ...

    def removals(self) -> Sequence[Tombstones]:
        """The sets of removals that the version carries; none of a folder."""
        ...


@dataclass(frozen=True, slots=True)
class FolderShard:
    """A shard whose files lie in one folder, under img2dataset's names."""

    path: Path  # of the table
    rows: int

    @property
    def name(self) -> str:
        """What the files are called, without their endings."""
        return self.path.stem

    def table(self) -> Path:
        """The file itself."""
        return self.path

    def masked(self) -> Masked | None:
        """Nothing is: a folder has no masks."""
        return None

    def tar(self) -> Path | None:
        """Beside the table."""
        path = self.path.with_suffix(".tar")
        if path.exists():
            return path
        if (singly := self.path.with_suffix("")).is_dir():
            raise InputError(
                f"{singly}: img2dataset's layout of single files; `pairtrawl rebuild --adopt` makes shards of it"
            )
        return None

    def spans(self) -> Mapping[str, Span]:
        """By the headers of the tar."""
        path = self.tar()
        return {} if path is None else spans_of(path)

    def stored(self) -> tuple[Stored, Stored | None] | None:
        """They are not known."""
        return None


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """The committed shards of a folder: those with a `NNNNN_stats.json`, which is written last."""

    path: Path
    tables: tuple[Path, ...]

    @property
    def name(self) -> str:
        """The folder."""
        return str(self.path)

    @property
    def identity(self) -> str:
        """Of names and sizes of all tables."""
        described = "\n".join(f"{one.name} {one.stat().st_size}" for one in self.tables)
        return hashlib.sha256(described.encode()).hexdigest()

    def shards(self) -> Iterator[ShardAt]:
        """In the order of their names."""
        for path in self.tables:
            with open_table(path) as file:
                rows = file.metadata.num_rows
            yield FolderShard(path, rows)

    def vectors(self) -> Path | None:
        """Beside the shards."""
        folder = self.tables[0].parent / "embeddings"
        return folder if folder.is_dir() else None

    def root(self) -> str:
        """It has none."""
        return ""

    def dataset(self) -> str:
        """As the folder is called."""
        return self.path.resolve().name

    def removals(self) -> Sequence[Tombstones]:
        """None are known."""
        return ()


def open_folder(path: Path) -> FolderPlace:
    """The shards of a run, of a rebuild, or of any folder that has img2dataset's files.

    Raises:
        InputError: there is no finished shard in it.
    """
    run = RunFolder(path).shards
    folder = run if run.is_dir() else path
    tables = sorted(one for one in folder.glob("*.parquet") if one.with_name(one.stem + _STATS).exists())
    if not tables:
        raise InputError(
            f"{path}: has no finished shard (NNNNN.parquet with NNNNN_stats.json): name the folder of a run or a "
            "rebuild, an output of img2dataset, or the store of a data set of versions"
        )
    return FolderPlace(path, tuple(tables))


def open_table(path: Path) -> pq.ParquetFile:
    """A parquet table, to be used in a `with` block.

    Raises:
        InputError: it cannot be read as one.
    """
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as a parquet table: {error}") from error
