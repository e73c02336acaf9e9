"""The statistics of a version: `statistics.json`, and the same as small tables.

They are for the public. Sites are named from so many rows on, and in round numbers, so that neither a rare site nor the
one row that a new version lacks is pointed at; rare values of other columns are counted together. There is no address,
no text and no hash of a row in them, so that a purge has nothing to look for here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pyarrow as pa

from crawler.dataset.manifest import Tombstones
from workers.dataset.describing.bins import EDGES, SCORE_STEP, Pair
from workers.dataset.describing.gathering import Gathered
from workers.dataset.describing.partials import OTHER, day_of

FORMAT = "pairtrawl-statistics-1"
#: sites with fewer rows are not named, and counts of sites are rounded down to tens
SITES_FROM = 100
_SITES_ROUNDED = 10
_TOP_SITES = 100
#: values of other columns with fewer rows are counted together; so many of a column are told
_VALUES_FROM = 10
_TOP_VALUES = 60


class Value(msgspec.Struct, frozen=True):
    """How many rows have a value; `kept` ones have a picture."""

    value: str
    found: int
    kept: int


class Bin(msgspec.Struct, frozen=True):
    """How many rows have a number from `lower` on and below `upper`; None: without end."""

    lower: float
    upper: float | None
    found: int
    kept: int


class Removal(msgspec.Struct, frozen=True):
    """A published set of removals: how many ids it names, real and neutral ones together, and by which policies."""

    id: str
    date: str
    ids: int
    policies: tuple[str, ...]


class Statistics(msgspec.Struct, frozen=True):
    """`statistics.json`."""

    dataset: str
    root: str
    shards: int
    rows: int
    kept: int
    masked: int
    body_bytes: int  # of kept rows, as their servers sent them
    fetched: tuple[str, str] | None  # first and last day, UTC
    columns: dict[str, str]
    values: dict[str, list[Value]]
    numbers: dict[str, list[Bin]]
    sites: list[Value]
    sites_from: int  # rows from which on a site is named
    sites_missed: int  # counts of sites may be too low by this
    removals: list[Removal]
    format: str = FORMAT


def statistics_of(dataset: str, root: str, gathered: Gathered, removals: Sequence[Tombstones]) -> Statistics:
    """What is told of a version, by what was counted of it. Pure: the same counts give the same statistics."""
    counted = gathered.partial
    return Statistics(
        dataset=dataset,
        root=root,
        shards=gathered.shards,
        rows=counted.rows[0],
        kept=counted.rows[1],
        masked=gathered.masked,
        body_bytes=counted.body_bytes,
        fetched=None if counted.fetched is None else (day_of(counted.fetched[0]), day_of(counted.fetched[1])),
        columns=dict(counted.columns),
        values={name: _values(pairs) for name, pairs in sorted(counted.values.items()) if pairs},
        numbers={name: _bins(name, bins) for name, bins in sorted(counted.bins.items()) if bins},
        sites=_sites(counted.sites),
        sites_from=SITES_FROM,
        sites_missed=gathered.sites_missed,
        removals=[Removal(one.id, one.date, len(one.uids), one.policies) for one in removals],
    )


def as_json(statistics: Statistics) -> bytes:
    """`statistics.json`."""
    return msgspec.json.format(msgspec.json.encode(statistics), indent=1) + b"\n"


def as_tables(statistics: Statistics) -> dict[str, pa.Table]:
    """The same as tables, by their names: values, numbers, sites."""
    counts: list[tuple[str, pa.DataType]] = [("found", pa.int64()), ("kept", pa.int64())]
    bins: list[tuple[str, pa.DataType]] = [
        ("column", pa.string()), ("lower", pa.float64()), ("upper", pa.float64()), *counts,
    ]  # fmt: skip
    return {
        "values": pa.Table.from_pylist(
            _rows(statistics.values), pa.schema([("column", pa.string()), ("value", pa.string()), *counts])
        ),
        "numbers": pa.Table.from_pylist(_rows(statistics.numbers), pa.schema(bins)),
        "sites": pa.Table.from_pylist(
            [msgspec.to_builtins(one) for one in statistics.sites], pa.schema([("value", pa.string()), *counts])
        ).rename_columns(["site", "found", "kept"]),
    }


def quantile(bins: Sequence[Bin], share: float) -> float | None:
    """The lower edge of the bin in which this share of the kept rows is reached; None without kept rows."""
    total = sum(one.kept for one in bins)
    reached = 0
    for one in bins:
        reached += one.kept
        if total and reached >= share * total:
            return one.lower
    return None


def _rows(counted: Mapping[str, Iterable[msgspec.Struct]]) -> list[dict[str, Any]]:
    return [{"column": name, **msgspec.to_builtins(one)} for name, found in counted.items() for one in found]


def _values(pairs: Mapping[str, Pair]) -> list[Value]:
    ordered = sorted(pairs.items(), key=lambda item: (-item[1][0], item[0]))
    named = [one for one in ordered if one[1][0] >= _VALUES_FROM and one[0] != OTHER][:_TOP_VALUES]
    names = {name for name, _ in named}
    rest = [pair for name, pair in ordered if name not in names]
    told = [Value(name, *pair) for name, pair in named]
    if rest:
        told.append(Value(OTHER, sum(found for found, _ in rest), sum(kept for _, kept in rest)))
    return told


def _bins(name: str, pairs: Mapping[int, Pair]) -> list[Bin]:
    edges = EDGES.get(name)
    if edges is None:
        return [Bin(round(at * SCORE_STEP, 6), round((at + 1) * SCORE_STEP, 6), *pairs[at]) for at in sorted(pairs)]
    ends = [*pairwise(edges), (edges[-1], None)]
    return [Bin(*ends[at], *pairs[at]) for at in sorted(pairs)]


def _sites(pairs: Mapping[str, Pair]) -> list[Value]:
    named = [(site, pair) for site, pair in pairs.items() if site != OTHER and pair[0] >= SITES_FROM]
    named.sort(key=lambda item: (-item[1][0], item[0]))
    return sorted(
        (Value(site, *(count - count % _SITES_ROUNDED for count in pair)) for site, pair in named[:_TOP_SITES]),
        key=lambda one: (-one.found, one.value),  # by what is told: the order would tell the last digit
    )
