"""Which stored rows does a takedown name? Columns are compared with lists; no picture, tar or link is opened.

Exact hashes are looked up as sorted bytes, for lists in the open and keyed ones alike; perceptual ones by
`filters.hamming`. What a list names is never shown: what comes out of here are ids for the register, and numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crawler.errors import InputError
from filters.hamming import HammingIndex
from filters.lists import Kind, Lists, listed_urls
from filters.lists.entries import LEAST_QUALITY, most_bits
from filters.lists.kinds import WIDTHS
from filters.lists.rows import SortedRows, sorted_rows
from filters.lists.urls import URL_KINDS
from filters.turned import turned_hashes
from workers.dataset.columns import Table, digests, strings, texts, uids_of
from workers.dataset.removed.criteria import Bools, Criteria, Matches, Source, Span, made_in, may_be_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CopyMatcher", "Criteria", "Matcher", "Matches", "Source", "Span"]

#: what PDQ's makers call a confident match, and what keeps chance matches of a pHash below one in 3 million
PDQ_RADIUS, PHASH_RADIUS = 31, 4
#: a list of more PDQ hashes is not turned; what is looked up in it is
_TURN_LIST_UP_TO = 1_000_000
#: addresses of a row that a list may name
_ADDRESSES = ("url", "final_url", "page_url")


class Matcher:
    """Looks through tables. Indexes are built once."""

    def __init__(self, criteria: Criteria) -> None:
        self._criteria = criteria
        self._pdq = [_pdq_index(one) for one in criteria.lists if Kind.PDQ in one.kinds]
        self._phash = [
            HammingIndex(one.rows(Kind.PHASH), PHASH_RADIUS) for one in criteria.lists if Kind.PHASH in one.kinds
        ]

    def matches(self, sources: Iterable[Source], *, blindly: bool = False) -> Matches:
        """What the tables hold of what is named.

        Args:
            sources: the tables.
            blindly: a list that no row can be compared with is passed over.

        Raises:
            InputError: a table cannot be read, or not one row can be compared with a list.
        """
        found = Matches()
        for source in sources:
            self._look_through(source, found)
        if not blindly and (hopeless := sorted(_hopeless(self._criteria, found))):
            raise InputError(
                f"no row has what {' or '.join(hopeless)} is compared with, so nothing can be said of it; "
                "match by another kind, or rebuild the data set with hashes (compute_hash) first"
            )
        return found

    def _look_through(self, source: Source, found: Matches) -> None:
        table = source.table
        asked = self._asked(table, source)
        found.looked_at += table.rows
        for kind in self._blind(table):
            found.blind[kind] += table.rows
        if not asked:
            return
        kept = [*table.id_columns, *(name for name in ("url", "sha256") if name in table.names)]
        for part in table.batches(dict.fromkeys([*kept, *(name for names in asked.values() for name in names)])):
            found.blind.update({kind: bare for kind in asked if (bare := _without(part, kind))})
            named = {kind: self._named(kind, part, source) for kind in asked}
            found.take(part, named, spread=self._criteria.span is None)

    def _blind(self, table: Table) -> Iterator[str]:
        for kind in {kind for one in self._criteria.lists for kind in one.kinds}:
            if not _columns_for(kind, table):
                yield kind
        if self._criteria.ids and self._criteria.id_column not in table.names and not self._by_uid(table):
            yield f"ids ({self._criteria.id_column})"

    def _by_uid(self, table: Table) -> bool:
        return self._criteria.id_column == "content_id" and bool(table.id_columns)

    def _asked(self, table: Table, source: Source) -> dict[str, tuple[str, ...]]:
        """What this table is asked, and the columns that it takes."""
        criteria = self._criteria
        asked: dict[str, tuple[str, ...]] = {}
        for kind in sorted({kind for one in criteria.lists for kind in one.kinds}):
            if columns := _columns_for(kind, table):
                asked["url" if kind in URL_KINDS else kind] = columns
        if criteria.ids and criteria.id_column in table.names:
            asked["ids"] = (criteria.id_column,)
        elif criteria.ids and self._by_uid(table):
            asked["ids"] = table.id_columns
        if criteria.span and may_be_of(criteria.span, source):
            asked["span"] = ("fetched_at",) if "fetched_at" in table.names else ()
        return asked

    def _named(self, kind: str, part: pa.Table, source: Source) -> Bools:
        if kind == "url":
            return self._by_url(part)
        if kind == "ids":
            return self._by_id(part)
        if kind == "span":
            assert self._criteria.span is not None
            return made_in(part, self._criteria.span, source)
        if kind == Kind.PDQ:
            return self._by_pdq(part)
        if kind == Kind.PHASH:
            return self._by_phash(part)
        named = np.zeros(part.num_rows, np.bool_)
        places, values = digests(part, kind, WIDTHS[Kind(kind)])
        for one in self._criteria.lists:
            named[places] |= one.has_rows(Kind(kind), values)
        return named

    def _by_url(self, part: pa.Table) -> Bools:
        named = np.zeros(part.num_rows, np.bool_)
        for column in _ADDRESSES:
            if column not in part.column_names:
                continue
            for one in self._criteria.lists:
                if one.kinds & URL_KINDS:
                    listed = listed_urls(one, {url for url in texts(part, column) if url})
                    named |= _is_in(part, column, listed)
        return named

    def _by_id(self, part: pa.Table) -> Bools:
        if self._criteria.id_column in part.column_names:
            return _is_in(part, self._criteria.id_column, self._criteria.ids)
        return np.array([uid.tobytes().hex() in self._criteria.ids for uid in uids_of(part)], np.bool_)

    def _by_pdq(self, part: pa.Table) -> Bools:
        named = np.zeros(part.num_rows, np.bool_)
        places, values = digests(part, "pdq", WIDTHS[Kind.PDQ])
        if "pdq_quality" in part.column_names:
            quality = part.column("pdq_quality").to_numpy(zero_copy_only=False)[places]
            plain = np.less(quality, LEAST_QUALITY)  # NaN, where nothing is known, is not plain
            places, values = places[~plain], values[~plain]
        if not len(values):
            return named
        for index, turns_list in self._pdq:
            asked = values if turns_list else turned_hashes(values)
            near = index.within(asked).reshape(-1, len(values)).any(axis=0)
            named[places] |= near
        return named

    def _by_phash(self, part: pa.Table) -> Bools:
        named = np.zeros(part.num_rows, np.bool_)
        places, values = digests(part, "phash", WIDTHS[Kind.PHASH])
        fewest, most = most_bits(Kind.PHASH)
        ones = np.bitwise_count(values).sum(axis=1, dtype=np.int32)
        says = (ones >= fewest) & (ones <= most)
        for index in self._phash:
            named[places[says]] |= index.within(values[says])
        return named


class CopyMatcher:
    """Finds rows with the same bytes: the copies of what matched, under other addresses and captions."""

    def __init__(self, wanted: NDArray[np.uint8]) -> None:
        self._wanted: SortedRows = sorted_rows(wanted)

    def matches(self, sources: Iterable[Source]) -> Matches:
        """Rows whose SHA-256 is one of those wanted.

        Raises:
            InputError: a table cannot be read.
        """
        found = Matches()
        for source in sources:
            table = source.table
            found.looked_at += table.rows
            if "sha256" not in table.names:
                continue
            urls = [name for name in ("url",) if name in table.names]
            for part in table.batches([*table.id_columns, *urls, "sha256"]):
                same = np.zeros(part.num_rows, np.bool_)
                places, values = digests(part, "sha256", WIDTHS[Kind.SHA256])
                same[places] = self._wanted.has(values)
                found.take(part, {"copies": same}, spread=True)
        return found


def _hopeless(criteria: Criteria, found: Matches) -> set[str]:
    """Kinds of lists of which not one entry could be compared with any row.

    A list of ten million MD5 has a thousand that can also be read as SHA-1 in base32: of one list some kind is enough.
    """
    blind = {kind for kind, rows in found.blind.items() if rows == found.looked_at}
    kinds = [frozenset[str](one.kinds) for one in criteria.lists]
    if criteria.ids:
        kinds.append(frozenset((f"ids ({criteria.id_column})",)))
    return {kind for one in kinds if one <= blind for kind in one}


def _pdq_index(lists: Lists) -> tuple[HammingIndex, bool]:
    rows = lists.rows(Kind.PDQ)
    turns_list = len(rows) <= _TURN_LIST_UP_TO
    return HammingIndex(turned_hashes(rows) if turns_list else rows, PDQ_RADIUS), turns_list


def _columns_for(kind: Kind, table: Table) -> tuple[str, ...]:
    """The columns that an entry of this kind is compared with, as far as the table has them."""
    wanted: tuple[str, ...] = (kind,)
    if kind in URL_KINDS:
        wanted = _ADDRESSES
    elif kind is Kind.PDQ:
        wanted = ("pdq", "pdq_quality")
    found = tuple(name for name in wanted if name in table.names)
    return () if found == ("pdq_quality",) else found


def _without(part: pa.Table, kind: str) -> int:
    """Rows that have a picture, and no hash of this kind: `decode.hashes` can leave some out."""
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy

    if kind not in part.column_names or kind not in WIDTHS or "sha256" not in part.column_names:
        return 0
    bare = pc.and_(pc.is_valid(part.column("sha256")), pc.is_null(part.column(kind)))
    return int(np.count_nonzero(bare.to_numpy()))


def _is_in(part: pa.Table, column: str, wanted: Iterable[str]) -> Bools:
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy

    values = strings(part, column)
    asked = pa.array(sorted(wanted), values.type)
    answer: Bools = pc.is_in(values, value_set=asked).to_numpy(zero_copy_only=False).astype(np.bool_)
    return answer
