"""What a takedown names, which tables are looked through for it, and what was found. Values, but for `Matches`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from filters.lists import Kind, Lists
from filters.lists.kinds import WIDTHS
from workers.dataset.columns import Table, digests, texts, uids_of

if TYPE_CHECKING:
    import pyarrow as pa

Bools = NDArray[np.bool_]


class Span(NamedTuple):
    """Rows that a worker made, or that were made in a time."""

    worker: str = ""  # of a shard's lineage; "" for anybody
    since: int | None = None  # seconds since 1970; the first that counts
    until: int | None = None  # the first that no longer counts


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a takedown names. A row is named if any of these names it."""

    lists: tuple[Lists, ...] = ()
    ids: frozenset[str] = frozenset()
    id_column: str = "content_id"
    span: Span | None = None


class Source(NamedTuple):
    """A stored table, and who made it."""

    table: Table
    worker: str = ""
    made_at: int | None = None


@dataclass(slots=True)
class Matches:
    """What was found: ids for the register, and numbers for people."""

    uids: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 16), np.uint8), repr=False)
    urls: set[str] = field(default_factory=set, repr=False)
    digests: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 32), np.uint8), repr=False)
    looked_at: int = 0  # rows
    rows: int = 0  # of these, matched, each once
    by_kind: Counter[str] = field(default_factory=Counter)
    #: rows that lack what a kind is compared with: nobody can say whether they are named
    blind: Counter[str] = field(default_factory=Counter)

    def take(self, part: pa.Table, named: Mapping[str, Bools], *, spread: bool) -> None:
        """Add the rows of a batch that are named; `spread`: their bytes and addresses stay out as well."""
        every = np.logical_or.reduce(list(named.values()))
        for kind, rows in named.items():
            self.by_kind[kind] += int(rows.sum())
        self.rows += int(every.sum())
        if not every.any():
            return
        hit = part.filter(every)
        self.uids = np.concatenate([self.uids, uids_of(hit)])
        if spread:
            if "url" in hit.column_names:
                self.urls |= {url for url in texts(hit, "url") if url}
            self.digests = np.concatenate([self.digests, digests(hit, "sha256", WIDTHS[Kind.SHA256])[1]])


def may_be_of(span: Span, source: Source) -> bool:
    """Whether rows of a table may be of the worker."""
    return not span.worker or span.worker == source.worker


def made_in(part: pa.Table, span: Span, source: Source) -> Bools:
    """Rows by the time they were fetched; those that do not say, by the time their shard was made.

    A row of which nobody knows when it was made counts as made in the time, where a worker is named: it cannot be
    cleared. Where none is, it does not.
    """
    if span.since is None and span.until is None:
        return np.ones(part.num_rows, np.bool_)
    made = np.full(part.num_rows, np.nan if source.made_at is None else float(source.made_at))
    if "fetched_at" in part.column_names:
        fetched: NDArray[Any] = part.column("fetched_at").to_numpy(zero_copy_only=False).astype(np.float64)
        made = np.where(np.isnan(fetched), made, fetched)
    unknown = np.isnan(made)
    since = -np.inf if span.since is None else span.since
    until = np.inf if span.until is None else span.until
    inside: Bools = (made >= since) & (made < until)
    return inside | unknown if span.worker else inside
