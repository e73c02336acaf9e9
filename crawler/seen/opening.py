"""What a run has seen: its recipe and its folder, put together.

    RUN/shards/                      the data set; what the indexes are made from, with the shards of earlier runs
    RUN/seen/content_id/0000-4095/   pairs that earlier runs kept; for the plan
    RUN/seen/sha256/0000-4095/       files that earlier runs and this one kept; under Ray one folder for each actor
    RUN/seen/slice-00003/sha256/...  the same for a slice, which sees its own shards and those of earlier runs

`RUN/seen` may be deleted whenever no process is at work in it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from crawler.errors import SettingsError
from crawler.layout import run_at, shards_of
from crawler.seen import NothingSeen, Seen
from crawler.seen.index import WHOLE, Index
from crawler.seen.keys import PARTITIONS, Keys
from crawler.seen.local import LocalSeen
from crawler.seen.shards import Column
from crawler.settings import Recipe

LookUp = Callable[[Keys], NDArray[np.bool_]]

_SEEN = "seen"


def earlier_shards(recipe: Recipe, run: Path) -> list[Path]:
    """The folders of shards of the runs that `duplicates.earlier` names.

    Raises:
        SettingsError: one holds no shard, which would silently be a run that saw nothing; or it is this run itself.
    """
    folders = []
    for one in recipe.duplicates.earlier:
        folder = shards_of(run_at(Path(recipe.folder, one)))
        if folder.resolve() == shards_of(run).resolve():
            raise SettingsError(f"duplicates.earlier: {one} is the folder of this run; name runs that came before it")
        if not any(folder.glob("*_stats.json")):
            raise SettingsError(f"duplicates.earlier: {one} holds no shard of a run (looked for {folder}/*_stats.json)")
        folders.append(folder)
    return folders


def look_up_earlier(recipe: Recipe, run: Path) -> LookUp | None:
    """Says which content ids an earlier run of this recipe kept; None where it names none.

    Raises:
        SettingsError: see `earlier_shards`.
        RunFolderError: a table of an earlier run cannot be read.
        OSError: the disk is full.
    """
    folders = earlier_shards(recipe, run)
    if not folders:
        return None
    index = Index(_folder(run, "content_id", WHOLE), "content_id", folders)
    index.flush()
    return index.contains


@dataclass(frozen=True, slots=True)
class OwnShards:
    """The shards of a slice. Others are made beside it which it cannot see in time, so it looks at none of them."""

    name: str  # of the slice
    shards: frozenset[str]  # their names


def open_seen(recipe: Recipe, run: Path, parts: range = WHOLE, own: OwnShards | None = None) -> Seen:
    """What the jobs of this run, or of a slice, ask before they commit, in this process.

    `parts` is this process's share of the keys; `own` says which shards are the slice's.

    Raises:
        SettingsError, RunFolderError, OSError: as `look_up_earlier`.
    """
    if recipe.duplicates.files == "keep":
        return NothingSeen()
    shards = shards_of(run)
    sources = [*earlier_shards(recipe, run), shards]
    only = {shards: own.shards} if own else None
    return LocalSeen(Index(_folder(run, "sha256", parts, own), "sha256", sources, parts, only=only), shards)


def shares(number: int) -> list[range]:
    """The partitions in so many ranges of equal size, as far as that goes.

    Raises:
        ValueError: there are not so many partitions.
    """
    if not 1 <= number <= PARTITIONS:
        raise ValueError(f"{number} is not a number of shares from 1 to {PARTITIONS}")
    return [range(PARTITIONS * one // number, PARTITIONS * (one + 1) // number) for one in range(number)]


def forget_other_shares(run: Path, all_shares: Sequence[range], own: OwnShards | None = None) -> None:
    """Remove what was indexed for other shares than these: it is made again if they come back."""
    stay = {_folder(run, "sha256", parts, own) for parts in all_shares}
    for folder in _folder(run, "sha256", WHOLE, own).parent.glob("*"):
        if folder not in stay:
            shutil.rmtree(folder)


def check(recipe: Recipe, run: Path) -> dict[str, bool]:
    """Whether each index of a run is what the tables of its shards say; by the name of its folder.

    Each is brought up to date, as whoever opens it does, then made anew beside it, compared, and the new one removed.

    Raises:
        SettingsError, RunFolderError, OSError: as `look_up_earlier`.
    """
    found = {}
    for column, folder, parts in _indexes(run):
        sources = _sources(recipe, run)[column]
        with TemporaryDirectory(dir=run / _SEEN, prefix="check-") as anew:
            same = Index(folder, column, sources, parts).equals(Index(Path(anew), column, sources, parts))
        found[f"{column}/{folder.name}"] = same
    return found


def rebuild(recipe: Recipe, run: Path) -> dict[str, int]:
    """Make each index of a run anew from the tables of its shards; their rows, by the name of the index's folder.

    Raises:
        SettingsError, RunFolderError, OSError: as `look_up_earlier`.
    """
    rows = {}
    for column, folder, parts in _indexes(run):
        shutil.rmtree(folder)
        index = Index(folder, column, _sources(recipe, run)[column], parts)
        index.flush()
        rows[f"{column}/{folder.name}"] = index.rows
    return rows


def _indexes(run: Path) -> list[tuple[Column, Path, range]]:
    """The indexes that there are: column, folder and share."""
    columns: tuple[Column, ...] = ("content_id", "sha256")
    folders = [(column, folder) for column in columns for folder in sorted((run / _SEEN / column).glob("*-*"))]
    found = []
    for column, folder in folders:
        first, _, last = folder.name.partition("-")
        found.append((column, folder, range(int(first), int(last) + 1)))
    return found


def _sources(recipe: Recipe, run: Path) -> dict[Column, list[Path]]:
    """Which folders of shards each index is made from."""
    earlier = earlier_shards(recipe, run)
    return {"content_id": earlier, "sha256": [*earlier, shards_of(run)]}


def _folder(run: Path, column: Column, parts: range, own: OwnShards | None = None) -> Path:
    return run / _SEEN / (own.name if own else "") / column / f"{parts.start:04d}-{parts.stop - 1:04d}"
