"""Contact sheets of the cells in which two recipes disagree: pairs whose pictures runs still have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import filters
from filters.redrawn import literal, quoted
from workers.redrawing.asking import Rows
from workers.redrawing.ballot import NO, UNKNOWN, Ballot, Signature
from workers.redrawing.cells import Cell, cell_of
from workers.redrawing.telling import CELL_WORDS
from workers.report.drawn.contact import Sheet, Tile
from workers.report.sample_rows import MOST_SHARDS, spread, thumbnails_of_tables
from workers.report.samples import pictures_for

_CHOSEN = (
    "Of the pairs of which the jobs kept a picture, those with the smallest digests of their content ids. Of what a "
    "run rejected there are pictures only where its recipe has `output.thumbnails`. What a list names is never shown."
)


@dataclass(frozen=True, slots=True)
class _Pair:
    content_id: str
    file: str
    score: float | None


def sheets_of_cells(
    rows: Rows, ballot: Ballot, counts: Mapping[Signature, int], cells: Sequence[Cell], most: int, score: str
) -> list[Sheet]:
    """Up to `most` pairs of each of these cells, as far as there are pictures of them.

    Args:
        rows: the rows.
        ballot: the recipes' filters.
        counts: rows of all signatures.
        cells: of which sheets are made.
        most: pairs on a sheet.
        score: the column that is shown beside a picture, or "".

    Raises:
        InputError: a shard cannot be read.
        SettingsError: a list of a run cannot be read, so that it is not known what must not be shown.
    """
    tables = sorted({Path(str(file)) for (file,) in rows.ask("SELECT DISTINCT file FROM frozen_rows")})
    seen = _pictured(rows, tables)
    sheets = []
    for cell in cells:
        inside = [one for one in counts if cell_of(ballot, one) == cell]
        pairs = _pairs(rows, [one for one in inside if not _is_listed(ballot, one)], seen, most, score)
        found = pictures_for(sorted({Path(one.file) for one in pairs}), [one.content_id for one in pairs])
        tiles = tuple(
            Tile(shown.jpeg, shown.caption, one.score, shown.reason, shown.host, shown.blurred)
            for one in pairs
            if (shown := found.get(one.content_id)) is not None
        )
        sheets.append(Sheet(CELL_WORDS[cell.value], "", tiles, sum(counts[one] for one in inside), _CHOSEN, score))
    return sheets


def names_pictures(ballot: Ballot) -> list[int]:
    """The variants by which somebody does not want pictures to be seen: lists, and what is confidential."""
    return [
        place
        for place, one in enumerate(ballot.variants)
        if one.choice.use == "candidates.keywords"
        or (settings := filters.settings_of(one.choice.use, one.choice.settings)).get("confidential")
        or "most_share" in settings
    ]


def _is_listed(ballot: Ballot, signature: Signature) -> bool:
    """Whether a list names such rows, or may."""
    return any(signature[place + 1] in (NO, UNKNOWN) for place in names_pictures(ballot))


def _pictured(rows: Rows, tables: Sequence[Path]) -> str:
    """SQL: whether there may be a picture of a row: a thumbnail, or in the tar of one of eight shards."""
    small = [path for _, path in thumbnails_of_tables(tables)]
    if small:
        listed = ", ".join(literal(str(path)) for path in small)
        rows.ask(
            f"CREATE OR REPLACE TEMP TABLE pictured AS SELECT DISTINCT content_id FROM read_parquet([{listed}])"  # noqa: S608 - literals are escaped
        )
        return "content_id IN (SELECT content_id FROM pictured)"
    some = ", ".join(literal(str(path)) for path in spread(tables, MOST_SHARDS))
    return f"(reason IS NULL AND file IN ({some}))"


def _pairs(rows: Rows, signatures: Sequence[Signature], seen: str, most: int, score: str) -> list[_Pair]:
    if not signatures:
        return []
    inside = " OR ".join(
        "(" + " AND ".join(f"w{place} = {word}" for place, word in enumerate(rows.packed(one))) + ")"
        for one in signatures
    )
    found = rows.ask(
        f"SELECT content_id, file, {quoted(score) if score else 'NULL'} FROM frozen_rows "  # noqa: S608 - literals are escaped
        f"WHERE content_id IS NOT NULL AND {seen} AND ({inside}) ORDER BY md5(content_id), content_id LIMIT {most:d}"
    )
    return [_Pair(*row) for row in found]
