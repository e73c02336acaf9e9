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
from crawler.thumbnails import BORDERLINE, KEPT, REJECTED, SIDE
from workers.report.forbidden import Forbidden, blocklists_of
from workers.report.sample_rows import (
    Chosen,
    Shards,
    chosen_of_shards,
    chosen_of_thumbnails,
    read_thumbnails,
    tables_with,
    thumbnails_of_tables,
)
from workers.report.shown import Manner, Shown, shown_of
from workers.run_folder import RunFolder

__all__ = ["Sheet", "Shown", "pictures_for", "sheets_of"]

_BANDS = (KEPT, BORDERLINE, REJECTED)


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
    tables: Sequence[Path], content_ids: Collection[str], *, side: int = SIDE, blur: bool = True
) -> dict[str, Shown]:
    """The pairs with these ids, as far as their pictures can be had: of thumbnails, or of what lies beside the tables.

    What lists and registers of the tables' run name is left out. Without thumbnails, pictures are read of eight shards
    at most: ids of one shard cost less than those of many.

    Args:
        tables: of shards, ours or img2dataset's, with a column `content_id`.
        content_ids: of the pairs, any number.
        side: pixels of the longer side at most; a pair of which there is but a thumbnail has 128.
        blur: what may be unsafe; without, `Shown.blurred` says what is to be hidden until somebody asks for it.

    Raises:
        InputError: a shard cannot be read.
        SettingsError, TakedownError, OSError: a list or register of the run cannot be read.
    """
    if not tables or not content_ids:
        return {}
    recipe = _recipe_of(tables[0])
    there = tables_with(tables, content_ids)
    small: dict[str, tuple[bytes, bool]] = {}
    for _, path in thumbnails_of_tables(sorted(set(there.values()))):
        small |= {
            row["content_id"]: (row["jpeg"], row["blurred"])
            for row in read_thumbnails(path)
            if row["content_id"] in there
        }
    chosen = [
        Chosen("", "", table, "content_id", one, None, *small.get(one, (b"", False))) for one, table in there.items()
    ]
    shown = shown_of(chosen, recipe, blocklists_of(recipe), Manner(side, blur))
    return {one.row_id: pair for one, pair in shown.pairs.items()}


def _recipe_of(table: Path) -> Recipe:
    """The recipe of the run that a table is of; that of nobody in particular where it is of none."""
    for output in (table.parent, table.parent.parent):
        if (pinned := RunFolder.at(output).pinned()) is not None:
            return pinned.recipe
    return Recipe()
