"""From rows that were chosen to what people are shown: nothing that is forbidden, and blurred what may be unsafe."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from crawler.settings import Recipe
from crawler.thumbnails import SIDE, small_jpeg
from crawler.urls import host_of
from workers.report.forbidden import Forbidden
from workers.report.pictures import Draws, drawing, encoded_pictures
from workers.report.sample_rows import MOST_SHARDS, Chosen, read_rows
from workers.showing import showing_of

#: what lists judge a row by, and what is shown of it
_COLUMNS = (
    "content_id", "key", "url", "caption", "reason", "status", "other_captions", "page_url", "final_url", "md5", "sha1",
    "sha256", "phash", "pdq", "pdq_quality", "caption_language", "caption_language_confidence", "caption_script",
    "NSFW",
)  # fmt: skip
#: columns of safety filters and of published lists, as prefixes: a probability of being unsafe
_UNSAFE = ("punsafe", "p_unsafe", "nsfw_score")
#: half of what LAION-5B called unsafe
_SUSPECTED = 0.25


@dataclass(frozen=True, slots=True)
class Shown:
    """One pair as it is shown to people."""

    content_id: str
    caption: str
    host: str  # of the image
    score: float | None  # of the sheet's filter
    reason: str  # why it was rejected; "" for a kept pair
    jpeg: bytes  # at most 128 pixels a side, where no more was asked for
    blurred: bool  # irreversibly, before it got here; or to be blurred, where that was asked for


class _Row(NamedTuple):
    chosen: Chosen
    told: Mapping[str, Any]  # of the table


@dataclass(frozen=True, slots=True)
class ShownPairs:
    """What came of pairs that were chosen."""

    pairs: dict[Chosen, Shown] = field(default_factory=dict)
    #: those that a list or a register names
    forbidden: set[Chosen] = field(default_factory=set)


class Manner(NamedTuple):
    """How pictures are shown."""

    side: int = SIDE  # pixels of the longer side at most; where there is but a thumbnail, 128
    blur: bool = True  # what may be unsafe; else it is only told, and whoever asks for that hides it himself


def shown_of(
    chosen: Sequence[Chosen], recipe: Recipe, forbidden: Forbidden, manner: Manner | None = None
) -> ShownPairs:
    """The pairs as they are shown; one whose picture cannot be had is left out.

    Pictures of their own are read of eight shards at most: those that the most of the pairs are of.

    Raises:
        InputError: a shard cannot be read.
    """
    result, manner = ShownPairs(), manner or Manner()
    rows = _rows_of(chosen, recipe)
    for row, named in zip(rows, forbidden.names([row.told for row in rows]) if rows else [], strict=True):
        if named:
            result.forbidden.add(row.chosen)
    allowed = [row for row in rows if row.chosen not in result.forbidden]
    showing = showing_of(recipe, ())
    with drawing(recipe) as draw:
        stored = _stored([row for row in allowed if not row.chosen.jpeg or manner.side > SIDE])
        for row in allowed:
            reason = row.told.get("reason") or ""
            suspected = showing.blurs(row.told, reason) or is_suspected(row.told)
            blurred = suspected and manner.blur
            jpeg = _jpeg(row.chosen, stored.get(row.chosen), draw, manner.side, blurred=blurred)
            if jpeg:
                result.pairs[row.chosen] = Shown(
                    str(row.told.get("content_id") or row.chosen.row_id),
                    row.told.get("caption") or "",
                    host_of(row.told.get("url") or ""),
                    row.chosen.score,
                    reason,
                    jpeg,
                    suspected or row.chosen.blurred,
                )
    return result


def is_suspected(row: Mapping[str, Any]) -> bool:
    """Whether any column of a table, ours or a published list's, says that a picture may be unsafe."""
    for column, value in row.items():
        if isinstance(value, float) and column.lower().startswith(_UNSAFE) and value >= _SUSPECTED:
            return True
    return str(row.get("NSFW") or "UNLIKELY").upper() != "UNLIKELY"  # LAION-400M: UNLIKELY, UNSURE, NSFW


def _rows_of(chosen: Sequence[Chosen], recipe: Recipe) -> list[_Row]:
    scores = list(showing_of(recipe, ()).blurred_from)
    by_table: dict[tuple[Path, str], list[Chosen]] = defaultdict(list)
    for one in chosen:
        by_table[one.table, one.id_column].append(one)
    rows = []
    for (table, id_column), wanted in by_table.items():
        columns = [*_COLUMNS, *scores, *_unsafe_columns(table)]
        found = read_rows(table, dict.fromkeys(columns), id_column, {one.row_id for one in wanted})
        by_id = {str(row[id_column]): row for row in found}
        rows += [_Row(one, by_id[one.row_id]) for one in wanted if one.row_id in by_id]
    return rows


def _unsafe_columns(table: Path) -> list[str]:
    import pyarrow.parquet as pq  # noqa: PLC0415 - beside its one use

    return [name for name in pq.read_schema(table).names if name.lower().startswith(_UNSAFE)]


def _stored(rows: Sequence[_Row]) -> dict[Chosen, bytes]:
    """The encoded pictures of rows, out of their shards."""
    by_table: dict[Path, list[_Row]] = defaultdict(list)
    for row in rows:
        by_table[row.chosen.table].append(row)
    found: dict[Chosen, bytes] = {}
    for table in sorted(by_table, key=lambda one: (-len(by_table[one]), one))[:MOST_SHARDS]:
        pictures = encoded_pictures(table, {row.told["key"] for row in by_table[table] if row.told.get("key")})
        found |= {row.chosen: pictures[row.told["key"]] for row in by_table[table] if row.told.get("key") in pictures}
    return found


def _jpeg(chosen: Chosen, stored: bytes | None, draw: Draws, side: int, *, blurred: bool) -> bytes:
    """What is shown of it; empty where there is nothing to be had."""
    if chosen.jpeg and not stored and (chosen.blurred or not blurred):
        return chosen.jpeg
    image = stored or chosen.jpeg
    pixels = draw(image) if image else None
    return b"" if pixels is None else small_jpeg(pixels, blurred=blurred, side=side)
