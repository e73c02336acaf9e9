"""Counts of one shard: they add up, name no rare thing, and believe no word that a stranger could have made up."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.dataset.manifest import Tombstones
from workers.dataset.describing.gathering import Gathered
from workers.dataset.describing.partials import OTHER, Partial, add, partial_of
from workers.dataset.describing.statistics import SITES_FROM, Statistics, quantile, statistics_of


def a_table(**columns: Any) -> pa.Table:
    rows = len(next(iter(columns.values())))
    return pa.table({"status": ["success"] * rows} | columns)


def told(partial: Partial, removals: tuple[Tombstones, ...] = ()) -> Statistics:
    return statistics_of("boats", "ab" * 32, Gathered(1, 0, partial), removals)


def test_sites_are_counted_by_registrable_domain_and_named_only_where_there_are_many() -> None:
    urls = [f"http://{host}.example.co.uk/{number}.jpg" for host in ("a", "B") for number in range(SITES_FROM - 41)]
    urls += ["http://rare.example.org/1.jpg", "not a url", "http://user@[::1]/", "HTTPS://203.0.113.9:8080/x"]
    partial = partial_of(a_table(url=urls, status=["success"] * 100 + ["filtered"] * (len(urls) - 100)))
    assert partial.sites["example.co.uk"] == (118, 100)
    assert partial.sites["203.0.113.9"] == (1, 0)
    (site,) = told(partial).sites
    assert (site.value, site.found, site.kept) == ("example.co.uk", 110, 100)  # rounded down: 118 points at a row


def test_words_that_a_stranger_made_up_are_counted_without_being_repeated() -> None:
    signals = [
        ["x-robots-tag: noai"],
        ["x-robots-tag: see http://secret.test/boat.jpg"],
        None,
        ["x-robots-tag: noai"] * 2,
    ]
    licences = ["https://creativecommons.org/licenses/by/4.0/", "http://secret.test/boat.jpg", "", None]
    partial = partial_of(a_table(header_opt_outs=signals, licence=licences, language=["de", "<script>", "de", ""]))
    assert partial.values["header_opt_outs"] == {"x-robots-tag: noai": (2, 2), OTHER: (1, 1)}
    assert partial.values["licence"] == {
        "": (1, 1), "https://creativecommons.org/licenses/by/4.0/": (1, 1), OTHER: (1, 1),
    }  # fmt: skip
    assert partial.values["language"] == {"": (1, 1), "de": (2, 2), OTHER: (1, 1)}


def test_rare_values_are_told_together() -> None:
    partial = partial_of(a_table(caption_language=["de"] * 30 + ["fr"] * 9 + ["en"] * 8))
    assert [(one.value, one.found) for one in told(partial).values["caption_language"]] == [("de", 30), (OTHER, 17)]


def test_numbers_fall_into_bins_that_hold_them() -> None:
    sides = [1, 31, 32, 255, 256, 20_000]
    partial = partial_of(
        a_table(width=pa.array(sides, pa.int32()), similarity=[-1.0, 0.0, 0.3, 0.31, float("nan"), 6016.0])
    )
    bins = told(partial).numbers["width"]
    for side in sides:
        assert any(one.lower <= side and (one.upper is None or side < one.upper) for one in bins)
    assert sum(one.found for one in bins) == len(sides)
    scores = told(partial).numbers["similarity"]
    assert [one.found for one in scores] == [1, 1, 2, 1]  # NaN is no score; what is far out is in the last bin
    assert quantile(bins, 0.5) == 32
    assert quantile([], 0.5) is None


def test_foreign_tables_are_counted_by_what_they_have() -> None:
    partial = partial_of(pa.table({"URL": ["http://a.test/"], "similarity": pa.array([0.3], pa.float32())}))
    assert partial.rows == (1, 1)
    assert partial.sites == {}
    assert list(partial.bins) == ["similarity"]


def test_columns_that_a_list_brought_along_under_our_names_break_nothing() -> None:
    table = pa.table({
        "url": [b"\xff"], "caption": [7], "language": [["de"]], "header_opt_outs": [[1]], "made_by": ["text"],
        "width": ["wide"], "fetched_at": [10**15], "status": ["success"], "body_bytes": [1.5],
    })  # fmt: skip
    partial = partial_of(table)
    assert partial.rows == (1, 1)
    assert partial.values == {"status": {"success": (1, 1)}}
    assert told(partial).fetched == ("9999-12-31", "9999-12-31")


rows = st.lists(
    st.tuples(
        st.sampled_from(["success", "filtered"]),
        st.sampled_from(["http://a.test/1", "http://b.test/2", ""]),
        st.sampled_from(["de", "en", None]),
        st.one_of(st.none(), st.floats(-2, 2)),
        st.one_of(st.none(), st.integers(0, 2**31 - 1)),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=30)
@given(parts=st.lists(rows, min_size=1, max_size=4))
def test_counts_of_parts_add_up_to_those_of_the_whole_in_any_order(parts: list[list[tuple[Any, ...]]]) -> None:
    def table(some: list[tuple[Any, ...]]) -> pa.Table:
        columns = [list(column) for column in zip(*some, strict=True)]
        types = (pa.string(), pa.string(), pa.string(), pa.float64(), pa.int32())
        names = ("status", "url", "caption_language", "similarity", "width")
        return pa.table([pa.array(one, kind) for one, kind in zip(columns, types, strict=True)], names=list(names))

    partials = [partial_of(table(part)) for part in parts]
    whole = add([partial_of(table([row for part in parts for row in part]))])
    assert add(partials) == whole
    assert add(reversed(partials)) == whole
    assert add([add(partials[:1]), add(partials[1:])]) == whole
