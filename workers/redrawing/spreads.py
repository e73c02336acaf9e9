"""`pairtrawl filters curve` of every score: how it is spread, and what each threshold would leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb

from crawler.errors import InputError
from crawler.records import Fault
from filters.redrawn import literal, quoted
from workers.redrawing.bins import bin_of
from workers.report.edges import even_edges

_BINS = 50
#: scores of which the low ones are the good ones, by how their names begin, and from where on a pair counts as unsafe
_LOW_IS_GOOD = ("punsafe", "pwatermark", "psynthetic", "p_", "nsfw")
_UNSAFE = ("punsafe", "punsafe_prompts", "punsafe_onnx")
_UNSAFE_FROM = 0.5
#: what a job finds out of a pair that stood there before
_DUPLICATES = (Fault.REPEATED_FILE, Fault.LOOK_ALIKE, Fault.DUPLICATE)


_NO_LINES: Mapping[str, list[dict[str, Any]]] = MappingProxyType({})


def spreads_of(
    tables: Sequence[Path], *columns: str, lines: Mapping[str, list[dict[str, Any]]] = _NO_LINES
) -> dict[str, Any]:
    """How score columns of these tables are spread, and what would stay with each of some fifty thresholds.

    Each column is one pass, and no more columns are read than it needs. Without `columns` it is every score column.
    `lines` are drawn already, by column, as `frozen.lines_at` has them.

    Raises:
        InputError: a table cannot be read, none has a score, or one of `columns` is none.
    """
    try:
        with duckdb.connect() as database:
            database.execute("SET preserve_insertion_order = false")
            everything = database.read_parquet([str(one) for one in tables], union_by_name=True)
            kinds = dict(zip(everything.columns, map(str, everything.types), strict=True))
            everything.create_view("scored")
            scores = {}
            there = score_columns(kinds)
            if strange := [column for column in columns if column not in there]:
                raise InputError(
                    f"{tables[0]}: no score column {strange[0]!r}; the score columns are: {', '.join(there) or 'none'}"
                )
            for column in columns or there:
                spread = _spread(database, column, kinds)
                if spread is not None:
                    scores[column] = spread | {"lines": list(lines.get(column, []))}
    except duckdb.Error as error:
        raise InputError(f"{tables[0]}: cannot be read as a table: {(str(error).splitlines() or [''])[0]}") from error
    if not scores:
        raise InputError(f"{tables[0]}: no table has a score column with values")
    return {"kind": "curves", "tables": len(tables), "scores": scores}


def score_columns(kinds: Mapping[str, str]) -> list[str]:
    """The columns of numbers beside which a column says what made them, and `similarity` in any case."""
    return [
        name
        for name, kind in kinds.items()
        if kind in ("DOUBLE", "FLOAT") and (f"{name}_model" in kinds or name == "similarity")
    ]


def _spread(database: Any, column: str, kinds: Mapping[str, str]) -> dict[str, Any] | None:  # noqa: ANN401 - of duckdb
    name = quoted(column)
    model = quoted(f"{column}_model") if f"{column}_model" in kinds else "NULL"
    by_model = database.execute(
        f"SELECT {model}, min({name}), max({name}) FROM scored WHERE isfinite({name}) GROUP BY 1 ORDER BY 1"  # noqa: S608 - quoted
    ).fetchall()
    if not by_model:
        return None
    low, high = min(row[1] for row in by_model), max(row[2] for row in by_model)
    edges = even_edges(low, high, _BINS)
    unsafe = [one for one in _UNSAFE if one in kinds]
    is_unsafe = " OR ".join(f"{quoted(one)} > {_UNSAFE_FROM}" for one in unsafe) or "false"
    judged = " OR ".join(f"{quoted(one)} IS NOT NULL" for one in unsafe) or "false"
    kept = "status = 'success'" if "status" in kinds else "true"
    twice = ", ".join(literal(one.value) for one in _DUPLICATES)
    duplicate = f"reason IN ({twice})" if "reason" in kinds else "false"
    binned = database.execute(
        f"SELECT {bin_of(column, edges, top=True)}, count(*) FILTER (WHERE {kept}), count(*), sum({name}::DOUBLE), "  # noqa: S608 - quoted
        f"count(*) FILTER (WHERE {judged}), count(*) FILTER (WHERE {is_unsafe}), count(*) FILTER (WHERE {duplicate}) "
        f"FROM scored WHERE isfinite({name}) GROUP BY 1"
    ).fetchall()
    bins = {row[0]: row[1:] for row in binned}
    columns = list(zip(*(bins.get(place, (0, 0, 0.0, 0, 0, 0)) for place in range(len(edges))), strict=True))
    below = column.startswith(_LOW_IS_GOOD)
    return {
        "models": [str(row[0]) for row in by_model if row[0] is not None],
        "scored": sum(columns[1]),
        "lowest": low,
        "highest": high,
        "below": below,
        "edges": list(edges),
        "kept": _in_bins(columns[0]),
        "rejected": _in_bins([every - stayed for stayed, every in zip(columns[0], columns[1], strict=True)]),
        "curve": _curve(edges, columns, below=below),
    }


def _curve(edges: Sequence[float], columns: Sequence[Sequence[float]], *, below: bool) -> dict[str, Any]:
    """What stays at each edge: rows from it on, or with `below` those before it."""
    _, every, sums, judged, unsafe, twice = (_stays(column, below=below) for column in columns)
    return {
        "thresholds": list(edges),
        "kept": every,
        "mean": [total / rows if rows else None for total, rows in zip(sums, every, strict=True)],
        # of the rows that a safety filter gave a score
        "unsafe_share": [bad / known if known else None for bad, known in zip(unsafe, judged, strict=True)],
        "duplicates": twice,
    }


def _in_bins(at_edges: Sequence[int]) -> list[int]:
    """Counts of bins: what lies on the last edge is in the last bin."""
    return [*at_edges[:-2], at_edges[-2] + at_edges[-1]]


def _stays(column: Sequence[float], *, below: bool) -> list[float]:
    if below:
        return [0, *accumulate(column[:-1])]
    return [*reversed([*accumulate(reversed(column))])]


def as_text(found: Mapping[str, Any]) -> Iterator[str]:
    """The curves for people, line by line: every second threshold or so."""
    for column, one in found["scores"].items():
        made = f", by {' and '.join(one['models'])}" if one["models"] else ""
        yield f"{column}: {one['scored']:,} rows, {one['lowest']:.3f} to {one['highest']:.3f}{made}"
        if len(one["models"]) > 1:
            yield "These scores are of several models: one threshold does not suit them all."
        stays = "below" if one["below"] else "from"
        yield f"{stays:>10}{'rows':>15}{'share':>9}{'mean':>9}{'unsafe':>9}{'duplicates':>12}"
        curve = one["curve"]
        step = max(1, len(curve["thresholds"]) // 25)
        for place in range(0, len(curve["thresholds"]), step):
            mean, unsafe = curve["mean"][place], curve["unsafe_share"][place]
            yield (
                f"{curve['thresholds'][place]:>10.3f}{curve['kept'][place]:>15,}"
                f"{curve['kept'][place] / one['scored']:>9.1%}"
                + (f"{mean:>9.3f}" if mean is not None else f"{'-':>9}")
                + (f"{unsafe:>9.2%}" if unsafe is not None else f"{'-':>9}")
                + f"{curve['duplicates'][place]:>12,}"
            )
