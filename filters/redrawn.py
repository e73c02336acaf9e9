"""Verdicts drawn again from the tables of finished shards, so that another threshold needs no second crawl.

A filter that can say so has a method `redrawn`, which gives a `Redrawn`: SQL of DuckDB over the columns of
docs/formats.md, and where SQL cannot say it exactly, a function over rows. Both give true, false, or null where the
columns do not tell; neither ever guesses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from crawler.records import Candidate, Caption, Earlier, Expected, ImageSource, TextSource, Tongue, Verdict
from crawler.urls import normalise

#: a row of a table, by the names of its columns; what is null or has no column is None
Told = Mapping[str, Any]
#: what it says of each row: whether it stays, or None where its columns do not tell
Again = Callable[[Sequence[Told]], list[bool | None]]

#: digits of a digest in "<score>_model"
_DIGEST = 12


@dataclass(frozen=True, slots=True)
class Redrawn:
    """How a verdict follows from a row."""

    sql: str = "NULL"  # true, false or null
    reads: tuple[str, ...] = ()  # the columns of `sql` and `maker`
    #: SQL: whether the scores are those of this filter's own model; where they are not, nothing is told
    maker: str = "true"
    again: Again | None = None  # for rows of which `sql` says null
    again_reads: tuple[str, ...] = ()

    def where_null(self, again: Again, *reads: str) -> Self:
        """The same, with a function over rows where SQL says null."""
        return replace(self, again=again, again_reads=reads)


def redrawn_of(built: object) -> Redrawn:
    """How a filter's verdict follows from a row; of a filter that does not say so, no row tells it."""
    say: Callable[[], Redrawn] | None = getattr(built, "redrawn", None)
    return Redrawn() if say is None else say()


def literal(value: str | float) -> str:
    """A value as DuckDB reads it: the same number to the last bit, the same text whatever stands in it.

    Raises:
        ValueError: a text holds NUL, which no literal can.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"({value})"
    if isinstance(value, float):
        # a bare 0.28 would be a DECIMAL, whose way to a DOUBLE may round twice
        return f"'{'nan' if math.isnan(value) else repr(value)}'::DOUBLE"
    if "\0" in value:
        raise ValueError("a text with NUL cannot be written in SQL")
    return "'" + value.replace("'", "''") + "'"


def quoted(column: str) -> str:
    """The name of a column, whatever stands in it."""
    return '"' + column.replace('"', '""') + '"'


def one_of(column: str, values: Iterable[str]) -> str:
    """SQL: whether a column holds one of the texts; no text at all is never held."""
    listed = ", ".join(literal(value) for value in values)
    return f"{quoted(column)} IN ({listed})" if listed else f"({quoted(column)} IS NULL AND NULL)"


def number(column: str) -> str:
    """SQL: a column of numbers as doubles, in which filters compare."""
    return f"{quoted(column)}::DOUBLE"


def from_on(column: str, at: float) -> str:
    """SQL: whether a score is at least `at`; what is no number is not."""
    return f"({number(column)} >= {literal(float(at))} AND NOT isnan({number(column)}))"


def up_to(column: str, at: float) -> str:
    """SQL: whether a score is at most `at`; what is no number is not."""
    return f"({number(column)} <= {literal(float(at))} AND NOT isnan({number(column)}))"


def made_by_engine(column: str, engine_name: str, more: str = "") -> str:
    """SQL: whether the scores of `column` were made by that engine, and by `more`, such as a head.

    An engine is known by its name, which is "model precision"; the digest of its weights, which stands in the row, is
    not compared: it would have to be read from weights that may not be here.
    """
    model, _, precision = engine_name.rpartition(" ")
    start, end = f"{model}@sha256:", f" {precision}{f' {more}' if more else ''}"
    written = quoted(f"{column}_model")
    return (
        f"(starts_with({written}, {literal(start)}) AND ends_with({written}, {literal(end)}) "
        f"AND length({written}) = {len(start) + _DIGEST + len(end)})"
    )


def judging_candidates(judge: Callable[[Sequence[Candidate]], list[Verdict]], *reads: str) -> Redrawn:
    """The verdict of a filter of candidates that looks at nothing but the columns `reads`, all of which must be there.

    Its own `judge` says it, over candidates made again from rows.
    """

    def again(rows: Sequence[Told]) -> list[bool | None]:
        known = [all(row.get(column) is not None for column in reads) for row in rows]
        verdicts = iter(judge([candidate_of(row) for row, is_known in zip(rows, known, strict=True) if is_known]))
        return [next(verdicts).keep if is_known else None for is_known in known]

    return Redrawn(again=again, again_reads=reads)


def judging_earlier(judge_again: Callable[[Sequence[Earlier]], list[Verdict | None]], *reads: str) -> Redrawn:
    """The verdict of a filter that judges pictures by what was recorded of them."""

    def again(rows: Sequence[Told]) -> list[bool | None]:
        verdicts = judge_again([earlier_of(row) for row in rows])
        return [None if verdict is None else verdict.keep for verdict in verdicts]

    return Redrawn(again=again, again_reads=reads)


def candidate_of(row: Told) -> Candidate:
    """The candidate that a row tells of, as far as filters look at it. What was written on its page is not in a row."""
    listed = row.get("other_captions") or ()
    return Candidate(
        image_url=normalise(row.get("url") or ""),
        image_source=ImageSource.IMG_SRC,
        caption=Caption(TextSource.ALT, row.get("caption") or ""),
        other_captions=tuple(Caption(TextSource.ALT, one["text"]) for one in listed),
        page_url=row.get("page_url") or "",
        archive="",
        offset=-1,
        position=0,
        licence="",
        language="",
        opt_outs=(),
        written_src="",
        written_text="",
        base_url="",
        tongue=Tongue(
            row.get("caption_language") or "",
            row.get("caption_language_confidence") or 0.0,
            row.get("caption_script") or "",
        ),
    )


def earlier_of(row: Told) -> Earlier:
    """What a row records of a picture."""
    phash, pdq = row.get("phash"), row.get("pdq")
    known = Expected(
        md5=row.get("md5") or "",
        sha1=row.get("sha1") or "",
        sha256=row.get("sha256") or "",
        phash=int(phash, 16) if phash else None,
        pdq=int(pdq, 16) if pdq else None,
        pdq_quality=row.get("pdq_quality"),
    )
    return Earlier(candidate_of(row), known, row.get("final_url") or "")
