from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from filters.hamming import FLAT_UP_TO, HammingIndex
from filters.hamming_tables import cut

Rows = NDArray[np.uint8]


def random_rows(number: int, width: int, seed: int = 0) -> Rows:
    return np.random.default_rng(seed).integers(0, 256, (number, width), dtype=np.uint8)


def changed(row: Rows, bits: list[int]) -> Rows:
    """The row with these bits turned over, counted from the highest of its first byte."""
    unpacked = np.unpackbits(row)
    unpacked[bits] ^= 1
    return np.packbits(unpacked)


def by_looking_at_all(rows: Rows, queries: Rows, radius: int) -> list[bool]:
    return [bool((np.unpackbits(rows ^ query, axis=1).sum(axis=1) <= radius).any()) for query in queries]


def at_every_distance(rows: Rows, radius: int) -> Rows:
    """Queries 0 to radius + 1 bits off: anywhere, side by side, all in one chunk of the search, or spread over all."""
    rng = np.random.default_rng(5)
    bits = rows.shape[1] * 8
    queries = []
    for distance in range(radius + 2):
        row = rows[rng.integers(len(rows))]
        queries.append(changed(row, list(rng.choice(bits, distance, replace=False))))
        starts = rng.integers(0, bits - radius - 1, 4)
        queries += [changed(row, list(range(start, start + distance))) for start in starts]
        queries.append(changed(row, [place * bits // max(1, distance) for place in range(distance)]))
        chunks = cut(len(rows), bits, radius)
        for shift in range(3):
            order = [
                (chunk.first + (step + shift) % chunk.width) ^ 7  # a chunk's bits are counted from the lowest
                for step in range(bits)
                for chunk in chunks
                if step < chunk.width
            ]
            queries.append(changed(row, order[:distance]))
    return np.array(queries)


# checklist 44
@pytest.mark.parametrize(("width", "radius"), [(32, 31), (8, 4), (8, 8), (8, 0), (32, 0), (32, 5)])
def test_tables_find_what_looking_at_all_finds(width: int, radius: int) -> None:
    rows = random_rows(10_000, width)
    queries = np.concatenate([at_every_distance(rows, radius), random_rows(40, width, seed=1)])
    expected = by_looking_at_all(rows, queries, radius)
    index = HammingIndex(rows, radius)
    assert len(rows) > FLAT_UP_TO  # it has tables
    assert index.within(queries).tolist() == expected
    assert HammingIndex(rows, radius, flat_up_to=len(rows)).within(queries).tolist() == expected
    assert True in expected
    assert False in expected


# checklist 39, 44: faiss' range_search is strictly below its radius, and would find the first but for one
@pytest.mark.parametrize("flat_up_to", [0, 100_000])
def test_a_distance_of_exactly_the_radius_is_near_and_one_more_is_not(flat_up_to: int) -> None:
    rows = random_rows(5_000, 32)
    index = HammingIndex(rows, 31, flat_up_to=flat_up_to)
    rng = np.random.default_rng(2)
    for distance, near in ((31, True), (32, False)):
        queries = [changed(row, list(rng.choice(256, distance, replace=False))) for row in rows[:300]]
        assert index.within(np.array(queries)).tolist() == [near] * 300


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_width_radius_and_number_of_rows_is_searched_exactly(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 5), "width")
    radius = data.draw(st.integers(0, width * 8 + 2), "radius")
    some = st.lists(st.binary(min_size=width, max_size=width), max_size=12)
    # near to each other, or random bytes would hardly ever be
    rows, queries = (np.array([list(row) for row in data.draw(some)], np.uint8).reshape(-1, width) for _ in "rq")
    expected = by_looking_at_all(rows, queries, radius)
    for flat_up_to in (0, 100):
        assert HammingIndex(rows, radius, flat_up_to=flat_up_to).within(queries).tolist() == expected


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 10**9), st.integers(1, 512), st.data())
def test_chunks_leave_no_hole_for_a_hash_within_the_radius(number: int, bits: int, data: st.DataObject) -> None:
    radius = data.draw(st.integers(0, min(bits - 1, 60)))
    chunks = cut(number, bits, radius)
    assert sum(chunk.radius + 1 for chunk in chunks) == radius + 1
    places = [place for chunk in chunks for place in range(chunk.first, chunk.first + chunk.width)]
    assert sorted(set(places)) == places
    assert places[-1] < bits
    assert all(0 <= chunk.radius <= chunk.width for chunk in chunks)
    assert all(1 << chunk.width <= max(256, 4 * number) for chunk in chunks)


# checklist 41; ThreatExchange's index with a single hash found nothing (its issue 1318)
@pytest.mark.parametrize("flat_up_to", [0, 100])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_lists_of_no_one_and_two_hashes_work(number: int, flat_up_to: int) -> None:
    rows = random_rows(2, 32)
    index = HammingIndex(rows[:number], 31, flat_up_to=flat_up_to)
    assert index.within(rows).tolist() == [place < number for place in range(2)]
    assert index.within(rows[:0]).tolist() == []


def test_a_hash_of_which_every_bit_differs_is_not_taken_for_the_same() -> None:
    rows = random_rows(1, 32)
    assert HammingIndex(rows, 31).within(~rows).tolist() == [False]  # 256 differences are none in 8 bits


@pytest.mark.parametrize("asked", [1, 3, 200])
def test_a_list_made_of_one_bucket_is_searched_in_pieces_and_exactly(asked: int) -> None:
    rows = random_rows(20_000, 32)
    rows[:, :29] = 7  # most chunks have one value only
    queries = np.concatenate([rows[:asked], ~rows[:asked]])
    assert HammingIndex(rows, 5).within(queries).tolist() == [True] * asked + [False] * asked


def test_queries_do_not_depend_on_each_other() -> None:
    rows = random_rows(6_000, 32)
    queries = np.concatenate([random_rows(700, 32, seed=3), rows[:100]])
    index = HammingIndex(rows, 31)
    together = index.within(queries)
    assert together.tolist() == [False] * 700 + [True] * 100
    assert [bool(index.within(query[None])[0]) for query in queries[650:750]] == together[650:750].tolist()


def test_an_index_shows_no_hash() -> None:
    rows = np.full((3, 8), 0xAB, np.uint8)
    assert repr(HammingIndex(rows, 4)) == "HammingIndex(3 rows of 8 bytes, radius 4)"


@pytest.mark.parametrize(
    "queries",
    [np.zeros((2, 31), np.uint8), np.zeros(32, np.uint8), np.zeros((2, 32), np.int64)],
    ids=["narrow", "flat", "wide"],
)
def test_queries_of_another_form_are_refused(queries: Rows) -> None:
    with pytest.raises(ValueError, match="instead of bytes Q x 32"):
        HammingIndex(random_rows(3, 32), 31).within(queries)


def test_rows_that_are_not_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="instead of bytes N x width"):
        HammingIndex(np.zeros((2, 4)), 1)  # type: ignore[arg-type]  # what a caller without types might do
