"""Segments are sets: compared with Python's, in memory and from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from crawler.seen import segment as segment_module
from crawler.seen.keys import KEY, PARTITIONS, Keys
from crawler.seen.segment import Segment, merged, read_segment, same_keys, write_segment

#: few partitions and tails, so that they meet; and those at the edges
PAIRS = st.lists(
    st.tuples(st.sampled_from([0, 1, 7, PARTITIONS - 1]), st.sampled_from([0, 1, 2, 2**63, 2**64 - 1])), max_size=25
)


def keys(pairs: list[tuple[int, int]]) -> Keys:
    return np.array(pairs, KEY)


def pairs(segment: Segment) -> list[tuple[int, int]]:
    return [(int(one["part"]), int(one["tail"])) for one in segment.keys()]  # noqa: SIM118 - a segment is no dict


@given(PAIRS, PAIRS)
def test_a_segment_holds_what_it_was_made_of_sorted_and_once(
    here: list[tuple[int, int]], asked: list[tuple[int, int]]
) -> None:
    segment = Segment.of(keys(here))
    assert pairs(segment) == sorted(set(here))
    assert segment.rows == len(set(here))
    assert segment.contains(keys(asked)).tolist() == [one in here for one in asked]
    assert segment._contains_many(keys(asked)).tolist() == [one in here for one in asked]


@settings(max_examples=20)
@given(st.lists(PAIRS, max_size=4))
def test_merging_is_the_union(several: list[list[tuple[int, int]]]) -> None:
    union = merged([Segment.of(keys(one)) for one in several])
    assert pairs(union) == sorted({pair for one in several for pair in one})
    assert same_keys([union], [Segment.of(keys(one)) for one in several])


def test_other_keys_are_not_the_same_keys() -> None:
    some, others = Segment.of(keys([(1, 5)])), Segment.of(keys([(1, 6)]))
    assert not same_keys([some], [others])
    assert not same_keys([some], [some, others])
    assert not same_keys([some], [])


def random_keys(number: int) -> Keys:
    noise = np.random.default_rng(0)
    made = np.empty(number, KEY)
    made["part"] = noise.integers(0, PARTITIONS, number)
    made["tail"] = noise.integers(0, 2**64, number, np.uint64)
    return made


def test_a_file_holds_the_union_at_eight_bytes_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = random_keys(50_000)
    path = tmp_path / "segment"
    rows = write_segment(path, [Segment.of(some[:30_000]), Segment.of(some[20_000:])])
    assert rows == 50_000
    assert path.stat().st_size == 50_000 * 8 + 4097 * 8
    stored = read_segment(path, rows)
    assert stored is not None
    assert same_keys([stored], [Segment.of(some)])
    other = some.copy()
    other["tail"] ^= np.uint64(1)
    asked = np.concatenate([some[::7], other[::7]])
    half = len(asked) // 2
    for many in (1, len(asked) + 1):  # both ways
        monkeypatch.setattr(segment_module, "_MANY", many)
        assert stored.contains(asked).tolist() == [True] * half + [False] * half


def test_an_empty_segment_is_one(tmp_path: Path) -> None:
    assert write_segment(tmp_path / "segment", []) == 0
    stored = read_segment(tmp_path / "segment", 0)
    assert stored is not None
    assert stored.contains(random_keys(3)).tolist() == [False] * 3


def test_a_file_that_is_not_whole_is_no_segment(tmp_path: Path) -> None:
    path = tmp_path / "segment"
    write_segment(path, [Segment.of(random_keys(100))])
    whole = path.read_bytes()
    assert read_segment(path, 100) is not None
    assert read_segment(path, 99) is None
    assert read_segment(tmp_path / "nothing", 100) is None
    for broken in (whole[:-8], whole + b"12345678", b""):
        path.write_bytes(broken)
        assert read_segment(path, 100) is None


@pytest.mark.parametrize("starts", [np.arange(4097)[::-1] % 5, np.full(4097, 3), np.zeros(4097)])
def test_a_file_whose_partitions_cannot_be_is_no_segment(tmp_path: Path, starts: NDArray[np.float64]) -> None:
    path = tmp_path / "segment"
    path.write_bytes(np.array([1, 2, 3], "<u8").tobytes() + starts.astype("<u8").tobytes())
    assert read_segment(path, 3) is None
