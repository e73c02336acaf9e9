"""What differs between two versions: nothing where nothing does, and otherwise every row that does, and no other."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.dataset.keys import Keys
from crawler.dataset.store import Store
from crawler.dataset.tables import packed_mask
from tests.dataset_versions import a_keys, a_store, commit_list, committed, shard_named, uid
from workers.dataset.comparing.comparing import Ids, Summary, compare
from workers.dataset.comparing.joining import only_in


def between(store: Store, one: str, other: str, *, recompute: bool = False) -> tuple[Summary, Ids]:
    return compare(store, store.read_commit(one), store.read_commit(other), recompute=recompute)


def named(uids: np.ndarray) -> list[str]:
    return [row.tobytes().hex() for row in uids]


def test_a_version_does_not_differ_from_itself(tmp_path: Path, store: Store, keys: Keys) -> None:
    one = committed(store, keys, tmp_path / "one", {0: range(8), 1: range(8, 20)})
    summary, ids = between(store, one, one)  # invariant 31
    assert summary.is_empty
    assert summary.same_root
    assert (summary.removed, summary.added, summary.changed, summary.shards) == (0, 0, 0, ())
    assert len(ids.uids) == 0
    assert summary.shards_same == 2


@pytest.mark.parametrize("recompute", [False, True])
def test_every_row_that_came_went_or_changed_is_told_by_its_id(
    tmp_path: Path, store: Store, keys: Keys, recompute: bool
) -> None:
    one = committed(store, keys, tmp_path / "one", {0: range(8), 1: range(8, 20), 2: range(30, 34)})
    rows = {0: [0, 1, 2, 4, 5, 6, 7], 1: range(8, 20), 3: range(40, 43)}
    other = committed(store, keys, tmp_path / "two", rows, said={5: "otherwise"})
    summary, ids = between(store, one, other, recompute=recompute)
    assert sorted(named(ids.removed)) == sorted(uid(row) for row in (3, 30, 31, 32, 33))
    assert sorted(named(ids.added)) == sorted(uid(row) for row in (40, 41, 42))
    assert named(ids.changed) == [uid(5)]
    assert (summary.removed, summary.added, summary.changed) == (5, 3, 1)
    assert summary.rows_before - summary.removed + summary.added == summary.rows_after
    told = {one.name: (one.kind, one.only_before, one.only_after) for one in summary.shards}
    assert told == {"00000": ("changed", 2, 1), "00002": ("removed", 4, 0), "00003": ("added", 0, 3)}
    assert summary.shards_same == 1


def test_rows_that_only_moved_or_have_other_keys_are_no_difference(tmp_path: Path, store: Store, keys: Keys) -> None:
    one = committed(store, keys, tmp_path / "one", {0: range(8), 1: range(8, 20)})
    other = committed(store, keys, tmp_path / "two", {0: range(1, 8), 1: [0, *range(8, 20)]})
    summary, _ = between(store, one, other)
    assert summary.is_empty
    assert not summary.same_root


def test_rows_that_stand_twice_count_twice(tmp_path: Path, store: Store, keys: Keys) -> None:
    one = committed(store, keys, tmp_path / "one", {0: [1, 1, 2], 1: [2]})
    other = committed(store, keys, tmp_path / "two", {0: [1, 2], 1: [2, 2]})
    summary, ids = between(store, one, other)
    assert (summary.removed, summary.added, summary.changed) == (1, 1, 0)
    assert (named(ids.removed), named(ids.added)) == ([uid(1)], [uid(2)])


def test_masked_rows_are_not_in_a_version(tmp_path: Path, store: Store, keys: Keys) -> None:
    one = committed(store, keys, tmp_path / "one", {0: range(8)})
    masked = np.zeros(8, np.bool_)
    masked[[2, 5]] = True
    whole = shard_named(store, one, "00000")
    mask = store.objects.put_bytes(packed_mask(masked))
    other = commit_list(store, keys, [msgspec.structs.replace(whole, mask=mask, masked=2, masked_samples=2)])
    summary, ids = between(store, one, other)
    assert sorted(named(ids.removed)) == sorted([uid(2), uid(5)])
    assert summary.rows_after == 6


def test_versions_salted_with_two_secrets_are_compared_by_what_rows_say(tmp_path: Path, keys: Keys) -> None:
    store = a_store(tmp_path / "store", keys)
    others = a_keys(tmp_path / "other keys")
    one = committed(store, keys, tmp_path / "one", {0: range(6)})
    other = committed(store, others, tmp_path / "two", {0: [0, 1, 2, 4, 5]})
    assert between(store, one, other)[0].changed == 5
    summary, ids = between(store, one, other, recompute=True)
    assert (summary.changed, named(ids.removed)) == (0, [uid(3)])


@settings(max_examples=60)
@given(st.lists(st.integers(0, 5), max_size=8), st.lists(st.integers(0, 5), max_size=8))
def test_rows_without_an_equal_are_never_passed_over(one: list[int], other: list[int]) -> None:
    def leaves(numbers: list[int]) -> np.ndarray:  # half of them share their first eight bytes
        rows = [bytes([number // 2]) * 16 + bytes([number]) * 16 for number in numbers]
        return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, 32)

    here, there = only_in(leaves(one), leaves(other))
    assert {one[place] for place in here} >= set(one) - set(other)
    assert {other[place] for place in there} >= set(other) - set(one)
    # what was passed over has an equal of its own on the other side
    passed = [row for place, row in enumerate(one) if place not in here.tolist()]
    equals = [row for place, row in enumerate(other) if place not in there.tolist()]
    assert sorted(passed) == sorted(equals)
