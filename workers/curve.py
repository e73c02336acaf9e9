"""Yield against threshold: what the scores in the tables of finished shards say about where to draw the line.

Scores stay in a row whichever way its verdict fell, so that this needs no second crawl. Rows that were rejected before
they were scored have no score and are not counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from crawler.errors import InputError
from workers.score_rows import ScoreRows, open_scores

#: thresholds of a table
_ABOUT = 20
#: letters of the longest bar
_BAR = 30


@dataclass(frozen=True, slots=True)
class Point:
    """What would stay with one threshold. What would be a division by zero is None."""

    threshold: float
    kept: int  # of all scored rows
    share: float
    precision: float | None = None  # of the judged rows that stay, those that match
    recall: float | None = None  # of the judged rows that match, those that stay
    balanced_accuracy: float | None = None  # mean share of right verdicts, of rows that match and of those that do not


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of the pairs beside their scores."""

    pairs: int  # that the truth names
    rows: int  # of these pairs, with a score
    matching: int  # of these rows
    auc: float | None  # the chance that a matching row has the better score than one that does not match
    best: float | None  # the threshold of the table with the highest balanced accuracy


@dataclass(frozen=True, slots=True)
class Curve:
    """One score column, seen at rising thresholds."""

    score: str
    models: tuple[str, ...]  # what made the scores; those of several do not compare
    below: bool  # whether rows below a threshold stay, or those from it on
    scored: int  # rows
    lowest: float
    highest: float
    points: tuple[Point, ...]
    judged: Judged | None


def draw_curve(
    tables: Sequence[Path],
    score: str = "similarity",
    *,
    truth: Path | None = None,
    below: bool = False,
    between: tuple[float | None, float | None] = (None, None),
) -> Curve:
    """The curve of a score column over all rows of `tables` that have the score; NaN and infinity are none.

    Args:
        tables: parquet files, in any number; they are streamed.
        score: the column.
        truth: CSV or parquet: `match` (1 or 0) for each `content_id`, or for each `url` and `caption`.
        below: low scores are the good ones, so that what is below a threshold stays.
        between: lowest and highest threshold; None is the lowest or highest score.

    Raises:
        InputError: a table or the truth cannot be read, lacks a column, or contradicts itself.
    """
    with open_scores(tables, score) as rows:
        scored, lowest, highest = rows.extent()
        if not scored:
            raise InputError(f"{tables[0]}: no row has a value of {score}")
        low, high = (own if asked is None else asked for asked, own in zip(between, (lowest, highest), strict=True))
        thresholds = nice_thresholds(low, high)
        kept = [scored - number if below else number for number in rows.from_on(thresholds)]
        points = tuple(Point(at, number, number / scored) for at, number in zip(thresholds, kept, strict=True))
        judged = None
        if truth is not None:
            points, judged = _judged(rows, truth, points, below=below)
        return Curve(score, rows.models(), below, scored, lowest, highest, points, judged)


def nice_thresholds(low: float, high: float) -> tuple[float, ...]:
    """About twenty round numbers in equal steps of 1, 2, 2.5 or 5 times a power of ten; the ends at or beyond these."""
    if not low < high:
        return (low,)
    rough = (high - low) / _ABOUT
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    digits = 2 - math.floor(math.log10(step))
    # a hair's breadth of slack: 0.3 / 0.1 is less than 3
    first, last = math.floor(low / step + 1e-6), math.ceil(high / step - 1e-6)
    return tuple(round(step * n, digits) for n in range(first, last + 1))


def _judged(rows: ScoreRows, truth: Path, points: Sequence[Point], *, below: bool) -> tuple[tuple[Point, ...], Judged]:
    pairs = rows.join(truth)
    number, matching = rows.judged()
    if not number:
        raise InputError(f"{truth}: none of its {pairs:,} pairs has a row with that score")
    thresholds = [point.threshold for point in points]
    right = rows.judged_from_on(thresholds, matching=True)
    wrong = rows.judged_from_on(thresholds, matching=False)
    other = number - matching
    if below:
        right, wrong = [matching - one for one in right], [other - one for one in wrong]
    seen = tuple(
        _seen(point, (yes, no), (matching, other)) for point, yes, no in zip(points, right, wrong, strict=True)
    )
    sure = [(point.balanced_accuracy, point.threshold) for point in seen if point.balanced_accuracy is not None]
    best = max(sure, key=lambda one: one[0])[1] if sure else None
    auc = rows.auc()
    return seen, Judged(pairs, number, matching, 1 - auc if below and auc is not None else auc, best)


def _seen(point: Point, kept: tuple[int, int], of: tuple[int, int]) -> Point:
    """A point that keeps so many rows that match and that do not, of so many."""
    (right, wrong), (matching, other) = kept, of
    recall = right / matching if matching else None
    balanced = (right / matching + 1 - wrong / other) / 2 if matching and other else None
    precision = right / (right + wrong) if right + wrong else None
    return Point(point.threshold, point.kept, point.share, precision, recall, balanced)


def as_text(curve: Curve) -> Iterator[str]:
    """The curve for people, line by line."""
    made = f", by {' and '.join(curve.models)}" if curve.models else ""
    yield f"{curve.score}: {curve.scored:,} rows, {curve.lowest:.3f} to {curve.highest:.3f}{made}"
    if len(curve.models) > 1:
        yield "These scores are of several models: one threshold does not suit them all."
    if curve.judged is not None:
        yield from _of_truth(curve.judged)
    digits = max(2, *(len(f"{point.threshold!r}".partition(".")[2]) for point in curve.points))
    stays = "below" if curve.below else "from"
    yield f"{stays:>10}{'rows':>15}{'share':>9}" + ("  precision  recall  balanced" if curve.judged else "")
    for point in curve.points:
        line = f"{point.threshold:>10.{min(digits, 6)}f}{point.kept:>15,}{point.share:>9.1%}"
        if curve.judged is not None:
            line += f"{_percent(point.precision):>11}{_percent(point.recall):>8}{_percent(point.balanced_accuracy):>10}"
        yield f"{line}  {'#' * round(_BAR * point.share)}".rstrip()


def _of_truth(judged: Judged) -> Iterator[str]:
    auc = "" if judged.auc is None else f"; AUC {judged.auc:.4f}"
    yield f"truth: {judged.pairs:,} pairs, {judged.rows:,} rows with this score, {judged.matching:,} match{auc}"
    if judged.best is not None:
        yield f"best balanced accuracy of these thresholds: {judged.best:g}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
