"""What statistics know of one shard: counts that add up, in any order, to those of a version.

A partial names sites (registrable domains), never an address, a text or a hash; what a stranger could have written
freely (a header, a licence) is counted under its own name only where it looks like the word that it should be.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from crawler.courtesy.domains import site_of
from crawler.statuses import SUCCESS
from workers.dataset.describing.bins import EDGES, Pair, binned, numbers_of, scores_of

pc: Any = pyarrow.compute  # its stubs take no plain texts and numbers

#: the last one of the year 9999
_LAST_SECOND = 253_402_300_799
#: what is counted under this name is told apart by nothing else
OTHER = "other"

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_ .+-]{0,39}")
_SIGNAL = re.compile(r"[a-z][a-z0-9. -]{0,39}: [A-Za-z0-9=,;:*. _-]{1,79}")
_LICENCE = re.compile(r"https?://creativecommons\.org/[a-z0-9./-]{1,79}")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./@:+ -]{0,119}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_HOST_OF_URL = r"^[A-Za-z]+://(?:[^/?#@]*@)?(?P<host>[^/?#@:]+)"

#: columns whose values are counted, and what a value must look like
_VALUES = {
    **dict.fromkeys(("status", "reason", "outcome", "format", "caption_source", "image_source"), _WORD),
    **dict.fromkeys(("language", "caption_language", "caption_script"), _WORD),
    "licence": _LICENCE,
}
#: columns of lists; a value counts once a row
_LISTS = dict.fromkeys(("page_opt_outs", "header_opt_outs", "made_by"), _SIGNAL)


class Partial(msgspec.Struct, frozen=True):
    """Counts of rows: found ones and, of these, kept ones."""

    rows: Pair = (0, 0)
    body_bytes: int = 0  # as received, of kept rows
    columns: dict[str, str] = {}  # name and type
    values: dict[str, dict[str, Pair]] = {}
    bins: dict[str, dict[int, Pair]] = {}  # number of a bin, from 0; of a score from -4000
    sites: dict[str, Pair] = {}
    fetched: Pair | None = None  # first and last second, since 1970


def looked_at(schema: pa.Schema) -> list[str]:
    """The columns of a table that `partial_of` counts."""
    fixed = {*_VALUES, *_LISTS, *EDGES, "url", "caption", "fetched_at"}
    scores = set(scores_of(schema))
    scores |= {f"{name}_model" for name in scores}
    return [name for name in schema.names if name in fixed or name in scores]


def partial_of(table: pa.Table) -> Partial:
    """Count the rows of a table, which has no masked rows any more.

    Columns that it lacks, or that hold something else than ours of that name, are counted nowhere.
    """
    schema = table.schema
    table = table.select([field.name for field in schema if _is_ours(field)])
    kept = _kept(table)
    names = set(table.column_names)
    numbers = numbers_of(table)
    return Partial(
        rows=(table.num_rows, int(kept.sum())),
        body_bytes=_sum(table, kept),
        columns={field.name: str(field.type) for field in schema},
        values={
            **{name: _counted(table.column(name), kept, like) for name, like in _VALUES.items() if name in names},
            **{name: _counted_lists(table.column(name), kept, like) for name, like in _LISTS.items() if name in names},
            **{
                f"{name}_model": _counted(table.column(f"{name}_model"), kept, _MODEL)
                for name in scores_of(table.schema)
                if f"{name}_model" in names
            },
        },
        bins={name: binned(name, values, kept) for name, values in numbers.items()},
        sites=_sites(table, kept),
        fetched=_fetched(table, kept),
    )


def add(partials: Iterable[Partial]) -> Partial:
    """The counts of all of them together; the same whatever their order."""
    rows, body_bytes = (0, 0), 0
    columns: dict[str, str] = {}
    values: dict[str, Counting] = {}
    bins: dict[str, Counting] = {}
    sites = Counting()
    fetched: list[Pair] = []
    for one in partials:
        rows = (rows[0] + one.rows[0], rows[1] + one.rows[1])
        body_bytes += one.body_bytes
        for name, kind in one.columns.items():  # of a column that has several types one, whatever the order
            columns[name] = min(columns.get(name, kind), kind)
        for name, counts in one.values.items():
            values.setdefault(name, Counting()).add(counts)
        for name, counted in one.bins.items():
            bins.setdefault(name, Counting()).add(counted)
        sites.add(one.sites)
        if one.fetched is not None:
            fetched.append(one.fetched)
    span = (min(first for first, _ in fetched), max(last for _, last in fetched)) if fetched else None
    return Partial(
        rows,
        body_bytes,
        dict(sorted(columns.items())),
        {name: counting.pairs() for name, counting in sorted(values.items())},
        {name: counting.pairs() for name, counting in sorted(bins.items())},
        sites.pairs(),
        span,
    )


class Counting:
    """Sums of pairs by key."""

    def __init__(self) -> None:
        self.found: Counter[str | int] = Counter()
        self.kept: Counter[str | int] = Counter()

    def add(self, counts: Mapping[str, Pair] | Mapping[int, Pair]) -> None:
        """Add counts of a shard."""
        self.found.update({key: pair[0] for key, pair in counts.items()})
        self.kept.update({key: pair[1] for key, pair in counts.items()})

    def pairs(self) -> dict:  # type: ignore[type-arg]  # by texts or by numbers, as they came
        """The sums, by key, in its order."""
        return {key: (self.found[key], self.kept[key]) for key in sorted(self.found)}


def day_of(seconds: int) -> str:
    """The day of a time, UTC; of a time that is none of ours the nearest one that has a day."""
    return datetime.fromtimestamp(min(max(seconds, 0), _LAST_SECOND), UTC).date().isoformat()


def _is_ours(field: pa.Field[Any]) -> bool:
    """Whether a column holds what ours of that name does: a list may have brought along another one."""
    kind = field.type
    if field.name in _LISTS:
        return (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and _is_text(kind.value_type)
    if field.name in EDGES or field.name == "fetched_at":
        return pa.types.is_integer(kind)
    return pa.types.is_floating(kind) or _is_text(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _kept(table: pa.Table) -> NDArray[np.bool_]:
    if "status" not in table.column_names:
        return np.ones(table.num_rows, np.bool_)
    return np.asarray(pc.equal(table.column("status"), SUCCESS).fill_null(False), np.bool_)


def _counted(column: pa.ChunkedArray[Any], kept: NDArray[np.bool_], like: re.Pattern[str]) -> dict[str, Pair]:
    """Rows by value, without null; of a value that does not look as it should under `OTHER`."""
    texts = pc.cast(column, pa.string())
    found, ours = _value_counts(texts), _value_counts(texts.filter(pa.array(kept)))
    return _as_words(found, ours, like)


def _counted_lists(column: pa.ChunkedArray[Any], kept: NDArray[np.bool_], like: re.Pattern[str]) -> dict[str, Pair]:
    """The same of lists; what a row says twice counts once."""
    found: Counter[str] = Counter()
    ours: Counter[str] = Counter()
    some = np.asarray(pc.greater(pc.list_value_length(column), 0).fill_null(False), np.bool_)
    for signals, is_kept in zip(column.filter(pa.array(some)).to_pylist(), kept[some].tolist(), strict=True):
        for one in set(signals or ()):
            found[one] += 1
            ours[one] += is_kept
    return _as_words(found, ours, like)


def _value_counts(texts: pa.ChunkedArray[Any]) -> Mapping[str, int]:
    counted = pc.value_counts(texts.combine_chunks() if texts.num_chunks else pa.array([], pa.string()))
    return {one["values"]: one["counts"] for one in counted.to_pylist() if one["values"] is not None}


def _as_words(found: Mapping[str, int], kept: Mapping[str, int], like: re.Pattern[str]) -> dict[str, Pair]:
    pairs: dict[str, Pair] = {}
    for value, count in found.items():
        word = value if not value or like.fullmatch(value) else OTHER
        before = pairs.get(word, (0, 0))
        pairs[word] = (before[0] + count, before[1] + kept.get(value, 0))
    return dict(sorted(pairs.items()))


def _sites(table: pa.Table, kept: NDArray[np.bool_]) -> dict[str, Pair]:
    if "url" not in table.column_names:
        return {}
    urls = pc.cast(table.column("url"), pa.string())
    hosts = pc.utf8_lower(pc.struct_field(pc.extract_regex(urls, _HOST_OF_URL), "host"))
    found, ours = _value_counts(hosts), _value_counts(hosts.filter(pa.array(kept)))
    sites: dict[str, Pair] = {}
    for host, count in found.items():
        site = site_of(host) if _HOST.fullmatch(host) else OTHER
        before = sites.get(site, (0, 0))
        sites[site] = (before[0] + count, before[1] + ours.get(host, 0))
    return sites


def _sum(table: pa.Table, kept: NDArray[np.bool_]) -> int:
    if "body_bytes" not in table.column_names:
        return 0
    return int(pc.sum(table.column("body_bytes").filter(pa.array(kept))).as_py() or 0)


def _fetched(table: pa.Table, kept: NDArray[np.bool_]) -> Pair | None:
    if "fetched_at" not in table.column_names:
        return None
    span = pc.min_max(table.column("fetched_at").filter(pa.array(kept))).as_py()
    return None if span["min"] is None else (int(span["min"]), int(span["max"]))
