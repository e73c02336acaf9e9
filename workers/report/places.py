"""Where a report can be made: a run, a version of a data set, or bare tables; told apart by what lies there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from crawler.dataset.store import Store, open_store
from crawler.errors import InputError
from crawler.settings import FilterChoice
from workers.progress import Display
from workers.report.finding import find, searchable
from workers.report.judging import lines_drawn, with_lines
from workers.report.rows import Rows, open_rows
from workers.report.run import MOST_ROWS, PICTURES, look_at_run
from workers.report.samples import Sheet, pictures_for
from workers.report.tables import told_by
from workers.report.version import look_at_statistics, look_at_version, open_version
from workers.report.writing import Looked
from workers.run_folder import RunFolder

#: what such a place is called in messages
_WANTED = "a run, a store of versions, a parquet file, or a folder of such files"


@dataclass(frozen=True, slots=True)
class VersionPlace:
    """A version of a data set."""

    store: Store
    version: str  # a line of versions, a tag, an id


@dataclass(frozen=True, slots=True)
class TablesPlace:
    """Tables of anybody."""

    path: Path
    tables: tuple[Path, ...]


Place: TypeAlias = RunFolder | VersionPlace | TablesPlace


def place_at(address: str, *, version: str = "", cache: Path | None = None) -> Place:
    """What is there: `version` is asked for where it is a data set ("main" if empty), and refused elsewhere.

    Raises:
        InputError: nothing is there of which there could be a report.
        DatasetError, StoreUnavailableError, MissingPackageError: as `open_store`.
    """
    folder = Path(address)
    if "://" in address or (folder / "dataset.json").is_file():
        return VersionPlace(open_store(address, cache=cache), version or "main")
    if version:
        raise InputError(f"{address}: is no store of versions, so that it has no version {version!r}")
    run = RunFolder.at(folder)
    if run.pin.is_file():
        return run
    tables = _tables(folder)
    if not tables:
        missing = "" if folder.exists() else " is not there;"
        raise InputError(f"{address}:{missing} name {_WANTED}")
    return TablesPlace(folder, tuple(tables))


def look_at(
    place: Place,
    display: Display,
    *,
    stored: bool = False,
    filters: Sequence[FilterChoice] = (),
    pictures: int = PICTURES,
    every_shard: bool = False,
) -> Looked:
    """All that a report says of a place.

    Args:
        place: where.
        display: is told of downloads.
        stored: of a version only what the statistics say that are stored with it: no table is read.
        filters: of a recipe, for places that have none of their own: their lines are drawn where they fit.
        pictures: on each contact sheet.
        every_shard: of a run, however large, ask all tables and not a sample of them.

    Raises:
        InputError: a table cannot be read, or there are no statistics to be `stored`.
        RunFolderError, AccountingError, DatasetError, StoreUnavailableError, SettingsError: as the functions called.
    """
    if isinstance(place, RunFolder):
        return look_at_run(place, pictures, most_rows=0 if every_shard else MOST_ROWS)
    if isinstance(place, VersionPlace):
        looked = _version(place, display, stored=stored)
    else:
        looked = _tables_looked_at(place, pictures)
    with_lines(looked.report, lines_drawn(filters))
    return looked


@contextmanager
def rows_at(place: Place, display: Display) -> Iterator[Rows]:
    """The rows of a place, to be asked; of a run those of finished shards.

    Raises:
        InputError, DatasetError, StoreUnavailableError: as `look_at`.
    """
    if isinstance(place, VersionPlace):
        _, commit = place.store.read_commit(place.version)
        with display.phase("Get tables", None, "shards") as phase, open_version(place.store, commit, phase) as rows:
            yield rows
        return
    if isinstance(place, RunFolder):
        marked = (path.with_name(path.name.removesuffix("_stats.json") + ".parquet")
                  for path in sorted(place.shards.glob("*_stats.json")))  # fmt: skip
        tables = [path for path in marked if path.exists()]
    else:
        tables = list(place.tables)
    with open_rows(tables, alike=isinstance(place, RunFolder)) as rows:
        yield rows


def name_of(place: Place) -> str:
    """What a place is called: by its recipe, its data set, or its folder."""
    if isinstance(place, RunFolder):
        return str(place.path)
    return place.store.about.name if isinstance(place, VersionPlace) else place.path.resolve().name


def _version(place: VersionPlace, display: Display, *, stored: bool) -> Looked:
    if stored:
        return look_at_statistics(place.store, place.version)
    with display.phase("Look at tables", None, "shards") as phase:
        return look_at_version(place.store, place.version, phase)


def _tables_looked_at(place: TablesPlace, pictures: int) -> Looked:
    with open_rows(place.tables) as rows:
        told = told_by(rows)
        search = searchable(rows)
        some = find(rows, limit=pictures)[0] if pictures and rows.has("content_id") else []
    totals = told.get("totals", {"rows": 0, "kept": 0})
    report: dict[str, Any] = {
        **told,
        "kind": "tables",
        "name": name_of(place),
        "totals": {"tables": len(place.tables), "candidates": totals["rows"], "kept": totals["kept"]},
        "search": {"rows": len(search["rows"]), "of": search["of"]},
    }
    shown = pictures_for(place.tables, [one.content_id for one in some])
    kept = tuple(shown[one.content_id] for one in some if one.content_id in shown)
    return Looked(report, (Sheet("", "kept", totals["kept"], kept),) if kept else (), search)


def _tables(path: Path) -> list[Path]:
    """A table, or those of a folder; where it has none itself, those of its folders."""
    if path.is_file():
        return [path]
    return sorted(path.glob("*.parquet")) or sorted(path.glob("*/*.parquet"))
