"""From rows that were chosen to what people are shown: nothing that is forbidden, and blurred what may be unsafe."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

from crawler.settings import Recipe
from crawler.showing import Showing
from crawler.thumbnails import SIDE, small_jpeg
from crawler.urls import host_of
from workers.report.forbidden import Forbidden
from workers.report.pictures import Draws, drawing, encoded_pictures
from workers.report.sample_rows import MOST_SHARDS, Chosen, rows_with
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
    language: str = ""  # of the caption, ISO 639-1, or "" where it is not told
    #: where `jpeg` is sharp in any case: what may be seen until somebody asks for it, and how large `jpeg` is
    hidden: bytes = b""
    size: tuple[int, int] = (0, 0)


class Row(NamedTuple):
    """A pair, and what its table says of it."""

    chosen: Chosen
    told: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ShownPairs:
    """What came of pairs that were chosen."""

    pairs: dict[Chosen, Shown] = field(default_factory=dict)
    #: those that a list or a register names
    forbidden: set[Chosen] = field(default_factory=set)


def _nobody(_pairs: int) -> None:
    """Nobody waits to hear how far it is."""


class Manner(NamedTuple):
    """How pictures are shown."""

    side: int = SIDE  # pixels of the longer side at most; where there is but a thumbnail, 128
    blur: bool = True  # what may be unsafe; else it comes sharp, and a blurred one beside it for whoever hides it
    #: of which pictures of their own are read at most: those that the most of the pairs are of
    shards: int = MOST_SHARDS
    done: Callable[[int], object] = _nobody  # is told how many pairs were looked at


@dataclass(frozen=True, slots=True)
class Frame:
    """Makes of a row and its picture what people are shown."""

    showing: Showing
    draw: Draws
    manner: Manner

    @classmethod
    def of(cls, recipe: Recipe, draw: Draws, manner: Manner) -> Self:
        """By the rules of a recipe."""
        return cls(showing_of(recipe, ()), draw, manner)

    def shown(self, row: Row, stored: bytes) -> Shown | None:
        """The pair, of the encoded picture that its shard has, b"" for none; None where there is nothing to be had."""
        one, told = row
        reason = told.get("reason") or ""
        suspected = self.showing.blurs(told, reason) or is_suspected(told)
        pair = Shown(
            one.row_id, told.get("caption") or "", host_of(told.get("url") or ""), one.score, reason, b"",
            suspected or one.blurred, told.get("caption_language") or "",
        )  # fmt: skip
        if one.jpeg and not stored and self.manner.blur and (one.blurred or not suspected):
            return replace(pair, jpeg=one.jpeg)
        if not stored and one.blurred and not self.manner.blur:
            return None  # nobody can say any more what it shows
        pixels = self.draw(stored or one.jpeg) if stored or one.jpeg else None
        if pixels is None:
            return None
        if self.manner.blur:
            return replace(pair, jpeg=small_jpeg(pixels, blurred=suspected, side=self.manner.side))
        large = pixels.copy()
        large.thumbnail((self.manner.side, self.manner.side))
        jpeg, hidden = small_jpeg(large, blurred=False, side=self.manner.side), small_jpeg(large, blurred=True)
        return replace(pair, jpeg=jpeg, hidden=hidden, size=large.size)


def shown_of(
    chosen: Sequence[Chosen], recipe: Recipe, forbidden: Forbidden, manner: Manner | None = None
) -> ShownPairs:
    """The pairs as they are shown; one whose picture cannot be had is left out.

    Raises:
        InputError: a shard cannot be read.
    """
    by_table: dict[Path, list[Chosen]] = defaultdict(list)
    for one in chosen:
        by_table[one.table].append(one)
    rows = []
    for table, wanted in by_table.items():
        found = rows_with(table, {one.row_id for one in wanted}, lambda names: told_columns(names, recipe))
        rows += [Row(one, found[one.row_id]) for one in wanted if one.row_id in found]
    return shown_rows(rows, recipe, forbidden, manner)


def shown_rows(rows: Sequence[Row], recipe: Recipe, forbidden: Forbidden, manner: Manner | None = None) -> ShownPairs:
    """The same of rows that were read, with `told_columns`. Shards are read one after the other.

    Raises:
        InputError: a shard cannot be read.
    """
    result, manner = ShownPairs(), manner or Manner()
    by_table: dict[Path, list[Row]] = defaultdict(list)
    for row, named in zip(rows, forbidden.names([row.told for row in rows]) if rows else [], strict=True):
        if named:
            result.forbidden.add(row.chosen)
            manner.done(1)
        else:
            by_table[row.chosen.table].append(row)
    wanted = {table: _keys(some, manner) for table, some in by_table.items()}
    opened = sorted(wanted, key=lambda one: (-len(wanted[one]), one))[: manner.shards]
    with drawing(recipe) as draw:
        frame = Frame.of(recipe, draw, manner)
        for table, some in by_table.items():
            pictures = encoded_pictures(table, wanted[table]) if table in opened and wanted[table] else {}
            for row in some:
                shown = frame.shown(row, pictures.get(str(row.told.get("key")), b""))
                if shown is not None:
                    result.pairs[row.chosen] = shown
                manner.done(1)
    return result


def is_suspected(row: Mapping[str, Any]) -> bool:
    """Whether any column of a table, ours or a published list's, says that a picture may be unsafe."""
    for column, value in row.items():
        if isinstance(value, float) and column.lower().startswith(_UNSAFE) and value >= _SUSPECTED:
            return True
    return str(row.get("NSFW") or "UNLIKELY").upper() != "UNLIKELY"  # LAION-400M: UNLIKELY, UNSURE, NSFW


def told_columns(names: Collection[str], recipe: Recipe) -> list[str]:
    """Of a table's columns those that a pair is judged by and shown with: no picture is among them."""
    scores = showing_of(recipe, ()).blurred_from
    unsafe = (one for one in names if one.lower().startswith(_UNSAFE))
    return list(dict.fromkeys(one for one in (*_COLUMNS, *scores, *unsafe) if one in names))


def _keys(rows: Sequence[Row], manner: Manner) -> set[str]:
    """Of the rows whose pictures are to be read out of their shard."""
    needing = (row for row in rows if not row.chosen.jpeg or manner.side > SIDE)
    return {str(row.told["key"]) for row in needing if row.told.get("key")}
