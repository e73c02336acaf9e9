"""What can be labelled: a run, a version of a data set, tables with pictures beside them; and where its labels lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.dataset.manifest import Shard
from crawler.dataset.store import Store, open_store
from crawler.errors import InputError
from workers.run_folder import RunFolder

if TYPE_CHECKING:
    import pyarrow as pa

LABELS = "labels"


@dataclass(frozen=True, slots=True)
class Place:
    """Rows, and their labels."""

    address: str  # as it was asked for
    labels: Path
    tables: tuple[Path, ...] = ()  # none of a version
    #: of a run: its filters in their order, as the recipe names them ("pictures.min_side"); else none are known
    filters: tuple[str, ...] = ()
    run: RunFolder | None = None
    store: Store | None = None
    shards: tuple[Shard, ...] = ()  # of the version

    def rows(self, *columns: str) -> Iterator[pa.Table]:
        """All rows, some at a time: what names them, and those of `columns` that there are, under our names.

        Raises:
            InputError: a table cannot be read, or has nothing to name rows by.
            DatasetError: a file of a version is missing.
        """
        from workers.dataset.columns import Table  # noqa: PLC0415 - heavy
        from workers.dataset.version_rows import parts_of  # noqa: PLC0415 - heavy

        if self.store is not None:
            for shard in self.shards:
                for part in parts_of(self.store, shard, columns):
                    yield part.rows
            return
        for path in self.tables:
            table = Table.open(path)
            if not table.id_columns:
                raise InputError(f"{path}: has neither content_id nor url, so that its rows cannot be named")
            yield from table.batches([*table.id_columns, *(one for one in columns if one in table.names)])


def place_of(address: str, *, version: str = "main", labels: Path | None = None) -> Place:
    """What stands at an address: a run or rebuild folder, a store of versions, a folder of tables, or one table.

    Args:
        address: a path, or s3://BUCKET/PREFIX of a store.
        version: of a store: line of versions, tag, or id.
        labels: where labels lie; None for RUN/labels, DATASET/labels, or `labels` beside the tables.

    Raises:
        InputError: there is nothing to label.
        DatasetError, StoreUnavailableError: the store cannot be read.
    """
    path = Path(address)
    if "://" in address or (path / "dataset.json").is_file():
        return _version(address, version, labels)
    return _tables(path, labels)


def _version(address: str, version: str, labels: Path | None) -> Place:
    if labels is None and "://" in address:
        raise InputError(
            f"{address}: labels cannot be appended to in a bucket; say with --labels FOLDER where they lie"
        )
    store = open_store(address)
    _, commit = store.read_commit(version)
    return Place(address, labels or Path(address) / LABELS, store=store, shards=tuple(store.shards(commit)))


def _tables(path: Path, labels: Path | None) -> Place:
    from workers.score_rows import tables_of  # noqa: PLC0415 - heavy

    tables = tuple(tables_of([path]))
    run = RunFolder.at(path)
    pinned = run.pinned()
    if pinned is None:
        beside = path if path.is_dir() else path.parent
        return Place(str(path), labels or beside / LABELS, tables)
    return Place(str(path), labels or run.path / LABELS, tables, tuple(one.use for one in pinned.recipe.filters), run)


def filters_in_order(uses: Sequence[str]) -> list[str]:
    """The names of a recipe's filters ("min_side") in the order in which they judge: those of models come last."""
    from filters import FOLDERS, judges_embeddings  # noqa: PLC0415 - imports every filter's module

    ordered = sorted(uses, key=lambda use: (FOLDERS.index(use.partition(".")[0]), judges_embeddings(use)))
    return [use.partition(".")[2] for use in ordered]
