"""What can be labelled: a run, a version of a data set, tables with pictures beside them; and where its labels lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.dataset.manifest import Shard
from crawler.dataset.store import Store
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


def place_of(address: str, *, version: str = "", labels: Path | None = None) -> Place:
    """What stands at an address, as a report of it would find it: a run, a version, or tables; and its labels.

    Args:
        address: a path, or s3://BUCKET/PREFIX of a store.
        version: of a store: line of versions ("main" if empty), tag, or id.
        labels: where labels lie; None for RUN/labels, DATASET/labels, or `labels` beside the tables.

    Raises:
        InputError: there is nothing to label.
        DatasetError, StoreUnavailableError: the store cannot be read.
    """
    from workers.report.places import VersionPlace, place_at  # noqa: PLC0415 - heavy
    from workers.score_rows import tables_of  # noqa: PLC0415 - heavy

    if labels is None and "://" in address:
        raise InputError(
            f"{address}: labels cannot be appended to in a bucket; say with --labels FOLDER where they lie"
        )
    there, path = place_at(address, version=version), Path(address)
    if isinstance(there, VersionPlace):
        _, commit = there.store.read_commit(there.version)
        return Place(address, labels or path / LABELS, store=there.store, shards=tuple(there.store.shards(commit)))
    pinned = there.pinned() if isinstance(there, RunFolder) else None
    if isinstance(there, RunFolder) and pinned is not None:
        uses = tuple(one.use for one in pinned.recipe.filters)
        return Place(address, labels or there.path / LABELS, tuple(tables_of([path])), uses, there)
    tables = tuple(tables_of([path])) if isinstance(there, RunFolder) else there.tables
    return Place(address, labels or (path if path.is_dir() else path.parent) / LABELS, tables)


def filters_in_order(uses: Sequence[str]) -> list[str]:
    """The names of a recipe's filters ("min_side") in the order in which they judge: those of models come last."""
    from filters import FOLDERS, judges_embeddings  # noqa: PLC0415 - imports every filter's module

    ordered = sorted(uses, key=lambda use: (FOLDERS.index(use.partition(".")[0]), judges_embeddings(use)))
    return [use.partition(".")[2] for use in ordered]
