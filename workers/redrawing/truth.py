"""What is known of pairs, put beside rows in DuckDB: a truth in a file, or what people said on `pairtrawl label`.

The table `truth` names pairs by `content_id`, or by `url` and `caption`, and has `yes` and `weight`: how many rows a
judged row stands for beside the others. Rows of one sample weigh the same.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from crawler.errors import InputError
from workers.labelling.design import Stratum as Part
from workers.labelling.judged import Judged, majority_of
from workers.labelling.judgement import Judgement, Word

#: what a truth may name a pair by, best first
_KEYS = (("content_id",), ("url", "caption"))
_YES, _NO = "('1', '1.0', 'true', 'yes')", "('0', '0.0', 'false', 'no')"


def open_truth(database: Any, truth: Path) -> tuple[tuple[str, ...], int]:  # noqa: ANN401 - of duckdb, which is untyped
    """Make the table `truth` of a file: CSV or parquet with `match` (1 or 0) and what names pairs, maybe a `weight`.

    The columns that name pairs, and how many pairs there are.

    Raises:
        InputError: it cannot be read, lacks columns, or says of a pair neither yes nor no, or both.
    """
    try:
        rows = _rows_of(database, truth)
        keys = next((group for group in _KEYS if set(group) <= set(rows.columns)), None)
        if keys is None or "match" not in rows.columns:
            raise InputError(
                f"{truth}: needs the columns match and content_id, or match, url and caption; "
                f"it has {', '.join(rows.columns)}"
            )
        _aggregate(rows, keys)
        ((pairs, unclear, both, weightless),) = database.execute(
            "SELECT count(*), count(*) FILTER (WHERE yes IS NULL), count(*) FILTER (WHERE yes <> no), "
            "count(*) FILTER (WHERE weight IS NULL OR NOT isfinite(weight) OR weight <= 0) FROM truth"
        ).fetchall()
    except duckdb.Error as error:
        raise InputError(
            f"{truth}: cannot be read as CSV or parquet: {(str(error).splitlines() or [''])[0]}"
        ) from error
    if unclear:
        raise InputError(f"{truth}: column match: {unclear:,} pairs have a value that is neither 1 nor 0")
    if both:
        raise InputError(f"{truth}: says of {both:,} pairs both that they match and that they do not")
    if weightless:
        raise InputError(f"{truth}: column weight: {weightless:,} pairs have none, or one that is not above 0")
    return keys, int(pairs)


def _rows_of(database: Any, truth: Path) -> Any:  # noqa: ANN401 - of duckdb
    if truth.suffix == ".parquet":
        return database.read_parquet(str(truth))
    return database.read_csv(str(truth), header=True, all_varchar=True)


def _aggregate(rows: Any, keys: tuple[str, ...]) -> None:  # noqa: ANN401 - of duckdb
    word = "lower(trim(match::VARCHAR))"
    meant = f"CASE WHEN {word} IN {_YES} THEN true WHEN {word} IN {_NO} THEN false END"
    weight = "min(try_cast(weight AS DOUBLE))" if "weight" in rows.columns else "1.0"
    # bool_or and bool_and pass over nulls: a pair with one unclear value must show
    clear = f"CASE WHEN count(*) = count({meant}) THEN"
    columns = f"{clear} bool_or({meant}) END AS yes, {clear} bool_and({meant}) END AS no, {weight} AS weight"
    rows.aggregate(f"{', '.join(keys)}, {columns}", ", ".join(keys)).create("truth")


def open_labels(database: Any, labels: Path) -> tuple[tuple[str, ...], int]:  # noqa: ANN401 - of duckdb
    """Make the table `truth` of the labels in a folder: of each pair what most labellers say.

    Unsafe pairs count as such that do not match; pairs that nobody can tell, or of which as many say the one as the
    other, are left out, and so are those that were chosen for lying near a threshold: they are no random sample. Each
    pair weighs as many rows as it stands for in its part of the sample.

    Raises:
        InputError: there are no labels, or a line of them is no judgement.
    """
    pairs = labelled(Judged.read(labels))
    if not pairs:
        raise InputError(f"{labels}: nobody has judged a random pair there yet; `pairtrawl label` asks people")
    table = pa.table(
        {
            "content_id": [one for one, _, _ in pairs],
            "yes": [yes for _, yes, _ in pairs],
            "weight": [weight for _, _, weight in pairs],
        }
    )
    database.register("labelled", table)
    database.execute("CREATE TABLE truth AS SELECT * FROM labelled")
    database.unregister("labelled")
    return ("content_id",), len(pairs)


def labelled(judged: Judged) -> list[tuple[str, bool, float]]:
    """Content id, whether it matches, and how many rows it stands for, of pairs in random samples that were judged."""
    words: list[tuple[str, bool, Judgement]] = []
    for content_id, said in sorted(judged.by_pair.items()):
        word = majority_of([one.verdict for one in said.values()]).verdict
        one = next(iter(said.values()))
        if word in (Word.MATCHES, Word.DOES_NOT, Word.UNSAFE) and Part(one.stratum, one.of, ()).is_random:
            words.append((content_id, word == Word.MATCHES, one))
    # everybody judges a sample in an order of their own, so that those who stopped early judged a random part of it
    parts = Counter((one.design, one.stratum) for _, _, one in words)
    return [(pair, yes, one.of / parts[one.design, one.stratum]) for pair, yes, one in words]
