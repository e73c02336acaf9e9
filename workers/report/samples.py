"""Contact sheets: a few pairs of what a run's filters kept, nearly kept, and rejected.

Pictures come from the thumbnails that jobs kept (`crawler.thumbnails`), where the recipe asked for them; where it did
not there are only those of kept pairs, in the shards themselves. What the recipe's lists or its register of takedowns
name by now is left out, and what may be unsafe is blurred before anything of it leaves this module.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crawler.errors import PairtrawlError
from crawler.report import use_of
from crawler.settings import Recipe
from crawler.showing import STAGE
from crawler.thumbnails import BORDERLINE, KEPT, REJECTED
from workers.report.forbidden import Forbidden, blocklists_of
from workers.report.sample_rows import (
    Chosen,
    Shards,
    chosen_of_shards,
    chosen_of_thumbnails,
    read_thumbnails,
    rows_with,
    thumbnails_of_tables,
)
from workers.report.shown import Manner, Row, Shown, shown_of, shown_rows, told_columns
from workers.run_folder import RunFolder

__all__ = ["Manner", "Sheet", "Shown", "pictures_for", "sheets_of"]

_BANDS = (KEPT, BORDERLINE, REJECTED)
_THUMBNAIL = ("content_id", "jpeg", "blurred")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sample of what a filter decided."""

    filter: str  # "pictures.clip_similarity"; "" for the whole run
    band: str  # "kept", "borderline", "rejected"
    found: int  # rows of the band in all tables; of the borderline: rows that have a score
    shown: tuple[Shown, ...]
    left_out: int = 0  # chosen, but named by a list or a takedown by now
    note: str = ""  # why there is less than one would expect


def sheets_of(
    run: RunFolder, report: Mapping[str, Any], *, most: int = 24, forbidden: Forbidden | None = None
) -> list[Sheet]:
    """Samples of what was kept in the end, and of what each filter found borderline and rejected, in this order.

    Args:
        run: a run or rebuild.
        report: what is known of it; rows are counted by its `totals`, `stages` and `filters`.
        most: pairs on a sheet.
        forbidden: what must not be shown; None for the recipe's lists and its register, as they are now.

    Returns:
        Sheets, each with pictures or with a note of why it has none; a band that nobody kept pictures of has no sheet.
    """
    pinned = run.pinned()
    if pinned is None:
        return []
    shards = Shards.of_run(run.shards)
    chosen = chosen_of_thumbnails(shards, most) or chosen_of_shards(shards, most)
    if not chosen:
        return []
    found = {(one.use, one.band): found_of(report, one.use, one.band) for one in chosen}
    try:
        named = forbidden or blocklists_of(pinned.recipe)
    except (PairtrawlError, OSError) as error:
        note = f"No pictures: what must not be shown cannot be read here ({error})"
        return [Sheet(use, band, number, (), note=note) for (use, band), number in sorted_bands(found)]
    by_band: dict[tuple[str, str], list[Chosen]] = defaultdict(list)
    for one in chosen:
        by_band[one.use, one.band].append(one)
    shown = shown_of(chosen, pinned.recipe, named)
    sheets = []
    for (use, band), number in sorted_bands(found):
        pairs = [shown.pairs[one] for one in by_band[use, band] if one in shown.pairs]
        left_out = sum(one in shown.forbidden for one in by_band[use, band])
        sheets.append(Sheet(use, band, max(number, len(pairs)), tuple(pairs), left_out))
    return sheets


def sorted_bands(found: Mapping[tuple[str, str], int]) -> list[tuple[tuple[str, str], int]]:
    """Bands in the order of the page: the whole run first, then filter by filter."""
    return sorted(found.items(), key=lambda item: (item[0][0], _BANDS.index(item[0][1])))


def found_of(report: Mapping[str, Any], use: str, band: str) -> int:
    """How many rows a band has, by the counts of a report; 0 where it does not say."""
    if not use:
        return int(report.get("totals", {}).get("kept", 0))
    if band == REJECTED:
        stages = [one for one in report.get("stages", ()) if one["stage"] == STAGE]
        return sum(number for one in stages for name, number in one["rejected"].items() if use_of(STAGE, name) == use)
    judged = [one.get("judged") or 0 for one in report.get("filters", ()) if one.get("use") == use]
    return int(sum(judged))


def pictures_for(
    tables: Sequence[Path], content_ids: Collection[str], manner: Manner | None = None
) -> dict[str, Shown]:
    """The pairs with these ids, as far as their pictures can be had: of thumbnails, or of what lies beside the tables.

    What the lists and registers of the tables' runs name is left out. Ids of one shard cost less than those of many.

    Args:
        tables: of shards, ours or img2dataset's; what has no `content_id` is named by address and caption.
        content_ids: of the pairs, any number.
        manner: how they are shown; None for at most 128 pixels a side, blurred where they may be unsafe, and without
            thumbnails out of eight shards of a folder at most.

    Raises:
        InputError: a shard cannot be read.
        SettingsError, TakedownError, OSError: a list or register of a run cannot be read.
    """
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    for table in tables if content_ids else ():
        by_folder[table.parent].append(table)
    found: dict[str, Shown] = {}
    gone: set[str] = set()
    for inside in by_folder.values():
        recipe = _recipe_of(inside[0])
        rows = [row for table in inside for row in _rows_of(table, content_ids, recipe)]
        shown = shown_rows(rows, recipe, blocklists_of(recipe), manner)
        for one, pair in shown.pairs.items():
            found.setdefault(one.row_id, pair)
        gone.update(one.row_id for one in shown.forbidden)
    return {one: pair for one, pair in found.items() if one not in gone}


def _rows_of(table: Path, content_ids: Collection[str], recipe: Recipe) -> list[Row]:
    found = rows_with(table, content_ids, lambda names: told_columns(names, recipe))
    small: dict[str, tuple[bytes, bool]] = {}
    for _, path in thumbnails_of_tables([table]) if found else ():
        small = {one["content_id"]: (one["jpeg"], one["blurred"]) for one in read_thumbnails(path, _THUMBNAIL)}
    return [
        Row(Chosen("", "", table, content_id, None, *small.get(content_id, (b"", False))), told)
        for content_id, told in found.items()
    ]


def _recipe_of(table: Path) -> Recipe:
    """The recipe of the run that a table is of; that of nobody in particular where it is of none."""
    for output in (table.parent, table.parent.parent):
        if (pinned := RunFolder.at(output).pinned()) is not None:
            return pinned.recipe
    return Recipe()
